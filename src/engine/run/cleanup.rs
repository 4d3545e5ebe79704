//! `-X`: nothing of the copy is left in the running system.
//!
//! A copy that is not finished is removed, and its disks are free again: they were blank before, or
//! given up with `--erase`. A finished one is forgotten: its disks keep a system that boots, unless
//! `--erase` names them too. As on AIX, where `-X` takes the definition of altinst_rootvg away and
//! nothing else.
//!
//! It works from what is there, not from how far a run came: every part looks whether there is
//! something to undo, so it can be repeated, also after a crash in the middle of itself. The stored
//! plan goes last. A record that cannot be read is no hindrance ([`leftovers`]).

use std::path::Path;

use anyhow::Result;

use crate::disk::lvm;
use crate::disk::model::{Disk, World};
use crate::engine::ALT_INST;
use crate::engine::plan::Base;
use crate::engine::run::clearing::{Outcome, check_erase, device_numbers_below, end_those_on};
use crate::engine::run::erase::{Fate, fate, free};
use crate::engine::run::leftovers;
use crate::engine::state::relocate;
use crate::engine::state::standing::{Stage, Standing, stage};
use crate::engine::state::{Alternate, Record, State, crash_point};
use crate::engine::steps::mounted;
use crate::error;
use crate::event::Events;
use crate::host::{mounts, procs, signals};
use crate::software::install;

/// Forgets the copy, or removes it. `erase`: serial numbers of disks of the copy that become free.
///
/// # Errors
/// ALT-233 for a serial number that no disk of the copy has: nothing was touched. What could not be
/// undone, marked as unfinished: everything else is undone, and the command can be repeated.
pub fn clean_up(erase: &[String], events: &Events) -> Result<String> {
    super::require_root()?;
    signals::catch();
    let mut state = State::lock_to_remove()?;
    match Standing::of(state.load()?) {
        Standing::Known(a) | Standing::NoJournal(a) => give_up(&mut state, &a, erase, events),
        Standing::Unreadable(why) => leftovers::clear(&mut state, Some(&why), erase, events),
        Standing::None => leftovers::clear(&mut state, None, erase, events),
    }
}

/// What `-X` does with a disk of the copy.
pub enum Deed<'w> {
    /// What was begun on it is erased: it is free.
    Erase(&'w Disk),
    /// The finished copy on it stays.
    Keep(&'w Disk),
    /// There is a copy on it, and nothing says whether it is finished: it stays.
    KeepUnsure(&'w Disk),
    /// No run had begun to write to it.
    Untouched,
    /// It is not there, or cannot be told from another.
    Gone,
    /// It was used for something else since.
    Another(&'w Disk),
}

/// What each disk of the copy holds now.
pub fn fates<'w>(alternate: &Alternate, world: &'w World) -> Vec<Fate<'w>> {
    let known = without_journal(alternate);
    (0..known.base.layout.disks.len()).map(|index| fate(index, &known, world)).collect()
}

/// What `-X` with these serial numbers does with each disk of the copy, of which this was found.
/// Pure.
///
/// # Errors
/// ALT-233 where a serial number is that of no disk with the copy on it.
pub fn deeds<'w>(
    alternate: &Alternate,
    erase: &[String],
    found: Vec<Fate<'w>>,
) -> Result<Vec<Deed<'w>>> {
    let stage = stage(alternate);
    let (mut holds, mut deeds) = (vec![], vec![]);
    for (index, fate) in found.into_iter().enumerate() {
        deeds.push(match fate {
            Fate::Untouched => Deed::Untouched,
            Fate::Gone => Deed::Gone,
            Fate::Another(d) => Deed::Another(d),
            // Neither the copy's partitions nor anything else is there.
            Fate::Freed(d) if stage == Stage::NotKnown && d.table.is_none() => Deed::Untouched,
            Fate::Freed(d) => {
                holds.push(d);
                let begun = erasure_is_open(alternate, index);
                match stage {
                    _ if begun || erase.iter().any(|e| e == d.serial_or_name()) => Deed::Erase(d),
                    Stage::Unfinished => Deed::Erase(d),
                    Stage::Finished => Deed::Keep(d),
                    Stage::NotKnown => Deed::KeepUnsure(d),
                }
            }
        });
    }
    check_erase(erase, &holds)?;
    Ok(deeds)
}

/// Where the journal is damaged or lost, the disks tell what was written: one that bears the copy's
/// partition table was.
fn without_journal(alternate: &Alternate) -> Alternate {
    let mut known = alternate.clone();
    if stage(alternate) == Stage::NotKnown {
        let wiped = (0..known.base.layout.disks.len()).map(|i| format!("1.wipe.{i}"));
        known
            .journal
            .extend(wiped.flat_map(|id| [Record::Begin { id: id.clone() }, Record::Done { id }]));
    }
    known
}

/// The id by which the journal knows that a disk is being erased by `-X`.
fn erasing(index: usize) -> String {
    format!("X.erase.{index}")
}

/// Whether the erasure of a disk was begun and neither ended nor refused: `-X` was killed there.
/// One that was refused has to be asked for again.
fn erasure_is_open(alternate: &Alternate, index: usize) -> bool {
    let id = erasing(index);
    let last = alternate
        .journal
        .iter()
        .rfind(|r| matches!(r, Record::Begin { id: i } | Record::Failed { id: i, .. } if *i == id));
    matches!(last, Some(Record::Begin { .. }))
}

