//! By what the source's disks and volumes can be named, and what the copy has instead.

use std::path::{Path, PathBuf};

use crate::boot::ids::{IdMap, Names, Pair, Physical, Volume};
use crate::disk::model::{Disk, World};
use crate::engine::facts::Facts;
use crate::engine::layout::{Layout, VolumeLayout};
use crate::engine::source::{Device, Source, find_device};

/// Everything by which the source can be named, and what the alternate has instead.
pub fn ids(layout: &Layout, facts: &Facts, targets: &[&Disk]) -> IdMap {
    let mut map = IdMap::default();
    for v in &layout.volumes {
        let device = match &v.fs {
            Some(fs) => source_device(&facts.source, &fs.fs_name),
            None => source_volume(&facts.source, &v.lv, v.old_vg.as_ref()),
        };
        let old = device.map(|d| facts.old_names(d)).unwrap_or_default();
        map.volumes.push(Volume { what: v.what().to_owned(), old, new: new_names(v), new_spec: v.spec() });
    }
    let first = layout.disks.first();
    for disk in facts.world.disks.iter().filter(|d| facts.source.disks.contains(&d.name)) {
        if let (Some(table), Some(new)) = (&disk.table, first) {
            map.disks.push(Pair { what: disk.name.clone(), old: table.id.clone(), new: new.table_id.clone() });
        }
        for link in &disk.links {
            let new = targets
                .first()
                .and_then(|t| same_kind_link(link, &t.links))
                .unwrap_or_else(|| first.map(|d| d.path.clone()).unwrap_or_default());
            map.disk_links.push(Pair { what: disk.name.clone(), old: link.display().to_string(), new: new.display().to_string() });
        }
    }
    for vg in &layout.vgs {
        map.vgs.push(Pair { what: "volume group".into(), old: vg.old_name.clone(), new: vg.name.clone() });
        // LVM chooses its own new ones.
        let lvm = &facts.world.lvm;
        let own = lvm.vgs.iter().filter(|v| v.name == vg.old_name).map(|v| &v.uuid);
        let pvs = lvm.pvs.iter().filter(|p| p.vg.as_ref() == Some(&vg.old_name));
        map.physical.push(Physical {
            vg: vg.old_name.clone(),
            old: pvs.clone().map(|p| old_names(&facts.world, &p.path)).collect(),
            new: vg.pvs.iter().filter_map(|path| part_link(layout, path)).collect(),
        });
        let pvs = pvs.map(|p| &p.uuid);
        map.lvm.extend(own.chain(pvs).map(|old| Pair { what: "LVM".into(), old: old.clone(), new: String::new() }));
    }
    map.others = others(&map, facts);
    map
}

/// A link to a partition of the copy that stays whatever its disk is called.
fn part_link(layout: &Layout, path: &Path) -> Option<PathBuf> {
    let part = layout.disks.iter().flat_map(|d| &d.partitions).find(|p| p.path == path)?;
    Some(Path::new("/dev/disk/by-partuuid").join(&part.uuid))
}

/// The source's disks, and their partitions that are no volume of the copy.
fn others(map: &IdMap, facts: &Facts) -> Vec<Names> {
    let taken = |path: &Path| map.volumes.iter().any(|v| v.old.devices.iter().any(|d| d == path));
    let mut all = vec![];
    for disk in facts.world.disks.iter().filter(|d| facts.source.disks.contains(&d.name)) {
        if !taken(&disk.path) {
            all.push(Names { devices: vec![disk.path.clone()], is_disk: true, ..Names::default() });
        }
        for part in disk.partitions.iter().filter(|p| !taken(&p.path)) {
            let mut names = old_names(&facts.world, &part.path);
            // Also what is no file system (LUKS). A physical volume's is known as LVM's.
            let known = |uuid: &String| map.lvm.iter().any(|p| p.old == *uuid);
            names.uuid = names.uuid.or_else(|| part.content.iter().find_map(|s| s.uuid.clone())).filter(|u| !known(u));
            all.push(names);
        }
    }
    all
}

/// by-id for by-id, by-path for by-path.
pub fn same_kind_link(old: &Path, new: &[PathBuf]) -> Option<PathBuf> {
    new.iter().find(|n| n.parent() == old.parent()).cloned()
}

/// The device of a file system of rootvg.
pub fn source_device<'s>(source: &'s Source, fs_name: &str) -> Option<&'s Path> {
    let fs = source.image.fs_data.iter().find(|f| f.fs_name == fs_name)?;
    source_volume(source, &fs.fs_lv, fs.fs_vg.as_ref())
}

/// The device that a volume of rootvg is now.
pub fn source_volume<'s>(source: &'s Source, lv: &str, vg: Option<&String>) -> Option<&'s Path> {
    let at = source.image.lv_data.iter().position(|l| l.logical_volume == lv && l.volume_group.as_ref() == vg)?;
    source.devices.get(at).map(PathBuf::as_path)
}

/// Everything by which a device can be named.
pub fn old_names(world: &World, path: &Path) -> Names {
    let Some(device) = find_device(world, "", path) else { return Names::default() };
    let content = device.content().iter().find(|s| s.usage == "filesystem" || s.kind == "swap");
    let mut names = Names {
        uuid: content.and_then(|s| s.uuid.clone()),
        label: content.and_then(|s| s.label.clone()).filter(|l| !l.is_empty()),
        devices: vec![path.to_owned()],
        ..Names::default()
    };
    match device {
        Device::Whole(d) => names.devices.extend(d.links.iter().cloned()),
        Device::Part(_, p) => {
            names.partuuid.clone_from(&p.uuid);
            names.partlabel.clone_from(&p.label);
            names.devices.extend(p.links.iter().cloned());
        }
        Device::Stacked(s) => {
            names.devices.extend(s.links.iter().cloned());
            let lv = world.lvm.lvs.iter().find(|l| l.dm_path == s.path);
            names.devices.extend(lv.into_iter().flat_map(|l| [l.path.clone(), l.dm_path.clone()]));
        }
    }
    names.devices.sort();
    names.devices.dedup();
    names
}

pub fn new_names(v: &VolumeLayout) -> Names {
    Names {
        uuid: Some(v.uuid.clone()),
        label: v.label.clone(),
        partuuid: v.partuuid.clone(),
        devices: vec![v.device.clone()],
        ..Names::default()
    }
}
