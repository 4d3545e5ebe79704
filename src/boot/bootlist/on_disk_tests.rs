//! Another disk's custom.cfg changed and restored for real: on loop devices with a file system
//! each.

use std::path::Path;

use super::bootdisk::BootDisk;
use super::order::before_itself;
use super::*;
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::custom;
use crate::boot::loader::grub::dir::GrubDir;
use crate::error;
use crate::event::Events;
use crate::host::cmd::Cmd;

fn sh(script: &str) -> Option<String> {
    Cmd::new("sh", "prepare a test")
        .args(["-c", script])
        .read()
        .inspect_err(|e| println!("{e:#}"))
        .ok()
        .map(|f| f.text().trim().to_owned())
}

struct Loop(String);

impl Drop for Loop {
    fn drop(&mut self) {
        drop(sh(&format!("losetup -d {}", self.0)));
    }
}

/// A file system with GRUB's directory and this custom.cfg.
fn disk(dir: &Path, uuid: &str, custom: Option<&str>) -> Option<(Loop, BootDisk)> {
    let d = dir.display();
    let custom =
        custom.map_or(String::new(), |c| format!("printf '{c}' > {d}/src/grub/custom.cfg"));
    sh(&format!(
        "rm -rf {d}/src && mkdir -p {d}/src/grub && touch {d}/src/grub/grub.cfg; {custom}
         truncate -s 8M {d}/{uuid} && mkfs.ext4 -q -U {uuid} -d {d}/src {d}/{uuid}"
    ))?;
    let looped = Loop(sh(&format!("losetup -f --show {d}/{uuid}"))?);
    let disk = BootDisk {
        role: "old_rootvg".into(),
        name: looped.0.trim_start_matches("/dev/").into(),
        boot_fs_uuid: uuid.into(),
        boot_fstype: "ext4".into(),
        grub_dir: "grub".into(),
        ..Default::default()
    };
    Some((looped, disk))
}

fn custom_of(disk: &BootDisk) -> Option<Vec<u8>> {
    let dir = GrubDir::open_other(disk, false, &Events::new()).unwrap();
    let text = dir.custom().unwrap();
    dir.close().unwrap();
    text
}

#[test]
fn other_disks_hand_over_and_are_restored() {
    let dir = tempfile::tempdir().unwrap();
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let ids: Vec<String> = (0..3).map(|_| uuid::Uuid::new_v4().to_string()).collect();
    let (Some((_a, a)), Some((_b, b))) =
        (disk(dir.path(), &ids[0], Some("set x=1")), disk(dir.path(), &ids[1], None))
    else {
        println!("skipped: no loop device or no mkfs.ext4");
        return;
    };
    // The running system is the one that is to boot: nothing of it is touched.
    let here = BootDisk {
        name: "vdx".into(),
        role: "rootvg".into(),
        boot_fs_uuid: ids[2].clone(),
        fresh: true,
        ..Default::default()
    };
    let machine = Machine {
        firmware: Firmware::Bios,
        here: here.clone(),
        others: vec![a.clone(), b.clone()],
    };
    let events = Events::new();
    let order = [&here];
    let before = machine.snapshot(&order, &events).unwrap();
    assert_eq!(
        before.grubs.iter().map(|g| g.custom.as_deref()).collect::<Vec<_>>(),
        [Some(b"set x=1".as_slice()), None]
    );
    // What is journalled comes back from the journal.
    let before: BootListSnapshot =
        serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();

    machine.set_grubs(&order, &events).unwrap();
    for d in [&a, &b] {
        let block = custom::find_block(&custom_of(d).unwrap()).unwrap();
        assert_eq!(custom::defaults(&block), [here.id()]);
    }
    let list = machine.listing_of_grubs(&events).unwrap();
    assert_eq!(list.disks.iter().map(|l| l.next).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(list.disks[1].why, "its GRUB hands over to rootvg (vdx)");
    // The list with a as the first: b hands over to a, a starts itself.
    let fresh_here = Machine { here: BootDisk { fresh: true, ..here.clone() }, ..machine.clone() };
    fresh_here.apply(&a, before_itself(&a, &[&a]), &events).unwrap();
    assert_eq!(custom_of(&a).unwrap(), b"set x=1");
    fresh_here.apply(&b, before_itself(&b, &[&a]), &events).unwrap();
    assert_eq!(custom::defaults(&custom::find_block(&custom_of(&b).unwrap()).unwrap()), [a.id()]);

    machine.undo(&before, &events).unwrap();
    assert_eq!((custom_of(&a), custom_of(&b)), (Some(b"set x=1".to_vec()), None));
    assert!(!Path::new(&format!("/run/altdisk/boot-{}", a.id())).exists());

    // A disk that is gone is a warning for undo and an error for who asks for it.
    drop(_b);
    machine.undo(&before, &events).unwrap();
    let err = GrubDir::open_other(&b, true, &events).map(drop).unwrap_err();
    assert_eq!(error::find(&err).unwrap().entry.id, "ALT-512");
}
