//! The alternate at /alt_inst: makes its partitions and volume groups present, mounts and unmounts
//! it.
//!
//! A mount at the right path is not trusted: it must be of the alternate's own volume, otherwise
//! the path belongs to somebody else and is left alone. Paths in the copy are not trusted either:
//! scripts may have put a link in the place of a mount point, so mount points are opened without
//! following links.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::disk::script::PartitionExtent;
use crate::disk::{lvm, partitions};
use crate::engine::paths::ALT_INST;
use crate::engine::plan::layout::VolumeLayout;
use crate::engine::plan::mount_plan;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step_id::StepId;
use crate::engine::steps::disks::{find_disk, lvm_scope};
use crate::error;
use crate::event::Events;
use crate::host::mounts::{self, Mount};

/// Makes partitions and volume groups present again after a reboot; `done` tells which steps of
/// phase 1 were done.
///
/// # Errors
/// Errors of the kernel or of LVM.
pub fn ensure_present(
    base: &AlternateSpec,
    done: &dyn Fn(&StepId) -> bool,
    events: &Events,
) -> Result<()> {
    for (_, layout) in
        base.layout.disks.iter().enumerate().filter(|(i, _)| done(&StepId::PartitionTable(*i)))
    {
        let disk = find_disk(layout)?;
        let sector = u64::from(layout.sector);
        let place = |p: &crate::engine::plan::layout::PartLayout| PartitionExtent {
            number: p.number,
            start: p.start / sector,
            size: p.size / sector,
        };
        partitions::appear(
            &disk,
            &layout.partitions.iter().map(place).collect::<Vec<_>>(),
            events,
        )?;
    }
    for vg in base.layout.vgs.iter().filter(|v| done(&StepId::VolumeGroup(v.old_name.clone()))) {
        lvm::vg_activate(&lvm_scope(base), &vg.name).run(events)?;
    }
    Ok(())
}

/// Mounts the alternate as phase 1 leaves it, the first `count` of its mounts (all of them for
/// `usize::MAX`). Those that are there stay.
///
/// # Errors
/// ALT-708 if something else is mounted in the way, ALT-713 if a link in the copy is; what
/// mounting says.
pub fn ensure_mounted(base: &AlternateSpec, count: usize, events: &Events) -> Result<()> {
    let all = mount_plan::planned_mounts(&base.layout, base.esp_mountable);
    let wanted: Vec<_> = all
        .iter()
        .take(count)
        .map(|(i, at, sub, options)| (&base.layout.volumes[*i], at, sub, options))
        .collect();
    let root = Path::new(ALT_INST);
    refuse_foreign(base)?;
    let there = |(v, at, ..): &(&VolumeLayout, &PathBuf, _, _)| {
        mounts::is_mounted_beneath(root, at, &v.device)
    };
    if wanted.iter().map(there).collect::<Result<Vec<_>>>()?.into_iter().all(|is_there| is_there) {
        return Ok(());
    }
    // A child that is mounted while its parent is not lies in the running system's own directory:
    // everything is mounted again.
    mounts::unmount_below(root)?;
    ensure_present(base, &|_| true, events)?;
    std::fs::create_dir_all(root).with_context(|| format!("making {ALT_INST}"))?;
    for (v, at, sub, options) in wanted {
        mount(v, at, &mount_plan::mount_options(options, sub.as_deref()), events)?;
    }
    Ok(())
}

/// Mounts one volume alone, as a whole, at /alt_inst, which is made if need be.
///
/// # Errors
/// As [`ensure_mounted`].
pub fn mount_alone(v: &VolumeLayout, options: &str, events: &Events) -> Result<()> {
    std::fs::create_dir_all(ALT_INST).with_context(|| format!("making {ALT_INST}"))?;
    mount(v, Path::new("/"), options, events)
}

fn mount(v: &VolumeLayout, at: &Path, options: &str, events: &Events) -> Result<()> {
    let fstype = v.fs.as_ref().map_or("", |f| f.fs_vfs.name());
    mounts::mount_beneath(Path::new(ALT_INST), at, &v.device, fstype, options, events)
}

/// Unmounts everything at and below /alt_inst. Returns what was mounted.
///
/// # Errors
/// ALT-708 if /alt_inst is not the alternate's, ALT-804 if something stays busy.
pub fn unmount_all(base: &AlternateSpec) -> Result<Vec<PathBuf>> {
    refuse(base, &|at| at == Path::new(ALT_INST))?;
    mounts::unmount_below(Path::new(ALT_INST))
}

/// Directories of the copy whose content the sandbox replaces with its own, and in which nothing is
/// written from outside: who works in the copy with chroot(8) mounts there.
const REPLACED: [&str; 5] = ["dev", "proc", "run", "sys", "tmp"];

/// Checks that what is mounted at /alt_inst and below it is the alternate's. Programs of the copy,
/// and altdisk itself, would take directories of the running system that somebody has mounted there
/// for the copy's.
///
/// # Errors
/// ALT-708 if something else is mounted there.
pub fn refuse_foreign(base: &AlternateSpec) -> Result<()> {
    refuse(base, &|at| {
        at.strip_prefix(ALT_INST).is_ok_and(|inner| !REPLACED.iter().any(|d| inner.starts_with(d)))
    })
}

fn refuse(base: &AlternateSpec, looked_at: &dyn Fn(&Path) -> bool) -> Result<()> {
    let ours = |m: &Mount| base.layout.volumes.iter().any(|v| mounts::is_of(m, &v.device));
    match mounts::mounted()?.into_iter().find(|m| looked_at(&m.mount_point) && !ours(m)) {
        Some(m) => Err(error::ALT_INST_TAKEN.with_remedy(
            format!(
                "{} is mounted at {}, and is not of the copy",
                m.source,
                m.mount_point.display()
            ),
            format!(
                "unmount it: `umount -R {}`. altdisk mounts the copy itself",
                m.mount_point.display()
            ),
        )),
        None => Ok(()),
    }
}
