//! A record of the copy that cannot be read: lists go on, what would build on it refuses, and `-X`
//! clears all the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use harness::{Machine, missing, said};

const DIR: &str = "/var/lib/altdisk/altinst";

/// What stands in the place of plan.json. Each script runs in its directory.
const PLANS: [(&str, &str); 11] = [
    ("cut off", "head -c 1000 plan.json >x; mv x plan.json"),
    ("garbage", "head -c 3000 /dev/urandom >plan.json"),
    ("an empty object", "echo '{}' >plan.json"),
    ("null", "echo null >plan.json"),
    ("an empty list", "echo '[]' >plan.json"),
    (
        "a field is missing",
        "grep -v '\"source_disks\"' plan.json | sed 's/\"table_id\"/\"tableid\"/' >x; mv x plan.json",
    ),
    ("a directory", "rm plan.json; mkdir -p plan.json/x"),
    ("a fifo", "rm plan.json; mkfifo plan.json"),
    ("a link to a device", "ln -sf /dev/zero plan.json"),
    ("another version", "sed -i '0,/\"version\": 1/s//\"version\": 99/' plan.json"),
    ("an empty file", ": >plan.json"),
];

/// The journal says nothing.
const JOURNALS: [(&str, &str); 3] = [
    ("it is empty", ": >journal.jsonl"),
    ("it is gone", "rm journal.jsonl"),
    ("it is garbage", "head -c 3000 /dev/urandom >journal.jsonl"),
];

/// Lists work and tell of it; no run goes on; the copy is neither changed nor forgotten by that.
fn refused(machine: &Machine, form: &str) {
    let lists = [
        "altdisk disks",
        "altdisk disks --alternates",
        "altdisk list targets",
        "altdisk list practice",
        "altdisk discover clone",
    ];
    for list in lists {
        let done = machine.run(&format!("timeout 20 {list}"));
        assert_eq!(done.code, Some(0), "{form}: {list}: {done:?}");
    }
    for list in ["altdisk disks", "altdisk disks --alternates"] {
        said(&machine.run(list), 0, &["ALT-7", "alt_disk_install -X"]);
    }
    said(&machine.run("altdisk list targets"), 0, &["record cannot be read"]);
    for command in [
        "--resume",
        "-C -P 2 -R /etc/hostname",
        "-C -B --erase PRACTICE-target target",
        "-C -B --preview target",
        "--resume --review",
    ] {
        let done = machine.run(&format!("timeout 20 alt_disk_install {command}"));
        assert!(matches!(done.code, Some(1 | 3)), "{form}: {command}: {done:?}");
        said(&done, done.code.unwrap(), &["ALT-7", "alt_disk_install -X"]);
    }
    machine.must("mountpoint -q /alt_inst && mountpoint -q /alt_inst/home");
}

