//! The names of the disks and volumes of the running system.

use std::path::{Path, PathBuf};

use crate::boot::identity::ids::Names;
use crate::disk::fs::FsType;
use crate::disk::model::Inventory;
use crate::engine::facts::source::{Device, Source, find_device};

/// The device of a file system of rootvg.
pub fn source_device<'s>(source: &'s Source, fs_name: &str) -> Option<&'s Path> {
    let fs = source.image.fs_data.iter().find(|f| f.fs_name == fs_name)?;
    source_volume(source, &fs.fs_lv, fs.fs_vg.as_ref())
}

/// The device that a volume of rootvg is now.
pub fn source_volume<'s>(source: &'s Source, lv: &str, vg: Option<&String>) -> Option<&'s Path> {
    let at = source
        .image
        .lv_data
        .iter()
        .position(|l| l.logical_volume == lv && l.volume_group.as_ref() == vg)?;
    source.devices.get(at).map(PathBuf::as_path)
}

/// Everything by which a device can be named.
pub fn old_names(inventory: &Inventory, path: &Path) -> Names {
    let Some(device) = find_device(inventory, "", path) else { return Names::default() };
    let content =
        device.content().iter().find(|s| s.usage == "filesystem" || FsType::Swap.is_named(&s.kind));
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
            let lv = inventory.lvm.lvs.iter().find(|l| l.dm_path == s.path);
            names.devices.extend(lv.into_iter().flat_map(|l| [l.path.clone(), l.dm_path.clone()]));
        }
    }
    names.devices.sort();
    names.devices.dedup();
    names
}
