use super::bootdisk::BootDisk;
use super::capability::sources_custom;
use super::first::first_of;
use super::order::before_itself;
use super::remove::unrecorded;
use super::undo::{entries_to_delete, restore};
use super::*;
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::custom;
use crate::error;

fn disk(name: &str, role: &str, partuuid: &str) -> BootDisk {
    BootDisk {
        name: name.into(),
        role: role.into(),
        boot_fs_uuid: format!("fs-{name}"),
        esp_partuuid: Some(partuuid.into()),
        esp_fat_uuid: Some("ABCD-1234".into()),
        ..Default::default()
    }
}

fn machine(firmware: Firmware) -> Machine {
    Machine {
        firmware,
        here: disk("vda", "rootvg", "0a8b6c4e-4d4d-4f0e-9a53-3e6f5a2c7d11"),
        others: vec![disk("vdb", "altinst_rootvg", "ffff6c4e-4d4d-4f0e-9a53-3e6f5a2c7d22")],
    }
}

#[test]
fn uefi_says_which_entry_and_where() {
    let vars = efi::parse(include_str!("../../../tests/fixtures/efibootmgr/debian12-v17.txt"));
    let list = machine(Firmware::Uefi).listing_of(&vars);
    assert!(list.disks[0].next && !list.disks[1].next);
    assert_eq!(list.disks[0].why, "Boot0003 debian, 1 of 4 in BootOrder");
    assert_eq!(list.disks[1].why, "no boot entry");
    assert_eq!(list.foreign.len(), 3);
}

#[test]
fn a_practice_disk_boots_on_no_machine() {
    let vars = efi::parse(include_str!("../../../tests/fixtures/efibootmgr/debian12-v17.txt"));
    let mut m = machine(Firmware::Uefi);
    m.others[0].name = "loop2".into();
    m.others[0].serial = Some("PRACTICE-one".into());
    let list = m.listing_of(&vars);
    assert_eq!((list.disks[1].name.as_str(), list.disks[1].next), ("one (loop2)", false));
    assert_eq!(list.disks[1].why, "a practice disk: no machine can boot from it");
}

#[test]
fn undo_deletes_only_new_entries_on_our_esp() {
    let vars = efi::parse(include_str!("../../../tests/fixtures/efibootmgr/debian12-v17.txt"));
    let before = |entries: &[&str], ours: &str| BootListSnapshot {
        firmware: Firmware::Uefi,
        order: vec![],
        next: None,
        entries: entries.iter().map(|s| (*s).to_owned()).collect(),
        ours: vec![ours.into()],
        grubs: vec![],
    };
    let esp = "0a8b6c4e-4d4d-4f0e-9a53-3e6f5a2c7d11";
    assert_eq!(entries_to_delete(&vars, &before(&["0003"], esp)), ["0004"]);
    assert!(entries_to_delete(&vars, &before(&["0003", "0004"], esp)).is_empty());
    assert!(entries_to_delete(&vars, &before(&[], "other")).is_empty());
}

#[test]
fn without_a_record_only_entries_on_cleared_partitions_go() {
    let esp = |n: u8| format!("{n}{n}{n}{n}6c4e-4d4d-4f0e-9a53-3e6f5a2c7d22");
    let entry = |number: u8, label: &str, n: u8| {
        let esp = esp(n);
        format!("Boot000{number}* {label}\tHD(1,GPT,{esp},0x800,0x100000)/File(\\EFI\\x.efi)\n")
    };
    let text = "BootCurrent: 0005\nBoot0009* altinst_rootvg (vdz)\tPciRoot(0x0)/Pci(0x4,0x0)\n"
        .to_owned()
        + &entry(1, "altinst_rootvg (vdb)", 1)
        + &entry(2, "altinst_rootvg (vdc)", 2)
        + &entry(3, "debian", 1)
        + &entry(4, "old_rootvg (vda)", 1)
        + &entry(5, "altinst_rootvg (vdd)", 3);
    let vars = efi::parse(&text);
    assert_eq!(unrecorded(&vars, &[esp(1).to_uppercase()]), ["0001"]);
    assert_eq!(unrecorded(&vars, &[esp(1), esp(2), esp(3)]), ["0001", "0002"], "0005 is running");
    assert!(unrecorded(&vars, &["a partition without entries".into()]).is_empty());
    assert!(unrecorded(&vars, &[]).is_empty());
}

