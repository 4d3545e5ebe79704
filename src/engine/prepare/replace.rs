//! Replaces a finished copy in one step: `alt_disk_install -C --erase SERIAL DISK`, where DISK
//! holds it.
//!
//! The new run's own checks come first. Then the old copy is forgotten as `-X` does it, journalled,
//! and only then is the new plan stored: a kill at any moment leaves the old copy, no copy, or the
//! new one, and `-X` clears each.

use std::path::Path;

use anyhow::Result;

use crate::disk::model::{Disk, Inventory, Lv, Stacked};
use crate::engine::request::Request;
use crate::engine::state::record_state::{Stage, stage};
use crate::engine::state::{Alternate, relocate};
use crate::error;
use crate::host::clock;
use crate::text::shell::quoted;

/// Checks that phase 1 may use the disks of an existing copy.
///
/// # Errors
/// ALT-703 with the command that would do it, or what comes first.
pub fn check_replace(
    request: &Request,
    alternate: &Alternate,
    inventory: &Inventory,
) -> Result<()> {
    let disks = alternate.base.layout.disk_names();
    if stage(alternate) != Stage::Finished {
        return Err(error::ALTERNATE_EXISTS.with_remedy(
            format!("there is a copy (altinst_rootvg) on {disks} that is not finished"),
            "`alt_disk_install --resume` continues it where it was interrupted; `alt_disk_install -X` removes it",
        ));
    }
    let there = format!(
        "there is a finished copy (altinst_rootvg) on {disks}, made {}",
        clock::minute(alternate.base.created)
    );
    let copy: Option<Vec<&Disk>> =
        alternate.base.layout.disks.iter().map(|d| relocate::find_target(d, inventory)).collect();
    let targets: Vec<&Disk> =
        request.targets.iter().filter_map(|t| inventory.disk(t).ok()).collect();
    let named = |d: &Disk| targets.iter().any(|t| t.name == d.name);
    let Some(copy) = copy.filter(|all| all.iter().all(|d| named(d))) else {
        return Err(error::ALTERNATE_EXISTS.with_remedy(there, FORGET));
    };
    let unsaid: Vec<&Disk> = copy
        .into_iter()
        .filter(|d| !request.erase.iter().any(|e| e == d.serial_or_name()))
        .collect();
    if unsaid.is_empty() {
        return Ok(());
    }
    let remedy = format!(
        "`{}` erases it and makes a new copy; {FORGET}",
        with_erase(&request.argv, &unsaid)
    );
    Err(error::ALTERNATE_EXISTS.with_remedy(there, remedy))
}

/// The remedy if a finished copy is on other disks.
const FORGET: &str = "`alt_disk_install -X` forgets it, and its disk keeps its system";

/// The command line that was given, with the serial numbers of these disks.
fn with_erase(argv: &[String], disks: &[&Disk]) -> String {
    let mut words = argv.to_vec();
    let at = words.len().min(if words.get(1).is_some_and(|w| w == "-C") { 2 } else { 1 });
    words.splice(
        at..at,
        disks.iter().flat_map(|d| ["--erase".to_owned(), d.serial_or_name().to_owned()]),
    );
    quoted(&words)
}

/// The note for the user before the old copy is removed.
pub fn describe_replacement(alternate: &Alternate) -> String {
    format!(
        "the finished copy on {}, made {}, is forgotten first: its boot entry goes, and its disk is erased",
        alternate.base.layout.disk_names(),
        clock::minute(alternate.base.created)
    )
}

/// The inventory as the new run's checks may see it: LVM activates all volumes at boot; unused
/// volumes of the copy are deactivated before its disks are erased.
pub fn without_idle_volumes(inventory: &Inventory, alternate: &Alternate) -> Inventory {
    let own = |lv: &&Lv| alternate.base.layout.vgs.iter().any(|v| v.name == lv.vg);
    let volumes: Vec<&Path> =
        inventory.lvm.lvs.iter().filter(own).map(|lv| lv.dm_path.as_path()).collect();
    let used = |s: &Stacked| {
        inventory.mounts.iter().any(|m| m.mount.dev == s.dev)
            || inventory.openers.iter().any(|o| o.dev == s.dev)
            || inventory
                .swaps
                .iter()
                .any(|p| inventory.kernel_name(&p.path.to_string_lossy()).as_ref() == Some(&s.name))
            || inventory.stacked.iter().any(|o| o.slaves.contains(&s.name))
    };
    let idle: Vec<&Stacked> = inventory
        .stacked
        .iter()
        .filter(|s| volumes.contains(&s.path.as_path()) && !used(s))
        .collect();
    let mut after = inventory.clone();
    after.stacked.retain(|s| !idle.iter().any(|i| i.name == s.name));
    after
        .lvm
        .lvs
        .iter_mut()
        .filter(|lv| idle.iter().any(|i| i.path == lv.dm_path))
        .for_each(|lv| lv.active = false);
    let stays = |holder: &String| !idle.iter().any(|i| i.name == *holder);
    for disk in &mut after.disks {
        disk.holders.retain(stays);
        disk.partitions.iter_mut().for_each(|p| p.holders.retain(stays));
    }
    after
}

#[cfg(test)]
mod tests;
