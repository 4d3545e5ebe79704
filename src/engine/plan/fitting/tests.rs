use super::*;
use crate::engine::plan::fresh::Fresh;
use crate::engine::plan::lay_out::lay_out;
use crate::engine::plan::layout::{Target, VolumeLayout};
use crate::engine::plan::sizing::Outcome;
use crate::image::data::{Lv, LvType, SourceDisk, Vg, YesNo};

fn options(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn image(vfs: &str, size_mb: u64, mkfs: &str) -> ImageData {
    let lv = |kind| Lv {
        logical_volume: "p2".into(),
        volume_group: None,
        kind,
        size_mb,
        lv_source_disk_list: vec![],
        label: None,
    };
    let fs = Fs {
        fs_name: "/boot".into(),
        fs_lv: "p2".into(),
        fs_vfs: vfs.parse().unwrap(),
        fs_min_size_mb: 100,
        fs_mkfs_options: options(mkfs),
        ..Fs::default()
    };
    ImageData { lv_data: vec![lv(LvType::Fs)], fs_data: vec![fs], ..ImageData::default() }
}

#[test]
fn blocks_are_no_smaller_than_sectors() {
    for (vfs, sector, old, new) in [
        (
            "ext4",
            4096,
            "-O none,extent -I 128 -b 1024 -i 2048",
            "-O none,extent -I 128 -b 4096 -i 4096",
        ),
        ("ext2", 4096, "-b 2048 -i 16384", "-b 4096 -i 16384"),
        ("ext4", 512, "-b 1024 -i 2048", "-b 1024 -i 2048"),
        ("ext4", 4096, "-b 4096 -i 8192", "-b 4096 -i 8192"),
        (
            "xfs",
            4096,
            "-m crc=1 -b size=1024 -n size=2048 -n ftype=1",
            "-m crc=1 -b size=4096 -n size=4096 -n ftype=1",
        ),
        ("btrfs", 4096, "-n 16384 -s 4096", "-n 16384 -s 4096"),
        ("ext4", 4096, "", ""),
    ] {
        let mut notes = vec![];
        let done = fit_image(&image(vfs, 400, old), sector, &[], &mut notes);
        assert_eq!(done.image.fs_data[0].fs_mkfs_options, options(new), "{vfs} {old}");
        assert_eq!(notes.len(), usize::from(old != new), "{notes:?}");
    }
}

#[test]
fn sizes_that_a_copy_needs() {
    let sizes = |vfs: &str, size: u64, needs: &[Need]| {
        let mut notes = vec![];
        let done = fit_image(&image(vfs, size, ""), 512, needs, &mut notes).image;
        (done.lv_data[0].size_mb, done.fs_data[0].fs_min_size_mb, notes.len())
    };
    assert_eq!(sizes("xfs", 256, &[]), (300, 300, 1));
    assert_eq!(sizes("xfs", 301, &[]), (301, 300, 0));
    assert_eq!(sizes("ext4", 64, &[]), (64, 100, 0));
    let need = room_for_initramfs("/boot", 3, &[20 * MIB, 40 * MIB]);
    assert_eq!((need.free_mb, need.wanted_mb), (3, 51));
    assert_eq!(sizes("ext4", 200, std::slice::from_ref(&need)), (264, 100, 1));
    assert_eq!(sizes("ext4", 200, &[Need { free_mb: 60, ..need.clone() }]), (200, 100, 0));
    assert_eq!(
        sizes("xfs", 200, &[Need { free_mb: 50, ..need }]),
        (300, 300, 1),
        "the larger of two reasons"
    );
    let full = |used: u64| {
        let mut image = image("xfs", 256, "");
        image.fs_data[0].fs_used_mb = used;
        fit_image(&image, 512, &[], &mut vec![]).image.lv_data[0].size_mb
    };
    assert_eq!((full(100), full(240)), (300, 352), "the log of a new one is larger");
}

#[test]
fn needs_add_up_and_raise_the_floor() {
    let need =
        |reason, free_mb, wanted_mb| Need { fs_name: "/boot".into(), free_mb, wanted_mb, reason };
    let fitted = |size_mb, used, needs: &[Need]| {
        let mut image = image("btrfs", size_mb, "");
        image.fs_data[0].fs_used_mb = used;
        image.fs_data[0].fs_min_size_mb = used + used * 15 / 100 + 128;
        let mut notes = vec![];
        let done = fit_image(&image, 512, needs, &mut notes);
        (
            done.image.lv_data[0].size_mb,
            done.image.fs_data[0].fs_min_size_mb,
            done.added_mb,
            notes.join("\n"),
        )
    };
    // 100 GiB with 20 used and 30 more: it may shrink, but not to what is used now.
    let growth = [need(Reason::Growth, 80 << 10, 30 << 10)];
    assert_eq!(
        fitted(100 << 10, 20 << 10, &growth),
        (100 << 10, (50 << 10) + 4608 + 16, 0, String::new())
    );
    // Each fits for itself, both do not.
    let both = [need(Reason::Growth, 100, 80), need(Reason::Initramfs, 100, 60)];
    let (size, floor, added, note) = fitted(1000, 900, &both);
    assert_eq!((size, floor, added), (1056, 1163, 56));
    assert!(note.contains("share blocks") && note.contains("initramfs"), "{note}");
    // An image.data made it smaller than what will be in it.
    let small = [need(Reason::Growth, 0, 300)];
    assert_eq!(fitted(100, 500, &small).0, 816);
    // All of it is written, also into a sparse file; what phase 3 makes is no part of the
    // copying.
    let mut image = image("xfs", 4000, "");
    image.fs_data[0].fs_used_mb = 161;
    assert_eq!(
        bytes_written(&image, &[need(Reason::Growth, 0, 1900), need(Reason::Initramfs, 0, 60)]),
        2061 * MIB
    );
    // As much as is enough today is enough: it is not made larger for the head room's sake.
    assert_eq!(fitted(400, 200, &[need(Reason::Growth, 190, 180)]).0, 400);
}

/// A Debian with a /boot of the usual size, on an identical disk: `/` gives up what /boot gets
/// and what the new ESP takes.
#[test]
fn an_identical_disk_has_room_for_a_larger_boot() {
    let lv = |name: &str, vg: Option<&str>, kind, size_mb| Lv {
        logical_volume: name.into(),
        volume_group: vg.map(Into::into),
        kind,
        size_mb,
        lv_source_disk_list: vec![],
        label: None,
    };
    let fs = |at: &str, lv: &Lv, used| Fs {
        fs_name: at.into(),
        fs_lv: lv.logical_volume.clone(),
        fs_vg: lv.volume_group.clone(),
        fs_vfs: FsType::Ext4,
        fs_used_mb: used,
        fs_min_size_mb: used + 64,
        ..Fs::default()
    };
    let boot = lv("part1", None, LvType::Fs, 236);
    let (root, swap) =
        (lv("root", Some("vg0"), LvType::Fs, 7000), lv("swap", Some("vg0"), LvType::Swap, 952));
    let image = ImageData {
        source_disk_data: vec![SourceDisk {
            hdiskname: "sda".into(),
            size_mb: 8192,
            sector_size: 512,
            ..SourceDisk::default()
        }],
        vg_data: vec![Vg {
            vgname: "vg0".into(),
            ppsize_mb: 4,
            vg_source_disk_list: vec!["sda".into()],
        }],
        fs_data: vec![fs("/", &root, 3000), fs("/boot", &boot, 160)],
        lv_data: vec![boot, root, swap],
        ..ImageData::default()
    };
    let target = [Target {
        name: "sdb".into(),
        path: "/dev/sdb".into(),
        size: 8 << 30,
        sector: 512,
        ..Target::default()
    }];
    let mut random = uuid::Uuid::new_v4;
    let mut laid_out =
        |fitted: &Fitted, added| lay_out(&fitted.image, added, &target, &mut Fresh(&mut random));
    let fitted =
        fit_image(&image, 512, &[room_for_initramfs("/boot", 60, &[60 * MIB])], &mut vec![]);
    assert_eq!((fitted.image.lv_data[0].size_mb, fitted.added_mb), (268, 36));
    assert_eq!(
        error::find(&laid_out(&fitted, 0).unwrap_err()).unwrap().entry.id,
        "ALT-320",
        "a new ESP's room is not enough"
    );
    let layout = laid_out(&fitted, fitted.added_mb * MIB).unwrap();
    assert_eq!(layout.volumes.iter().find(|v| v.shown_name() == "/boot").unwrap().size, 268 * MIB);
    assert!(layout.notes.iter().any(|n| n.contains("what is made larger")), "{:?}", layout.notes);
}

#[test]
fn shrinking_leaves_room_for_growth() {
    let mut image = image("btrfs", 100 << 10, "");
    let fs = &mut image.fs_data[0];
    (fs.fs_name, fs.fs_used_mb, fs.fs_min_size_mb) = ("/".into(), 20 << 10, 23 << 10);
    image.logical_volume_policy.shrink = YesNo::Yes;
    let growth = Need {
        fs_name: "/".into(),
        free_mb: 80 << 10,
        wanted_mb: 30 << 10,
        reason: Reason::Growth,
    };
    let mut random = uuid::Uuid::new_v4;
    let mut size = |gib: u64, needs: &[Need]| {
        let target = [Target {
            name: "sdb".into(),
            path: "/dev/sdb".into(),
            size: gib << 30,
            sector: 512,
            ..Target::default()
        }];
        let layout = lay_out(
            &fit_image(&image, 512, needs, &mut vec![]).image,
            0,
            &target,
            &mut Fresh(&mut random),
        );
        layout.map(|l| l.root().unwrap().size >> 30).map_err(|e| error::find(&e).unwrap().entry.id)
    };
    assert_eq!(size(40, &[]), Ok(39));
    assert_eq!(size(40, std::slice::from_ref(&growth)), Err("ALT-320"));
    assert_eq!(size(60, &[growth]), Ok(59));
}

#[test]
fn ext4_that_32_bits_do_not_count() {
    let layout = |vfs: &str, size: u64, mkfs: &str| {
        let fs = image(vfs, 0, mkfs).fs_data.remove(0);
        let volume = VolumeLayout {
            lv: "p2".into(),
            old_vg: None,
            vg: None,
            kind: LvType::Fs,
            device: "/dev/vdb1".into(),
            size,
            uuid: String::new(),
            label: None,
            partuuid: None,
            fs: Some(fs),
        };
        let mut layout = Layout {
            disks: vec![],
            vgs: vec![],
            volumes: vec![volume],
            swap_files: vec![],
            outcome: Outcome::AsSource,
            notes: vec![],
        };
        let done = count_blocks(&mut layout).map_err(|e| error::find(&e).unwrap().entry.id);
        (done, layout.volumes[0].fs.as_ref().unwrap().fs_mkfs_options.join(" "), layout.notes.len())
    };
    const TIB: u64 = 1 << 40;
    assert_eq!(
        layout("ext4", 17 * TIB, "-O none,extent -b 4096"),
        (Ok(()), "-O none,extent,64bit -b 4096".into(), 1)
    );
    assert_eq!(
        layout("ext4", 15 * TIB, "-O none,extent -b 4096"),
        (Ok(()), "-O none,extent -b 4096".into(), 0)
    );
    assert_eq!(layout("ext4", 5 * TIB, "-O none,extent -b 1024").1, "-O none,extent,64bit -b 1024");
    assert_eq!(layout("ext4", 17 * TIB, "-O none,extent,64bit -b 4096").2, 0);
    assert_eq!(layout("ext4", 17 * TIB, "").2, 0, "mke2fs chooses for itself");
    assert_eq!(layout("ext3", 17 * TIB, "-O none,has_journal -b 4096").0, Err("ALT-326"));
    assert_eq!(layout("xfs", 17 * TIB, "-b size=4096").2, 0);
}
