//! What is said about a disk as a whole, on constructed machines.

use crate::disk::eligibility::{check_erase, examine};
use crate::disk::model::{Disk, Inventory, Opener, Role, SeenMount, Table};
use crate::error;
use crate::host::mounts::parse_mountinfo;
use crate::testing::sample;

pub(super) fn mount(inventory: &mut Inventory, pid: u32, line: &str) {
    let mount = parse_mountinfo(line.as_bytes()).remove(0);
    inventory.mounts.push(SeenMount { pid, mount });
}

pub(super) fn own() -> u32 {
    std::process::id()
}

pub(super) fn vdb(inventory: &mut Inventory) -> &mut Disk {
    &mut inventory.disks[1]
}

pub(super) fn with_partition(inventory: &mut Inventory, kind: &str) {
    vdb(inventory).table = Some(Table { kind: "gpt".into(), id: "bbbb".into() });
    vdb(inventory).partitions = vec![sample::partition("vdb", 1, "254:17", kind)];
}

#[test]
fn a_free_disk_is_free() {
    let mut inventory = sample::inventory();
    // Our own open file is no use, nor are other disks' troubles.
    inventory.openers.push(Opener { pid: own(), command: "altdisk".into(), dev: "254:16".into() });
    inventory.openers.push(Opener { pid: 6, command: "dd".into(), dev: "254:2".into() });
    mount(&mut inventory, own(), "22 1 253:0 / / rw - ext4 /dev/mapper/vg0-root rw");
    let verdict = examine(&inventory.disks[1], &inventory, Role::None);
    assert!(verdict.is_free() && verdict.notes.is_empty(), "{verdict:#?}");
    assert!(verdict.allow(&[], &inventory.disks[1]).is_ok());
}

#[test]
fn notes() {
    let mut inventory = sample::inventory();
    vdb(&mut inventory).removable = true;
    let verdict = examine(&inventory.disks[1], &inventory, Role::None);
    assert!(verdict.is_free());
    assert!(verdict.notes[0].contains("removable"), "{:?}", verdict.notes);
    assert!(examine(&inventory.disks[4], &inventory, Role::None).notes[0].contains("practice"));
}

#[test]
fn roles_count() {
    let inventory = sample::inventory();
    let id =
        |role| examine(&inventory.disks[1], &inventory, role).obstacles.first().map(|o| o.entry.id);
    assert_eq!(
        [Role::Rootvg, Role::AltinstRootvg, Role::OldRootvg, Role::None].map(id),
        [Some("ALT-210"), Some("ALT-231"), Some("ALT-232"), None]
    );
}

#[test]
fn a_refusal_tells_everything() {
    let mut inventory = sample::inventory();
    with_partition(&mut inventory, "ext4");
    mount(&mut inventory, own(), "22 1 254:17 / /data rw - ext4 /dev/vdb1 rw");
    inventory.openers.push(Opener { pid: 77, command: "dd".into(), dev: "254:16".into() });
    let disk = &inventory.disks[1];
    let err = examine(disk, &inventory, Role::None).allow(&["DISK-B".into()], disk).unwrap_err();
    let alt = error::find(&err).unwrap();
    assert_eq!(alt.entry.id, "ALT-211");
    assert_eq!(
        alt.cause,
        "/dev/vdb cannot be a target\n  - /dev/vdb1 is mounted at /data\n  - process 77 (dd) has /dev/vdb open"
    );
    assert_eq!(alt.remedy, "`umount /data`; end process 77 (dd)");
}

#[test]
fn erase_must_name_a_target() {
    let inventory = sample::inventory();
    let targets = [&inventory.disks[1], &inventory.disks[2]];
    assert!(check_erase(&["DISK-B".into(), "sdc".into()], &targets).is_ok());
    let err = check_erase(&["DISK-A".into()], &targets).unwrap_err();
    let alt = error::find(&err).unwrap();
    assert!(
        alt.entry.id == "ALT-233" && alt.cause.contains("DISK-B of vdb, sdc of sdc"),
        "{}",
        alt.cause
    );
}

/// Case 35: `dd` of the running disk. The copy sorts first, and has every name that fstab knows but
/// the serial number.
#[test]
fn a_copy_of_the_running_disk_is_content() {
    let mut inventory = sample::inventory();
    let twin = |name: &str, dev: &str, serial: &str| Disk {
        serial: Some(serial.into()),
        table: Some(Table { kind: "gpt".into(), id: "aaaa".into() }),
        partitions: vec![sample::partition(name, 1, &format!("{dev}1"), "ext4")],
        ..sample::disk(name, &format!("{dev}0"))
    };
    inventory.disks = vec![twin("sda", "8:", "COPY"), twin("sdb", "9:", "ORIGINAL")];
    mount(&mut inventory, own(), "22 1 9:1 / / rw - ext4 /dev/sdb1 rw");
    let names = crate::disk::config_references::Names::new(&inventory);
    let found = crate::disk::config_references::find(
        std::path::Path::new("/etc/fstab"),
        b"UUID=ext4-uuid / ext4 defaults 0 1\n",
        &names,
    );
    assert_eq!(found.len(), 2, "{found:?}");
    inventory.config_references =
        crate::disk::config_references::prefer_disks_in_use(found.clone(), &inventory);
    assert_eq!(
        inventory.config_references.iter().map(|m| m.disk.as_str()).collect::<Vec<_>>(),
        ["sdb"]
    );
    let copy = examine(&inventory.disks[0], &inventory, Role::None);
    assert!(copy.only_content() && !copy.is_free(), "{:#?}", copy.obstacles);
    assert!(copy.allow(&["COPY".into()], &inventory.disks[0]).is_ok());
    assert_eq!(
        examine(&inventory.disks[1], &inventory, Role::None).obstacles[0].entry.id,
        "ALT-210"
    );
    // Where neither is in use, both may be meant.
    inventory.mounts.clear();
    assert_eq!(crate::disk::config_references::prefer_disks_in_use(found, &inventory).len(), 2);
}
