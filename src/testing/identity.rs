//! The identity map that tests of references share.

use crate::boot::identity::ids::{IdMap, Names, Pair, Volume};

/// The UUID of the source's root.
pub const OLD_ROOT: &str = "11111111-aaaa-4aaa-8aaa-111111111111";
/// The UUID of the copy's root.
pub const NEW_ROOT: &str = "22222222-bbbb-4bbb-8bbb-222222222222";

/// The identity map of a small system: a root file system by UUID and label, a swap space, an ESP,
/// a home on LVM, and their disk.
pub fn map() -> IdMap {
    let names = |uuid: &str, label: &str, partuuid: &str, devices: &[&str]| Names {
        uuid: Some(uuid.into()),
        label: Some(label.to_owned()).filter(|l| !l.is_empty()),
        partuuid: Some(partuuid.to_owned()).filter(|l| !l.is_empty()),
        devices: devices.iter().map(Into::into).collect(),
        ..Names::default()
    };
    let volume = |what: &str, old: Names, new: Names, spec: &str| Volume {
        what: what.into(),
        old,
        new,
        new_spec: spec.into(),
    };
    let pair = |what: &str, old: &str, new: &str| Pair {
        what: what.into(),
        old: old.into(),
        new: new.into(),
    };
    IdMap {
        volumes: vec![
            volume(
                "/",
                names(
                    OLD_ROOT,
                    "my root",
                    "1234abcd-02",
                    &["/dev/vda2", "/dev/disk/by-id/virtio-OLD-part2"],
                ),
                names(NEW_ROOT, "alt root", "33333333-cccc-4ccc-8ccc-333333333333", &["/dev/vdb3"]),
                &format!("UUID={NEW_ROOT}"),
            ),
            volume(
                "swap",
                names("44444444-aaaa-4aaa-8aaa-444444444444", "", "1234abcd-05", &["/dev/vda5"]),
                names("55555555-bbbb-4bbb-8bbb-555555555555", "", "", &["/dev/vdb4"]),
                "UUID=55555555-bbbb-4bbb-8bbb-555555555555",
            ),
            volume(
                "/boot/efi",
                names("ABCD-1234", "", "1234abcd-01", &["/dev/vda1"]),
                names("77AA-88BB", "", "", &[]),
                "UUID=77AA-88BB",
            ),
            volume(
                "/home",
                names(
                    "66666666-aaaa-4aaa-8aaa-666666666666",
                    "",
                    "",
                    &["/dev/mapper/my--vg-home", "/dev/my-vg/home"],
                ),
                names(
                    "77777777-bbbb-4bbb-8bbb-777777777777",
                    "",
                    "",
                    &["/dev/mapper/alt--vg-home"],
                ),
                "/dev/mapper/alt--vg-home",
            ),
        ],
        disks: vec![pair("disk", "1234abcd", "88888888-dddd-4ddd-8ddd-888888888888")],
        vgs: vec![pair("vg", "my-vg", "alt-vg")],
        disk_links: vec![pair("disk", "/dev/disk/by-id/virtio-OLD", "/dev/disk/by-id/virtio-NEW")],
        others: vec![
            names(
                "",
                "",
                "1234abcd-07",
                &["/dev/vda7", "/dev/disk/by-path/pci-0000:00:1f.2-ata-1-part7"],
            ),
            Names { devices: vec!["/dev/vda".into()], is_disk: true, ..Names::default() },
        ],
        ..IdMap::default()
    }
}
