//! What `-X` does to a target disk: whether it is still the one that was written to, and how it becomes free.

use std::path::Path;

use anyhow::Result;

use crate::disk::make;
use crate::disk::model::{Disk, World};
use crate::engine::relocate;
use crate::engine::state::{Alternate, Record};
use crate::error;
use crate::event::Events;

/// What `-X` does to a target.
pub enum Fate<'w> {
    /// No run had begun to write to it.
    Untouched,
    /// It is not there, or cannot be told from another.
    Gone,
    /// It was used for something else since.
    Another(&'w Disk),
    Freed(&'w Disk),
}

/// Whether target `index` is still the disk that was written to.
pub fn fate<'w>(index: usize, alternate: &Alternate, world: &'w World) -> Fate<'w> {
    let layout = &alternate.base.layout.disks[index];
    if !alternate.begun(&format!("1.wipe.{index}")) {
        return Fate::Untouched;
    }
    let Some(disk) = relocate::find(layout, world) else { return Fate::Gone };
    let written = alternate.journal.contains(&Record::Done { id: format!("1.wipe.{index}") });
    let another = match &disk.table {
        Some(t) => !t.id.eq_ignore_ascii_case(&layout.table_id),
        None => !disk.content.is_empty(),
    };
    if another && written { Fate::Another(disk) } else { Fate::Freed(disk) }
}

/// Makes one target free again, if it is still the disk that we wrote to. Whether it is free now.
///
/// # Errors
/// ALT-216 where something of somebody's uses the disk; as [`make::erase_signatures`].
pub fn free(index: usize, alternate: &Alternate, events: &Events) -> Result<bool> {
    let layout = &alternate.base.layout.disks[index];
    // A killed `sfdisk` may have written the table a moment ago: look now.
    let world = World::gather()?;
    let disk = match fate(index, alternate, &world) {
        Fate::Untouched => {
            events.note(format!("{} was not touched", layout.name));
            return Ok(false);
        }
        Fate::Gone => {
            events.warn(format!("disk {} is not there (or cannot be told from another): what is on it stays", layout.name));
            return Ok(false);
        }
        Fate::Another(disk) => {
            events.warn(format!("{} holds something else than the alternate: it was used again since, and is left as it is", disk.name));
            return Ok(false);
        }
        Fate::Freed(disk) => disk,
    };
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
    make::erase_signatures(disk, vg.map(|v| v.name.as_str()), events)?;
    Ok(true)
}
