use super::*;

fn block(name: &str, dev: &str) -> Block {
    Block {
        name: name.into(),
        devname: name.into(),
        dev: dev.into(),
        size: 8 << 30,
        logical_sector: 512,
        ..Block::default()
    }
}

#[test]
fn disks_and_stacks() {
    let part = |name: &str, dev: &str, n, parent: &str| Block {
        partition: Some(n),
        parent: Some(parent.into()),
        ..block(name, dev)
    };
    let dm = |name: &str, dev: &str, dm_name: &str, uuid: &str, slaves: &[&str]| Block {
        dm_name: Some(dm_name.into()),
        dm_uuid: Some(uuid.into()),
        slaves: slaves.iter().map(|s| (*s).into()).collect(),
        ..block(name, dev)
    };
    let blocks = [
        block("vda", "254:0"),
        part("vda1", "254:1", 1, "vda"),
        block("sr0", "11:0"),
        block("zram0", "252:0"),
        Block { size: 0, ..block("nbd0", "43:0") },
        block("mmcblk0boot0", "179:8"),
        block("mmcblk0", "179:0"),
        dm("dm-0", "253:0", "vg0-lv--root", "LVM-x", &["vda1"]),
        dm("dm-1", "253:1", "mpatha", "mpath-36001", &["sda", "sdb"]),
        dm("dm-2", "253:2", "mpatha-part1", "part1-mpath-36001", &["dm-1"]),
        dm("dm-3", "253:3", "cr", "CRYPT-LUKS2-aa-cr", &["dm-0"]),
        dm("dm-4", "253:4", "usr", "CRYPT-VERITY-aa-usr", &["vda1"]),
        Block { slaves: vec!["sdc".into()], ..block("md127", "9:127") },
        part("md127p1", "259:5", 1, "md127"),
        Block {
            backing_file: Some("/var/lib/altdisk/practice/one.img".into()),
            ..block("loop1", "7:1")
        },
        Block { backing_file: Some("/no/such/other.img".into()), ..block("loop2", "7:2") },
        block("loop3", "7:3"),
    ];
    let links =
        Links::from([(PathBuf::from("/dev/vda"), vec![PathBuf::from("/dev/disk/by-id/virtio-A")])]);
    let inventory = assemble(&blocks, &links, &|b| b.name == "loop1");
    let disks: Vec<&str> = inventory.disks.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(disks, ["vda", "mmcblk0", "loop1"]);
    assert_eq!(inventory.disks[0].links, [PathBuf::from("/dev/disk/by-id/virtio-A")]);
    assert_eq!(inventory.disks[2].serial.as_deref(), Some("PRACTICE-one"));
    let stacked: Vec<(&str, &str)> =
        inventory.stacked.iter().map(|s| (s.name.as_str(), s.kind.as_str())).collect();
    let want = [
        ("dm-0", "lvm"),
        ("dm-1", "mpath"),
        ("dm-2", "partition"),
        ("dm-3", "crypt"),
        ("dm-4", "verity"),
        ("md127", "raid"),
        ("loop2", "loop"),
        ("md127p1", "partition"),
    ];
    assert_eq!(stacked, want);
    assert_eq!(inventory.stacked[0].path, Path::new("/dev/mapper/vg0-lv--root"));
    assert_eq!(inventory.stacked[7].slaves, ["md127"]);
}

#[test]
fn tables_join_what_the_kernel_knows() {
    let mut d = disk(&block("nvme0n1", "259:0"), None, vec![]);
    d.partitions = vec![partition(
        &Block { partition: Some(3), size: 5, ..block("nvme0n1p3", "259:3") },
        vec![],
    )];
    let found =
        probe::parse_table(include_str!("../../../tests/fixtures/disk/sfdisk-gpt-4kn.json"))
            .unwrap();
    for e in found.entries {
        join(&mut d, e, found.sector);
    }
    let all: Vec<(u32, &str, bool)> =
        d.partitions.iter().map(|p| (p.number, p.name.as_str(), p.dev.is_some())).collect();
    assert_eq!(all, [(1, "nvme0n1p1", false), (3, "nvme0n1p3", true), (15, "nvme0n1p15", false)]);
    assert_eq!((d.partitions[0].start, d.partitions[2].size), (1 << 20, 8192 * 4096));
    assert_eq!(d.partitions[2].label.as_deref(), Some("altinst_rootvg ESP"));
}