/// Gives the copy up with all that the running system has of it.
///
/// # Errors
/// As [`clean_up`].
pub fn give_up(
    state: &mut State,
    alternate: &Alternate,
    erase: &[String],
    events: &Events,
) -> Result<String> {
    let base = &alternate.base;
    let world = World::gather()?;
    not_running_from_it(base, &world)?;
    let deeds = deeds(alternate, erase, fates(alternate, &world))?;
    if !alternate.cleaning() {
        // Without the record it goes on all the same: what is left is found by looking.
        state.append_removal().unwrap_or_else(|e| {
            events
                .warn(format!("do not interrupt the removal: its start cannot be recorded: {e:#}"))
        });
    }
    crash_point("after", "X.begin");
    let mut outcome = Outcome::default();
    let erased: Vec<&Disk> = deeds
        .iter()
        .filter_map(|d| if let Deed::Erase(disk) = d { Some(*disk) } else { None })
        .collect();
    outcome.note(end_processes(base, &erased, &world, events));
    crash_point("after", "X.processes");
    match mounted::unmount_all(base) {
        Ok(all) => {
            all.iter().rev().for_each(|at| events.note(format!("unmounted {}", at.display())))
        }
        // Somebody else's, and the finished copy is not mounted.
        Err(e)
            if stage(alternate) == Stage::Finished
                && error::find(&e).is_some_and(|a| a.entry.id == error::ALT_INST_TAKEN.id) =>
        {
            events.warn(format!("{e:#}: it stays"));
        }
        Err(e) => outcome.errors.push(e),
    }
    // A medium with packages that a killed update was reading.
    outcome.note(install::release_medium());
    crash_point("after", "X.unmount");
    outcome.note(super::quiet::unhide(events));
    outcome.note(crate::engine::steps::bootlist::undo(base, alternate.before(), events));
    crash_point("after", "X.bootlist");
    for (index, deed) in deeds.iter().enumerate() {
        let name = base.layout.disks[index].name.clone();
        match deed {
            Deed::Keep(disk) | Deed::KeepUnsure(disk) => {
                outcome.note(
                    base.layout.vgs.iter().try_for_each(|vg| lvm::put_away(&vg.name, disk, events)),
                );
                if matches!(deed, Deed::KeepUnsure(_)) {
                    events.warn(format!(
                        "{}: without the journal, which is damaged or lost, nothing says whether the copy on it is finished, so it is not erased",
                        disk.name
                    ));
                }
                outcome.kept.push((disk.name.clone(), disk.serial_or_name().to_owned()));
            }
            _ => {
                if matches!(deed, Deed::Erase(_)) {
                    note_down(state, &Record::Begin { id: erasing(index) }, events);
                    crash_point("before", &format!("X.free.{index}"));
                }
                match free(index, &without_journal(alternate), events) {
                    Ok(true) => outcome.freed.push(name),
                    Ok(false) => outcome.left.push(name),
                    Err(e) => {
                        note_down(
                            state,
                            &Record::Failed { id: erasing(index), error: format!("{e:#}") },
                            events,
                        );
                        outcome.errors.push(e);
                    }
                }
            }
        }
        crash_point("after", &format!("X.free.{index}"));
    }
    if base.made_mount_point {
        // Somebody else's files in it, if any, stay.
        let _ = std::fs::remove_dir(ALT_INST);
    }
    outcome.finish(state, &base.present())
}

/// A record that helps a second `-X`. It is no condition of the first: there may be no room for it.
fn note_down(state: &mut State, record: &Record, events: &Events) {
    if let Err(e) = state.append(record) {
        events.note(format!(
            "the journal cannot be written; the clean-up continues without it: {e:#}"
        ));
    }
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

/// # Errors
/// ALT-709 where the running system lies on a disk of the alternate.
pub fn not_running_from_it(base: &Base, world: &World) -> Result<()> {
    let root = mounts::mounted()?.into_iter().rfind(|m| m.mount_point == Path::new("/"));
    let disks = root.map(|m| world.disks_of_mount(&m)).unwrap_or_default();
    match base
        .layout
        .disks
        .iter()
        .filter_map(|d| relocate::find(d, world))
        .find(|d| disks.contains(&d.name))
    {
        Some(d) => {
            Err(error::RUNNING_FROM_IT.with_cause(format!("the running system is on {}", d.name)))
        }
        None => Ok(()),
    }
}

/// Programs that a killed run left working in the copy: those in what is mounted below /alt_inst;
/// and of disks that are erased, all.
fn end_processes(base: &Base, erased: &[&Disk], world: &World, events: &Events) -> Result<()> {
    let copy: Vec<&Disk> =
        base.layout.disks.iter().filter_map(|d| relocate::find(d, world)).collect();
    // Device numbers of the volumes as they are named now; btrfs has numbers of its own, which its
    // mounts tell.
    let parts = erased.iter().flat_map(|d| d.partitions.iter().filter_map(|p| p.dev.clone()));
    let stacked = erased.iter().flat_map(|d| world.stacked_on(d)).map(|s| s.dev.clone());
    let mut devices: Vec<u64> =
        parts.chain(stacked).filter_map(|dev| procs::device_number(&dev)).collect();
    devices.extend(device_numbers_below(&copy, world)?);
    end_those_on(&devices, events)
}

#[cfg(test)]
mod tests;
