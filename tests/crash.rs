//! Killed at any moment: `-X` leaves nothing behind, `--resume` comes to the same end.
//!
//! On a machine in a namespace (see `machine/`): a real Debian on loop disks, its own GRUB and
//! initramfs tools, a practice disk as the target.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::path::Path;
use std::time::{Duration, Instant};

use harness::{Ended, Machine, missing};

const CLONE: &str = "alt_disk_install -C -B";

/// The ids of a clone's steps, from its own preview.
fn steps(machine: &Machine, flags: &str, target: &str) -> Vec<String> {
    let json = machine.must(&format!("{CLONE} {flags} --preview --json {target}"));
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    plan["steps"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect()
}

/// Runs a command that is killed when it comes to `point` (`before`, `after` or `done`, and a
/// step); whether it came there.
fn killed_at(machine: &Machine, point: &str, command: &str) -> bool {
    let done = machine.run(&format!("ALTDISK_TEST_KILL='{point}' {command}"));
    match done.code {
        // 137: the shell in the machine saw the program end by SIGKILL.
        None | Some(137) => true,
        Some(0) => false,
        _ => panic!("{point}: {done:?}"),
    }
}

fn must_end_with(done: &Ended, code: i32, point: &str) {
    assert_eq!(done.code, Some(code), "{point}\n{}\n{}", done.stdout, done.stderr);
}

#[test]
fn after_a_kill_in_any_step_x_brings_everything_back() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("crash-x", "parts");
    machine.blank("target", 2600);
    machine.blank("bystander", 16);
    machine.must("head -c 4M /dev/urandom | dd of=/var/lib/altdisk/practice/bystander.img conv=notrunc status=none");
    let others = |m: &Machine| {
        m.data_checksum() + &m.must("sha256sum /var/lib/altdisk/practice/bystander.img")
    };
    let (state, data) = (machine.state(), others(&machine));
    for step in steps(&machine, "", "target") {
        // The last steps take long to come to: one moment each there, all three at the first
        // writes.
        let moments: &[&str] = if step.starts_with("1.gate")
            || step.starts_with("1.wipe")
            || step.starts_with("1.table")
        {
            &["before", "after", "done"]
        } else {
            &["after"]
        };
        for moment in moments {
            let point = format!("{moment}:{step}");
            assert!(
                killed_at(&machine, &point, &format!("{CLONE} target")),
                "{point} was not reached"
            );
            if point == "after:1.table.0" {
                // The journal is root's; who may not read it may look at the disks all the same.
                machine.must(
                    "setpriv --reuid=65534 --regid=65534 --clear-groups altdisk disks --json",
                );
            }
            must_end_with(&machine.run("alt_disk_install -X"), 0, &point);
            same(&state, &machine.state(), &format!("after {point} and -X"));
            // Free without more commands: no --erase is needed.
            must_end_with(&machine.run(&format!("{CLONE} --preview target")), 0, &point);
            assert!(
                machine.must("ls -A /var/lib/altdisk").lines().all(|l| [
                    "lock",
                    "practice",
                    "copy-rate",
                    "jobs"
                ]
                .contains(&l)),
                "{point}: state is left"
            );
        }
    }
    // -X itself, killed between its parts, is repeated.
    for point in [
        "after:X.begin",
        "after:X.processes",
        "after:X.unmount",
        "after:X.bootlist",
        "after:X.free.0",
        "after:X.forget",
    ] {
        assert!(killed_at(&machine, "after:1.mount./boot", &format!("{CLONE} target")));
        assert!(killed_at(&machine, point, "alt_disk_install -X"), "{point} was not reached");
        must_end_with(&machine.run("alt_disk_install -X"), 0, point);
        same(&state, &machine.state(), &format!("after {point} and -X"));
        must_end_with(&machine.run(&format!("{CLONE} --preview target")), 0, point);
    }
    assert_eq!(others(&machine), data, "a disk that was not named was changed");
    must_end_with(&machine.run("alt_disk_install -X"), 0, "nothing to clean up");
}

