//! `-X`: nothing of the alternate is left in the running system, and its disks are free again.
//!
//! Works from what is there, not from how far a run came: every part looks whether there is something to undo, so it can
//! be repeated, also after a crash in the middle of itself. The stored plan goes last. A disk is erased only where a run had
//! begun to erase it, and only while it is the same disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Result;

use crate::disk::make;
use crate::disk::model::World;
use crate::engine::layout::DiskLayout;
use crate::engine::plan::Base;
use crate::engine::state::{Alternate, Record, State};
use crate::engine::{ALT_INST, relocate};
use crate::error;
use crate::event::Events;
use crate::host::{mounts, procs, signals};

/// Removes the alternate.
///
/// # Errors
/// What could not be undone; the command can be repeated.
pub fn clean_up(events: &Events) -> Result<String> {
    super::run::require_root()?;
    signals::catch();
    let mut state = State::lock()?;
    let Some(alternate) = state.load()? else {
        state.forget()?;
        return Ok("There is no altinst_rootvg: nothing to clean up.".into());
    };
    let base = &alternate.base;
    let world = World::gather()?;
    not_running_from_it(base, &world)?;
    if !alternate.cleaning() {
        state.append(&Record::CleanUp)?;
    }
    end_processes(base, events)?;
    for at in mounts::unmount_below(Path::new(ALT_INST))?.iter().rev() {
        events.note(format!("unmounted {}", at.display()));
    }
    super::quiet::unhide(base, events)?;
    if let Some(before) = alternate.before() {
        super::bootlist::undo(base, before, events)?;
    }
    for disk in &base.layout.disks {
        free(disk, &alternate, events)?;
    }
    if base.made_mount_point {
        // Somebody else's files in it, if any, stay.
        let _ = std::fs::remove_dir(ALT_INST);
    }
    super::bootlist::forget()?;
    state.forget()?;
    let disks = base.layout.disks.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(" ");
    let running = base.source_disks.first().map_or("", String::as_str);
    Ok(format!("altinst_rootvg is removed and {disks} is free. Bootlist is set to the boot disk: {running}."))
}

/// A plan whose first check refused: nothing was touched, nothing stays.
///
/// # Errors
/// Where state files cannot be removed.
pub fn forget_untouched(state: &mut State, base: &Base) -> Result<()> {
    if base.made_mount_point {
        let _ = std::fs::remove_dir(ALT_INST);
    }
    state.forget()
}

fn not_running_from_it(base: &Base, world: &World) -> Result<()> {
    let root = mounts::mounted()?.into_iter().rfind(|m| m.mount_point == Path::new("/"));
    let disks = root.map(|m| world.disks_of_mount(&m)).unwrap_or_default();
    match base.layout.disks.iter().filter_map(|d| relocate::find(d, world)).find(|d| disks.contains(&d.name)) {
        Some(d) => Err(error::RUNNING_FROM_IT.because(format!("the running system is on {}", d.name))),
        None => Ok(()),
    }
}

/// Programs that a killed run left working in the alternate.
fn end_processes(base: &Base, events: &Events) -> Result<()> {
    let mut ours: Vec<u64> = base.layout.volumes.iter().filter_map(|v| std::fs::metadata(&v.device).ok().map(|m| m.rdev())).collect();
    let mounted = mounts::mounted()?.into_iter().filter(|m| m.mount_point.starts_with(ALT_INST));
    ours.extend(mounted.filter_map(|m| std::fs::metadata(&m.mount_point).ok()).map(|m| m.dev()));
    for (pid, command) in procs::end_those_rooted_on(&ours)? {
        events.note(format!("ended process {pid} ({command}), which worked in the alternate"));
    }
    Ok(())
}

/// Makes one target free again, if it is still the disk that we wrote to.
fn free(layout: &DiskLayout, alternate: &Alternate, events: &Events) -> Result<()> {
    // A killed `sfdisk` may have written the table a moment ago: look now.
    let world = World::gather()?;
    if !alternate.begun(&format!("1.wipe.{}", layout.name)) {
        events.note(format!("{} was not touched", layout.name));
        return Ok(());
    }
    let Some(disk) = relocate::find(layout, &world) else {
        events.warn(format!("disk {} is not there: what is on it stays", layout.name));
        return Ok(());
    };
    let table_is_ours = disk.table.as_ref().is_none_or(|t| t.id.eq_ignore_ascii_case(&layout.table_id));
    let written = alternate.journal.contains(&Record::Done { id: format!("1.wipe.{}", layout.name) });
    if !table_is_ours && written {
        events.warn(format!(
            "{} has another partition table than the alternate's: it was used for something else since, and is left as it is",
            disk.name
        ));
        return Ok(());
    }
    // The alternate's own volumes may be active (LVM starts what it finds at boot); anything else on the disk is somebody's.
    let ours = |path: &Path| {
        let lv = world.lvm.lvs.iter().find(|lv| lv.dm_path == *path);
        lv.is_some_and(|lv| alternate.base.layout.vgs.iter().any(|v| v.name == lv.vg))
    };
    let stacked = world.stacked_on(disk).into_iter().filter(|s| !ours(&s.path));
    let stacked: Vec<String> = stacked.map(|s| s.path.display().to_string()).collect();
    if !stacked.is_empty() {
        return Err(error::TARGET_BUSY.because(format!("{} is in use by {}", disk.name, stacked.join(" "))));
    }
    let vg = alternate.base.layout.vgs.iter().find(|v| v.pvs.iter().any(|p| layout.partitions.iter().any(|q| q.path == *p)));
    make::erase_signatures(disk, vg.map(|v| v.name.as_str()), events)
}
