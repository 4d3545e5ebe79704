//! `-X`: nothing of the copy is left in the running system.
//!
//! A copy that is not finished is removed, and its disks are free again: they were blank before, or
//! given up with `--erase`. A finished one is forgotten: its disks keep a system that boots, unless
//! `--erase` names them too. As on AIX, where `-X` takes the definition of altinst_rootvg away and
//! nothing else.
//!
//! It works from what is there, not from how far a run came: every part looks whether there is
//! something to undo, so it can be repeated, also after a crash in the middle of itself. The stored
//! plan is removed last. An unreadable record does not matter ([`leftovers`]).

use std::path::Path;

use anyhow::Result;

use crate::disk::lvm;
use crate::disk::model::{Disk, Inventory};
use crate::engine::crash::crash_point;
use crate::engine::paths::ALT_INST;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step_id::StepId;
use crate::engine::privilege;
use crate::engine::run::clearing::{
    Outcome, check_erase_serials, device_numbers_below, end_processes_on,
};
use crate::engine::run::erase::{TargetState, free_target, target_state};
use crate::engine::run::leftovers;
use crate::engine::state::record_state::{RecordState, Stage, stage};
use crate::engine::state::{Alternate, Record, State, relocate};
use crate::engine::steps::mounted;
use crate::engine::steps::{automount, bootlist};
use crate::error;
use crate::event::Events;
use crate::host::{mounts, procs, signals, temporary_mount};
use crate::software::install;

/// Forgets the copy, or removes it. `erase`: serial numbers of disks of the copy that become free.
///
/// # Errors
/// ALT-233 for a serial number that no disk of the copy has: nothing was touched. What could not be
/// undone, marked as unfinished: everything else is undone, and the command can be repeated.
pub fn clean_up(erase: &[String], events: &Events) -> Result<String> {
    privilege::require_root()?;
    signals::catch();
    let mut state = State::lock_to_remove()?;
    match RecordState::from_stored(state.load()?) {
        RecordState::Known(a) | RecordState::NoJournal(a) => {
            remove_copy(&mut state, &a, erase, events)
        }
        RecordState::Unreadable(why) => {
            leftovers::clear_leftovers(&mut state, Some(&why), erase, events)
        }
        RecordState::None => leftovers::clear_leftovers(&mut state, None, erase, events),
    }
}

/// The decision of `-X` about a disk of the copy.
pub enum DiskAction<'w> {
    /// The unfinished copy on it is erased, and the disk is free.
    Erase(&'w Disk),
    /// The finished copy on it stays.
    Keep(&'w Disk),
    /// There is a copy on it, and nothing says whether it is finished: it stays.
    KeepUnsure(&'w Disk),
    /// No run had begun to write to it.
    Untouched,
    /// It is not there, or cannot be distinguished from another.
    Gone,
    /// It was used for something else since.
    Reused(&'w Disk),
}

/// The present state of each disk of the copy.
pub fn target_states<'w>(alternate: &Alternate, inventory: &'w Inventory) -> Vec<TargetState<'w>> {
    let known = without_journal(alternate);
    (0..known.base.layout.disks.len()).map(|index| target_state(index, &known, inventory)).collect()
}

/// Decides what `-X` with these serial numbers does with each disk of the copy. Pure.
///
/// # Errors
/// ALT-233 if a serial number is that of no disk with the copy on it.
pub fn choose_disk_actions<'w>(
    alternate: &Alternate,
    erase: &[String],
    found: Vec<TargetState<'w>>,
) -> Result<Vec<DiskAction<'w>>> {
    let stage = stage(alternate);
    let (mut holds, mut actions) = (vec![], vec![]);
    for (index, fate) in found.into_iter().enumerate() {
        actions.push(match fate {
            TargetState::Untouched => DiskAction::Untouched,
            TargetState::Gone => DiskAction::Gone,
            TargetState::Reused(d) => DiskAction::Reused(d),
            // Neither the copy's partitions nor anything else is there.
            TargetState::Erasable(d) if stage == Stage::NotKnown && d.table.is_none() => {
                DiskAction::Untouched
            }
            TargetState::Erasable(d) => {
                holds.push(d);
                let begun = erasure_is_open(alternate, index);
                match stage {
                    _ if begun || erase.iter().any(|e| e == d.serial_or_name()) => {
                        DiskAction::Erase(d)
                    }
                    Stage::Unfinished => DiskAction::Erase(d),
                    Stage::Finished => DiskAction::Keep(d),
                    Stage::NotKnown => DiskAction::KeepUnsure(d),
                }
            }
        });
    }
    check_erase_serials(erase, &holds)?;
    Ok(actions)
}

/// If the journal is damaged or lost, the disks show what was written: a disk with the copy's
/// partition table was.
fn without_journal(alternate: &Alternate) -> Alternate {
    let mut known = alternate.clone();
    if stage(alternate) == Stage::NotKnown {
        let wiped = (0..known.base.layout.disks.len()).map(StepId::Wipe);
        known
            .journal
            .extend(wiped.flat_map(|id| [Record::Begin { id: id.clone() }, Record::Done { id }]));
    }
    known
}

