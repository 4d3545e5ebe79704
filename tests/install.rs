//! Image installs in a machine in a namespace: an image is made there, put onto a practice disk,
//! damaged, refused, interrupted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::process::Child;
use std::time::{Duration, Instant};

use harness::{Machine, missing, said};

/// A machine with a practice disk `one` and an image of itself, out of what is saved.
fn machine(name: &str) -> Option<(Machine, String)> {
    if let Some(why) = missing() {
        println!("skipped: {why}");
        return None;
    }
    let machine = Machine::new(name, "parts");
    let target = machine.blank("one", 4096);
    machine
        .must("mkdir -p /var/lib/altdisk/images && altdisk mksysb /var/lib/altdisk/images/web.zst");
    Some((machine, target))
}

const IMAGE: &str = "/var/lib/altdisk/images/web.zst";

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !there() {
        assert!(Instant::now() < end, "waited for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is compared: all of a tree but what a system makes anew, or what is not saved.
fn tree(machine: &Machine, at: &str) -> String {
    let text = machine.manifest(at);
    let other = |line: &str| {
        ["./var/lib/altdisk", "./var/log/altdisk", "./alt_inst", "./lost+found"]
            .iter()
            .any(|p| line.contains(p))
    };
    // Directories' sizes and link counts say how they were filled, and mount points are other file
    // systems' tops.
    text.lines().filter(|l| !other(l)).map(|l| format!("{l}\n")).collect()
}

fn differences(machine: &Machine, inside: &str) -> Vec<String> {
    // What others are mounted over counts: it is in the image as well.
    machine.must(&format!("mkdir -p /run/below && mount --bind {inside} /run/below"));
    let here = tree(machine, "/run/below");
    machine.must("umount /run/below && rmdir /run/below");
    let there = tree(machine, &format!("/alt_inst{}", inside.trim_end_matches('/')));
    let (a, b): (Vec<&str>, Vec<&str>) = (here.lines().collect(), there.lines().collect());
    let set: std::collections::HashSet<&str> = b.iter().copied().collect();
    let back: std::collections::HashSet<&str> = a.iter().copied().collect();
    let gone = a.iter().filter(|l| !set.contains(**l)).map(|l| format!("- {l}"));
    gone.chain(b.iter().filter(|l| !back.contains(**l)).map(|l| format!("+ {l}"))).collect()
}

#[test]
fn an_image_of_this_machine_becomes_the_same_system_on_another_disk() {
    let Some((machine, target)) = machine("install") else { return };
    let name = target.trim_start_matches("/dev/");
    let state = machine.state();

    // An image that is there is not written over by somebody who wants it checked.
    let before = machine.must(&format!("stat -c '%i %Y %s' {IMAGE}"));
    said(
        &machine.run(&format!("altdisk mksysb --verify {IMAGE}")),
        3,
        &["ALT-663", "--check", "--replace"],
    );
    assert_eq!(machine.must(&format!("stat -c '%i %Y %s' {IMAGE}")), before);
    machine.must(&format!(
        "altdisk mksysb --check {IMAGE} && altdisk mksysb --replace -z 1 --verify {IMAGE}"
    ));

    // Refused before anything is written.
    for (line, words) in [
        (format!("-d {IMAGE} -g -L 3.1.0 one"), vec!["ALT-670", "-L asks for 3.1.0", "give -L "]),
        (format!("-d {IMAGE} -g -p x86_64-efi,rspc one"), vec!["ALT-107", "rspc"]),
        (format!("-d {IMAGE} -g -e /etc/fstab one"), vec!["ALT-115"]),
        ("-d /etc -g one".to_owned(), vec!["ALT-63"]),
        ("-d /etc/passwd -g one".to_owned(), vec!["ALT-63"]),
        (format!("-d {target} -g one"), vec!["ALT-677", "would be erased"]),
        ("-d /dev/null -g one".to_owned(), vec!["ALT-63"]),
    ] {
        let ended = machine.run(&format!("alt_disk_install {line}"));
        assert!(matches!(ended.code, Some(2 | 3)), "{line}: {ended:?}");
        assert!(
            words.iter().all(|w| ended.stderr.contains(w) || ended.stdout.contains(w)),
            "{line}: {ended:?}"
        );
    }
    let blank = machine.must(&format!("cmp -n 4194304 {target} /dev/zero && echo blank"));
    assert_eq!(blank.trim(), "blank");
    let preview = machine.must(&format!("alt_disk_install -d {IMAGE} -g --preview one"));
    assert!(
        preview.contains("Restore the image of")
            && preview.contains("EVERYTHING ON THESE DISKS IS ERASED"),
        "{preview}"
    );

    // Through a pipe, phase by phase.
    machine.must(&format!("cat {IMAGE} | alt_disk_install -d - -g -P 1 one"));
    let mut wrong = vec![];
    for inside in ["/", "/boot", "/home"] {
        wrong.extend(differences(&machine, inside));
    }
    let mount_points = [
        "./boot\t", "./home\t", "./data\t", "./proc\t", "./sys\t", "./dev\t", "./run\t", "./tmp\t",
    ];
    let of_mount_point = |l: &str| {
        mount_points.iter().any(|m| l.contains(m) || l.ends_with(m.trim_end()))
            || l[2..].starts_with(".\t")
    };
    wrong.retain(|l| !of_mount_point(l));
    assert!(wrong.is_empty(), "{}", wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n"));
    machine.must("evidence check /alt_inst/opt/evidence && evidence check /alt_inst/home/evidence");
    machine.must("test -z \"$(ls -A /alt_inst/boot/efi 2>/dev/null)\"");
    said(&machine.run(&format!("alt_disk_install -d {IMAGE} -g one")), 3, &["ALT-703"]);
    machine.must(
        "echo mine >/root/resolv && alt_disk_install -d - -g -P 2 -R /root/resolv </dev/null",
    );
    machine.must("alt_disk_install -d - -g -P 3 </dev/null");
    let again = machine
        .must(&format!("mkdir -p /mnt/x && mount {target}p6 /mnt/x && cat /mnt/x/etc/resolv.conf /mnt/x/etc/machine-id; umount /mnt/x"));
    let id = machine.must("cat /etc/machine-id");
    assert_eq!(again, format!("mine\n{id}"), "an image of this machine keeps its identity");
    assert!(machine.must("altdisk disks --alternates").contains("the image of"));
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &["removed", name, "free"]);
    machine.must("rm -r /root/resolv; rmdir /mnt/x");
    assert_eq!(machine.state(), state, "-X leaves nothing");
}

#[test]
fn a_damaged_image_ends_it_and_an_interrupted_restore_goes_on() {
    let Some((machine, target)) = machine("install-bad") else { return };
    let state = machine.state();
    machine.must(&format!("head -c 30000000 {IMAGE} >/var/lib/altdisk/images/cut.zst"));
    let ended = machine.run("alt_disk_install -d /var/lib/altdisk/images/cut.zst -g one");
    said(&ended, 4, &["ALT-634", "./", "at byte", "--resume"]);
    // No loader is on the disk.
    machine.must(&format!("cmp -n 440 {target} /dev/zero"));
    said(&machine.run("alt_disk_install -X"), 0, &[]);
    assert_eq!(machine.state(), state);

    // A sector or two in the middle of the uncompressed archive: less could be the padding of a file.
    machine.must(&format!(
        "zstd -dcq {IMAGE} >/var/lib/altdisk/images/flip && head -c 1024 /dev/zero | tr '\\0' '\\377' | dd of=/var/lib/altdisk/images/flip bs=1 seek=100000123 conv=notrunc status=none"
    ));
    let ended = machine.run("alt_disk_install -d /var/lib/altdisk/images/flip -g -P1 one");
    said(&ended, 4, &["ALT-63", "./"]);
    said(&machine.run("alt_disk_install -X"), 0, &[]);
    machine.must("rm /var/lib/altdisk/images/flip /var/lib/altdisk/images/cut.zst");

    // Killed in the middle of the restore; then to the end.
    let mut run: Child = machine.start(&format!("alt_disk_install -d {IMAGE} -g one"));
    let root = machine.root();
    wait_for("the restore", || root.join("alt_inst/usr/bin").is_dir());
    run.kill().unwrap();
    run.wait().unwrap();
    machine.must(&format!("cmp -n 440 {target} /dev/zero"));
    said(&machine.run("alt_disk_install --resume -V"), 0, &["is finished"]);
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &["free"]);
    assert_eq!(machine.state(), state);
}

#[test]
fn an_archive_of_another_machine_gets_an_identity_of_its_own() {
    let Some((machine, target)) = machine("install-other") else { return };
    // Another machine's root: another machine-id, ssh keys, disks that are not here; without kernel
    // and without image.data.
    let other = "/var/lib/altdisk/other";
    machine.must(&format!(
        "mkdir -p {other} && tar --one-file-system -C / --exclude ./var/lib/altdisk --exclude ./opt/evidence -cf - . | tar -C {other} -xf - && \
         cd {other} && mkdir -p home boot etc/ssh && echo 0123456789abcdef0123456789abcdef >etc/machine-id && echo other >etc/hostname && \
         echo key >etc/ssh/ssh_host_rsa_key && mkdir -p etc/iscsi etc/nvme var/lib/NetworkManager var/lib/systemd etc/salt/pki/minion && \
         echo InitiatorName=iqn.1993-08.org.debian:01:theirs >etc/iscsi/initiatorname.iscsi && echo theirs >etc/nvme/hostnqn && echo theirs >etc/nvme/hostid && \
         echo theirs >var/lib/NetworkManager/secret_key && echo theirs >var/lib/systemd/credential.secret && echo theirs >etc/salt/pki/minion/minion.pem && \
         printf 'LABEL=theirs / ext4 defaults 0 1\\nUUID=1234 /srv xfs defaults 0 2\\n/dev/sdq1 none swap sw 0 0\\n' >etc/fstab && \
         tar -czf ../images/other.tar.gz ."
    ));
    let archive = "/var/lib/altdisk/images/other.tar.gz";
    // No kernel: refused, unless there is a boot image.
    said(
        &machine.run(&format!("alt_disk_install -d {archive} -B one")),
        3,
        &["ALT-50", "no kernel", "boot image"],
    );
    let ended = machine.run(&format!("gzip -dc {archive} | alt_disk_install -d - -B one"));
    said(&ended, 3, &["ALT-674", "-g"]);
    let level = machine.must(&format!("altdisk mksysb --list {IMAGE} >/dev/null; . /etc/os-release; cut -d. -f1,2 /etc/debian_version"));
    let boot = format!("/usr/lib/altdisk/boot_images/i386-pc_{}.0_boot", level.trim());
    machine.must(&format!("mkdir -p /usr/lib/altdisk/boot_images && tar -C / -cf {boot} boot/vmlinuz-$(ls /lib/modules) boot/config-$(ls /lib/modules) boot/initrd.img-$(ls /lib/modules) lib/modules/$(ls /lib/modules)"));
    let ended = machine.run(&format!("alt_disk_install -d {archive} -B one"));
    said(
        &ended,
        0,
        &[
            "Add the kernel and modules from",
            "nofail is added",
            "ssh host keys are taken away",
            "another machine",
        ],
    );
    said(
        &ended,
        0,
        &[
            "the iSCSI name of this installation is now iqn.1993-08.org.debian:01:",
            "/etc/salt/pki/minion/minion.pem",
            "NetworkManager's secret key",
        ],
    );
    let look = machine.must(&format!(
        "mkdir -p /mnt/x && mount {target}p6 /mnt/x && cd /mnt/x && cat etc/fstab etc/hostname && stat -c 'machine-id %s' etc/machine-id && \
         ls etc/ssh | grep -c ssh_host; grep -rl theirs etc var/lib/systemd var/lib/NetworkManager; ls etc/systemd/system/multi-user.target.wants lib/modules; ls -d .altdisk* 2>/dev/null; cd /; umount /mnt/x; rmdir /mnt/x"
    ));
    let uuid = machine.must(&format!("blkid -p -o value -s UUID {target}p6"));
    for line in [
        &*format!("UUID={} / ext4 defaults 0 1\n", uuid.trim()),
        "UUID=1234 /srv xfs defaults,nofail 0 2\n",
        "/dev/sdq1 none swap sw,nofail 0 0\n",
        // The minion's key is named, fstab's label is another's.
        "\nother\nmachine-id 0\n0\netc/salt/pki/minion/minion.pem\n",
        "altdisk-ssh-keys.service",
    ] {
        assert!(look.contains(line), "no {line:?} in\n{look}");
    }
    assert!(!look.contains(".altdisk"), "{look}");
    // Both loaders' places: GRUB for BIOS starts it.
    machine.must(&format!("! cmp -sn 440 {target} /dev/zero"));
    said(&machine.run("alt_disk_install -X"), 0, &[]);
}
