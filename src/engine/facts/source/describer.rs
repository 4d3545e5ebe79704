//! Shared by the parts of the description: the machine's data, and simple queries about its mounts,
//! devices and fstab.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::identity::fstab;
use crate::disk::fs;
use crate::disk::model::{Inventory, Stacked};
use crate::engine::facts::source::device::{Device, find_device};
use crate::engine::facts::source::model::{MachineQueries, Source};
use crate::error;
use crate::host::mounts::Mount;
use crate::image::data::Lv;

pub(super) const MIB: u64 = 1 << 20;

/// Mounted from here, something is a guest and not part of the system.
const GUEST_DIRS: [&str; 4] = ["/mnt", "/media", "/run", crate::engine::paths::ALT_INST];

/// Usual mount points of the EFI system partition.
pub(super) const ESP_AT: [&str; 2] = ["/boot/efi", "/efi"];

pub(super) struct Describer<'a> {
    pub inventory: &'a Inventory,
    pub mounts: &'a [Mount],
    pub fstab: &'a [fstab::Entry],
    pub ask: &'a dyn MachineQueries,
    pub crypttab: String,
    pub source: Source,
    /// Device paths that are in lv_data already.
    pub done: BTreeSet<PathBuf>,
}

impl<'a> Describer<'a> {
    pub(super) fn device_of(&self, mount: &Mount) -> Option<Device<'a>> {
        // btrfs has anonymous device numbers: only the mount's source names the device.
        let dev = if fs::has_subvolumes(&mount.fstype) { "" } else { &mount.dev };
        find_device(self.inventory, dev, Path::new(&mount.source))
    }

    pub(super) fn mounted_at(&self, at: &str) -> Option<&'a Mount> {
        self.mounts.iter().rev().find(|m| m.mount_point == Path::new(at))
    }

    /// The devices of `/`, `/boot` and the ESP. Something else may be mounted over the last two;
    /// the machine does not start from that.
    pub(super) fn root_devices(&self) -> Vec<Device<'a>> {
        let root = self.mounted_at("/").and_then(|m| self.device_of(m));
        let boot = ["/boot"].into_iter().chain(ESP_AT).filter_map(|at| {
            let here = self.mounts.iter().rev().filter(|m| m.mount_point == Path::new(at));
            here.filter_map(|m| self.device_of(m)).find(|d| self.file_below(d).is_none())
        });
        root.into_iter().chain(boot).collect()
    }

    /// The file that a device is made of, if it is a loop device on a file or lies on one.
    pub(super) fn file_below(&self, device: &Device) -> Option<&'a Path> {
        let Device::Stacked(s) = device else { return None };
        let on_file =
            |name: &str| self.inventory.stacked.iter().find(|b| b.name == name && b.file.is_some());
        let below = self.inventory.stacked_below(&s.name);
        std::iter::once(s.name.as_str())
            .chain(below.iter().map(String::as_str))
            .find_map(on_file)
            .and_then(|b| b.file.as_deref())
    }

    /// Kernel names of the disks below a device; for a logical volume all disks of its volume
    /// group.
    pub(super) fn disks_of(&self, device: &Device) -> BTreeSet<String> {
        match device {
            Device::Whole(d) => [d.name.clone()].into(),
            Device::Part(d, _) => [d.name.clone()].into(),
            // A file is not a disk: it is copied as a file, whatever it holds.
            Device::Stacked(_) if self.file_below(device).is_some() => BTreeSet::new(),
            Device::Stacked(s) => {
                let mut disks: BTreeSet<String> =
                    self.inventory.disks_below(&s.dev).into_iter().collect();
                if let Some(lv) = self.lv_of(s) {
                    for pv in
                        self.inventory.lvm.pvs.iter().filter(|pv| pv.vg.as_deref() == Some(&lv.vg))
                    {
                        if let Some(below) = find_device(self.inventory, "", &pv.path) {
                            disks.extend(self.disks_of(&below));
                        }
                    }
                }
                disks
            }
        }
    }

    pub(super) fn lv_of(&self, s: &Stacked) -> Option<&'a crate::disk::model::Lv> {
        self.inventory.lvm.lvs.iter().find(|lv| {
            lv.dm_path == s.path || s.dm_name.as_deref().is_some_and(|n| lv.dm_path.ends_with(n))
        })
    }

    /// Refuses what is not cloned in kind, wherever it is in the stack.
    pub(super) fn refuse_stack(&self, device: &Device) -> Result<()> {
        let Device::Stacked(s) = device else { return Ok(()) };
        let cause = |what: &str| format!("{} is {what}", s.path.display());
        match s.kind.as_str() {
            "crypt" => {
                return Err(error::SOURCE_LUKS.with_cause(cause("encrypted (LUKS or dm-crypt)")));
            }
            "verity" | "integrity" => {
                let what = format!("checked as it is read (dm-{})", s.kind);
                return Err(error::SOURCE_CHECKED.with_cause(cause(&what)));
            }
            "raid" => return Err(error::SOURCE_MD.with_cause(cause("software RAID (MD)"))),
            "bcache" => return Err(error::SOURCE_BCACHE.with_cause(cause("a bcache device"))),
            "mpath" => return Err(error::SOURCE_MULTIPATH.with_cause(cause("a multipath device"))),
            _ => {}
        }
        if let Some(lv) = self.lv_of(s).filter(|lv| lv.segtype.contains("thin")) {
            return Err(error::SOURCE_THIN.with_cause(format!(
                "{} is an LVM thin volume ({})",
                lv.path.display(),
                lv.segtype
            )));
        }
        if let Some(lv) =
            self.lv_of(s).filter(|lv| lv.segtype.contains("cache") || lv.segtype.contains("vdo"))
        {
            return Err(error::SOURCE_THIN.with_cause(format!(
                "{} is an LVM volume of type {}",
                lv.path.display(),
                lv.segtype
            )));
        }
        let below = self.inventory.stacked.iter().filter(|b| s.slaves.contains(&b.name));
        below.map(Device::Stacked).try_for_each(|b| self.refuse_stack(&b))
    }

    pub(super) fn entry(&self, at: &Path) -> Option<&'a fstab::Entry> {
        self.fstab.iter().find(|e| e.mount_point == at)
    }

    pub(super) fn is_guest(&self, at: &Path) -> bool {
        GUEST_DIRS.iter().any(|d| at.starts_with(d)) && self.entry(at).is_none()
    }

    /// True if fstab says that a device is mounted there (and not a directory once more).
    pub(super) fn in_fstab(&self, at: &Path) -> bool {
        let bind = |e: &fstab::Entry| e.options.split(',').any(|o| o == "bind" || o == "rbind");
        self.entry(at).is_some_and(|e| !bind(e))
    }

    /// True if all of a device's disks are root disks.
    pub(super) fn is_on_root_disks(&self, device: &Device) -> bool {
        let disks = self.disks_of(device);
        !disks.is_empty() && disks.iter().all(|d| self.source.disks.contains(d))
    }

    pub(super) fn volume_name(&self, device: &Device) -> (String, Option<String>) {
        match device {
            Device::Whole(d) => (d.name.clone(), None),
            Device::Part(_, p) => (p.name.clone(), None),
            Device::Stacked(s) => match self.lv_of(s) {
                Some(lv) => (lv.name.clone(), Some(lv.vg.clone())),
                None => (s.name.clone(), None),
            },
        }
    }

    pub(super) fn add(&mut self, lv: Lv, device: &Path) {
        self.source.image.lv_data.push(lv);
        self.source.devices.push(device.to_owned());
    }
}
