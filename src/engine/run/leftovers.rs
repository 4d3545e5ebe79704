//! `-X` without a record: leftovers of a copy in the running system, found by their marks.
//!
//! A damaged plan must not prevent cleaning up. What altdisk leaves in the running system bears its
//! marks: mounts below /alt_inst of disks whose partitions (or volume group) are called
//! altinst_rootvg, a rule for udev, a block in custom.cfg, boot entries. All of that is removed.
//! But no mark says whether a copy is finished, or is one that was forgotten before: a disk is
//! erased only where `--erase` names it, and boot entries go only for what is mounted, erased, or
//! named by the record of the boot list.

use std::path::Path;

use anyhow::Result;

use crate::boot::bootlist::First;
use crate::disk::eligibility::{self, is_clone};
use crate::disk::model::{Disk, Inventory, Role};
use crate::disk::{lvm, make, uses};
use crate::engine::crash::crash_point;
use crate::engine::paths::ALT_INST;
use crate::engine::run::clearing::{
    Outcome, check_erase_serials, device_numbers_below, end_processes_on, first_in_words,
};
use crate::engine::state::State;
use crate::engine::steps::{automount, bootlist};
use crate::error;
use crate::event::Events;
use crate::host::mounts::{self, Mount};
use crate::host::temporary_mount;
use crate::software::install;

/// The leftovers of a copy without a record.
pub struct Found<'w> {
    /// Disks that hold a copy of some system. The running system uses none of them.
    pub copies: Vec<&'w Disk>,
    /// Mounts at and below /alt_inst, in mount order.
    pub mounted: Vec<Mount>,
    /// True if that is a copy's, so that it can be unmounted.
    pub ours: bool,
}

const NOTHING: &str = "There is no altinst_rootvg: nothing to clean up.";

/// Looks for what a copy left. Only reads.
///
/// # Errors
/// If /proc is not mounted.
pub fn find_leftovers(inventory: &Inventory) -> Result<Found<'_>> {
    Ok(found(inventory, mounts::mounted()?))
}

fn found(inventory: &Inventory, all: Vec<Mount>) -> Found<'_> {
    let (mounted, others): (Vec<Mount>, Vec<Mount>) =
        all.into_iter().partition(|m| m.mount_point.starts_with(ALT_INST));
    // A system that was booted from a copy lies on partitions of that name itself.
    let mut used: Vec<String> = others.iter().flat_map(|m| inventory.disks_of_mount(m)).collect();
    used.extend(
        inventory.swaps.iter().flat_map(|s| inventory.disks_below(&s.path.to_string_lossy())),
    );
    let copies: Vec<&Disk> = inventory
        .disks
        .iter()
        .filter(|d| is_clone(d, inventory) && !used.contains(&d.name))
        .collect();
    let on_copies = |m: &Mount| {
        let disks = inventory.disks_of_mount(m);
        !disks.is_empty() && disks.iter().all(|name| copies.iter().any(|d| d.name == *name))
    };
    let foreign = mounted.iter().any(|m| m.mount_point == Path::new(ALT_INST) && !on_copies(m));
    let ours = !foreign && mounted.iter().any(on_copies);
    Found { copies, mounted, ours }
}

impl<'w> Found<'w> {
    /// The disks from which something is mounted below /alt_inst.
    fn mounted_disks(&self, inventory: &Inventory) -> Vec<&'w Disk> {
        let names: Vec<String> = self
            .mounted
            .iter()
            .filter(|_| self.ours)
            .flat_map(|m| inventory.disks_of_mount(m))
            .collect();
        self.copies.iter().copied().filter(|d| names.contains(&d.name)).collect()
    }

    /// The disks that `--erase` may name. Where there is a record that cannot be read, the copy may
    /// be on any of them; if there is none, only a mount shows that something was left.
    pub fn erasable(&self, inventory: &Inventory, unreadable: bool) -> Vec<&'w Disk> {
        if unreadable { self.copies.clone() } else { self.mounted_disks(inventory) }
    }

    /// The disks whose boot entries are removed: those with a copy that is mounted below /alt_inst,
    /// and those that `--erase` names. Every other copy stays as it is, with its boot entries.
    fn cleared(&self, inventory: &Inventory, erase: &[String]) -> Vec<&'w Disk> {
        let mounted = self.mounted_disks(inventory);
        let is_cleared = |d: &Disk| {
            mounted.iter().any(|m| m.name == d.name)
                || erase.iter().any(|e| e == d.serial_or_name())
        };
        self.copies.iter().copied().filter(|d| is_cleared(d)).collect()
    }
}

