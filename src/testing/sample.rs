//! A machine for tests: rootvg on vda (LVM, LUKS), a free vdb, a multipath pair, a practice disk.

use crate::disk::model::{
    Disk, Inventory, Lv, Lvm, Partition, Pv, Sight, Signature, Stacked, Table, Vg,
};

pub fn disk(name: &str, dev: &str) -> Disk {
    Disk {
        name: name.into(),
        path: format!("/dev/{name}").into(),
        dev: dev.into(),
        size: 20 << 30,
        logical_sector: 512,
        physical_sector: 512,
        sight: Some(Sight::Blank),
        ..Disk::default()
    }
}

pub fn partition(disk: &str, number: u32, dev: &str, kind: &str) -> Partition {
    Partition {
        number,
        name: format!("{disk}{number}"),
        path: format!("/dev/{disk}{number}").into(),
        dev: Some(dev.into()),
        start: u64::from(number) << 30,
        size: 1 << 30,
        content: signatures(kind),
        ..Partition::default()
    }
}

pub fn signatures(kind: &str) -> Vec<Signature> {
    if kind.is_empty() {
        return vec![];
    }
    vec![Signature {
        kind: kind.into(),
        usage: crate::disk::probe::usage(kind).into(),
        uuid: Some(format!("{kind}-uuid")),
        label: None,
    }]
}

pub fn stacked(name: &str, dev: &str, path: &str, kind: &str, slaves: &[&str]) -> Stacked {
    let slaves = slaves.iter().map(|s| (*s).to_owned()).collect();
    Stacked {
        name: name.into(),
        dev: dev.into(),
        path: path.into(),
        kind: kind.into(),
        slaves,
        ..Stacked::default()
    }
}

pub fn inventory() -> Inventory {
    let vda = Disk {
        serial: Some("DISK-A".into()),
        table: Some(Table { kind: "gpt".into(), id: "aaaa".into() }),
        partitions: vec![
            partition("vda", 1, "254:1", "vfat"),
            partition("vda", 2, "254:2", "LVM2_member"),
        ],
        ..disk("vda", "254:0")
    };
    let vdb = Disk {
        serial: Some("DISK-B".into()),
        diskseq: Some(4),
        links: vec!["/dev/disk/by-id/virtio-DISK-B".into()],
        ..disk("vdb", "254:16")
    };
    let loop6 = Disk {
        serial: Some("PRACTICE-one".into()),
        practice: Some("/var/lib/altdisk/practice/one.img".into()),
        ..disk("loop6", "7:6")
    };
    Inventory {
        disks: vec![vda, vdb, disk("sdc", "8:32"), disk("sdd", "8:48"), loop6],
        stacked: vec![
            stacked("dm-0", "253:0", "/dev/mapper/vg0-root", "lvm", &["vda2"]),
            stacked("dm-1", "253:1", "/dev/mapper/cr", "crypt", &["dm-0"]),
            stacked("dm-9", "253:9", "/dev/mapper/mpatha", "mpath", &["sdc", "sdd"]),
        ],
        lvm: Lvm {
            pvs: vec![Pv { path: "/dev/vda2".into(), vg: Some("vg0".into()), ..Pv::default() }],
            vgs: vec![Vg { name: "vg0".into(), ..Vg::default() }],
            lvs: vec![Lv {
                name: "root".into(),
                vg: "vg0".into(),
                path: "/dev/vg0/root".into(),
                dm_path: "/dev/mapper/vg0-root".into(),
                active: true,
                ..Lv::default()
            }],
        },
        ..Inventory::default()
    }
}
