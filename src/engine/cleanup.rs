//! `-X`: nothing of the alternate is left in the running system, and its disks are free again.
//!
//! Works from what is there, not from how far a run came: every part looks whether there is something to undo, so it can
//! be repeated, also after a crash in the middle of itself. The stored plan goes last. A disk is erased only where a run had
//! begun to erase it, and only while it is the same disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::disk::model::World;
use crate::engine::erase::free;
use crate::engine::plan::Base;
use crate::engine::state::{Record, State, crash_point};
use crate::engine::{ALT_INST, mounted, relocate};
use crate::error::{self, LeftUnfinished};
use crate::event::Events;
use crate::host::{mounts, procs, signals};
use crate::software::install;

/// Removes the alternate.
///
/// # Errors
/// What could not be undone, marked as unfinished; everything else is undone, and the command can be repeated.
pub fn clean_up(events: &Events) -> Result<String> {
    super::run::require_root()?;
    signals::catch();
    let mut state = State::lock()?;
    let Some(alternate) = state.load()? else {
        state.forget()?;
        if mounts::is_mount_point(Path::new(ALT_INST)) {
            events.warn(format!("something is mounted at {ALT_INST}, and no record says what: `umount -R {ALT_INST}` unmounts it"));
        }
        return Ok("There is no altinst_rootvg: nothing to clean up.".into());
    };
    let base = &alternate.base;
    let world = World::gather()?;
    not_running_from_it(base, &world)?;
    if !alternate.cleaning() {
        state.append(&Record::CleanUp)?;
    }
    let mut outcome = Outcome { errors: vec![], freed: vec![], kept: vec![] };
    outcome.note(end_processes(base, &world, events));
    crash_point("after", "X.processes");
    match mounted::unmount_all(base) {
        Ok(all) => all.iter().rev().for_each(|at| events.note(format!("unmounted {}", at.display()))),
        Err(e) => outcome.errors.push(e),
    }
    // A medium with packages that a killed update was reading.
    outcome.note(install::release_medium());
    crash_point("after", "X.unmount");
    outcome.note(super::quiet::unhide(base, events));
    outcome.note(super::bootlist::undo(base, alternate.before(), events));
    crash_point("after", "X.bootlist");
    for index in 0..base.layout.disks.len() {
        match free(index, &alternate, events) {
            Ok(true) => outcome.freed.push(base.layout.disks[index].name.clone()),
            Ok(false) => outcome.kept.push(base.layout.disks[index].name.clone()),
            Err(e) => outcome.errors.push(e),
        }
        crash_point("after", &format!("X.free.{index}"));
    }
    outcome.finish(&mut state, base)
}

/// What the parts of a clean-up came to.
struct Outcome {
    errors: Vec<anyhow::Error>,
    freed: Vec<String>,
    kept: Vec<String>,
}

impl Outcome {
    fn note(&mut self, done: Result<()>) {
        self.errors.extend(done.err());
    }

    /// The stored plan goes only when nothing is left to undo.
    fn finish(mut self, state: &mut State, base: &Base) -> Result<String> {
        if let Some(first) = (!self.errors.is_empty()).then(|| self.errors.remove(0)) {
            let others: String = self.errors.iter().map(|e| format!("{e:#}; ")).collect();
            let first = if others.is_empty() { first } else { first.context(format!("{others}and")) };
            return Err(first.context(LeftUnfinished));
        }
        if base.made_mount_point {
            // Somebody else's files in it, if any, stay.
            let _ = std::fs::remove_dir(ALT_INST);
        }
        super::bootlist::forget().context(LeftUnfinished)?;
        crash_point("after", "X.forget");
        state.forget().context(LeftUnfinished)?;
        let mut text = "altinst_rootvg is removed.".to_owned();
        for (disks, what) in [(&self.freed, "free"), (&self.kept, "left as they are (see above)")] {
            if !disks.is_empty() {
                text.push_str(&format!(" {}: {what}.", disks.join(" ")));
            }
        }
        let running = base.present();
        Ok(format!("{text} Bootlist is set to the boot disk: {running}."))
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
    match base.layout.disks.iter().filter_map(|d| relocate::find(d, world)).find(|d| disks.contains(&d.name)) {
        Some(d) => Err(error::RUNNING_FROM_IT.because(format!("the running system is on {}", d.name))),
        None => Ok(()),
    }
}

/// Programs that a killed run left working in the alternate.
fn end_processes(base: &Base, world: &World, events: &Events) -> Result<()> {
    // Device numbers of the alternate's own volumes as they are named now, and of what is mounted from them (btrfs has numbers of its own).
    let disks: Vec<_> = base.layout.disks.iter().filter_map(|d| relocate::find(d, world)).collect();
    let parts = disks.iter().flat_map(|d| d.partitions.iter().filter_map(|p| p.dev.clone()));
    let stacked = disks.iter().flat_map(|d| world.stacked_on(d)).map(|s| s.dev.clone());
    let mut ours: Vec<u64> = parts.chain(stacked).filter_map(|dev| procs::device_number(&dev)).collect();
    let names: Vec<&String> = disks.iter().map(|d| &d.name).collect();
    let on_ours = |m: &mounts::Mount| {
        let below = world.disks_of_mount(m);
        !below.is_empty() && below.iter().all(|d| names.contains(&d))
    };
    let mounted = mounts::mounted()?.into_iter().filter(|m| m.mount_point.starts_with(ALT_INST) && on_ours(m));
    ours.extend(mounted.filter_map(|m| std::fs::metadata(&m.mount_point).ok()).map(|m| m.dev()));
    for (pid, command) in procs::end_those_rooted_on(&ours)? {
        events.note(format!("ended process {pid} ({command}), which worked in the alternate"));
    }
    Ok(())
}
