//! The boot list as it was: recorded before a change, and led back to.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::bootdisk::BootDisk;
use super::machine::Machine;
use super::{efi, nvram};
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::custom;
use crate::boot::loader::grub::dir::GrubDir;
use crate::error;
use crate::event::Events;

/// Everything that `set` may change, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootListSnapshot {
    pub firmware: Firmware,
    pub order: Vec<String>,
    pub next: Option<String>,
    /// Numbers of the entries that existed.
    pub entries: Vec<String>,
    /// PARTUUIDs of the ESPs for which entries may be made.
    pub ours: Vec<String>,
    pub grubs: Vec<GrubSnapshot>,
}

/// One disk's custom.cfg; None where there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrubSnapshot {
    pub disk: BootDisk,
    pub here: bool,
    pub custom: Option<Vec<u8>>,
}

impl Machine {
    /// Takes down what `set(order)` may change. A disk whose GRUB cannot be read is left out (and
    /// `set` says so).
    ///
    /// # Errors
    /// If the firmware's entries or the running system's own GRUB cannot be read.
    pub fn snapshot(&self, order: &[&BootDisk], events: &Events) -> Result<BootListSnapshot> {
        // Never this system's own ESP: what appears there is not ours to delete.
        let ours = order
            .iter()
            .filter(|d| d.id() != self.here.id())
            .filter_map(|d| d.esp_partuuid.clone())
            .collect();
        let mut before = BootListSnapshot {
            firmware: self.firmware,
            order: vec![],
            next: None,
            entries: vec![],
            ours,
            grubs: vec![],
        };
        match self.firmware {
            Firmware::Uefi => {
                let vars = nvram::read()?;
                before.entries = vars.entries.iter().map(|e| e.number.clone()).collect();
                (before.order, before.next) = (vars.order, vars.next);
            }
            Firmware::Bios => {
                for d in self.arbiters(order) {
                    let here = d.id() == self.here.id();
                    match self.open(d, false, events).and_then(GrubDir::read_custom) {
                        Ok(custom) => {
                            before.grubs.push(GrubSnapshot { disk: d.clone(), here, custom })
                        }
                        Err(e) if here => return Err(e),
                        Err(_) => {}
                    }
                }
            }
        }
        Ok(before)
    }

    /// Leads back to `before`: entries made for our ESPs are deleted, order and one-time choice are
    /// what they were, and so is each custom.cfg (what others wrote outside the block since then
    /// stays).
    ///
    /// # Errors
    /// As [`Machine::set`]. Disks that are gone are no error: a warning names them.
    pub fn undo(&self, before: &BootListSnapshot, events: &Events) -> Result<()> {
        match before.firmware {
            Firmware::Uefi => undo_nvram(before, events),
            Firmware::Bios => {
                for g in &before.grubs {
                    let restored = if g.here && g.disk.id() == self.here.id() {
                        GrubDir::open_own(events)
                    } else {
                        GrubDir::open_other(&g.disk, true, events)
                    };
                    match restored {
                        Ok(dir) => {
                            dir.edit_custom(|now| restore(now, g.custom.as_deref()))?;
                        }
                        Err(e) if g.here => return Err(e),
                        Err(e) => events.warn(error::chain_of(&e)),
                    }
                }
                Ok(())
            }
        }
    }
}

/// `before`, with the lines that others added outside the block since.
pub(super) fn restore(now: Option<&[u8]>, before: Option<&[u8]>) -> Option<Vec<u8>> {
    let outside = |text: Option<&[u8]>| text.and_then(custom::remove_block);
    if outside(now) == outside(before) {
        return before.map(<[u8]>::to_vec);
    }
    match before.and_then(custom::find_block) {
        Some(block) => Some(custom::insert_block(now, &block)),
        None => outside(now),
    }
}

fn undo_nvram(before: &BootListSnapshot, events: &Events) -> Result<()> {
    let vars = nvram::read()?;
    for number in entries_to_delete(&vars, before) {
        nvram::delete(&number, events)?;
    }
    let vars = nvram::read()?;
    let mut order: Vec<String> =
        before.order.iter().filter(|n| vars.entry(n).is_some()).cloned().collect();
    order.extend(
        vars.order
            .iter()
            .filter(|n| !before.order.contains(n) && !before.entries.contains(n))
            .cloned(),
    );
    if vars.order != order && !order.is_empty() {
        nvram::set_order(&order, events)?;
    }
    match before.next.as_ref().filter(|n| vars.entry(n).is_some() && vars.next.as_ref() != Some(n))
    {
        Some(next) => nvram::boot_once(next, events),
        None => Ok(()),
    }
}

/// Entries that altdisk made and that were not there before.
pub(super) fn entries_to_delete(vars: &efi::BootVars, before: &BootListSnapshot) -> Vec<String> {
    let ours = before.ours.iter().flat_map(|p| vars.on_partition(p));
    // Entries that `set` made for the running system's own disk (here or on the alternate) bear its
    // titles. They go only while everything that was tried before them is still there.
    let whole = before.order.iter().all(|n| vars.entry(n).is_some());
    let titled =
        |e: &&efi::Entry| ["rootvg (", "old_rootvg ("].iter().any(|t| e.label.starts_with(t));
    let own = vars.entries.iter().filter(titled).filter(|_| whole);
    let mut numbers: Vec<String> =
        ours.chain(own).map(|e| e.number.clone()).filter(|n| !before.entries.contains(n)).collect();
    numbers.sort();
    numbers.dedup();
    numbers
}
