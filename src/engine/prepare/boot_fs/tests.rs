//! /boot on each type of file system, on its own and below `/`.

use super::*;
use crate::disk::fs::FsType;

fn fs(name: &str, fs_vfs: FsType) -> Fs {
    Fs { fs_name: name.into(), fs_vfs, ..Fs::default() }
}

#[test]
fn the_loader_reads_boot_and_nothing_else() {
    for (root, boot, want) in [
        (FsType::Ext4, None, None),
        (FsType::Btrfs, None, None),
        (FsType::F2fs, None, Some("/")),
        (FsType::F2fs, Some(FsType::Ext2), None),
        (FsType::F2fs, Some(FsType::Vfat), None),
        (FsType::Xfs, Some(FsType::F2fs), Some("/boot")),
    ] {
        let mut fs_data = vec![fs("/", root)];
        fs_data.extend(boot.map(|b| fs("/boot", b)));
        let refused = refusal(&ImageData { fs_data, ..ImageData::default() });
        let cause = refused.as_ref().map(|e| {
            assert_eq!(error::find(e).unwrap().entry.id, "ALT-521");
            error::cause(e)
        });
        let want = want
            .map(|at| format!("/boot is on the file system {at} (f2fs), which GRUB cannot read"));
        assert_eq!(cause, want, "{root} {boot:?}");
    }
}