/// A finished copy: forgotten, erased, made anew; and killed at each moment of that.
#[test]
fn a_finished_copy_is_forgotten_erased_or_made_anew() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    const FORGOTTEN: &str = "-X --erase PRACTICE-target";
    let machine = Machine::new("crash-forget", "parts");
    let device = machine.blank("target", 2600);
    machine.blank("bystander", 16);
    machine.must("head -c 4M /dev/urandom | dd of=/var/lib/altdisk/practice/bystander.img conv=notrunc status=none");
    let others = |m: &Machine| {
        m.data_checksum() + &m.must("sha256sum /var/lib/altdisk/practice/bystander.img")
    };
    let (state, data) = (machine.state(), others(&machine));
    machine.must(&format!("{CLONE} target"));
    let with_copy = machine.state();
    machine.must("mkdir /root/kept && cp -a /var/lib/altdisk/altinst /var/lib/altdisk/alternate.json /root/kept");
    let back = |m: &Machine| drop(m.must("cp -a /root/kept/. /var/lib/altdisk/"));
    // Every write to the disk shows in its file; reading all of it would take long.
    let image = "/var/lib/altdisk/practice/target.img";
    let copy = |m: &Machine| {
        m.must(&format!(
            "sync; stat -c '%y %b' {image}; sfdisk -d {device}; head -c 1M {device} | sha256sum"
        ))
    };
    let sum = copy(&machine);
    // Nothing was written to the copy's disk.
    let forgotten = |m: &Machine, point: &str| {
        assert_eq!(copy(m), sum, "{point}: the disk of the copy was changed");
        same(&with_copy, &m.state(), point);
        assert!(
            m.must("ls -A /var/lib/altdisk").lines().all(|l| [
                "lock",
                "practice",
                "copy-rate",
                "jobs"
            ]
            .contains(&l)),
            "{point}: state is left"
        );
        assert!(m.must("altdisk disks target").contains("forgotten"), "{point}");
        let refused = m.run(&format!("{CLONE} target"));
        assert!(
            refused.code == Some(3)
                && refused.stderr.contains("ALT-231")
                && refused.stderr.contains("--erase PRACTICE-target"),
            "{refused:?}"
        );
    };

    // Refused before anything is touched; the remedy is the very command.
    let refused = machine.run(&format!("{CLONE} target"));
    must_end_with(&refused, 3, "a finished copy is in the way");
    let anew = "alt_disk_install -C --erase PRACTICE-target -B target";
    assert!(
        refused.stderr.contains("ALT-703") && refused.stderr.contains(anew),
        "{}",
        refused.stderr
    );
    must_end_with(
        &machine.run("alt_disk_install -X --erase PRACTICE-bystander"),
        3,
        "no disk of the copy",
    );
    must_end_with(&machine.run("alt_disk_install --resume"), 3, "nothing to go on with");
    let page = machine.must("alt_disk_install -X --review");
    assert!(page.contains("WHAT IS FORGOTTEN") && page.contains("\"type\": []"), "{page}");
    let page = machine.must("alt_disk_install -X --review --ask-erase");
    assert!(
        page.contains("\"PRACTICE-target\"\n      ]") && page.contains("WHAT IS REMOVED"),
        "{page}"
    );

    must_end_with(&machine.run("alt_disk_install -X"), 0, "forgetting");
    forgotten(&machine, "-X of a finished copy");
    for point in ["X.begin", "X.processes", "X.unmount", "X.bootlist", "X.free.0", "X.forget"] {
        back(&machine);
        assert!(
            killed_at(&machine, &format!("after:{point}"), "alt_disk_install -X"),
            "{point} was not reached"
        );
        must_end_with(&machine.run("alt_disk_install -X"), 0, point);
        forgotten(&machine, point);
    }

    // In one step anew: a kill before the new plan is stored leaves a copy that is forgotten, one
    // after that a new one.
    back(&machine);
    for (point, code) in [("after:X.bootlist", 0), ("after:X.forget", 0), ("after:replace", 0)] {
        assert!(killed_at(&machine, point, anew), "{point} was not reached");
        must_end_with(&machine.run("alt_disk_install -X"), code, point);
        forgotten(&machine, point);
        back(&machine);
    }
    assert!(killed_at(&machine, "after:1.table.0", anew));
    must_end_with(&machine.run("alt_disk_install --resume"), 0, "going on with the new copy");
    assert_ne!(copy(&machine), sum);
    machine.must(&format!("{} --preview", anew));

    // Erased; a kill in the middle of that is ended by -X alone.
    machine.must("rm -r /root/kept/* && cp -a /var/lib/altdisk/altinst /var/lib/altdisk/alternate.json /root/kept");
    assert!(killed_at(&machine, "before:X.free.0", &format!("alt_disk_install {FORGOTTEN}")));
    must_end_with(&machine.run("alt_disk_install -X"), 0, "an erasure that was begun");
    same(&state, &machine.state(), "after -X --erase");
    must_end_with(&machine.run(&format!("{CLONE} --preview target")), 0, "free without more");
    assert_eq!(others(&machine), data, "a disk that was not named was changed");
}

