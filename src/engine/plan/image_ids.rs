//! The identity map of an image install: what the image's own machine called its disks, and what
//! the alternate has instead.
//!
//! An image that altdisk made says the old names in its manifest; of a foreign archive only its
//! fstab is known. The running system's UUIDs are added: what is generated in the alternate
//! (initramfs, grub.cfg) must not name its disks either. Its device paths are not, as they may be
//! the same words with another meaning.

use std::path::{Path, PathBuf};

use crate::boot::identity::fstab;
use crate::boot::identity::ids::{IdMap, Names, Pair, Volume};
use crate::engine::plan::ids;
use crate::engine::plan::layout::{Layout, VolumeLayout};
use crate::image::manifest::Identities;

/// The source of the old names.
pub enum Old<'a> {
    /// The manifest's.
    Known(&'a Identities),
    /// The archive's /etc/fstab.
    Fstab(&'a [fstab::Entry]),
}

/// The map for this layout; `links` are those of the first target below /dev/disk, `running` is the
/// map that a clone of the running system would have, if it has one.
pub fn map(layout: &Layout, old: &Old, links: &[PathBuf], running: Option<IdMap>) -> IdMap {
    let mut map = IdMap::default();
    for v in &layout.volumes {
        let old = match old {
            Old::Known(known) => {
                let is = |n: &&crate::image::manifest::VolumeNames| {
                    n.logical_volume == v.lv && n.volume_group == v.old_vg
                };
                known.volumes.iter().find(is).map(|n| n.names.clone()).unwrap_or_default()
            }
            Old::Fstab(entries) => names_of(v, entries),
        };
        map.volumes.push(Volume {
            what: v.shown_name().to_owned(),
            old,
            new: ids::new_names(v),
            new_spec: v.spec(),
        });
    }
    let first = layout.disks.first();
    if let Old::Known(known) = old {
        let table = |t: &String| Pair {
            what: "disk".into(),
            old: t.clone(),
            new: first.map(|d| d.table_id.clone()).unwrap_or_default(),
        };
        map.disks.extend(known.tables.iter().map(table));
        let path = first.map(|d| d.path.clone()).unwrap_or_default();
        map.disk_links.extend(known.disk_links.iter().map(|l| {
            let new = ids::same_kind_link(Path::new(l), links).unwrap_or_else(|| path.clone());
            Pair { what: "disk".into(), old: l.clone(), new: new.display().to_string() }
        }));
        map.lvm.extend(known.lvm.iter().map(|u| Pair {
            what: "LVM".into(),
            old: u.clone(),
            new: String::new(),
        }));
    }
    map.vgs.extend(layout.vgs.iter().map(|vg| Pair {
        what: "volume group".into(),
        old: vg.old_name.clone(),
        new: vg.name.clone(),
    }));
    if let Some(running) = running {
        add_running(&mut map, running);
    }
    map
}

/// The names that the archive's fstab has for the file system of this volume.
fn names_of(v: &VolumeLayout, entries: &[fstab::Entry]) -> Names {
    let Some(fs) = &v.fs else { return Names::default() };
    let spec = entries
        .iter()
        .find(|e| e.mount_point == Path::new(&fs.fs_name))
        .map(|e| e.spec.as_str())
        .unwrap_or_default();
    let value = |key: &str| {
        spec.strip_prefix(key).map(|v| v.trim_matches('"').to_owned()).filter(|v| !v.is_empty())
    };
    Names {
        uuid: value("UUID="),
        label: value("LABEL="),
        partuuid: value("PARTUUID="),
        partlabel: value("PARTLABEL="),
        devices: if spec.starts_with("/dev/") { vec![spec.into()] } else { vec![] },
        ..Names::default()
    }
}

/// The running system's unique names, unless the image (of this very machine) said them already.
fn add_running(map: &mut IdMap, running: IdMap) {
    let known: Vec<String> = map
        .volumes
        .iter()
        .flat_map(|v| [v.old.uuid.clone(), v.old.partuuid.clone()])
        .flatten()
        .collect();
    for v in running.volumes {
        let Some(same) = map.volumes.iter().find(|m| m.what == v.what) else { continue };
        let new = |n: Option<String>| n.filter(|n| !known.contains(n));
        let old =
            Names { uuid: new(v.old.uuid), partuuid: new(v.old.partuuid), ..Names::default() };
        if old != Names::default() {
            let extra = Volume {
                what: v.what,
                old,
                new: same.new.clone(),
                new_spec: same.new_spec.clone(),
            };
            map.volumes.push(extra);
        }
    }
    for (have, more) in [(&mut map.disks, running.disks), (&mut map.lvm, running.lvm)] {
        for pair in more {
            if !have.iter().any(|h| h.old == pair.old) {
                have.push(pair);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(uuid: &str, partuuid: &str) -> Volume {
        let names = |u: &str, p: &str| Names {
            uuid: Some(u.into()),
            partuuid: Some(p.into()),
            ..Names::default()
        };
        Volume {
            what: "/".into(),
            old: names(uuid, partuuid),
            new: names("new", "newpart"),
            new_spec: "UUID=new".into(),
        }
    }

    #[test]
    fn the_running_systems_names_come_beside() {
        let mut map = IdMap { volumes: vec![volume("image", "imagepart")], ..IdMap::default() };
        let mut home = volume("home", "homepart");
        home.what = "/home".into();
        let mut running =
            IdMap { volumes: vec![volume("here", "imagepart"), home], ..IdMap::default() };
        running.volumes[0].old.devices = vec!["/dev/vda1".into()];
        running.disks = vec![Pair { what: "vda".into(), old: "table".into(), new: "t".into() }];
        add_running(&mut map, running);
        assert_eq!(map.volumes.len(), 2, "{map:?}");
        let extra = &map.volumes[1];
        assert_eq!(
            (extra.old.uuid.as_deref(), extra.old.partuuid.as_deref(), extra.old.devices.len()),
            (Some("here"), None, 0)
        );
        assert_eq!((extra.new_spec.as_str(), map.disks.len()), ("UUID=new", 1));
    }
}