/// Removes the leftovers. `unreadable`: why the record cannot be read; None if there is no record.
///
/// # Errors
/// ALT-233 for a serial number of no such disk: nothing was touched. Else what could not be undone;
/// everything else is undone.
pub fn clear_leftovers(
    state: &mut State,
    unreadable: Option<&anyhow::Error>,
    erase: &[String],
    events: &Events,
) -> Result<String> {
    let inventory = Inventory::gather()?;
    let found = find_leftovers(&inventory)?;
    let disks = found.erasable(&inventory, unreadable.is_some());
    check_erase_serials(erase, &disks)?;
    let cleared = found.cleared(&inventory, erase);
    if let Some(why) = unreadable {
        events.warn(format!(
            "{}: cleaning up relies on what it finds on the disks",
            error::chain_of(why)
        ));
    }
    let mut outcome = Outcome::default();
    outcome.note(
        device_numbers_below(&disks, &inventory)
            .and_then(|numbers| end_processes_on(&numbers, events)),
    );
    let mut done = unmount(&found, &mut outcome, events);
    outcome.note(install::release_medium());
    outcome.note(temporary_mount::release_left());
    crash_point("after", "X.unmount");
    outcome.note(automount::unhide_disks(events));
    match bootlist::remove_without_plan(&cleared, events) {
        Ok(changed) => done |= changed,
        Err(e) => outcome.errors.push(e),
    }
    crash_point("after", "X.bootlist");
    for (index, disk) in disks.iter().enumerate() {
        let groups = uses::groups_on(disk, &inventory);
        if erase.iter().any(|e| e == disk.serial_or_name()) {
            match erase_disk(disk, &groups, events) {
                Ok(()) => outcome.freed.push(disk.name.clone()),
                Err(e) => outcome.errors.push(e),
            }
        } else {
            outcome.note(groups.iter().try_for_each(|vg| lvm::put_away(vg, disk, events)));
            let is_cleared = cleared.iter().any(|c| c.name == disk.name);
            events.warn(format!(
                "{}: its partitions are called altinst_rootvg. Without the record nothing says whether the copy on it is finished, or is \
                 one that was forgotten before, so it is not erased{}",
                disk.name,
                if is_cleared { "" } else { ", and its boot entries stay" }
            ));
            outcome.kept.push((disk.name.clone(), disk.serial_or_name().to_owned()));
        }
        crash_point("after", format!("X.free.{index}"));
    }
    // It is not known who made it; what is in it stays.
    if outcome.errors.is_empty() && (unreadable.is_some() || done) {
        let _ = std::fs::remove_dir(ALT_INST);
    }
    let nothing = unreadable.is_none() && !done;
    let first = bootlist::look_at_first(&found.copies, !nothing, events);
    let text = outcome.finish(state, &running(&inventory), &first)?;
    Ok(match (nothing, &first) {
        (false, _) => text,
        (true, First::Copy(_)) => NOTHING.to_owned() + &first_in_words(&first, ""),
        (true, _) => NOTHING.to_owned(),
    })
}

