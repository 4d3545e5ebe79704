//! By what names a device is known now, and a volume of the copy will be: what configuration files may call it.

use std::path::{Path, PathBuf};

use crate::boot::ids::Names;
use crate::disk::model::World;
use crate::engine::layout::VolumeLayout;
use crate::engine::source::{Device, find_device};

/// by-id for by-id, by-path for by-path.
pub fn same_kind_link(old: &Path, new: &[PathBuf]) -> Option<PathBuf> {
    new.iter().find(|n| n.parent() == old.parent()).cloned()
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

/// The names that this volume of the copy will have.
pub fn new_names(v: &VolumeLayout) -> Names {
    Names {
        uuid: Some(v.uuid.clone()),
        label: v.label.clone(),
        partuuid: v.partuuid.clone(),
        partlabel: None,
        devices: vec![v.device.clone()],
    }
}