/// Whoever lists the disks opens each partition for a moment.
#[test]
fn somebody_who_looks_at_partitions_stops_no_clean_up() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("crash-reader", "parts");
    let device = machine.blank("target", 2600);
    let state = machine.state();
    assert!(killed_at(&machine, "after:1.mount./boot", &format!("{CLONE} target")));
    // Each partition that is there is held for 0.15 s, one after the other.
    let reader =
        "while :; do for p in $1p*; do [ -b $p ] && sleep 0.15 <$p; done; done 2>/dev/null";
    machine.must(&format!("echo '{reader}' >/root/reader"));
    let mut child = machine.start(&format!("sh /root/reader {device}"));
    let done = machine.run("alt_disk_install -X");
    child.kill().unwrap();
    child.wait().unwrap();
    must_end_with(&done, 0, "-X while somebody looks");
    same(&state, &machine.state(), "after -X while somebody looked");
}

#[test]
fn after_a_kill_in_any_step_resume_comes_to_the_same_end() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("crash-resume", "parts");
    machine.blank("target", 2600);
    let mut next = format!("{CLONE} -P 12 target");
    let mut kills = 0;
    for phases in ["-P 12", "-P 3"] {
        let list = steps(&machine, phases, "target");
        for point in
            list.iter().flat_map(|s| ["before", "after", "done"].map(|m| format!("{m}:{s}")))
        {
            // Where a resumed run has nothing left to do after the last "done", there is nothing to
            // be killed.
            if killed_at(&machine, &point, &next) {
                kills += 1;
                "alt_disk_install --resume".clone_into(&mut next);
            }
        }
        must_end_with(&machine.run(&next), 0, phases);
        if phases == "-P 12" {
            same_trees(&machine);
            format!("{CLONE} -P 3 target").clone_into(&mut next);
        }
    }
    assert!(kills > 50, "only {kills} kills were survived");
    assert_eq!(machine.run("alt_disk_install --resume").code, Some(3), "nothing is left to resume");
    // The audit and the loader checks of phase 3 passed at the end; the disk looks like a finished
    // alternate.
    assert!(machine.must("altdisk disks").contains("altinst_rootvg"));
    must_end_with(&machine.run("alt_disk_install -X --erase PRACTICE-target"), 0, "-X at the end");
    must_end_with(&machine.run(&format!("{CLONE} --preview target")), 0, "free");
}

