//! Describes rootvg, the file systems of the running system on its root disks, as an image.data.
//!
//! The kernel is asked (mountinfo, /proc/swaps, the block layer); fstab adds the options and what
//! is not mounted. Data on other disks is not part of rootvg. Something mounted from a file (a loop
//! device) is not either, but the file is. Layers that cannot be cloned (LUKS, MD, ZFS, bcache,
//! multipath, LVM thin) are an error if `/` or `/boot` lies on them; otherwise each is one
//! [`model::Refusal`], and an image.data without that file system avoids it. Everything that is
//! left out is reported.

mod describer;
pub mod device;
mod file_systems;
pub mod model;
pub mod mount;
mod subvolumes;
mod unmounted;

pub use device::{Device, find_device};
pub use model::{ListedSubvolume, MachineQueries, Source, Usage};

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::boot::identity::fstab;
use crate::disk::model::Inventory;
use crate::engine::facts::source::describer::{Describer, MIB};
use crate::error;
use crate::host::mounts::Mount;
use crate::image::data::{Image, ImageData, Policy, SourceDisk, Vg};

/// Describes rootvg.
///
/// # Errors
/// ALT-301 if `/` is on no disk, ALT-302 to ALT-308 for what is not cloned in kind, ALT-309 for
/// a file system of another type.
pub fn describe(
    inventory: &Inventory,
    mounts: &[Mount],
    fstab: &[fstab::Entry],
    image: Image,
    ask: &dyn MachineQueries,
) -> Result<Source> {
    let mut d = Describer {
        inventory,
        mounts,
        fstab,
        ask,
        crypttab: ask.crypttab(),
        source: Source {
            image: ImageData { image_data: image, ..ImageData::default() },
            ..Source::default()
        },
        done: BTreeSet::new(),
    };
    d.root_disks()?;
    d.volume_groups();
    for mount in mounts {
        d.file_system(mount)?;
    }
    d.mounted_from_files();
    d.not_mounted();
    d.swap()?;
    d.finish();
    Ok(d.source)
}

/// The disks that the running system starts from, whether or not it could be cloned; none where `/`
/// is on no disk (a live medium).
pub fn root_disks(
    inventory: &Inventory,
    mounts: &[Mount],
    ask: &dyn MachineQueries,
) -> Vec<String> {
    let d = Describer {
        inventory,
        mounts,
        fstab: &[],
        ask,
        crypttab: String::new(),
        source: Source::default(),
        done: BTreeSet::new(),
    };
    let disks: BTreeSet<String> =
        d.root_devices().iter().flat_map(|device| d.disks_of(device)).collect();
    disks.into_iter().collect()
}

impl Describer<'_> {
    /// The disks below `/`, `/boot` and the ESP, and those that hold the rest of their volume
    /// groups.
    fn root_disks(&mut self) -> Result<()> {
        let root = self.mounted_at("/").ok_or_else(|| {
            error::NO_ROOT_DEVICE.with_cause("nothing is mounted at / (is /proc mounted?)")
        })?;
        if self.device_of(root).is_none_or(|d| self.file_below(&d).is_some()) {
            let cause = format!(
                "/ is {} from {}, which is not a disk, partition or logical volume",
                root.fstype, root.source
            );
            return Err(error::NO_ROOT_DEVICE.with_cause(cause));
        }
        let mut disks: BTreeSet<String> = BTreeSet::new();
        for device in self.root_devices() {
            self.refuse_stack(&device)?;
            disks.extend(self.disks_of(&device));
        }
        self.source.disks = disks.into_iter().collect();
        Ok(())
    }

    /// The volume groups whose disks are among the root disks.
    fn volume_groups(&mut self) {
        for vg in &self.inventory.lvm.vgs {
            let pvs: Vec<&Path> = self
                .inventory
                .lvm
                .pvs
                .iter()
                .filter(|pv| pv.vg.as_deref() == Some(&vg.name))
                .map(|pv| pv.path.as_path())
                .collect();
            let disks: BTreeSet<String> = pvs
                .iter()
                .filter_map(|p| find_device(self.inventory, "", p))
                .flat_map(|d| self.disks_of(&d))
                .collect();
            if !disks.is_empty() && disks.iter().all(|d| self.source.disks.contains(d)) {
                let list = disks.into_iter().collect();
                self.source.image.vg_data.push(Vg {
                    vgname: vg.name.clone(),
                    ppsize_mb: (vg.extent_size / MIB).max(1),
                    vg_source_disk_list: list,
                });
            }
        }
    }

    fn finish(&mut self) {
        self.source.image.logical_volume_policy = Policy::default();
        let disks = self.inventory.disks.iter().filter(|d| self.source.disks.contains(&d.name));
        self.source.image.source_disk_data = disks
            .map(|d| SourceDisk {
                hdiskname: d.name.clone(),
                size_mb: d.size / MIB,
                pvid: d.table.as_ref().map(|t| t.id.clone()).unwrap_or_default(),
                serial: d.serial.clone().unwrap_or_default(),
                connection: d.transport.clone().unwrap_or_default(),
                sector_size: d.logical_sector,
            })
            .collect();
        // Volume groups that nothing of rootvg uses are not made again.
        let used: BTreeSet<String> =
            self.source.image.lv_data.iter().filter_map(|l| l.volume_group.clone()).collect();
        self.source.image.vg_data.retain(|v| used.contains(&v.vgname));
    }
}

#[cfg(test)]
mod tests;
