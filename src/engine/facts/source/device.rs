//! From what names a device (a number, a path, fstab's first field) to the device, and to what is
//! known of it.

use std::path::Path;

use crate::disk::model::{Disk, Inventory, Partition, Signature, Stacked};
use crate::disk::uses;

/// The device of a file system.
#[derive(Clone, Copy)]
pub enum Device<'w> {
    Whole(&'w Disk),
    Part(&'w Disk, &'w Partition),
    Stacked(&'w Stacked),
}

impl<'w> Device<'w> {
    /// The node below /dev.
    pub fn path(&self) -> &'w Path {
        match self {
            Self::Whole(d) => &d.path,
            Self::Part(_, p) => &p.path,
            Self::Stacked(s) => &s.path,
        }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Whole(d) => d.size,
            Self::Part(_, p) => p.size,
            Self::Stacked(s) => s.size,
        }
    }

    /// The signatures on it.
    pub fn content(&self) -> &'w [Signature] {
        match self {
            Self::Whole(d) => &d.content,
            Self::Part(_, p) => &p.content,
            Self::Stacked(s) => &s.content,
        }
    }
}

/// The block device with this number, or this path (links resolved).
pub fn find_device<'w>(inventory: &'w Inventory, dev: &str, path: &Path) -> Option<Device<'w>> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is = |d: Option<&str>, p: &Path| d == Some(dev) || p == path || p == real;
    for disk in &inventory.disks {
        if is(Some(&disk.dev), &disk.path) {
            return Some(Device::Whole(disk));
        }
        if let Some(part) = disk.partitions.iter().find(|p| is(p.dev.as_deref(), &p.path)) {
            return Some(Device::Part(disk, part));
        }
    }
    inventory
        .stacked
        .iter()
        .find(|s| is(Some(&s.dev), &s.path) || real == Path::new("/dev").join(&s.name))
        .map(Device::Stacked)
}

/// The device that an fstab first field names.
pub fn resolve_spec<'w>(inventory: &'w Inventory, spec: &str) -> Option<Device<'w>> {
    let all = || {
        let disks = inventory.disks.iter().flat_map(|d| {
            std::iter::once(Device::Whole(d))
                .chain(d.partitions.iter().map(move |p| Device::Part(d, p)))
        });
        disks.chain(inventory.stacked.iter().map(Device::Stacked))
    };
    let unquoted = |v: &str| v.trim_matches('"').to_owned();
    // A copy that `dd` made has the same names: where several answer, the one on a disk in use is
    // meant.
    let first = |which: &dyn Fn(&Device<'w>) -> bool| {
        let found: Vec<Device<'w>> = all().filter(|d| which(d)).collect();
        let in_use = |d: &&Device| match d {
            Device::Whole(disk) | Device::Part(disk, _) => {
                !uses::find_active_uses(disk, inventory).is_empty()
            }
            Device::Stacked(_) => true,
        };
        let used = found.iter().position(|d| in_use(&d)).filter(|_| found.len() > 1);
        found.into_iter().nth(used.unwrap_or(0))
    };
    let by = |f: &dyn Fn(&Signature) -> bool| first(&|d| d.content().iter().any(f));
    if let Some(uuid) = spec.strip_prefix("UUID=").map(unquoted) {
        return by(&|s| s.uuid.as_deref().is_some_and(|u| u.eq_ignore_ascii_case(&uuid)));
    }
    if let Some(label) = spec.strip_prefix("LABEL=").map(unquoted) {
        return by(&|s| s.label.as_deref() == Some(&label));
    }
    let part = |f: &dyn Fn(&Partition) -> bool| first(&|d| matches!(d, Device::Part(_, p) if f(p)));
    if let Some(uuid) = spec.strip_prefix("PARTUUID=").map(unquoted) {
        return part(&|p| p.uuid.as_deref().is_some_and(|u| u.eq_ignore_ascii_case(&uuid)));
    }
    if let Some(label) = spec.strip_prefix("PARTLABEL=").map(unquoted) {
        return part(&|p| p.label.as_deref() == Some(&label));
    }
    if let Some(id) = spec.strip_prefix("ID=").map(unquoted) {
        return find_device(inventory, "", &Path::new("/dev/disk/by-id").join(id));
    }
    spec.starts_with("/dev/").then(|| find_device(inventory, "", Path::new(spec))).flatten()
}