#[test]
fn what_is_first_is_read_and_not_believed() {
    let esp = |n: u8| format!("{n}{n}{n}{n}6c4e-4d4d-4f0e-9a53-3e6f5a2c7d22");
    let entry = |number: u8, active: &str, n: u8| {
        let esp = esp(n);
        format!(
            "Boot000{number}{active} os{n}\tHD(1,GPT,{esp},0x800,0x100000)/File(\\EFI\\x.efi)\n"
        )
    };
    let entries = entry(1, "*", 1) + &entry(2, "*", 2) + &entry(3, " ", 2);
    let more = "Boot0009* UEFI Disk\tPciRoot(0x0)/Pci(0x4,0x0)\n";
    let look = |start: &str| {
        let vars = efi::parse(&format!("{start}{entries}{more}"));
        first_of(&vars, Some(&esp(1).to_uppercase()), &[esp(2)])
    };
    let copy = First::Copy("Boot0002 os2".into());
    for (start, want) in [
        ("BootOrder: 0001,0002\n", First::Here),
        ("BootOrder: 0002,0001\n", copy.clone()),
        // Entries that are gone or switched off are passed over, as the firmware does.
        ("BootOrder: 0007,0003,0001\n", First::Here),
        ("BootOrder: 0003,0002\n", copy.clone()),
        // Once is first too.
        ("BootNext: 0002\nBootOrder: 0001\n", copy),
        // An entry without a partition: this system was started by it.
        ("BootCurrent: 0009\nBootOrder: 0009,0002\n", First::Here),
    ] {
        assert_eq!(look(start), want, "{start}");
    }
    for start in ["BootCurrent: 0001\nBootOrder: 0009,0001\n", "", "BootOrder: 0003\n"] {
        assert!(matches!(look(start), First::Other(_)), "{start}");
    }
}

#[test]
fn every_arbiter_hands_over_to_what_comes_before_it() {
    let m = machine(Firmware::Bios);
    let (a, b) = (&m.here, &m.others[0]);
    assert!(before_itself(a, &[a, b]).is_empty());
    assert_eq!(before_itself(b, &[a, b]), [a]);
    assert_eq!(before_itself(&disk("vdc", "x", "y"), &[a, b]), [a, b]);
}

#[test]
fn a_fresh_target_is_not_opened() {
    let mut m = machine(Firmware::Bios);
    m.others[0].fresh = true;
    let target = m.others[0].clone();
    let order = [&target];
    assert_eq!(m.arbiters(&order).map(|d| d.name.as_str()).collect::<Vec<_>>(), ["vda"]);
    let here = m.here.clone();
    assert_eq!(m.arbiters(&[&here]).count(), 2);
}

#[test]
fn restoring_keeps_what_others_wrote_since() {
    let chain = custom::Chain { id: "x".into(), title: "x".into(), fs_uuid: "ABCD-1234".into() };
    let block = custom::block(&[chain]);
    let with = |t: Option<&[u8]>| custom::insert_block(t, &block);
    assert_eq!(restore(Some(&with(None)), None), None);
    assert_eq!(restore(Some(&with(Some(b"a"))), Some(b"a")).unwrap(), b"a");
    assert_eq!(restore(Some(&with(Some(b"a\nb\n"))), Some(b"a\n")).unwrap(), b"a\nb\n");
    // A block that was there before comes back with the user's new line.
    let earlier = with(Some(b"a\n"));
    assert_eq!(restore(Some(b"a\nb\n"), Some(&earlier)).unwrap(), with(Some(b"a\nb\n")));
    assert_eq!(restore(None, Some(b"a")), None);
}

#[test]
fn custom_cfg_must_be_sourced() {
    assert!(sources_custom("if [ -f x ]; then\n  source ${config_directory}/custom.cfg\nfi\n"));
    assert!(!sources_custom("# source custom.cfg\nmenuentry x {}\n"));
}

#[test]
fn disks_are_found_by_name_serial_or_role() {
    let m = machine(Firmware::Bios);
    assert_eq!(m.find("altinst_rootvg").unwrap().name, "vdb");
    assert_eq!(m.find("/dev/vda").unwrap().name, "vda");
    let err = m.find("vdz").unwrap_err();
    assert_eq!(error::find(&err).unwrap().entry.id, "ALT-511");
}
