//! Every obstacle: how the machine must look for it, and the error it is reported with.

use super::tests::{mount, own, vdb, with_partition};
use super::{Kind, examine};
use crate::disk::model::*;
use crate::testing::sample;

type Change = fn(&mut Inventory);

fn on_two() -> MultiDeviceFs {
    MultiDeviceFs { uuid: "u".into(), devices: vec!["sdd".into(), "vdb1".into()] }
}

/// Every obstacle: what makes it, its id, its kind, what the evidence and the remedy say.
#[test]
fn every_obstacle() {
    let cases: Vec<(&str, Change, &str, Kind, &str, &str)> = vec![
        (
            "the root",
            |w| {
                with_partition(w, "ext4");
                mount(w, own(), "22 1 254:17 / / rw - ext4 /dev/vdb1 rw")
            },
            "ALT-210",
            Kind::InUse,
            "/dev/vdb1 is mounted at /",
            "another disk",
        ),
        (
            "the ESP",
            |w| {
                with_partition(w, "vfat");
                mount(w, own(), "22 1 254:17 / /boot/efi rw - vfat /dev/vdb1 rw")
            },
            "ALT-210",
            Kind::InUse,
            "/boot/efi",
            "another disk",
        ),
        (
            "a mount",
            |w| {
                with_partition(w, "ext4");
                mount(w, own(), "22 1 254:17 / /data rw - ext4 /dev/vdb1 rw")
            },
            "ALT-211",
            Kind::InUse,
            "/dev/vdb1 is mounted at /data",
            "umount /data",
        ),
        (
            "a mount elsewhere",
            |w| {
                with_partition(w, "ext4");
                mount(w, 4242, "22 1 254:17 / /data rw - ext4 /dev/vdb1 rw")
            },
            "ALT-211",
            Kind::InUse,
            "namespace of process 4242",
            "nsenter -t 4242",
        ),
        (
            "a container's root",
            |w| {
                with_partition(w, "ext4");
                mount(w, 4242, "22 1 254:17 / / rw - ext4 /dev/vdb1 rw")
            },
            "ALT-211",
            Kind::InUse,
            "mounted at / in the mount namespace of process 4242",
            "stop that container (process 4242)",
        ),
        (
            "an anonymous btrfs",
            |w| {
                with_partition(w, "btrfs");
                mount(w, own(), "22 1 0:35 /@x /data rw - btrfs /dev/vdb1 rw")
            },
            "ALT-211",
            Kind::InUse,
            "mounted at /data",
            "umount",
        ),
        (
            "the other half of a btrfs",
            |w| {
                with_partition(w, "btrfs");
                mount(w, own(), "22 1 0:35 / /data rw - btrfs /dev/sdd rw");
                w.multi_device.push(on_two())
            },
            "ALT-211",
            Kind::InUse,
            "/dev/sdd is mounted at /data",
            "umount",
        ),
        (
            "a btrfs of two devices",
            |w| {
                with_partition(w, "btrfs");
                w.multi_device.push(on_two())
            },
            "ALT-213",
            Kind::InUse,
            "btrfs of 2 devices",
            "btrfs device remove",
        ),
        (
            "swap",
            |w| {
                with_partition(w, "swap");
                w.swaps.push(Swap { path: "/dev/vdb1".into(), kind: "partition".into(), size: 1 })
            },
            "ALT-212",
            Kind::InUse,
            "/dev/vdb1 is swap",
            "swapoff /dev/vdb1",
        ),
        (
            "swap on a volume",
            |w| {
                with_partition(w, "LVM2_member");
                w.stacked.push(sample::stacked(
                    "dm-5",
                    "253:5",
                    "/dev/mapper/d-swap",
                    "lvm",
                    &["vdb1"],
                ));
                w.swaps.push(Swap {
                    path: "/dev/mapper/d-swap".into(),
                    kind: "partition".into(),
                    size: 1,
                })
            },
            "ALT-212",
            Kind::InUse,
            "/dev/mapper/d-swap is swap",
            "swapoff",
        ),
        (
            "an active group",
            |w| {
                with_partition(w, "LVM2_member");
                w.lvm.pvs.push(crate::disk::model::Pv {
                    path: "/dev/vdb1".into(),
                    vg: Some("data".into()),
                    ..Default::default()
                });
                w.lvm.lvs.push(crate::disk::model::Lv {
                    name: "lv1".into(),
                    vg: "data".into(),
                    active: true,
                    ..Default::default()
                })
            },
            "ALT-213",
            Kind::InUse,
            "volume group data is active (lv1)",
            "vgchange -an data",
        ),
        (
            "a volume without lvm tools",
            |w| {
                with_partition(w, "LVM2_member");
                w.stacked.push(sample::stacked(
                    "dm-5",
                    "253:5",
                    "/dev/mapper/d-x",
                    "lvm",
                    &["vdb1"],
                ))
            },
            "ALT-213",
            Kind::InUse,
            "logical volume /dev/mapper/d-x",
            "lvchange -an",
        ),
        (
            "LUKS",
            |w| {
                with_partition(w, "crypto_LUKS");
                w.stacked.push(crate::disk::model::Stacked {
                    dm_name: Some("secret".into()),
                    ..sample::stacked("dm-5", "253:5", "/dev/mapper/secret", "crypt", &["vdb1"])
                })
            },
            "ALT-213",
            Kind::InUse,
            "/dev/mapper/secret is open",
            "cryptsetup close secret",
        ),
        (
            "MD",
            |w| {
                with_partition(w, "linux_raid_member");
                w.stacked.push(sample::stacked("md0", "9:0", "/dev/md0", "raid", &["vdb1"]))
            },
            "ALT-213",
            Kind::InUse,
            "RAID array /dev/md0",
            "mdadm --stop /dev/md0",
        ),
        (
            "bcache",
            |w| {
                with_partition(w, "bcache");
                w.stacked.push(sample::stacked(
                    "bcache0",
                    "250:0",
                    "/dev/bcache0",
                    "bcache",
                    &["vdb1"],
                ))
            },
            "ALT-213",
            Kind::InUse,
            "/dev/bcache0",
            "bcache/stop",
        ),
        (
            "a loop device",
            |w| w.stacked.push(sample::stacked("loop1", "7:1", "/dev/loop1", "loop", &["vdb"])),
            "ALT-213",
            Kind::InUse,
            "/dev/loop1 is attached",
            "losetup -d /dev/loop1",
        ),
        (
            "an unknown holder",
            |w| vdb(w).holders.push("drbd0".into()),
            "ALT-213",
            Kind::InUse,
            "drbd0 holds it",
            "lsblk /dev/drbd0",
        ),
        (
            "a process",
            |w| {
                w.openers.push(Opener {
                    pid: 77,
                    command: "qemu-system-x86".into(),
                    dev: "254:16".into(),
                })
            },
            "ALT-214",
            Kind::InUse,
            "process 77 (qemu-system-x86) has /dev/vdb open",
            "end process 77",
        ),
        (
            "a process that is called like udev",
            |w| {
                w.openers.push(Opener {
                    pid: 77,
                    command: "qemu-udev-vm".into(),
                    dev: "254:16".into(),
                })
            },
            "ALT-214",
            Kind::InUse,
            "process 77 (qemu-udev-vm) has /dev/vdb open",
            "end process 77",
        ),
        (
            "a target of the kernel",
            |w| {
                let by = "the NVMe target backup (namespace 1)".to_owned();
                w.kernel_users.push(KernelUser {
                    by,
                    device: "/dev/vdb".into(),
                    remedy: "remove namespace 1".into(),
                })
            },
            "ALT-213",
            Kind::InUse,
            "the NVMe target backup (namespace 1) serves /dev/vdb",
            "remove namespace 1",
        ),
        (
            "a partition that the kernel serves",
            |w| {
                with_partition(w, "");
                w.kernel_users.push(KernelUser {
                    by: "Xen's domain 3".into(),
                    device: "254:17".into(),
                    remedy: "xl block-detach".into(),
                })
            },
            "ALT-213",
            Kind::InUse,
            "Xen's domain 3 serves 254:17",
            "xl block-detach",
        ),
        (
            "another path to it",
            |w| {
                w.disks[2] = Disk {
                    serial: Some("DISK-B".into()),
                    partitions: vec![sample::partition("sdc", 1, "8:33", "ext4")],
                    ..w.disks[2].clone()
                };
                mount(w, own(), "22 1 8:33 / /data rw - ext4 /dev/sdc1 rw")
            },
            "ALT-219",
            Kind::InUse,
            "/dev/sdc has the same serial number, model and size, and is in use: /dev/sdc1 is mounted at /data",
            "another disk",
        ),
        (
            "another path to it by which fstab names it",
            |w| {
                (w.disks[1].wwn, w.disks[2].wwn) = (Some("naa.5".into()), Some("naa.5".into()));
                w.config_references.push(ConfigReference {
                    place: "/etc/fstab:7".into(),
                    word: "UUID=x".into(),
                    disk: "sdc".into(),
                })
            },
            "ALT-219",
            Kind::InUse,
            "/dev/sdc has the same WWN, and is in use: /etc/fstab:7 names it",
            "another disk",
        ),
        (
            "what may be the disk of the system",
            |w| {
                w.disks[1].serial = Some("DISK-B".into());
                w.disks[0].serial = None;
                w.lookalikes.push(("vda".into(), "vdb".into()));
                mount(w, own(), "22 1 253:0 / / rw - ext4 /dev/mapper/vg0-root rw")
            },
            "ALT-219",
            Kind::InUse,
            "/dev/vda has the same size and content, and no serial number tells them apart",
            "give each its own serial number",
        ),
        (
            "a process on a partition",
            |w| {
                with_partition(w, "ext4");
                w.openers.push(Opener { pid: 77, command: "dd".into(), dev: "254:17".into() })
            },
            "ALT-214",
            Kind::InUse,
            "has /dev/vdb1 open",
            "end process 77",
        ),
        (
            "fstab",
            |w| {
                w.config_references.push(ConfigReference {
                    place: "/etc/fstab:7".into(),
                    word: "UUID=x".into(),
                    disk: "vdb".into(),
                })
            },
            "ALT-215",
            Kind::InUse,
            "/etc/fstab:7 names it (UUID=x)",
            "remove that line of /etc/fstab if",
        ),
        (
            "closed",
            |w| vdb(w).unreadable = Some("/dev/vdb: Permission denied".into()),
            "ALT-218",
            Kind::Unsuitable,
            "Permission denied",
            "root",
        ),
        (
            "read-only",
            |w| vdb(w).read_only = true,
            "ALT-220",
            Kind::Unsuitable,
            "read-only",
            "write protection",
        ),
        ("small", |w| vdb(w).size = 1 << 20, "ALT-221", Kind::Unsuitable, "only 1 MiB", "larger"),
        (
            "odd sectors",
            |w| vdb(w).logical_sector = 520,
            "ALT-222",
            Kind::Unsuitable,
            "520 bytes",
            "512 or 4096",
        ),
        (
            "an empty reader",
            |w| vdb(w).size = 0,
            "ALT-223",
            Kind::Unsuitable,
            "without a medium",
            "insert",
        ),
        (
            "a multipath leg",
            |w| w.stacked[2].slaves.push("vdb".into()),
            "ALT-204",
            Kind::Unsuitable,
            "one path of /dev/mapper/mpatha",
            "another disk",
        ),
        (
            "a table",
            |w| with_partition(w, ""),
            "ALT-230",
            Kind::HasContent,
            "GPT partition table with 1 partition, vdb1: no file system (1 GiB)",
            "--erase DISK-B",
        ),
        (
            "content on the whole disk",
            |w| vdb(w).content = sample::signatures("zfs_member"),
            "ALT-230",
            Kind::HasContent,
            "ZFS pool member",
            "--erase DISK-B",
        ),
        (
            "data that nothing is known of",
            |w| vdb(w).sight = Some(Sight::Data(2 << 20)),
            "ALT-230",
            Kind::HasContent,
            "data without a partition table or a known signature, first at 2 MiB",
            "--erase DISK-B",
        ),
        (
            "an inactive group",
            |w| {
                with_partition(w, "LVM2_member");
                w.lvm.pvs.push(crate::disk::model::Pv {
                    path: "/dev/vdb1".into(),
                    vg: Some("data".into()),
                    ..Default::default()
                })
            },
            "ALT-230",
            Kind::HasContent,
            "a part of the volume group data",
            "--erase DISK-B",
        ),
        (
            "a clone by its partitions",
            |w| {
                with_partition(w, "ext4");
                vdb(w).partitions[0] = Partition {
                    label: Some("altinst_rootvg root".into()),
                    ..vdb(w).partitions[0].clone()
                }
            },
            "ALT-231",
            Kind::HasContent,
            "a copy (altinst_rootvg) that was forgotten",
            "--erase DISK-B",
        ),
        (
            "a clone by its group",
            |w| {
                with_partition(w, "LVM2_member");
                w.lvm.pvs.push(crate::disk::model::Pv {
                    path: "/dev/vdb1".into(),
                    vg: Some("alt".into()),
                    ..Default::default()
                });
                w.lvm.vgs.push(Vg {
                    name: "alt".into(),
                    tags: vec!["altinst_rootvg".into()],
                    ..Vg::default()
                })
            },
            "ALT-231",
            Kind::HasContent,
            "altinst_rootvg",
            "--erase DISK-B",
        ),
    ];
    for (what, change, id, kind, evidence, remedy) in cases {
        let mut inventory = sample::inventory();
        change(&mut inventory);
        let disk = inventory.disks[1].clone();
        let verdict = examine(&disk, &inventory, Role::None);
        let hit = verdict.obstacles.iter().find(|o| {
            o.entry.id == id
                && o.kind == kind
                && o.evidence.contains(evidence)
                && o.remedy.contains(remedy)
        });
        assert!(hit.is_some(), "{what}: {:#?}", verdict.obstacles);
        // Confirmation helps against content and nothing else.
        let allowed = verdict.allow(&["DISK-B".into()], &disk);
        assert_eq!(allowed.is_ok(), kind == Kind::HasContent, "{what}");
        assert!(verdict.allow(&[], &disk).is_err(), "{what}");
        for wrong in ["vdb", "DISK-A", "disk-b", ""] {
            assert!(verdict.allow(&[wrong.to_owned()], &disk).is_err(), "{what}: {wrong:?}");
        }
    }
}
