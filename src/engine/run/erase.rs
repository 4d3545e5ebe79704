//! Erases target disks for `-X`, if their content is the copy's.
//!
//! Only disks that a run of altdisk wrote to are erased: those with the copy's own partition table
//! and no foreign content, and those of an interrupted wipe, where every examined block is as
//! before the run, or zeros. Everything else stays: a disk that was not written to yet, one with
//! another table or file system, and one with unknown data. Plans of version 0.1.0 do not record
//! the previous content; with those, a disk without the copy's table is erased only if it is empty.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::make;
use crate::disk::model::{Disk, Inventory};
use crate::engine::plan::step_id::StepId;
use crate::engine::state::disk_content::{DiskContent, disk_content};
use crate::engine::state::{Alternate, relocate};
use crate::error;
use crate::event::Events;

/// The state of a target for `-X`.
pub enum TargetState<'w> {
    /// No run had begun to write to it.
    Untouched,
    /// It is not there, or cannot be distinguished from another.
    Gone,
    /// It was used for something else since.
    Reused(&'w Disk),
    Erasable(&'w Disk),
}

/// True if target `index` is still the disk that was written to.
pub fn target_state<'w>(
    index: usize,
    alternate: &Alternate,
    inventory: &'w Inventory,
) -> TargetState<'w> {
    let layout = &alternate.base.layout.disks[index];
    if !alternate.begun(&StepId::Wipe(index)) {
        return TargetState::Untouched;
    }
    let Some(disk) = relocate::find_target(layout, inventory) else { return TargetState::Gone };
    match disk_content(index, disk, alternate) {
        Ok(DiskContent::Nothing | DiskContent::PartlyErased | DiskContent::Copy) => {
            TargetState::Erasable(disk)
        }
        Ok(DiskContent::AsBefore) => TargetState::Untouched,
        Ok(DiskContent::Other(_)) => TargetState::Reused(disk),
        // Content that cannot be read may be somebody else's.
        Err(_) => TargetState::Reused(disk),
    }
}

/// Makes one target free again, if what is on it is the copy's. Whether it is free now.
///
/// # Errors
/// ALT-216 if something other than the copy uses the disk; as [`make::erase_signatures`].
pub fn free_target(index: usize, alternate: &Alternate, events: &Events) -> Result<bool> {
    let layout = &alternate.base.layout.disks[index];
    // A killed `sfdisk` may have written the table a moment ago: look now.
    let inventory = Inventory::gather()?;
    let disk = match target_state(index, alternate, &inventory) {
        TargetState::Untouched => {
            events.note(format!("{} was not touched", layout.name));
            return Ok(false);
        }
        TargetState::Gone => {
            events.warn(format!(
                "{}: what is on it stays",
                relocate::why_not_found(layout, &inventory)
            ));
            return Ok(false);
        }
        TargetState::Reused(disk) => {
            let what = match disk_content(index, disk, alternate) {
                Ok(DiskContent::Other(what)) => what,
                Ok(_) => "something else".to_owned(),
                Err(e) => format!("what cannot be read ({})", error::chain_of(&e)),
            };
            events
                .warn(format!("{} holds something else than the copy ({what}): it was used again since, and is left as it is", disk.name));
            return Ok(false);
        }
        TargetState::Erasable(disk) => disk,
    };
    // The alternate's own volumes may be active (LVM starts what it finds at boot); anything else
    // on the disk is foreign.
    let ours = |path: &Path| {
        let lv = inventory.lvm.lvs.iter().find(|lv| lv.dm_path == *path);
        lv.is_some_and(|lv| alternate.base.layout.vgs.iter().any(|v| v.name == lv.vg))
    };
    let stacked = inventory.stacked_on(disk).into_iter().filter(|s| !ours(&s.path));
    let stacked: Vec<String> = stacked.map(|s| s.path.display().to_string()).collect();
    if !stacked.is_empty() {
        return Err(error::TARGET_BUSY.with_cause(format!(
            "{} is in use by {}",
            disk.name,
            stacked.join(" ")
        )));
    }
    let is_on = |p: &PathBuf| layout.partitions.iter().any(|q| q.path == *p);
    let vg = alternate.base.layout.vgs.iter().find(|v| v.pvs.iter().any(is_on));
    make::erase_signatures(disk, vg.map(|v| v.name.as_str()), events)?;
    Ok(true)
}