/// True if something was unmounted.
fn unmount(found: &Found, outcome: &mut Outcome, events: &Events) -> bool {
    let at = Path::new(ALT_INST);
    if found.ours {
        match mounts::unmount_below(at) {
            Ok(all) => {
                all.iter().rev().for_each(|at| events.note(format!("unmounted {}", at.display())))
            }
            Err(e) => outcome.errors.push(e),
        }
        return true;
    }
    if let Some(m) = found.mounted.first() {
        let (source, point) = (&m.source, m.mount_point.display());
        events.warn(format!("{source} is mounted at {point} and is not a copy: it is left alone. `umount -R {ALT_INST}` unmounts it"));
    }
    false
}

/// The gate once more, now that nothing of the copy is mounted any more.
fn erase_disk(disk: &Disk, groups: &[String], events: &Events) -> Result<()> {
    groups.iter().try_for_each(|vg| lvm::put_away(vg, disk, events))?;
    let inventory = Inventory::gather()?;
    let disk = inventory.disk(&disk.name)?;
    eligibility::examine(disk, &inventory, Role::None)
        .allow(&[disk.serial_or_name().to_owned()], disk)?;
    make::erase_signatures(disk, groups.first().map(String::as_str), events)
}

/// The disks of the running system in words.
fn running(inventory: &Inventory) -> String {
    let root = mounts::mounted()
        .unwrap_or_default()
        .into_iter()
        .rfind(|m| m.mount_point == Path::new("/"));
    let disks = root.map(|m| inventory.disks_of_mount(&m)).unwrap_or_default();
    if disks.is_empty() { "the running system's disk".to_owned() } else { disks.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::model::Partition;
    use crate::host::mounts::parse_mountinfo;
    use crate::testing::sample;

    fn inventory() -> Inventory {
        let mut inventory = sample::inventory();
        for (disk, dev) in [(1, "254:17"), (2, "8:33")] {
            let name = inventory.disks[disk].name.clone();
            let part = sample::partition(&name, 1, dev, "ext4");
            inventory.disks[disk].partitions =
                vec![Partition { label: Some("altinst_rootvg root".into()), ..part }];
        }
        inventory
    }

    fn names(found: &Found) -> String {
        found.copies.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_copy_is_known_by_its_partitions_and_never_the_running_system() {
        let inventory = inventory();
        let root = "22 1 8:33 / / rw - ext4 /dev/sdc1 rw\n";
        let copy = "30 22 254:17 / /alt_inst rw - ext4 /dev/vdb1 rw\n31 30 0:40 / /alt_inst/proc rw - proc proc rw\n";
        let both = found(&inventory, parse_mountinfo(copy.as_bytes()));
        assert_eq!((names(&both).as_str(), both.ours, both.mounted.len()), ("vdb sdc", true, 2));
        assert_eq!(
            both.erasable(&inventory, false).len(),
            1,
            "sdc is not mounted: nothing says that it was left"
        );
        assert_eq!(both.erasable(&inventory, true).len(), 2);
        let cleared = |erase: &[String]| {
            both.cleared(&inventory, erase)
                .iter()
                .map(|d| d.name.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let sdc = inventory.disks[2].serial_or_name().to_owned();
        assert_eq!((cleared(&[]), cleared(&[sdc])), ("vdb".into(), "vdb sdc".into()));
        // The running system was itself booted from a copy.
        let booted = found(&inventory, parse_mountinfo((root.to_owned() + copy).as_bytes()));
        assert_eq!((names(&booted).as_str(), booted.ours), ("vdb", true));
    }

    #[test]
    fn what_is_no_copy_stays_mounted() {
        let inventory = inventory();
        let tmpfs = found(
            &inventory,
            parse_mountinfo(b"30 22 0:50 / /alt_inst rw - tmpfs tmpfs rw\n31 30 254:17 / /alt_inst/x rw - ext4 /dev/vdb1 rw\n"),
        );
        assert!(!tmpfs.ours && tmpfs.erasable(&inventory, false).is_empty());
        let none = found(&inventory, parse_mountinfo(b"22 1 254:1 / / rw - vfat /dev/vda1 rw\n"));
        assert!(!none.ours && none.mounted.is_empty());
    }
}