#[test]
fn a_plan_that_cannot_be_read_keeps_nobody_from_cleaning_up() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("damaged-plan", "parts");
    let device = machine.blank("target", 2600);
    let before = machine.state();
    machine.must("alt_disk_install -C -B -P 1 target");
    machine.must(&format!(
        "cp -a {DIR} /root/whole; mkdir -p /run/udev/rules.d; printf 'x' >/root/resolv"
    ));
    let table = || machine.must(&format!("sfdisk --disk-id {device}"));
    let id = table();
    for (form, damage) in PLANS {
        // The copy of the plan, where there is one, is no better.
        machine.must(&format!("cd {DIR} && rm -f plan.json.old && {damage}"));
        machine.must("echo >/run/udev/rules.d/90-altdisk-0badcafe.rules");
        refused(&machine, form);
        let page = machine.must("timeout 20 alt_disk_install -X --review");
        assert!(page.contains("WHAT STAYS") && page.contains("PRACTICE-target"), "{form}: {page}");
        // A serial number that is no disk's of the copy: nothing is touched.
        said(&machine.run("alt_disk_install -X --erase PRACTICE-other"), 3, &["ALT-233"]);
        machine.must("mountpoint -q /alt_inst");
        let done = machine.run("timeout 60 alt_disk_install -X");
        said(&done, 0, &["ALT-7", "not erased", "alt_disk_install -C --erase PRACTICE-target"]);
        machine.must(&format!("! findmnt -n /alt_inst; ! test -e {DIR}; ! test -e /run/udev/rules.d/90-altdisk-0badcafe.rules"));
        assert_eq!(table(), id, "{form}: what may be a finished copy was erased");
        said(&machine.run("alt_disk_install -X"), 0, &["nothing to clean up"]);
        said(&machine.run("altdisk disks target"), 0, &["forgotten", "--erase PRACTICE-target"]);
        // For the next form: the record is back, and the copy mounted.
        machine
            .must(&format!("cp -a /root/whole {DIR} && alt_disk_install -C -P 2 -R /root/resolv"));
    }
    // The record is gone, as if somebody had removed it: what is mounted tells.
    machine.must(&format!("rm -r {DIR}"));
    said(&machine.run("alt_disk_install -X"), 0, &["not erased"]);
    machine.must("! findmnt -n /alt_inst");
    machine.must(&format!("cp -a /root/whole {DIR} && alt_disk_install -C -P 2 -R /root/resolv"));
    // Erased where its serial number is given; then it is free without more.
    machine.must(&format!("rm -f {DIR}/plan.json* && mkfifo {DIR}/plan.json"));
    said(&machine.run("timeout 60 alt_disk_install -X --erase PRACTICE-target"), 0, &["free"]);
    machine.must("alt_disk_install -C -B --preview target");
    machine.must("rm -r /root/whole /root/resolv");
    assert_eq!(machine.state(), before);
    // Somebody else's mount is nobody's copy.
    machine
        .must(&format!("mkdir -p {DIR} /alt_inst && echo null >{DIR}/plan.json && mount -t tmpfs mine /alt_inst && touch /alt_inst/mine"));
    said(&machine.run("alt_disk_install -X"), 0, &["is not a copy"]);
    machine.must("test -e /alt_inst/mine && umount /alt_inst && rmdir /alt_inst");
}

#[test]
fn a_lost_journal_forgets_no_copy() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("damaged-journal", "parts");
    let device = machine.blank("target", 2600);
    let before = machine.state();
    machine.must("alt_disk_install -C -B -P 1 target");
    machine.must(&format!("cp -a {DIR} /root/whole; printf 'x' >/root/resolv"));
    for (form, damage) in JOURNALS {
        machine.must(&format!("cd {DIR} && {damage}"));
        refused(&machine, form);
        machine.must(&format!("test -e {DIR}/plan.json"));
        said(
            &machine.run("alt_disk_install -X"),
            0,
            &["without the journal", "--erase PRACTICE-target"],
        );
        machine.must(&format!(
            "! findmnt -n /alt_inst; ! test -e {DIR}; sfdisk -d {device} | grep -q altinst_rootvg"
        ));
        machine
            .must(&format!("cp -a /root/whole {DIR} && alt_disk_install -C -P 2 -R /root/resolv"));
    }
    // A finished copy whose journal lost its end, at the end of a line, is not taken for an
    // unfinished one, whose disk -X erases.
    machine.must("alt_disk_install -C -B -P 3");
    machine.must(&format!(
        "cd {DIR} && cp journal.jsonl /root/journal && head -n -2 /root/journal >journal.jsonl && ! grep -q '\"phase\":3' journal.jsonl"
    ));
    machine.must("altdisk disks --alternates | grep 'journal is damaged'");
    said(&machine.run("alt_disk_install -X"), 0, &["--erase PRACTICE-target"]);
    machine.must(&format!("! test -e {DIR}; sfdisk -d {device} | grep -q altinst_rootvg"));
    machine.must(&format!("cp -a /root/whole {DIR} && alt_disk_install -C -P 2 -R /root/resolv"));
    // A journal that cannot be written keeps nobody either; that it stays is told.
    machine.must(&format!("chattr +i {DIR}/journal.jsonl"));
    let done = machine.run("alt_disk_install -X");
    said(&done, 4, &["the journal cannot be written", "Not everything is cleaned up"]);
    machine.must(&format!(
        "! findmnt -n /alt_inst; cmp -n 1048576 {device} /dev/zero; chattr -i {DIR}/journal.jsonl"
    ));
    said(&machine.run("alt_disk_install -X"), 0, &["removed"]);
    machine.must(
        "rm -r /root/whole /root/resolv /root/journal; alt_disk_install -C -B --preview target",
    );
    assert_eq!(machine.state(), before);
}

