//! The identity map of a clone: everything by which the disks and volumes of the running system can
//! be named, and what the copy has instead.

use std::path::{Path, PathBuf};

use crate::boot::identity::ids::{IdMap, Names, Pair, Physical, Volume};
use crate::disk::model::{Disk, Inventory, Signature};
use crate::engine::facts::Facts;
use crate::engine::facts::names::{old_names, source_device, source_volume};
use crate::engine::plan::layout::{Layout, VolumeLayout};

/// Everything by which the source can be named, and what the alternate has instead.
pub fn clone_map(layout: &Layout, facts: &Facts, targets: &[&Disk]) -> IdMap {
    let mut map = IdMap::default();
    for v in &layout.volumes {
        let device = match &v.fs {
            Some(fs) => source_device(&facts.source, &fs.fs_name),
            None => source_volume(&facts.source, &v.lv, v.old_vg.as_ref()),
        };
        let old = device.map(|d| facts.old_names(d)).unwrap_or_default();
        map.volumes.push(Volume {
            what: v.shown_name().to_owned(),
            old,
            new: new_names(v),
            new_spec: v.spec(),
        });
    }
    let first = layout.disks.first();
    for disk in facts.inventory.disks.iter().filter(|d| facts.source.disks.contains(&d.name)) {
        if let (Some(table), Some(new)) = (&disk.table, first) {
            map.disks.push(Pair {
                what: disk.name.clone(),
                old: table.id.clone(),
                new: new.table_id.clone(),
            });
        }
        for link in &disk.links {
            let new = targets
                .first()
                .and_then(|t| same_kind_link(link, &t.links))
                .unwrap_or_else(|| first.map(|d| d.path.clone()).unwrap_or_default());
            map.disk_links.push(Pair {
                what: disk.name.clone(),
                old: link.display().to_string(),
                new: new.display().to_string(),
            });
        }
    }
    for vg in &layout.vgs {
        map.vgs.push(Pair {
            what: "volume group".into(),
            old: vg.old_name.clone(),
            new: vg.name.clone(),
        });
        // LVM chooses its own new ones.
        let lvm = &facts.inventory.lvm;
        let own = lvm.vgs.iter().filter(|v| v.name == vg.old_name).map(|v| &v.uuid);
        let pvs = lvm.pvs.iter().filter(|p| p.vg.as_ref() == Some(&vg.old_name));
        map.physical.push(Physical {
            vg: vg.old_name.clone(),
            old: pvs.clone().map(|p| old_names(&facts.inventory, &p.path)).collect(),
            new: vg.pvs.iter().filter_map(|path| part_link(layout, path)).collect(),
        });
        let pvs = pvs.map(|p| &p.uuid);
        map.lvm.extend(own.chain(pvs).map(|old| Pair {
            what: "LVM".into(),
            old: old.clone(),
            new: String::new(),
        }));
    }
    map.lvm.extend(
        layout
            .volumes
            .iter()
            .filter_map(|v| grub_name(&v.lv, v.old_vg.as_ref(), &v.device, &facts.inventory)),
    );
    map.others = others(&map, &facts.inventory, &facts.source.disks);
    map
}

/// How GRUB calls a logical volume: by the UUIDs of its group and its own. LVM chooses those of the
/// copy, so there it is called by name.
fn grub_name(lv: &str, vg: Option<&String>, device: &Path, inventory: &Inventory) -> Option<Pair> {
    let lv = inventory.lvm.lvs.iter().find(|l| l.name == lv && Some(&l.vg) == vg)?;
    let vg = inventory.lvm.vgs.iter().find(|g| g.name == lv.vg)?;
    let new = device.strip_prefix("/dev/mapper").ok()?;
    Some(Pair {
        what: "LVM".into(),
        old: format!("lvmid/{}/{}", vg.uuid, lv.uuid),
        new: format!("lvm/{}", new.display()),
    })
}

