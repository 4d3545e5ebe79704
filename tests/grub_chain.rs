//! The boot list of a BIOS machine, for real: two disks with GRUB each in QEMU (SeaBIOS), the first
//! disk's custom.cfg written by the code that the product uses. Which GRUB's menu runs is read from
//! the serial line.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod grub;

#[allow(dead_code)]
#[path = "../src/boot/loader/grub/custom.rs"]
mod custom;

use custom::Chain;
use grub::{BOOT1, BOOT2, ESP1, ESP2, boot, booted, disk, missing, set_custom};

fn to(id: &str, fs_uuid: &str) -> Chain {
    Chain { id: id.into(), title: format!("altinst_rootvg ({id})"), fs_uuid: fs_uuid.into() }
}

#[test]
fn one_disks_grub_hands_over_to_anothers() {
    if let Some(what) = missing() {
        println!("skipped: {what} is not there");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Found by the ESP's FAT serial, as on a target whose /boot lies on LVM.
    let first = custom::insert_block(Some(b"# mine"), &custom::block(&[to("two", ESP2)]));
    let one = disk(dir.path(), "one", ESP1, BOOT1, Some(&first));
    let two = disk(dir.path(), "two", ESP2, BOOT2, None);
    let text = boot(&[&one, &two], false);
    assert_eq!(booted(&text), "two", "{text}");
    assert!(text.contains("root=hd1,gpt3 prefix=(hd1,gpt3)/boot/grub"), "{text}");
    // The other disk first: its own GRUB starts its own system.
    assert_eq!(booted(&boot(&[&two, &one], false)), "two");
    // That disk pulled out: no menu to be stuck in.
    assert_eq!(booted(&boot(&[&one], false)), "one");
    // Found by the boot file system itself; the first of the list that is there wins.
    set_custom(
        &one,
        &custom::insert_block(
            None,
            &custom::block(&[to("gone", "DEAD-BEEF"), to("two", BOOT2), to("self", ESP1)]),
        ),
    );
    assert_eq!(booted(&boot(&[&one, &two], false)), "two");
}
