use super::device::resolve_spec;
use super::*;
use crate::boot::identity::fstab;
use crate::boot::identity::ids::SubvolumeId;
use crate::disk::fs::FsType;
use crate::disk::model::{Lvm, MultiDeviceFs, Pv, Swap};
use crate::host::mounts::parse_mountinfo;
use crate::image::data::LvType;
use crate::testing::sample;

/// The text is that of /etc/crypttab.
struct Table(&'static str);

impl MachineQueries for Table {
    fn crypttab(&self) -> String {
        self.0.to_owned()
    }

    fn usage(&self, _: &Mount) -> Result<Usage> {
        Ok(Usage { used: 300 * MIB })
    }

    fn subvolumes(&self, _: &Mount) -> Result<(Vec<ListedSubvolume>, Option<String>)> {
        let listed = |path: &str, is_snapshot| ListedSubvolume {
            id: 0,
            path: path.into(),
            is_snapshot,
            read_only: false,
        };
        let all = vec![
            listed("@", false),
            listed("@home", false),
            listed("@/var/lib/machines", false),
            listed("@/.snapshots/1/snapshot", true),
            listed("old", false),
            listed("@home/clone", true),
            ListedSubvolume { read_only: true, ..listed("@home/monday", true) },
            ListedSubvolume { read_only: true, ..listed("@home/received", false) },
            listed("apart", true),
        ];
        let all = (256..).zip(all).map(|(id, l)| ListedSubvolume { id, ..l }).collect();
        Ok((all, Some("@".into())))
    }

    fn has_quotas(&self, mount: &Mount) -> bool {
        mount.mount_point == Path::new("/")
    }

    fn mkfs_options(&self, fstype: FsType, _: &Path) -> Result<Vec<String>> {
        Ok(vec![format!("-O {fstype}")])
    }
}

/// vda: ESP, /boot, LVM with / and swap, and a partition that is mounted by hand; vdb holds data.
fn machine() -> Inventory {
    let mut inventory = sample::inventory();
    inventory.stacked.retain(|s| s.kind != "crypt");
    let (vda, others) = inventory.disks.split_first_mut().unwrap();
    vda.partitions[0].size = 512 << 20;
    vda.partitions.push(sample::partition("vda", 3, "254:3", "ext4"));
    vda.partitions.push(sample::partition("vda", 4, "254:4", "ext4"));
    vda.partitions[3].content[0].uuid = Some("other-uuid".into());
    others[0].partitions.push(sample::partition("vdb", 1, "254:17", "xfs"));
    inventory.stacked[0].size = 8 << 30;
    inventory.stacked[0].content = sample::signatures("xfs");
    inventory.stacked.push(crate::disk::model::Stacked {
        size: 1 << 30,
        ..sample::stacked("dm-2", "253:2", "/dev/mapper/vg0-swap", "lvm", &["vda2"])
    });
    inventory.lvm.vgs[0].extent_size = 4 * MIB;
    inventory.lvm.lvs.push(crate::disk::model::Lv {
        name: "swap".into(),
        dm_path: "/dev/mapper/vg0-swap".into(),
        ..inventory.lvm.lvs[0].clone()
    });
    inventory.swaps.push(Swap {
        path: "/dev/dm-2".into(),
        kind: "partition".into(),
        size: 1 << 30,
    });
    inventory
}

const MOUNTS: &str = "1 0 253:0 / / rw - xfs /dev/mapper/vg0-root rw
2 1 254:3 / /boot rw - ext4 /dev/vda3 rw
3 1 254:1 / /boot/efi rw - vfat /dev/vda1 rw
4 1 254:17 / /data rw - xfs /dev/vdb1 rw
5 1 253:0 /srv /srv/bind rw - xfs /dev/mapper/vg0-root rw
6 1 0:5 / /proc rw - proc proc rw
7 1 254:4 / /mnt/x rw - ext4 /dev/vda4 rw
";
const FSTAB: &str = "/dev/mapper/vg0-root / xfs noatime 0 0
UUID=ext4-uuid /boot ext4 defaults 0 2
/dev/mapper/vg0-swap none swap sw 0 0
UUID=other-uuid /opt ext4 noauto 0 0
/dev/vdb1 /data xfs defaults 0 0
";

fn described(inventory: &Inventory, mounts: &str, fstab: &str) -> Result<Source> {
    describe(
        inventory,
        &parse_mountinfo(mounts.as_bytes()),
        &fstab::parse(fstab, "fstab").unwrap(),
        Image::default(),
        &Table(""),
    )
}

fn refused(inventory: &Inventory, mounts: &str) -> String {
    let err = described(inventory, mounts, "").unwrap_err();
    let alt = error::find(&err).unwrap();
    assert_eq!(alt.entry.exit, error::Exit::Refused);
    format!("{} {}", alt.entry.id, alt.cause)
}

#[test]
fn lvm_with_boot_and_esp_and_what_is_left_out() {
    let source = described(&machine(), MOUNTS, FSTAB).unwrap();
    let image = &source.image;
    assert_eq!(source.disks, ["vda"]);
    let names: Vec<_> = image
        .fs_data
        .iter()
        .map(|f| (f.fs_name.as_str(), f.fs_vfs.name(), f.fs_vg.as_deref(), f.fs_lv.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("/", "xfs", Some("vg0"), "root"),
            ("/boot", "ext4", None, "vda3"),
            ("/boot/efi", "vfat", None, "vda1")
        ]
    );
    assert_eq!(image.fs_data[0].fs_options, "noatime");
    assert_eq!(image.fs_data[0].fs_mkfs_options, ["-O xfs"]);
    assert!(image.fs_data[0].fs_min_size_mb >= 345 && image.fs_data[2].fs_min_size_mb <= 512);
    let kinds: Vec<_> =
        image.lv_data.iter().map(|l| (l.logical_volume.as_str(), l.kind, l.size_mb)).collect();
    assert_eq!(
        kinds,
        [
            ("root", LvType::Fs, 8192),
            ("vda3", LvType::Fs, 1024),
            ("vda1", LvType::Esp, 512),
            ("swap", LvType::Swap, 1024)
        ]
    );
    assert_eq!(source.devices[3], Path::new("/dev/mapper/vg0-swap"));
    assert_eq!((image.vg_data.len(), image.vg_data[0].ppsize_mb), (1, 4));
    let told = source.warnings.join("\n");
    assert!(
        told.contains("/mnt/x")
            && told.contains("/opt (UUID=other-uuid) is in /etc/fstab but not mounted"),
        "{told}"
    );
    assert!(!told.contains("/data"), "{told}");
    crate::image::check::check(image).unwrap_or_else(|e| panic!("{e:?}"));
}

#[test]
fn what_is_not_cloned_in_kind_is_refused_by_name() {
    let inventory = machine();
    let mut luks = sample::inventory();
    luks.stacked[1].slaves = vec!["vda2".into()];
    assert!(
        refused(&luks, "1 0 253:1 / / rw - ext4 /dev/mapper/cr rw\n")
            .starts_with("ALT-302 /dev/mapper/cr is encrypted")
    );
    let on = |kind: &str| {
        let mut w = inventory.clone();
        w.stacked[0].kind = kind.into();
        refused(&w, MOUNTS)
    };
    assert!(on("raid").starts_with("ALT-303"));
    assert!(on("verity").starts_with("ALT-312"));
    assert!(on("bcache").starts_with("ALT-305"));
    assert!(on("mpath").starts_with("ALT-306"));
    let mut thin = inventory.clone();
    thin.lvm.lvs[0].segtype = "thin".into();
    assert!(refused(&thin, MOUNTS).starts_with("ALT-307 /dev/vg0/root is an LVM thin volume"));
    assert!(refused(&inventory, "1 0 0:40 / / rw - overlay overlay rw\n").starts_with("ALT-301"));
    assert!(
        refused(&inventory, &MOUNTS.replace("/ rw - xfs", "/ rw - jfs"))
            .starts_with("ALT-309 / is jfs")
    );
    let mut spread = inventory.clone();
    spread
        .multi_device
        .push(MultiDeviceFs { uuid: "x".into(), devices: vec!["vda3".into(), "vdb1".into()] });
    assert!(refused(&spread, "1 0 0:40 / / rw - btrfs /dev/vda3 rw\n").starts_with("ALT-308"));
    let below_crypt = inventory.clone();
    let mut stack = below_crypt.clone();
    stack.stacked.push(sample::stacked("dm-5", "253:5", "/dev/mapper/inner", "crypt", &["vda2"]));
    stack.stacked[0].slaves = vec!["dm-5".into()];
    assert!(refused(&stack, MOUNTS).starts_with("ALT-302"), "LUKS below LVM");
}

#[test]
fn a_volume_group_on_two_disks_makes_both_root_disks() {
    let mut inventory = machine();
    inventory.disks[1].partitions[0].content = sample::signatures("LVM2_member");
    inventory.lvm = Lvm {
        pvs: vec![
            inventory.lvm.pvs[0].clone(),
            Pv { path: "/dev/vdb1".into(), vg: Some("vg0".into()), ..Pv::default() },
        ],
        ..inventory.lvm
    };
    let mounts: String =
        MOUNTS.lines().filter(|l| !l.contains("/data")).map(|l| format!("{l}\n")).collect();
    let source = described(&inventory, &mounts, FSTAB).unwrap();
    assert_eq!(source.disks, ["vda", "vdb"]);
    assert_eq!(source.image.source_disk_data.len(), 2);
}

#[test]
fn btrfs_subvolumes() {
    let mut inventory = machine();
    inventory.disks[0].partitions[2].content = sample::signatures("btrfs");
    let mounts = "1 0 0:40 /@ / rw - btrfs /dev/vda3 rw
2 1 0:40 /@home /home rw - btrfs /dev/vda3 rw
3 1 0:40 /@home/a /srv/a rw - btrfs /dev/vda3 rw
";
    let fstab = "UUID=btrfs-uuid / btrfs subvol=@,compress=zstd 0 0\nUUID=btrfs-uuid /home btrfs subvol=@home 0 0\n/home/swap none swap sw 0 0\n";
    inventory.swaps = vec![Swap { path: "/home/swap".into(), kind: "file".into(), size: 64 * MIB }];
    let source = described(&inventory, mounts, fstab).unwrap();
    assert_eq!(source.image.fs_data.len(), 1);
    let fs = &source.image.fs_data[0];
    let subvolumes: Vec<_> =
        fs.subvolume.iter().map(|s| (s.path.as_str(), s.mount_point.as_deref())).collect();
    let nested = ["@home/clone", "@home/received", "@/var/lib/machines"];
    assert_eq!(subvolumes[..2], [("@", Some("/")), ("@home", Some("/home"))]);
    assert_eq!(subvolumes[2..], nested.map(|path| (path, None)));
    assert_eq!(source.snapshots, [("/".to_owned(), "@home/clone".to_owned())]);
    assert_eq!((fs.fs_name.as_str(), fs.fs_default_subvolume.as_deref()), ("/", Some("@")));
    assert_eq!(source.image.swap_file_data[0].file, "/home/swap");
    let told = source.warnings.join("\n");
    for said in [
        "2 btrfs snapshots of / are not cloned: 1 in @/.snapshots, 1 in @home",
        "btrfs subvolume old of / is neither",
        "writable btrfs snapshot apart of / is neither",
        "@home/received of / is read-only: in the copy it can be written",
        "/ has btrfs quotas",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[test]
fn a_bare_disk_and_labels() {
    let mut inventory = machine();
    inventory.disks[1].partitions.clear();
    inventory.disks[1].content = sample::signatures("ext4");
    inventory.disks[1].content[0].label = Some("system".into());
    let source = described(
        &inventory,
        "1 0 254:16 / / rw - ext4 /dev/root rw\n",
        "LABEL=system / ext4 defaults 0 1\n",
    )
    .unwrap();
    assert_eq!(
        (source.disks[0].as_str(), source.image.lv_data[0].logical_volume.as_str()),
        ("vdb", "vdb")
    );
    assert_eq!(source.image.fs_data[0].fs_label.as_deref(), Some("system"));
    assert!(
        resolve_spec(&inventory, "LABEL=system").is_some()
            && resolve_spec(&inventory, "UUID=EXT4-UUID").is_some()
    );
    assert!(resolve_spec(&inventory, "tmpfs").is_none());
}

/// dm-3 is LUKS on vda4, loop1 a file, loop2 LUKS in a file, loop3 a device.
fn stacked_inventory() -> Inventory {
    let mut inventory = machine();
    inventory.stacked.push(sample::stacked(
        "dm-3",
        "253:3",
        "/dev/mapper/secret",
        "crypt",
        &["vda4"],
    ));
    let on_file = |name: &str, dev: &str| crate::disk::model::Stacked {
        file: Some("/var/x.img".into()),
        ..sample::stacked(name, dev, &format!("/dev/{name}"), "loop", &["vda3"])
    };
    inventory.stacked.extend([on_file("loop1", "7:1"), on_file("loop2", "7:2")]);
    inventory.stacked.push(sample::stacked(
        "dm-4",
        "253:4",
        "/dev/mapper/vault",
        "crypt",
        &["loop2"],
    ));
    inventory.stacked.push(sample::stacked("loop3", "7:3", "/dev/loop3", "loop", &["vda4"]));
    inventory
}

#[test]
fn one_file_system_that_cannot_be_cloned_is_settled_by_an_image_data() {
    let inventory = stacked_inventory();
    for (line, refusals, warnings) in [
        ("9 1 254:4 / /home rw - f2fs /dev/vda4 rw", vec![], ""),
        ("9 1 254:4 / /home rw - nilfs2 /dev/vda4 rw", vec![], "/home (/dev/vda4) is nilfs2"),
        ("9 1 254:4 / /opt rw - squashfs /dev/vda4 ro", vec![], "/opt (/dev/vda4) is squashfs"),
        ("9 1 254:4 / /var rw - jfs /dev/vda4 rw", vec!["ALT-309 /var"], ""),
        ("9 1 253:3 / /home rw - ext4 /dev/mapper/secret rw", vec!["ALT-302 /home"], ""),
        ("9 1 7:3 / /home rw - ext4 /dev/loop3 rw", vec![], ""),
    ] {
        let source = described(&inventory, &format!("{MOUNTS}{line}\n"), FSTAB).unwrap();
        let found: Vec<String> =
            source.refusals.iter().map(|r| format!("{} {}", r.entry.id, r.at.display())).collect();
        assert_eq!(found, refusals, "{line}");
        assert!(source.warnings.join("\n").contains(warnings), "{line}: {:?}", source.warnings);
        assert_eq!(
            source.image.fs_data.len(),
            if line.contains("loop3") || line.contains("f2fs") { 4 } else { 3 },
            "{line}"
        );
    }
    let boot =
        described(&inventory, &MOUNTS.replace("/boot rw - ext4", "/boot rw - jfs"), FSTAB).unwrap();
    assert_eq!(boot.refusals[0].at, Path::new("/boot"));
}

#[test]
fn a_file_is_not_a_disk() {
    let mounts = format!(
        "{MOUNTS}9 1 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro\n10 1 7:1 / /var ro - ext4 /dev/loop1 ro\n11 1 253:4 / /home rw - ext4 /dev/mapper/vault rw\n"
    );
    let fstab = format!("{FSTAB}/var/x.img /never ext4 loop 0 0\n/dev/loop1 none swap sw 0 0\n");
    let source = described(&stacked_inventory(), &mounts, &fstab).unwrap();
    assert_eq!((source.image.fs_data.len(), source.image.lv_data.len()), (3, 4));
    assert!(source.refusals.is_empty());
    assert_eq!(source.notes.len(), 1);
    assert!(
        source.notes[0]
            .contains("/snap/core/1 (/var/x.img), /var (/var/x.img), /home (/var/x.img)"),
        "{:?}",
        source.notes
    );
    assert!(!source.warnings.join("").contains("/var"), "{:?}", source.warnings);
    let err =
        described(&stacked_inventory(), "1 0 7:1 / / rw - ext4 /dev/loop1 rw\n", "").unwrap_err();
    assert_eq!(error::find(&err).unwrap().entry.id, "ALT-301");
}

#[test]
fn one_device_at_several_places_and_several_at_one() {
    let inventory = machine();
    // The bind came first; fstab has /opt.
    let text = "9 1 254:4 / /export rw - ext4 /dev/vda4 rw\n10 1 254:4 / /opt rw - ext4 /dev/vda4 rw\n11 10 0:44 / /opt rw - tmpfs tmpfs rw\n";
    let source = described(&inventory, &format!("{MOUNTS}{text}"), FSTAB).unwrap();
    let names: Vec<_> = source.image.fs_data.iter().map(|f| f.fs_name.as_str()).collect();
    assert_eq!(names, ["/", "/boot", "/boot/efi", "/opt"]);
    let boot = "9 2 254:4 / /boot rw - ext4 /dev/vda4 rw\n";
    let source = described(&inventory, &format!("{MOUNTS}{boot}"), FSTAB).unwrap();
    assert_eq!(source.image.fs_data[1].fs_lv, "vda3");
    assert!(
        source.warnings.join("").contains("/dev/vda4 is mounted over /boot"),
        "{:?}",
        source.warnings
    );
    // A tmpfs over /boot does not hide what the machine starts from.
    let over = format!("{MOUNTS}9 2 0:44 / /boot rw - tmpfs tmpfs rw\n");
    assert_eq!(described(&inventory, &over, FSTAB).unwrap().image.fs_data[1].fs_lv, "vda3");
}

#[test]
fn an_esp_that_is_not_mounted_and_a_boot_that_is_not() {
    let inventory = machine();
    let without: String =
        MOUNTS.lines().filter(|l| !l.contains(" /boot")).map(|l| format!("{l}\n")).collect();
    let fstab =
        format!("{FSTAB}UUID=vfat-uuid /boot/efi vfat umask=0077,noauto,x-systemd.automount 0 1\n");
    for autofs in ["", "9 1 0:45 / /boot/efi rw - autofs systemd-1 rw\n"] {
        let source = described(&inventory, &format!("{without}{autofs}"), &fstab).unwrap();
        let esp = source.image.lv_data.iter().position(|l| l.kind == LvType::Esp).unwrap();
        assert_eq!(source.devices[esp], Path::new("/dev/vda1"));
        let fs = source.image.fs_data.iter().find(|f| f.fs_name == "/boot/efi").unwrap();
        assert_eq!((fs.fs_lv.as_str(), fs.fs_vfs.name(), fs.fs_used_mb), ("vda1", "vfat", 0));
        assert_eq!(source.not_mounted, [Path::new("/boot"), Path::new("/opt")]);
        crate::image::check::check(&source.image).unwrap_or_else(|e| panic!("{e:?}"));
    }
}

#[test]
fn a_subvolume_at_several_places_is_one() {
    let mut inventory = machine();
    inventory.disks[0].partitions[2].content = sample::signatures("btrfs");
    let mounts = "1 0 0:40 /@ / rw - btrfs /dev/vda3 rw
2 1 0:40 /@home /export/home rw - btrfs /dev/vda3 rw
3 1 0:40 /@home /home rw - btrfs /dev/vda3 rw
4 1 0:40 /@ /old rw - btrfs /dev/vda3 rw
";
    let fstab = "UUID=btrfs-uuid / btrfs subvolid=256,compress=zstd 0 0\nUUID=btrfs-uuid /home btrfs subvolid=257 0 0\n/home /export/home none bind 0 0\n";
    let source = described(&inventory, mounts, fstab).unwrap();
    let fs = &source.image.fs_data[0];
    let subvolumes: Vec<_> = fs
        .subvolume
        .iter()
        .map(|s| (s.path.as_str(), s.mount_point.as_deref(), s.options.as_str()))
        .collect();
    assert_eq!(
        subvolumes[..2],
        [("@", Some("/"), "compress=zstd"), ("@home", Some("/home"), "defaults")]
    );
    assert!(subvolumes[2..].iter().all(|s| s.1.is_none()), "{subvolumes:?}");
    assert_eq!(source.subvolume_ids[0].1[1], SubvolumeId { id: 257, path: "@home".into() });
    crate::image::check::check(&source.image).unwrap_or_else(|e| panic!("{e:?}"));
}

/// lsblk of such a machine: vda4 -> cryptswap1 (crypt) [SWAP]. No device-mapper is needed to judge
/// it.
#[test]
fn swap_with_a_random_key_is_cloned_as_swap() {
    const CRYPTTAB: &str = "# <name> <device> <key> <options>\ncryptswap1 /dev/vda4 /dev/urandom swap,cipher=aes-xts-plain64,size=256\n\
        scratch /dev/vda5 /dev/urandom tmp=ext4\n";
    let mut inventory = machine();
    inventory.disks[0].partitions[3].content.clear();
    inventory.disks[0].partitions.push(sample::partition("vda", 5, "254:5", "ext4"));
    inventory.disks[0].partitions[4].content.clear();
    let mapping = |name: &str, dev: &str, on: &str, dm: &str| crate::disk::model::Stacked {
        size: 1 << 30,
        dm_name: Some(dm.to_owned()),
        ..sample::stacked(name, dev, &format!("/dev/mapper/{dm}"), "crypt", &[on])
    };
    inventory.stacked.push(mapping("dm-3", "253:3", "vda4", "cryptswap1"));
    inventory.stacked.push(mapping("dm-4", "253:4", "vda5", "scratch"));
    inventory.swaps.push(Swap {
        path: "/dev/dm-3".into(),
        kind: "partition".into(),
        size: 1 << 30,
    });
    let fstab = format!(
        "{FSTAB}/dev/mapper/cryptswap1 none swap sw 0 0\n/dev/mapper/scratch /scratch ext4 rw 0 0\n"
    );
    let mounts = format!(
        "{}8 1 253:4 / /scratch rw - ext4 /dev/mapper/scratch rw\n",
        MOUNTS.replace("7 1 254:4 / /mnt/x rw - ext4 /dev/vda4 rw\n", "")
    );
    let run = |crypttab: &'static str| {
        let mounts = parse_mountinfo(mounts.as_bytes());
        describe(
            &inventory,
            &mounts,
            &fstab::parse(&fstab, "fstab").unwrap(),
            Image::default(),
            &Table(crypttab),
        )
    };
    let source = run(CRYPTTAB).unwrap();
    let swaps: Vec<_> = source
        .image
        .lv_data
        .iter()
        .filter(|l| l.kind == LvType::Swap)
        .map(|l| l.logical_volume.as_str())
        .collect();
    assert_eq!(swaps, ["vda4", "swap"]);
    assert!(source.refusals.is_empty(), "{:?}", source.refusals);
    assert!(
        source.notes.join("\n").contains("cryptswap1 of /etc/crypttab, on /dev/vda4"),
        "{:?}",
        source.notes
    );
    assert!(
        source.warnings.join("\n").contains("/scratch (/dev/mapper/scratch) gets a new random key"),
        "{:?}",
        source.warnings
    );
    // A key that stays: what is encrypted is data.
    let err = run("cryptswap1 /dev/vda4 /etc/keys/swap luks\nscratch /dev/vda5 /dev/urandom tmp\n")
        .unwrap_err();
    assert_eq!(error::find(&err).unwrap().entry.id, "ALT-302");
    // Not active: the line alone counts.
    let mut off = inventory.clone();
    off.stacked.retain(|s| s.name != "dm-3");
    off.swaps.retain(|s| s.path != Path::new("/dev/dm-3"));
    let mounts = parse_mountinfo(
        MOUNTS.replace("7 1 254:4 / /mnt/x rw - ext4 /dev/vda4 rw\n", "").as_bytes(),
    );
    let source = describe(
        &off,
        &mounts,
        &fstab::parse(&fstab, "fstab").unwrap(),
        Image::default(),
        &Table(CRYPTTAB),
    )
    .unwrap();
    assert!(
        source.image.lv_data.iter().any(|l| l.logical_volume == "vda4" && l.kind == LvType::Swap),
        "{:?}",
        source.image.lv_data
    );
}