/// A link to a partition of the copy that stays whatever its disk is called.
fn part_link(layout: &Layout, path: &Path) -> Option<PathBuf> {
    let part = layout.disks.iter().flat_map(|d| &d.partitions).find(|p| p.path == path)?;
    Some(Path::new("/dev/disk/by-partuuid").join(&part.uuid))
}

/// The source's disks, and their partitions and logical volumes that are not volumes of the copy.
fn others(map: &IdMap, inventory: &Inventory, source_disks: &[String]) -> Vec<Names> {
    let taken = |path: &Path| map.volumes.iter().any(|v| v.old.devices.iter().any(|d| d == path));
    let disks: Vec<&Disk> =
        inventory.disks.iter().filter(|d| source_disks.contains(&d.name)).collect();
    let mut all = vec![];
    // Also of other content than file systems (LUKS). A physical volume's is known as LVM's.
    let content_uuid = |content: &[Signature]| {
        let known = |uuid: &String| map.lvm.iter().any(|p| p.old == *uuid);
        content.iter().find_map(|s| s.uuid.clone()).filter(|u| !known(u))
    };
    for disk in &disks {
        if !taken(&disk.path) {
            all.push(Names { devices: vec![disk.path.clone()], is_disk: true, ..Names::default() });
        }
        for part in disk.partitions.iter().filter(|p| !taken(&p.path)) {
            let mut names = old_names(inventory, &part.path);
            names.uuid = names.uuid.or_else(|| content_uuid(&part.content));
            all.push(names);
        }
    }
    let is_here = |path: &PathBuf| {
        disks.iter().any(|d| d.path == *path || d.partitions.iter().any(|p| p.path == *path))
    };
    let is_source = |vg: &String| {
        map.vgs.iter().any(|p| p.old == *vg)
            || inventory.lvm.pvs.iter().any(|pv| pv.vg.as_ref() == Some(vg) && is_here(&pv.path))
    };
    for lv in inventory
        .lvm
        .lvs
        .iter()
        .filter(|l| is_source(&l.vg) && !taken(&l.path) && !taken(&l.dm_path))
    {
        let mut names = old_names(inventory, &lv.dm_path);
        let stacked = inventory.stacked.iter().find(|s| s.path == lv.dm_path);
        names.uuid = names.uuid.or_else(|| content_uuid(&stacked?.content));
        // An inactive one has no device yet, but fstab may name it.
        names.devices.extend([lv.path.clone(), lv.dm_path.clone()]);
        names.devices.retain(|d| !d.as_os_str().is_empty());
        names.devices.sort();
        names.devices.dedup();
        // A snapshot holds the file system of its origin.
        let is_volumes = |of: fn(&Names) -> &Option<String>, name: &String| {
            map.volumes.iter().any(|v| of(&v.old).as_ref() == Some(name))
        };
        names.uuid = names.uuid.filter(|u| !is_volumes(|n| &n.uuid, u));
        names.label = names.label.filter(|l| !is_volumes(|n| &n.label, l));
        all.push(names);
    }
    all
}

/// by-id for by-id, by-path for by-path.
pub fn same_kind_link(old: &Path, new: &[PathBuf]) -> Option<PathBuf> {
    new.iter().find(|n| n.parent() == old.parent()).cloned()
}

