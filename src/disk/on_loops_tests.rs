//! The room on real block devices: practice disks partitioned, formatted, claimed, erased. Needs
//! root and loop devices.

use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::claim::Claim;
use crate::disk::fs::FsType;
use crate::disk::held::Held;
use crate::disk::make::{erase_signatures, partition, verify, wipe};
use crate::disk::mkfs::{self, mkfs};
use crate::disk::model::{Disk, Inventory, Role, Sight};
use crate::disk::node::partitions_of;
use crate::disk::partitions::appear;
use crate::disk::script::{Layout, PartitionPlan, types};
use crate::disk::{eligibility, lvm, practice};
use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, find_program};
use crate::host::mounts;

/// A practice disk that goes away with the test.
struct Exercise(String);

impl Exercise {
    /// Of `mib` MiB; None (and says so) where this machine cannot have one.
    fn new(name: &str, sector: u32, mib: u64) -> Option<Self> {
        let name = format!("t{}-{name}", std::process::id());
        if !nix::unistd::geteuid().is_root() || !Path::new("/dev/loop-control").exists() {
            println!("skipped: needs root and loop devices");
            return None;
        }
        practice::create(&name, Some(mib << 20), Some(sector), &Events::new()).unwrap();
        Some(Self(name))
    }

    fn disk(&self) -> Disk {
        Inventory::gather().unwrap().disk(&self.0).unwrap().clone()
    }
}

impl Drop for Exercise {
    fn drop(&mut self) {
        let removed = practice::remove(&self.0, &Events::new());
        assert!(removed.is_ok() || std::thread::panicking(), "{removed:?}");
    }
}

fn layout() -> Layout {
    let part = |number: u32, mib: u64, type_guid: &str, name: &str| PartitionPlan {
        number,
        start_sector: None,
        size_bytes: mib << 20,
        type_guid: type_guid.into(),
        uuid: format!("aaaaaaaa-2222-4333-8444-55555555555{number}"),
        name: name.into(),
    };
    Layout {
        disk_guid: "11111111-2222-4333-8444-555555555555".into(),
        partitions: vec![
            part(1, 1, types::BIOS_BOOT, "altinst_rootvg bios"),
            part(2, 64, types::ESP, "altinst_rootvg ESP"),
            part(3, 300, types::LINUX, "altinst_rootvg root"),
            part(4, 16, types::SWAP, "altinst_rootvg swap"),
        ],
    }
}

fn only_zeros(disk: &Disk) {
    Cmd::new("cmp", "only zeros")
        .args(["-n", &disk.size.to_string(), "/dev/zero"])
        .arg(&disk.path)
        .read()
        .unwrap();
}

fn id<T>(result: anyhow::Result<T>) -> &'static str {
    result.err().and_then(|e| error::find(&e).map(|a| a.entry.id)).unwrap_or("none")
}