/// The copies, compared by tools that know nothing of the copier. Access times and the directories
/// that are left out differ.
fn same_trees(machine: &Machine) {
    for at in ["/", "/boot", "/home"] {
        let alternate = if at == "/" { "/alt_inst".to_owned() } else { format!("/alt_inst{at}") };
        let left_out = |l: &&str| {
            ![
                "/var/lib/altdisk",
                "./alt_inst",
                "./var/log/altdisk",
                "./proc",
                "./sys",
                "./dev",
                "./run",
                "./tmp",
                "./data\t",
            ]
            .iter()
            .any(|p| l.contains(p))
        };
        let tree = |path: &str| -> Vec<String> {
            machine.manifest(path).lines().filter(left_out).map(str::to_owned).collect()
        };
        let (source, copy) = (tree(at), tree(&alternate));
        assert!(source.len() > 5, "{at}: the manifest is empty");
        let differences: Vec<String> = source
            .iter()
            .filter(|l| !copy.contains(l))
            .map(|l| format!("< {l}"))
            .chain(copy.iter().filter(|l| !source.contains(l)).map(|l| format!("> {l}")))
            // The top directory: making /alt_inst changed its time.
            .filter(|l| !l[2..].starts_with(".\t"))
            .collect();
        assert!(
            differences.is_empty(),
            "{at}: {} differences\n{}",
            differences.len(),
            differences[..differences.len().min(20)].join("\n")
        );
    }
}

#[test]
fn an_interrupt_ends_the_step_in_order() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("crash-interrupt", "parts");
    let disks = [machine.disk(), machine.blank("target", 2600)];
    let state = machine.state();
    let mut child = machine.start(&format!("altdisk {CLONE} target"));
    let begun = Instant::now();
    while programs_on(&disks, "mkinitramfs").is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(900) && child.try_wait().unwrap().is_none(),
            "the initramfs was never built"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    nix_kill(child.id(), "INT");
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned()
        + &String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("ALT-711") && said.contains("--resume") && said.contains("-X"), "{said}");
    let left = programs_on(&disks, "mkinitramfs");
    assert!(left.is_empty(), "a program works on behind the back of -X: {left:?}");
    must_end_with(&machine.run("alt_disk_install -X"), 0, "-X");
    same(&state, &machine.state(), "after an interrupt and -X");
}

/// Command lines with this word, of processes that see one of these disks mounted: those of other
/// machines on this host are nobody's business. (One that is dead and that nobody has asked for its
/// exit code yet has no command line.)
fn programs_on(disks: &[String], word: &str) -> Vec<String> {
    let read = |process: &Path, file: &str| {
        let bytes = std::fs::read(process.join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|e| e.path());
    let on_disks = |mounts: &str| {
        mounts.split([' ', '\n']).any(|w| {
            disks.iter().any(|d| {
                w.strip_prefix(d.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('p'))
            })
        })
    };
    processes
        .map(|p| (read(&p, "cmdline"), p))
        .filter(|(line, p)| line.contains(word) && on_disks(&read(p, "mountinfo")))
        .map(|(line, _)| line)
        .collect()
}

/// Compares two states; only what differs is shown.
fn same(before: &str, after: &str, when: &str) {
    let only = |a: &str, b: &str, mark: &str| {
        a.lines()
            .filter(|l| !b.lines().any(|o| o == *l))
            .map(|l| format!("{mark} {l}\n"))
            .collect::<String>()
    };
    let differences = only(before, after, "<") + &only(after, before, ">");
    assert!(differences.is_empty(), "{when}:\n{differences}");
}

fn nix_kill(pid: u32, signal: &str) {
    assert!(
        std::process::Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(pid.to_string())
            .status()
            .unwrap()
            .success()
    );
}

/// A failure or a ^C in a loader's step takes the loader off again; going on puts it back.
#[test]
fn a_failure_among_the_loaders_steps_is_resumed_to_a_disk_that_boots() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("crash-loader", "parts");
    let device = machine.blank("target", 2600);
    let boot_code =
        |m: &Machine| m.must(&format!("head -c 440 {device} | tr -d '\\0' | wc -c")).trim() != "0";
    // No room for the record that phase 3 writes at its end: the step fails.
    machine.must(&format!("{CLONE} -P 1 target"));
    machine
        .must("mkdir -p /alt_inst/var/lib/altdisk && touch /alt_inst/var/lib/altdisk/origin.json && chattr +i /alt_inst/var/lib/altdisk");
    must_end_with(&machine.run(&format!("{CLONE} -P 3 target")), 4, "the record cannot be written");
    assert!(!boot_code(&machine), "an unfinished copy would boot");
    machine.must("chattr -i /alt_inst/var/lib/altdisk");
    must_end_with(&machine.run("alt_disk_install --resume"), 0, "going on");
    assert!(boot_code(&machine), "a finished alternate would not boot");
    // Used for something else since: -X leaves it alone.
    machine.must(&format!("partx -d {device}; wipefs -qa {device} && mkfs.ext4 -q {device}"));
    let sum = machine.must(&format!("sha256sum {device}"));
    let done = machine.run("alt_disk_install -X");
    must_end_with(&done, 0, "-X on a disk that was used again");
    assert!((done.stdout.clone() + &done.stderr).contains("used again since"), "{done:?}");
    assert_eq!(machine.must(&format!("sha256sum {device}")), sum);
}

