//! What `-X` does to a target disk: whether what is on it is the copy's, and how it becomes free.
//!
//! Erased is only what a run of altdisk wrote: a disk with the copy's own partition table and
//! nothing of somebody else's on it, or one that an interrupted wipe left, where every block that
//! is looked at is as it was before the run, or zeros. Everything else is somebody's and stays: a
//! disk on which nothing was written yet, one with another table or file system, and one with data
//! of which nothing is known. Plans of version 0.1.0 do not tell what was there before; of those, a
//! disk without the copy's table is erased only if it is empty.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::content::{self, Since};
use crate::disk::held::Held;
use crate::disk::model::{Disk, Sight, Signature, World};
use crate::disk::{make, probe};
use crate::engine::state::Alternate;
use crate::engine::state::relocate;
use crate::error;
use crate::event::Events;

/// What is on a target disk now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing at all.
    Nothing,
    /// What was there before the run: nothing was written yet.
    AsBefore,
    /// What an interrupted wipe left of that.
    PartlyErased,
    /// The copy, or the beginning of one.
    Copy,
    /// Something of somebody else; what it is, for people.
    Other(String),
}

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

/// What target `index`, which is `disk`, holds now.
///
/// # Errors
/// ALT-218 where it cannot be read.
pub fn holds(index: usize, disk: &Disk, alternate: &Alternate) -> Result<Holds> {
    let layout = &alternate.base.layout.disks[index];
    let held = Held::disk(disk)?;
    let unreadable = |e: std::io::Error| {
        error::DISK_UNREADABLE.with_cause(format!("{}: {e}", disk.path.display()))
    };
    let ids = probe::gpt_ids(held.file(), disk.size, disk.logical_sector)?;
    let is_own = |id: &Option<String>| {
        id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(&layout.table_id))
    };
    if is_own(&ids.first) {
        return Ok(foreign(disk, alternate, index).map_or(Holds::Copy, Holds::Other));
    }
    let all = content::places(disk.size, &[]);
    let blocks = content::read(held.file(), disk.size, &all).map_err(unreadable)?;
    if is_own(&ids.last) {
        // sfdisk writes the backup of a table first: until then the start of the disk is as the
        // wipe left it.
        let start: Vec<u32> =
            all.iter().zip(&blocks).filter(|(at, _)| **at < 1 << 20).map(|(_, b)| *b).collect();
        let other = || "data, and the backup of the copy's partition table".to_owned();
        return Ok(if content::blank(&start) && content::signatures(disk).next().is_none() {
            Holds::Copy
        } else {
            Holds::Other(other())
        });
    }
    // A sparse file tells exactly; it is looked at as a whole where nothing is recognised on it.
    if disk.sight == Some(Sight::Blank) || (disk.sight.is_none() && content::blank(&blocks)) {
        return Ok(Holds::Nothing);
    }
    let in_words = || {
        let all = crate::disk::eligibility::describe(disk);
        if all.is_empty() { "data of which nothing is known".to_owned() } else { all.join(", ") }
    };
    let begun = !alternate.done(&format!("1.wipe.{index}"));
    Ok(match layout.before.as_ref().filter(|_| begun) {
        None => Holds::Other(in_words()),
        Some(before) => match before.since(held.file(), disk.size).map_err(unreadable)? {
            Since::Same => Holds::AsBefore,
            Since::Zeroed if content::signatures(disk).all(|s| before.signatures.contains(s)) => {
                Holds::PartlyErased
            }
            _ => Holds::Other(in_words()),
        },
    })
}

/// What is on a disk with the copy's table and is not the copy's.
fn foreign(disk: &Disk, alternate: &Alternate, index: usize) -> Option<String> {
    let layout = &alternate.base.layout;
    let own_disk = &layout.disks[index];
    let says = |s: &Signature| {
        format!("{} {}", s.kind, s.uuid.as_deref().or(s.label.as_deref()).unwrap_or_default())
            .trim_end()
            .to_owned()
    };
    if let Some(s) = disk.content.iter().find(|s| s.usage != "partition-table") {
        return Some(says(s));
    }
    let table = disk.table.as_ref().filter(|t| !t.id.eq_ignore_ascii_case(&own_disk.table_id));
    // What protects a torn GPT shows as a table with one partition of that kind.
    if let Some(t) = table.filter(|_| {
        disk.partitions
            .iter()
            .any(|p| !p.type_id.is_empty() && !p.type_id.eq_ignore_ascii_case("ee"))
    }) {
        return Some(format!("a partition table of kind {}", t.kind));
    }
    for p in &disk.partitions {
        let planned = own_disk.partitions.iter().find(|q| q.number == p.number);
        let named =
            p.uuid.as_ref().zip(planned).is_none_or(|(uuid, q)| uuid.eq_ignore_ascii_case(&q.uuid));
        if table.is_none() && (planned.is_none() || !named) {
            return Some(format!("the partition {}, which is not the copy's", p.name));
        }
        let path = planned.map(|q| &q.path);
        let own = |s: &Signature| match s.kind.as_str() {
            "LVM2_member" => layout.vgs.iter().any(|v| v.pvs.iter().any(|pv| Some(pv) == path)),
            _ => {
                s.uuid.is_none()
                    || layout
                        .volumes
                        .iter()
                        .any(|v| s.uuid.as_ref().is_some_and(|u| u.eq_ignore_ascii_case(&v.uuid)))
            }
        };
        if let Some(s) = p.content.iter().find(|s| s.usage != "partition-table" && !own(s)) {
            return Some(format!("{} on {}", says(s), p.name));
        }
    }
    None
}

/// Whether target `index` is still the disk that was written to.
pub fn fate<'w>(index: usize, alternate: &Alternate, world: &'w World) -> Fate<'w> {
    let layout = &alternate.base.layout.disks[index];
    if !alternate.begun(&format!("1.wipe.{index}")) {
        return Fate::Untouched;
    }
    let Some(disk) = relocate::find(layout, world) else { return Fate::Gone };
    match holds(index, disk, alternate) {
        Ok(Holds::Nothing | Holds::PartlyErased | Holds::Copy) => Fate::Freed(disk),
        Ok(Holds::AsBefore) => Fate::Untouched,
        Ok(Holds::Other(_)) => Fate::Another(disk),
        // What cannot be read cannot be known to be ours.
        Err(_) => Fate::Another(disk),
    }
}

/// Makes one target free again, if what is on it is the copy's. Whether it is free now.
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
            events
                .warn(format!("{}: what is on it stays", relocate::why_not_found(layout, &world)));
            return Ok(false);
        }
        Fate::Another(disk) => {
            let what = match holds(index, disk, alternate) {
                Ok(Holds::Other(what)) => what,
                Ok(_) => "something else".to_owned(),
                Err(e) => format!("what cannot be read ({e:#})"),
            };
            events
                .warn(format!("{} holds something else than the copy ({what}): it was used again since, and is left as it is", disk.name));
            return Ok(false);
        }
        Fate::Freed(disk) => disk,
    };
    // The alternate's own volumes may be active (LVM starts what it finds at boot); anything else
    // on the disk is somebody's.
    let ours = |path: &Path| {
        let lv = world.lvm.lvs.iter().find(|lv| lv.dm_path == *path);
        lv.is_some_and(|lv| alternate.base.layout.vgs.iter().any(|v| v.name == lv.vg))
    };
    let stacked = world.stacked_on(disk).into_iter().filter(|s| !ours(&s.path));
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
