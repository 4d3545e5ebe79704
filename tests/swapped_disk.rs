//! What is on another disk, or was put on a target by somebody else, is never written to: in the
//! middle of a run, by `-X`, by `--resume`.
//!
//! On a machine in a namespace (see `machine/`). Another disk takes a target's name as a USB hub
//! that resets would have it: nodes of other devices are mounted over those of the target, in the
//! machine alone, while the run is stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::io::Read;
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use harness::{Machine, missing, said};

const CLONE: &str = "alt_disk_install -C -B";
const FOREIGN: &str = "/var/lib/foreign.img";

/// A disk of somebody else with a table like the copy's, `precious` in each file system; its
/// device.
fn foreign(machine: &Machine, mib: u64) -> String {
    machine.must(&format!(
        "truncate -s {mib}M {FOREIGN}
         printf 'label: gpt\\nsize=1M\\nsize=128M\\nsize=512M\\nsize=512M\\nsize=512M\\nsize=512M\\n' | sfdisk -q {FOREIGN}"
    ));
    let device = machine.must(&format!("losetup -f --show {FOREIGN}")).trim().to_owned();
    machine.run(&format!("partx -a {device}"));
    machine.must(&format!("for p in {device}p[2-6]; do mkfs.ext4 -q -L precious $p; done; sync"));
    device
}

fn detach(machine: &Machine, device: &str) {
    machine.must(&format!("partx -d {device}; losetup -d {device}"));
}

/// What every byte of a device or a file of the machine comes to.
fn sum(machine: &Machine, of: &str) -> String {
    machine.must(&format!("sync; [ ! -b {of} ] || blockdev --flushbufs {of}"));
    let mut file = std::fs::File::open(machine.root().join(of.trim_start_matches('/'))).unwrap();
    let mut hash = blake3::Hasher::new();
    let mut buffer = vec![0u8; 4 << 20];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return hash.finalize().to_hex().to_string(),
            n => drop(hash.update(&buffer[..n])),
        }
    }
}

