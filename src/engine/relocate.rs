//! Finding the alternate's disks again: kernel names change over a reboot, identities do not.
//!
//! Before a later phase touches anything, each target disk is looked up by its partition table's id (or its serial while there is
//! no table yet), and the stored paths follow the names that the disks have now.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

use crate::disk::model::{Disk, World};
use crate::disk::node::partition_path;
use crate::engine::layout::DiskLayout;
use crate::engine::plan::Base;
use crate::engine::request::Request;
use crate::error;
use crate::host::files;

/// What tells this very disk from any other until the machine restarts: the kernel never uses a sequence number twice.
pub fn seen(disk: &Disk) -> Option<String> {
    let boot = files::line("/proc/sys/kernel/random/boot_id")?;
    disk.diskseq.map(|n| format!("{boot}/{n}"))
}

/// The disk that `layout` means: the very one while the machine runs on, else the only one with the alternate's partition table,
/// else the only one with that serial and size. Several that answer are none: twins exist.
pub fn find<'w>(layout: &DiskLayout, world: &'w World) -> Option<&'w Disk> {
    if let Some(disk) = world.disks.iter().find(|d| layout.seen.is_some() && seen(d) == layout.seen) {
        return Some(disk);
    }
    let only = |which: &dyn Fn(&Disk) -> bool| {
        let mut all = world.disks.iter().filter(|d| which(d));
        all.next().filter(|_| all.next().is_none())
    };
    let same_table = |d: &Disk| d.table.as_ref().is_some_and(|t| t.id.eq_ignore_ascii_case(&layout.table_id));
    if world.disks.iter().any(same_table) {
        return only(&same_table);
    }
    only(&|d| layout.serial.is_some() && d.serial == layout.serial && d.size == layout.size)
}

/// The base with the paths of today.
///
/// # Errors
/// ALT-705 where a disk is gone, ALT-706 where the request names other disks than the alternate's.
pub fn settle(base: Base, request: Option<&Request>) -> Result<Base> {
    let world = World::gather()?;
    let mut base = base;
    // All at once: two disks may have swapped their names.
    let mut renamed: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for layout in &mut base.layout.disks {
        let disk = find(layout, &world).ok_or_else(|| {
            let serial = layout.serial.as_deref().map(|s| format!(", serial {s}")).unwrap_or_default();
            error::TARGET_GONE.because(format!("disk {}{serial}, which holds the alternate, is not there", layout.name))
        })?;
        renamed.insert(layout.path.clone(), disk.path.clone());
        renamed.extend(layout.partitions.iter().map(|p| (p.path.clone(), partition_path(&disk.path, p.number))));
        layout.name.clone_from(&disk.name);
    }
    follow(&mut base, &renamed);
    if let Some(request) = request {
        let given: Result<Vec<&Disk>> = request.targets.iter().map(|t| world.disk(t)).collect();
        let mut given: Vec<&str> = given?.iter().map(|d| d.name.as_str()).collect();
        let mut ours: Vec<&str> = base.layout.disks.iter().map(|d| d.name.as_str()).collect();
        given.sort_unstable();
        ours.sort_unstable();
        if !given.is_empty() && given != ours {
            return Err(error::OTHER_TARGET.because(format!("the alternate is on {}, not on {}", ours.join(" "), given.join(" "))));
        }
    }
    Ok(base)
}

fn follow(base: &mut Base, renamed: &BTreeMap<PathBuf, PathBuf>) {
    let disks = base.layout.disks.iter_mut().flat_map(|d| std::iter::once(&mut d.path).chain(d.partitions.iter_mut().map(|p| &mut p.path)));
    let volumes = base.layout.volumes.iter_mut().map(|v| &mut v.device);
    let pvs = base.layout.vgs.iter_mut().flat_map(|v| v.pvs.iter_mut());
    let names = base.ids.volumes.iter_mut().flat_map(|v| v.new.devices.iter_mut());
    for path in disks.chain(volumes).chain(pvs).chain(names) {
        if let Some(now) = renamed.get(path) {
            path.clone_from(now);
        }
    }
}
