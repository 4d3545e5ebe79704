use crate::engine::plan::fresh::Fresh;
use crate::engine::plan::lay_out::lay_out;
use crate::testing::alternate::{btrfs, counted, lvm, plain, target};

#[test]
fn identifiers_are_fresh_and_partitions_do_not_overlap() {
    for (image, targets) in [
        (plain(), vec![target("vdb", 16, 512)]),
        (lvm(), vec![target("vdb", 5, 4096), target("vdc", 4, 4096)]),
        (btrfs(), vec![target("vdb", 9, 512)]),
    ] {
        let mut ids = counted();
        let layout = lay_out(&image, 0, &targets, &mut Fresh(&mut ids)).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for disk in &layout.disks {
            assert!(seen.insert(disk.table_id.clone()));
            let mut end = 1 << 20;
            for p in &disk.partitions {
                assert!(p.start >= end && p.start % (1 << 20) == 0 && p.size > 0, "{p:?}");
                assert!(seen.insert(p.uuid.clone()) && p.name.len() <= 36);
                end = p.start + p.size;
            }
            assert!(end + (1 << 20) <= disk.size, "{} ends at {end} of {}", disk.name, disk.size);
        }
        assert!(layout.volumes.iter().all(|v| seen.insert(v.uuid.clone())));
        // Logical volumes fit into what the physical volumes have.
        for vg in &layout.vgs {
            let parts = layout
                .disks
                .iter()
                .flat_map(|d| &d.partitions)
                .filter(|p| vg.pvs.contains(&p.path));
            let extents: u64 = parts.map(|p| (p.size - (1 << 20)) / vg.extent).sum();
            let used: u64 = layout
                .volumes
                .iter()
                .filter(|v| v.vg.as_ref() == Some(&vg.name))
                .map(|v| v.size / vg.extent)
                .sum();
            assert!(used <= extents, "{used} of {extents}");
        }
    }
}