/// Starts a clone that stops itself at this point, and waits until it has.
fn stopped_at(machine: &Machine, point: &str, command: &str) -> Child {
    let mut child = machine.start(&format!("env ALTDISK_TEST_STOP={point} altdisk {command}"));
    let begun = Instant::now();
    loop {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        if stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')) {
            return child;
        }
        if child.try_wait().unwrap().is_some() || begun.elapsed() > Duration::from_secs(120) {
            let _ = child.kill();
            panic!("{point} was not reached: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn goes_on(child: Child) -> Output {
    assert!(
        std::process::Command::new("kill")
            .args(["-CONT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    child.wait_with_output().unwrap()
}

fn text(done: &Output) -> String {
    String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
}

fn kill_at(machine: &Machine, point: &str, command: &str) {
    let done = machine.run(&format!("ALTDISK_TEST_KILL='{point}' {command}"));
    assert!(matches!(done.code, None | Some(137)), "{point}: {done:?}");
}

/// Every step that writes, by what its id begins with.
#[test]
fn a_disk_that_takes_the_name_of_a_target_is_not_written_to() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("swapped", "parts");
    let target = machine.blank("target", 2600);
    let other = foreign(&machine, 2600);
    let before = sum(&machine, FOREIGN);
    let json = machine.must(&format!("{CLONE} --preview --json target"));
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    let ids: Vec<&str> =
        plan["steps"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    for kind in
        ["1.gate", "1.wipe", "1.table", "1.mkfs", "1.mkswap", "1.copy", "1.mount", "3.loader.bios"]
    {
        let Some(step) = ids.iter().find(|id| id.starts_with(kind)) else {
            assert!(kind == "3.loader.bios" || kind == "1.mkswap", "no step {kind} in {ids:?}");
            continue;
        };
        let child = stopped_at(&machine, &format!("before:{step}"), &format!("{CLONE} target"));
        // The machine's nodes: those of the other disk are where the target's were.
        machine.must(&format!(
            "for n in '' p1 p2 p3 p4 p5 p6; do [ ! -b {target}$n ] || [ ! -b {other}$n ] || mount --bind {other}$n {target}$n; done"
        ));
        let done = goes_on(child);
        let says = text(&done);
        machine.must(&format!("for n in p6 p5 p4 p3 p2 p1 ''; do ! mountpoint -q {target}$n || umount {target}$n; done"));
        assert_ne!(done.status.code(), Some(0), "{step}: {says}");
        assert!(
            ["ALT-714", "ALT-217", "ALT-211", "ALT-230"].iter().any(|id| says.contains(id)),
            "{step}: {says}"
        );
        assert_eq!(sum(&machine, FOREIGN), before, "{step}: the other disk was changed\n{says}");
        // The target is where it was: the run can be taken back.
        said(&machine.run("alt_disk_install -X"), 0, &[]);
        said(&machine.run(&format!("{CLONE} --preview target")), 0, &[]);
    }
    detach(&machine, &other);
}

/// While a run works, its disk does not go away, and no other gets its number.
#[test]
fn a_target_that_is_detached_stays_until_the_run_has_ended() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("swapped-detached", "parts");
    let target = machine.blank("target", 2600);
    let other = foreign(&machine, 2600);
    detach(&machine, &other);
    let before = sum(&machine, FOREIGN);
    let child = stopped_at(&machine, "before:1.mkfs./", &format!("{CLONE} target"));
    machine.run(&format!("losetup -d {target}"));
    assert_ne!(
        machine.run(&format!("losetup {target} {FOREIGN}")).code,
        Some(0),
        "another disk got the number of the target"
    );
    let done = goes_on(child);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
    assert_eq!(sum(&machine, FOREIGN), before);
    // It is gone by now, and another one has its name: -X leaves that alone.
    machine.must(&format!("losetup {target} {FOREIGN}"));
    said(&machine.run("alt_disk_install -X"), 0, &["is not there"]);
    assert_eq!(sum(&machine, FOREIGN), before);
    detach(&machine, &target);
}

/// D-4: `dd` of the copy's disk, and the disk itself away.
#[test]
fn a_copy_of_the_copy_is_left_alone() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("swapped-copy", "parts");
    let target = machine.blank("target", 2600);
    machine.must(&format!("{CLONE} -P 1 target && umount -R /alt_inst"));
    detach(&machine, &target);
    machine.must("cd /var/lib/altdisk/practice && cp --sparse=always target.img backup.img");
    let file = "/var/lib/altdisk/practice/backup.img";
    let backup = machine.attach("backup");
    let before = sum(&machine, file);
    said(
        &machine.run(&format!("{CLONE} -P 2")),
        3,
        &["ALT-705", "is another disk: its serial number is PRACTICE-backup"],
    );
    // Both are there: the one with the serial number is meant.
    let target = machine.attach("target");
    said(&machine.run(&format!("{CLONE} -P 2")), 0, &[]);
    machine.must("umount -R /alt_inst");
    detach(&machine, &target);
    said(&machine.run("alt_disk_install -X"), 0, &["is another disk", "what is on it stays"]);
    assert_eq!(sum(&machine, file), before);
    detach(&machine, &backup);
}

/// D-3: the disk was used again, with nothing on it that is recognised.
#[test]
fn data_that_is_not_the_copys_is_left_alone() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("swapped-data", "parts");
    let target = machine.blank("target", 2600);
    let random = format!("head -c 64M /dev/urandom | dd of={target} conv=notrunc status=none");
    let end =
        format!("dd if=/dev/zero of={target} bs=1M seek=2599 count=1 conv=notrunc status=none");
    for (what, script) in [
        ("the backup of the table is still there", random.clone()),
        ("no table", format!("{random}; {end}")),
        (
            "a file system over everything",
            format!("wipefs -qa {target}; mkfs.ext4 -q -F -L precious {target}"),
        ),
        (
            "a table of another kind",
            format!(
                "wipefs -qa {target}; echo 'label: dos\n,100M,83' | sfdisk -q --no-reread --no-tell-kernel {target}"
            ),
        ),
    ] {
        machine.must(&format!(
            "{CLONE} -P 1 target && umount -R /alt_inst; partx -d {target}; {script}; sync"
        ));
        let before = sum(&machine, &target);
        said(&machine.run(&format!("{CLONE} -P 2")), 3, &["ALT-715"]);
        said(&machine.run("alt_disk_install -X"), 0, &["holds something else than the copy"]);
        assert_eq!(sum(&machine, &target), before, "{what}");
        machine.must(&format!("blkdiscard -f {target}"));
    }
    // Somebody's file system in a partition of the copy.
    machine.must(&format!(
        "{CLONE} -P 1 target && umount -R /alt_inst; mkfs.ext4 -q -F -L precious {target}p3; sync"
    ));
    let before = sum(&machine, &target);
    said(&machine.run("alt_disk_install -X"), 0, &["holds something else than the copy", "ext4"]);
    assert_eq!(sum(&machine, &target), before);
}

/// D-6, and the moments after it: what somebody puts on a target while no run works.
#[test]
fn what_came_after_a_kill_is_left_alone() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("swapped-kill", "parts");
    let target = machine.blank("target", 2600);
    for point in ["before:1.wipe.0", "done:1.wipe.0", "before:1.table.0"] {
        kill_at(&machine, point, &format!("{CLONE} target"));
        machine.must(&format!("mkfs.ext4 -q -F -L precious {target}; sync"));
        let before = sum(&machine, &target);
        assert_ne!(machine.run("alt_disk_install --resume").code, Some(0), "{point}");
        assert_eq!(sum(&machine, &target), before, "{point} and --resume");
        said(&machine.run("alt_disk_install -X"), 0, &[]);
        assert_eq!(sum(&machine, &target), before, "{point} and -X");
        machine.must(&format!("blkdiscard -f {target}"));
    }
    // The same while the run works: what was confirmed was something else.
    machine.must(&format!("mkfs.ext4 -q -F -L old {target}; sync"));
    for point in ["before:1.gate", "before:1.wipe.0"] {
        let child = stopped_at(&machine, point, &format!("{CLONE} --erase PRACTICE-target target"));
        machine.must(&format!("mkfs.ext4 -q -F -L precious {target}; sync"));
        let before = sum(&machine, &target);
        let done = goes_on(child);
        assert_ne!(done.status.code(), Some(0));
        assert!(text(&done).contains("ALT-217"), "{}", text(&done));
        assert_eq!(sum(&machine, &target), before, "{point}");
        said(&machine.run("alt_disk_install -X"), 0, &[]);
        assert_eq!(sum(&machine, &target), before, "{point} and -X");
        machine.must(&format!("mkfs.ext4 -q -F -L old {target}; sync"));
    }
    // What the user gave up, and an interrupted wipe has begun to erase, is erased; before that it
    // stays.
    kill_at(&machine, "after:1.wipe.0", &format!("{CLONE} --erase PRACTICE-target target"));
    said(&machine.run("alt_disk_install -X"), 0, &["free"]);
    said(&machine.run(&format!("{CLONE} --preview target")), 0, &[]);
}