/// True if the erasure of a disk was begun and neither ended nor refused: `-X` was killed there.
/// One that was refused has to be asked for again.
fn erasure_is_open(alternate: &Alternate, index: usize) -> bool {
    let id = StepId::Erase(index);
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
pub fn remove_copy(
    state: &mut State,
    alternate: &Alternate,
    erase: &[String],
    events: &Events,
) -> Result<String> {
    let base = &alternate.base;
    let inventory = Inventory::gather()?;
    check_not_running_from_it(base, &inventory)?;
    let actions = choose_disk_actions(alternate, erase, target_states(alternate, &inventory))?;
    if !alternate.cleaning() {
        // Without this record it continues nevertheless: leftovers are found by examining the
        // disks.
        state.append_removal().unwrap_or_else(|e| {
            events.warn(format!(
                "do not interrupt the removal: its beginning could not be recorded: {}",
                error::chain_of(&e)
            ))
        });
    }
    crash_point("after", "X.begin");
    let mut outcome = Outcome::default();
    let erased: Vec<&Disk> = actions
        .iter()
        .filter_map(|d| if let DiskAction::Erase(disk) = d { Some(*disk) } else { None })
        .collect();
    outcome.note(end_processes(base, &erased, &inventory, events));
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
            events.warn(format!("{}: it stays", error::chain_of(&e)));
        }
        Err(e) => outcome.errors.push(e),
    }
    // A medium with packages that a killed update was reading.
    outcome.note(install::release_medium());
    outcome.note(temporary_mount::release_left());
    crash_point("after", "X.unmount");
    outcome.note(automount::unhide_disks(events));
    outcome.note(bootlist::restore_boot_list(base, alternate.before(), events));
    crash_point("after", "X.bootlist");
    for (index, action) in actions.iter().enumerate() {
        let name = base.layout.disks[index].name.clone();
        match action {
            DiskAction::Keep(disk) | DiskAction::KeepUnsure(disk) => {
                outcome.note(
                    base.layout.vgs.iter().try_for_each(|vg| lvm::put_away(&vg.name, disk, events)),
                );
                if matches!(action, DiskAction::KeepUnsure(_)) {
                    events.warn(format!(
                        "{}: without the journal, which is damaged or lost, nothing says whether the copy on it is finished, so it is not erased",
                        disk.name
                    ));
                }
                outcome.kept.push((disk.name.clone(), disk.serial_or_name().to_owned()));
            }
            _ => {
                if matches!(action, DiskAction::Erase(_)) {
                    note_down(state, &Record::Begin { id: StepId::Erase(index) }, events);
                    crash_point("before", format!("X.free.{index}"));
                }
                match free_target(index, &without_journal(alternate), events) {
                    Ok(true) => outcome.freed.push(name),
                    Ok(false) => outcome.left.push(name),
                    Err(e) => {
                        note_down(
                            state,
                            &Record::Failed {
                                id: StepId::Erase(index),
                                error: error::chain_of(&e),
                            },
                            events,
                        );
                        outcome.errors.push(e);
                    }
                }
            }
        }
        crash_point("after", format!("X.free.{index}"));
    }
    if base.made_mount_point {
        // Somebody else's files in it, if any, stay.
        let _ = std::fs::remove_dir(ALT_INST);
    }
    let copies = leftovers::find_leftovers(&inventory)?.copies;
    let first = bootlist::look_at_first(&copies, false, events);
    outcome.finish(state, &base.present(), &first)
}

/// Adds a record that helps a second `-X`. The first one does not depend on it: there may be no
/// room.
fn note_down(state: &mut State, record: &Record, events: &Events) {
    if let Err(e) = state.append(record) {
        events.note(format!(
            "the journal cannot be written; cleaning up continues without it: {}",
            error::chain_of(&e)
        ));
    }
}

/// A plan whose first check refused: nothing was touched, nothing stays.
///
/// # Errors
/// If state files cannot be removed.
pub fn forget_untouched(state: &mut State, base: &AlternateSpec) -> Result<()> {
    if base.made_mount_point {
        let _ = std::fs::remove_dir(ALT_INST);
    }
    state.remove_alternate()
}

/// # Errors
/// ALT-709 if the running system lies on a disk of the alternate.
pub fn check_not_running_from_it(base: &AlternateSpec, inventory: &Inventory) -> Result<()> {
    let root = mounts::mounted()?.into_iter().rfind(|m| m.mount_point == Path::new("/"));
    let disks = root.map(|m| inventory.disks_of_mount(&m)).unwrap_or_default();
    match base
        .layout
        .disks
        .iter()
        .filter_map(|d| relocate::find_target(d, inventory))
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
fn end_processes(
    base: &AlternateSpec,
    erased: &[&Disk],
    inventory: &Inventory,
    events: &Events,
) -> Result<()> {
    let copy: Vec<&Disk> =
        base.layout.disks.iter().filter_map(|d| relocate::find_target(d, inventory)).collect();
    // Device numbers of the volumes as they are named now; btrfs has numbers of its own, which its
    // mounts tell.
    let parts = erased.iter().flat_map(|d| d.partitions.iter().filter_map(|p| p.dev.clone()));
    let stacked = erased.iter().flat_map(|d| inventory.stacked_on(d)).map(|s| s.dev.clone());
    let mut devices: Vec<u64> =
        parts.chain(stacked).filter_map(|dev| procs::device_number(&dev)).collect();
    devices.extend(device_numbers_below(&copy, inventory)?);
    end_processes_on(&devices, events)
}

#[cfg(test)]
mod tests;
