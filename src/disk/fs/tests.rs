//! Every type: its name in files, the program that makes it, and its features made again.

use super::*;
use crate::disk::mkfs;
use crate::event::Events;

const UUID: &str = "1cfb7563-7b7a-4596-a7a0-ee3605d70468";

#[test]
fn names_are_those_of_stored_plans() {
    for fstype in FsType::CLONED {
        assert_eq!(serde_json::to_string(&fstype).unwrap(), format!("\"{}\"", fstype.name()));
        assert_eq!(serde_json::from_str::<FsType>(&format!("\"{fstype}\"")).unwrap(), fstype);
        assert_eq!(fstype.name().parse::<FsType>().unwrap(), fstype);
    }
    assert_eq!(cloned_names(), "ext4, xfs, btrfs, vfat, ext3, ext2, f2fs");
    for none in ["\"swap\"", "\"zfs\"", "\"\""] {
        let e = serde_json::from_str::<FsType>(none).unwrap_err().to_string();
        assert!(e.starts_with(UNKNOWN), "{e}");
    }
    let e = "zfs".parse::<FsType>().unwrap_err();
    assert_eq!(error::find(&e).unwrap().entry.id, "ALT-243");
    assert!(has_subvolumes("btrfs") && !has_subvolumes("ext4") && !has_subvolumes("bcachefs"));
}

#[test]
fn room_for_data() {
    for (fstype, used, want) in [
        (FsType::Ext4, 1000, 1278),
        (FsType::Ext4, 0, 128),
        (FsType::Xfs, 10, 320),
        (FsType::Btrfs, 10, 256),
        (FsType::F2fs, 10, 256),
        (FsType::Vfat, 0, 48),
        (FsType::Vfat, 100, 113),
    ] {
        assert_eq!(fstype.floor_mb(used), want, "{fstype} {used}");
    }
}

fn argv(fstype: FsType, size: u64, sector: u32, label: Option<&str>, options: &[&str]) -> String {
    let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
    let uuid = if fstype == FsType::Vfat { "ABCD-1234" } else { UUID };
    fstype.mkfs(Path::new("/dev/vdb2"), size, sector, uuid, label, &options).argv().join(" ")
}

#[test]
fn golden_command_lines() {
    assert_eq!(
        argv(FsType::Ext4, 1 << 30, 512, Some("root"), &["-I", "256"]),
        format!("mke2fs -t ext4 -q -F -U {UUID} -L root -I 256 /dev/vdb2")
    );
    assert_eq!(
        argv(FsType::Xfs, 1 << 30, 4096, None, &["-m", "crc=1"]),
        format!("mkfs.xfs -q -f -m uuid={UUID} -m crc=1 /dev/vdb2")
    );
    assert_eq!(
        argv(FsType::F2fs, 1 << 30, 512, Some("root"), &["-O", "extra_attr"]),
        format!("mkfs.f2fs -q -f -U {UUID} -l root -O extra_attr /dev/vdb2")
    );
    assert_eq!(
        argv(FsType::Btrfs, 1 << 30, 512, Some(""), &[]),
        format!("mkfs.btrfs -q -f -U {UUID} /dev/vdb2")
    );
    assert_eq!(
        argv(FsType::Swap, 1 << 30, 512, Some("swap0"), &[]),
        format!("mkswap -q -U {UUID} -L swap0 /dev/vdb2")
    );
    assert_eq!(
        argv(FsType::Vfat, 512 << 20, 512, Some("efi-system-too-long"), &[]),
        "mkfs.vfat -i ABCD1234 -F 32 -n EFI-SYSTEM- /dev/vdb2"
    );
    assert_eq!(argv(FsType::Vfat, 32 << 20, 512, None, &[]), "mkfs.vfat -i ABCD1234 /dev/vdb2");
    assert_eq!(
        argv(FsType::Vfat, 200 << 20, 4096, None, &[]),
        "mkfs.vfat -i ABCD1234 -S 4096 /dev/vdb2"
    );
}

/// What is read from one file system makes another with the same features, on this machine's
/// tools.
#[test]
fn features_survive_the_round_trip() {
    let dir = tempfile::tempdir().unwrap();
    let events = Events::new();
    let sources: [(FsType, &[&str]); 10] = [
        (FsType::Ext4, &["-O", "^metadata_csum,^64bit,^has_journal", "-I", "128", "-b", "1024"]),
        (
            FsType::Ext4,
            &[
                "-O",
                "casefold,encrypt,verity,stable_inodes",
                "-E",
                "encoding=utf8-12.1,encoding_flags=strict",
            ],
        ),
        (FsType::Ext4, &["-O", "casefold", "-E", "encoding=utf8"]),
        (FsType::Ext3, &[]),
        (FsType::Xfs, &["-m", "bigtime=0,inobtcount=0,reflink=0", "-n", "size=8192"]),
        (FsType::Xfs, &["-m", "crc=0,finobt=0"]),
        (FsType::Btrfs, &["-O", "^no-holes", "-n", "8192"]),
        (FsType::F2fs, &[]),
        (FsType::F2fs, &["-O", "casefold", "-C", "utf8:strict"]),
        (FsType::F2fs, &["-O", "encrypt,extra_attr,inode_crtime,verity,sb_checksum"]),
    ];
    for (fstype, options) in sources {
        if let Some(p) = fstype
            .facts()
            .programs
            .iter()
            .find(|p| crate::host::cmd::find_program(Path::new("/"), p).is_none())
        {
            println!("skipped: {p} is not installed");
            continue;
        }
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for (path, size) in [(&a, 400 << 20), (&b, 500 << 20)] {
            drop(std::fs::remove_file(path));
            std::fs::File::create(path).unwrap().set_len(size).unwrap();
        }
        let uuid = |n: u8| format!("00000000-0000-4000-8000-00000000000{n}");
        let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
        mkfs::mkfs_in(&a, fstype, &uuid(1), None, &options, &events).unwrap();
        let read = fstype.features(&a).unwrap();
        mkfs::mkfs_in(&b, fstype, &uuid(2), None, &read, &events).unwrap();
        let again = fstype.features(&b).unwrap();
        let without_ratio = |v: &[String]| {
            if fstype.is_ext() { v[..v.len() - 2].to_vec() } else { v.to_vec() }
        };
        assert_eq!(without_ratio(&again), without_ratio(&read), "{fstype}");
    }
}