#[test]
fn made_and_erased_with_both_sector_sizes() {
    let events = Events::new();
    for sector in [512, 4096] {
        let Some(exercise) = Exercise::new(&format!("make{sector}"), sector, 400) else { return };
        let disk = exercise.disk();
        assert_eq!((disk.logical_sector, disk.sight), (sector, Some(Sight::Blank)));
        // Twice: the second time over what the first one left.
        for _ in 0..2 {
            wipe(&disk, &events).unwrap();
            let nodes = partition(&disk, &layout(), &events).unwrap();
            let want: Vec<PathBuf> =
                (1..=4).map(|n| PathBuf::from(format!("{}p{n}", disk.path.display()))).collect();
            assert_eq!(nodes, want);
            mkfs(
                FsType::Vfat,
                &Held::open(&nodes[1]).unwrap(),
                "ABCD-1234",
                Some("EFI"),
                &[],
                &events,
            )
            .unwrap();
            mkfs(
                FsType::Ext4,
                &Held::open(&nodes[2]).unwrap(),
                "1cfb7563-7b7a-4596-a7a0-ee3605d70468",
                Some("root"),
                &[],
                &events,
            )
            .unwrap();
            mkfs(
                FsType::Swap,
                &Held::open(&nodes[3]).unwrap(),
                "2cfb7563-7b7a-4596-a7a0-ee3605d70468",
                None,
                &[],
                &events,
            )
            .unwrap();
        }
        let made = exercise.disk();
        assert_eq!(made.table.as_ref().unwrap().id, layout().disk_guid);
        let seen: Vec<String> = made
            .partitions
            .iter()
            .map(|p| {
                format!(
                    "{} {:?} {}",
                    p.number,
                    p.label.as_deref().unwrap(),
                    p.content.iter().map(|s| s.kind.as_str()).collect::<String>()
                )
            })
            .collect();
        let want = [
            "1 \"altinst_rootvg bios\" ",
            "2 \"altinst_rootvg ESP\" vfat",
            "3 \"altinst_rootvg root\" ext4",
            "4 \"altinst_rootvg swap\" swap",
        ];
        assert_eq!(seen, want);
        assert_eq!(made.partitions[1].content[0].uuid.as_deref(), Some("ABCD-1234"));
        let mut other = layout();
        other.partitions[2].uuid = "bbbbbbbb-2222-4333-8444-555555555555".into();
        assert_eq!(id(verify(&Held::disk(&made).unwrap(), &made, &other)), "ALT-241");

        let verdict = eligibility::examine(&made, &Inventory::gather().unwrap(), Role::None);
        assert_eq!(verdict.obstacles.iter().map(|o| o.entry.id).collect::<Vec<_>>(), ["ALT-231"]);

        for _ in 0..2 {
            erase_signatures(&made, Some("no-such-vg"), &events).unwrap();
            let free = exercise.disk();
            assert!(
                free.table.is_none()
                    && free.content.is_empty()
                    && free.partitions.is_empty()
                    && free.sight == Some(Sight::Blank),
                "{free:#?}"
            );
        }
        // Nothing comes back when the same partitions are made again.
        let nodes = partition(&disk, &layout(), &events).unwrap();
        assert!(exercise.disk().partitions.iter().all(|p| p.content.is_empty()));
        // A kernel that has forgotten the nodes (a crash before they were shown) is no obstacle for
        // erasing.
        Cmd::new("partx", "forget").arg("-d").arg(&disk.path).read().unwrap();
        assert!(partitions_of(&disk.name).is_empty() && !nodes[0].exists());
        let places = layout().extents(disk.size, disk.logical_sector).unwrap();
        assert_eq!(
            exercise
                .disk()
                .partitions
                .iter()
                .map(|p| (p.number, p.dev.is_some()))
                .collect::<Vec<_>>(),
            [(1, false), (2, false), (3, false), (4, false)]
        );
        assert_eq!(appear(&disk, &places, &events).unwrap(), nodes);
        erase_signatures(&disk, None, &events).unwrap();
    }
}

#[test]
fn what_the_kernel_holds_is_not_ours() {
    let Some(exercise) = Exercise::new("claim", 512, 400) else { return };
    let events = Events::new();
    let disk = exercise.disk();
    let nodes = partition(&disk, &layout(), &events).unwrap();
    mkfs(
        FsType::Ext4,
        &Held::open(&nodes[2]).unwrap(),
        "1cfb7563-7b7a-4596-a7a0-ee3605d70468",
        None,
        &[],
        &events,
    )
    .unwrap();
    mkfs(
        FsType::Swap,
        &Held::open(&nodes[3]).unwrap(),
        "2cfb7563-7b7a-4596-a7a0-ee3605d70468",
        None,
        &[],
        &events,
    )
    .unwrap();
    Claim::take(&disk).unwrap().close().unwrap();

    let held = Claim::take(&disk).unwrap();
    assert_eq!(id(Claim::take(&disk)), "ALT-216");
    held.close().unwrap();

    let at = tempfile::tempdir().unwrap();
    mounts::mount(&nodes[2], at.path(), "ext4", "", &events).unwrap();
    let refused = [
        id(Claim::take(&disk)),
        id(wipe(&disk, &events)),
        id(partition(&disk, &layout(), &events)),
        id(erase_signatures(&disk, None, &events)),
    ];
    let before = exercise.disk();
    let remove = id(practice::remove(&exercise.0, &events));
    mounts::unmount(at.path()).unwrap();
    assert_eq!(refused, ["ALT-216"; 4]);
    assert_eq!(remove, "ALT-254");
    assert_eq!(before.partitions[2].content[0].kind, "ext4");

    if Cmd::new("swapon", "swap").arg(&nodes[3]).read().is_ok() {
        let refused = id(Claim::take(&disk));
        let verdict =
            eligibility::examine(&exercise.disk(), &Inventory::gather().unwrap(), Role::None);
        Cmd::new("swapoff", "swap").arg(&nodes[3]).read().unwrap();
        assert_eq!(refused, "ALT-216");
        assert!(verdict.obstacles.iter().any(|o| o.entry.id == "ALT-212"), "{verdict:#?}");
    } else {
        println!("skipped: this kernel does not swap to loop devices");
    }
    Claim::take(&disk).unwrap().close().unwrap();
}

#[test]
fn another_disk_under_the_same_name_is_refused() {
    let Some(exercise) = Exercise::new("same", 512, 400) else { return };
    let disk = exercise.disk();
    let events = Events::new();
    let changes: [fn(&mut Disk); 5] = [
        |d| d.size += 512,
        |d| d.diskseq = Some(u64::MAX),
        |d| d.dev = "7:999".into(),
        |d| d.practice = Some("/x.img".into()),
        |d| d.name = "vdzz".into(),
    ];
    for change in changes {
        let mut other = disk.clone();
        change(&mut other);
        assert_eq!(id(Claim::take(&other)), "ALT-217");
        assert_eq!(id(partition(&other, &layout(), &events)), "ALT-217");
    }
    only_zeros(&disk);
}