/// A firmware for a machine that has none: entries and order in files, and an efibootmgr for them.
const FIRMWARE: &str = r#"#!/bin/bash
cd /root/firmware || exit 1
while [ $# -gt 0 ]; do
    case $1 in
    -v) echo "BootCurrent: 0001"; echo "BootOrder: $(cat order)"; cat entries; [ ! -s next ] || echo "BootNext: $(cat next)" ;;
    -o) echo "$2" >order; shift ;;
    -n) echo "$2" >next; shift ;;
    -N) rm -f next ;;
    -q) ;;
    *) exit 1 ;;
    esac
    shift
done
"#;

/// Without plan and record of the boot list, a copy that stays can be first in the firmware's order:
/// `-X` looks, puts the running system first, and says nothing that it did not see.
#[test]
fn what_boots_first_is_looked_at() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("damaged-order", "parts");
    let device = machine.blank("target", 2600);
    machine.must("alt_disk_install -C -B target");
    // From here on a machine with UEFI: the swap partition is the system partition.
    let disk = machine.disk();
    std::fs::write(machine.root().join("usr/bin/efibootmgr"), FIRMWARE).unwrap();
    machine.must(&format!(
        "sfdisk -q --no-reread --force --part-type {disk} 5 C12A7328-F81F-11D2-BA4B-00A0C93EC93B
        mount -t tmpfs none /sys/firmware && mkdir -p /sys/firmware/efi/efivars && mount -t tmpfs none /sys/firmware/efi/efivars && mkdir /root/firmware && cd /root/firmware
        entry() {{ printf 'Boot%s* %s\\tHD(1,GPT,%s,0x800,0x100000)/File(\\\\EFI\\\\debian\\\\shimx64.efi)\\n' \"$1\" \"$2\" \"$(blkid -po value -s PART_ENTRY_UUID $3)\"; }}
        {{ entry 0001 debian {disk}p5; entry 0002 'altinst_rootvg (x)' {device}p1; printf 'Boot0009* Network\\tPciRoot(0x0)/Pci(0x4,0x0)\\n'; }} >entries
        rm -f /var/lib/altdisk/alternate.json; rm -r {DIR}"
    ));
    let order = |order: &str| {
        machine.must(&format!("echo {order} >/root/firmware/order; rm -f /root/firmware/next"));
    };
    let now = || machine.must("cat /root/firmware/order /root/firmware/next 2>/dev/null || true");
    // Nothing at all is left: nothing is changed, and it is said how to.
    order("0002,0001");
    let done = machine.run("alt_disk_install -X");
    said(&done, 0, &["nothing to clean up", "Boot0002 altinst_rootvg (x)", "bootlist rootvg"]);
    assert_eq!(now(), "0002,0001\n");
    let lost = || machine.must(&format!("mkdir -p {DIR} && echo null >{DIR}/plan.json"));
    lost();
    machine.must(&format!("mkdir -p /var/lib/altdisk/alternate.json/x {DIR}/secrets.json/x"));
    said(&machine.run("alt_disk_install -X"), 0, &["comes first now", "Bootlist is set"]);
    assert_eq!(now(), "0001,0002\n");
    machine.must(&format!("! test -e {DIR} && ! test -e /var/lib/altdisk/alternate.json"));
    // Chosen for the next start only.
    machine.must("echo 0002 >/root/firmware/next");
    lost();
    said(&machine.run("alt_disk_install -X"), 0, &["Boot0002", "Bootlist is set"]);
    assert_eq!(now(), "0001,0002\n");
    // What is not a copy's stays first.
    order("0009,0001,0002");
    lost();
    let done = machine.run("alt_disk_install -X");
    said(&done, 0, &["The firmware tries Boot0009 Network first"]);
    assert!(!format!("{done:?}").contains("Bootlist is set") && now() == "0009,0001,0002\n");
    // It cannot be changed: -X does the rest, and says so.
    order("0002,0001");
    lost();
    machine.must("mount -o remount,ro /sys/firmware/efi/efivars");
    let done = machine.run("alt_disk_install -X");
    said(&done, 0, &["ALT-509", "The firmware boots Boot0002", "altdisk bootlist rootvg"]);
    assert!(!format!("{done:?}").contains("Bootlist is set") && now() == "0002,0001\n");
    machine.must(&format!("! test -e {DIR}"));
    // The firmware does not answer.
    machine.must("chmod -x /usr/bin/efibootmgr");
    lost();
    let done = machine.run("alt_disk_install -X");
    assert!(!format!("{done:?}").contains("Bootlist is set"), "{done:?}");
}