/// The names of a volume of the copy.
pub fn new_names(v: &VolumeLayout) -> Names {
    Names {
        uuid: Some(v.uuid.clone()),
        label: v.label.clone(),
        partuuid: v.partuuid.clone(),
        devices: vec![v.device.clone()],
        ..Names::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::model::{Lv, Lvm, Partition, Pv, Signature, Stacked, Vg};

    fn lv(vg: &str, name: &str) -> Lv {
        let dm = format!("/dev/mapper/{vg}-{}", name.replace('-', "--"));
        Lv {
            name: name.into(),
            vg: vg.into(),
            uuid: format!("{name}-uuid"),
            path: format!("/dev/{vg}/{name}").into(),
            dm_path: dm.into(),
            ..Lv::default()
        }
    }

    /// A disk with a volume group that is copied in part, one with another group, and a disk that
    /// is not the source's.
    fn inventory() -> Inventory {
        let part = |path: &str| Partition { path: path.into(), ..Partition::default() };
        let disk = |name: &str, parts: &[&str]| Disk {
            name: name.into(),
            path: format!("/dev/{name}").into(),
            dev: name.into(),
            partitions: parts.iter().map(|p| part(p)).collect(),
            ..Disk::default()
        };
        let pv =
            |path: &str, vg: &str| Pv { path: path.into(), vg: Some(vg.into()), ..Pv::default() };
        let active = |path: &str, usage: &str, uuid: &str| Stacked {
            path: path.into(),
            dev: path.into(),
            content: vec![Signature {
                usage: usage.into(),
                kind: if usage == "crypto" { "crypto_LUKS" } else { "ext4" }.into(),
                uuid: Some(uuid.into()),
                ..Signature::default()
            }],
            links: vec!["/dev/disk/by-id/dm-name-x".into()],
            ..Stacked::default()
        };
        Inventory {
            disks: vec![disk("vda", &["/dev/vda1", "/dev/vda2"]), disk("vdb", &["/dev/vdb1"])],
            stacked: vec![
                active("/dev/mapper/vg-big--data", "filesystem", "data"),
                active("/dev/mapper/vg-snap", "filesystem", "root"),
                active("/dev/mapper/other-x", "crypto", "luks"),
            ],
            lvm: Lvm {
                pvs: vec![pv("/dev/vda1", "vg"), pv("/dev/vda2", "other"), pv("/dev/vdb1", "far")],
                vgs: vec![Vg { name: "vg".into(), uuid: "vg-uuid".into(), ..Vg::default() }],
                lvs: vec![
                    lv("vg", "root"),
                    lv("vg", "big-data"),
                    lv("vg", "snap"),
                    lv("vg", "off"),
                    lv("other", "x"),
                    lv("far", "y"),
                ],
            },
            ..Inventory::default()
        }
    }

    #[test]
    fn logical_volumes_that_are_left_out_are_known() {
        let old = Names {
            uuid: Some("root".into()),
            devices: vec!["/dev/mapper/vg-root".into()],
            ..Names::default()
        };
        let map = IdMap {
            volumes: vec![Volume { what: "/".into(), old, ..Volume::default() }],
            vgs: vec![Pair {
                what: "volume group".into(),
                old: "vg".into(),
                new: "vg_alt1".into(),
            }],
            ..IdMap::default()
        };
        let others = others(&map, &inventory(), &["vda".into()]);
        let volumes: Vec<&Names> = others.iter().filter(|n| n.devices.len() > 1).collect();
        let named = |n: &Names, path: &str| n.devices.iter().any(|d| d == Path::new(path));
        for (i, (path, mapped, uuid)) in [
            ("/dev/vg/big-data", "/dev/mapper/vg-big--data", Some("data")),
            ("/dev/vg/snap", "/dev/mapper/vg-snap", None),
            ("/dev/vg/off", "/dev/mapper/vg-off", None),
            ("/dev/other/x", "/dev/mapper/other-x", Some("luks")),
        ]
        .into_iter()
        .enumerate()
        {
            assert!(named(volumes[i], path) && named(volumes[i], mapped), "{:?}", volumes[i]);
            assert_eq!(volumes[i].uuid.as_deref(), uuid, "{path}");
        }
        assert_eq!(volumes.len(), 4, "{volumes:?}");
        assert!(named(volumes[0], "/dev/disk/by-id/dm-name-x"));
    }

    #[test]
    fn grubs_name_of_a_logical_volume() {
        let device = Path::new("/dev/mapper/vg_alt1-root");
        let pair = grub_name("root", Some(&"vg".into()), device, &inventory()).unwrap();
        assert_eq!(
            (pair.old.as_str(), pair.new.as_str()),
            ("lvmid/vg-uuid/root-uuid", "lvm/vg_alt1-root")
        );
        assert!(grub_name("root", None, device, &inventory()).is_none());
    }
}