#[test]
fn phases_one_by_one_and_what_they_refuse() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("phases", "parts");
    machine.blank("target", 2600);
    let refused = |command: &str, id: &str| {
        let done = machine.run(command);
        assert_eq!(done.code, Some(3), "{command}\n{}\n{}", done.stdout, done.stderr);
        assert!(done.stderr.contains(id), "{command}: {}", done.stderr);
    };
    refused("alt_disk_install -C -P 2 target", "ALT-707");
    refused("alt_disk_install -C -P 3 target", "ALT-707");
    refused("alt_disk_install --resume", "ALT-704");
    // Without -B: no firmware starts a practice disk, and that is said before anything begins.
    refused("alt_disk_install -C target", "ALT-509");
    machine.must(&format!("{CLONE} -P 1 target"));
    refused(&format!("{CLONE} -P 1 target"), "ALT-703");
    refused(&format!("{CLONE} target"), "ALT-703");
    machine.must("mountpoint -q /alt_inst && mountpoint -q /alt_inst/home");
    machine.must("printf '#!/bin/sh\\nexit 7\\n' >/root/bad; printf '#!/bin/sh\\necho $ALT_INST:$ALT_DISKS >>$ALT_INST/root/was-here\\n' >/root/good; chmod 755 /root/bad /root/good; echo nameserver 192.0.2.1 >/root/resolv; echo trusted >/.rhosts");
    let failed = machine.run("alt_disk_install -C -P 2 -s /root/bad target");
    must_end_with(&failed, 4, "a failing script");
    assert!(
        failed.stderr.contains("ALT-720") && failed.stderr.contains("exit code 7"),
        "{}",
        failed.stderr
    );
    for _ in 0..2 {
        machine.must("alt_disk_install -C -P 2 -n -s /root/good -R /root/resolv");
    }
    assert_eq!(machine.must("cat /alt_inst/root/was-here").lines().count(), 2);
    assert!(machine.must("cat /alt_inst/root/was-here").starts_with("/alt_inst:loop"));
    assert_eq!(machine.must("cat /alt_inst/etc/resolv.conf"), "nameserver 192.0.2.1\n");
    assert_eq!(machine.must("cat /alt_inst/.rhosts"), "trusted\n");
    machine.blank("other", 64);
    refused("alt_disk_install -C -B -P 3 other", "ALT-706");
    machine.must("alt_disk_install -C -B -P 3 target");
    assert_ne!(machine.run("mountpoint -q /alt_inst").code, Some(0), "phase 3 left it mounted");
    refused("alt_disk_install -C -P 2 target", "ALT-707");
    machine.must("alt_disk_install -X");
}