#[test]
fn too_large_a_layout_writes_nothing() {
    let Some(exercise) = Exercise::new("fit", 512, 64) else { return };
    let disk = exercise.disk();
    let mut large = layout();
    large.partitions[2].size_bytes = disk.size;
    assert_eq!(id(partition(&disk, &large, &Events::new())), "ALT-240");
    only_zeros(&disk);
}

#[test]
fn old_nodes_go_with_the_old_table() {
    let Some(exercise) = Exercise::new("old", 512, 400) else { return };
    let events = Events::new();
    let disk = exercise.disk();
    partition(&disk, &layout(), &events).unwrap();
    // The first two stay as they are, the others must go.
    let mut short = layout();
    short.partitions.truncate(2);
    assert_eq!(partition(&disk, &short, &events).unwrap().len(), 2);
    assert_eq!(partitions_of(&disk.name).len(), 2);
}

#[test]
fn features_of_a_mounted_source() {
    let events = Events::new();
    for (fstype, options) in [
        (FsType::Ext4, ["-O", "^metadata_csum"]),
        (FsType::Xfs, ["-m", "bigtime=0"]),
        (FsType::Btrfs, ["-O", "^no-holes"]),
    ] {
        let Some(exercise) = Exercise::new(&format!("src{fstype}"), 512, 400) else { return };
        if !mkfs::filesystems_supported().iter().any(|t| fstype.is_named(t))
            || fstype.facts().programs.iter().any(|p| find_program(Path::new("/"), p).is_none())
        {
            println!("skipped: no {fstype} here");
            continue;
        }
        let device = exercise.disk().path;
        // Twice with the same identifier, as after an interruption.
        let uuid = uuid::Uuid::new_v4().to_string();
        for _ in 0..2 {
            mkfs(
                fstype,
                &Held::open(&device).unwrap(),
                &uuid,
                None,
                &options.map(str::to_owned),
                &events,
            )
            .unwrap();
        }
        let before = fstype.features(&device).unwrap();
        let at = tempfile::tempdir().unwrap();
        mounts::mount(&device, at.path(), fstype.name(), "", &events).unwrap();
        let mounted = fstype.features(&device);
        let uses = crate::disk::uses::find_uses(&exercise.disk(), &Inventory::gather().unwrap());
        mounts::unmount(at.path()).unwrap();
        // Of a mounted btrfs the kernel also shows how often data and metadata are stored.
        let mounted = mounted.unwrap();
        let more = mounted.strip_prefix(before.as_slice()).unwrap_or_else(|| panic!("{mounted:?}"));
        let profiles = ["-d", "single", "-m", "dup"];
        let want = if fstype == FsType::Btrfs { &profiles[..] } else { &[] };
        assert_eq!(more, want, "{fstype}");
        assert!(uses.iter().any(|u| u.entry.id == "ALT-211"), "{fstype}: {uses:?}");
    }
}

#[test]
fn volume_groups_leave_the_host_alone() {
    let Some(exercise) = Exercise::new("lvm", 512, 400) else { return };
    if find_program(Path::new("/"), "lvm").is_none() {
        println!("skipped: lvm is not installed");
        return;
    }
    let etc = || -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = ["", "backup", "archive", "devices"]
            .iter()
            .flat_map(|d| {
                fs::read_dir(Path::new("/etc/lvm").join(d)).into_iter().flatten().flatten()
            })
            .map(|e| e.path())
            .collect();
        all.sort();
        all
    };
    let (events, before) = (Events::new(), etc());
    let disk = exercise.disk();
    let node = partition(&disk, &layout(), &events).unwrap().remove(2);
    let (vg, scope) =
        (format!("altvg{}", std::process::id()), lvm::Scope::new(std::slice::from_ref(&node)));
    lvm::pv_create(&scope, &node).run(&events).unwrap();
    lvm::vg_create(&scope, &vg, std::slice::from_ref(&node), 4 << 20).run(&events).unwrap();
    let inventory = Inventory::gather().unwrap();
    let group = inventory.lvm.vgs.iter().find(|g| g.name == vg).unwrap();
    assert_eq!(
        (group.extent_size, group.tags.as_slice()),
        (4 << 20, ["altinst_rootvg".to_owned()].as_slice())
    );
    let disk = exercise.disk();
    assert!(eligibility::is_clone(&disk, &inventory));
    erase_signatures(&disk, Some(&vg), &events).unwrap();
    assert!(!Inventory::gather().unwrap().lvm.vgs.iter().any(|g| g.name == vg));
    assert!(exercise.disk().content.is_empty());
    assert_eq!(etc(), before);
}
