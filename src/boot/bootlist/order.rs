//! A new boot list: entries and order in the firmware, or which GRUB hands over to which.

use anyhow::Result;

use super::bootdisk::BootDisk;
use super::capability::capability;
use super::machine::Machine;
use super::nvram;
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::custom::{self, Chain};
use crate::error;
use crate::event::Events;

impl Machine {
    /// Makes the machine boot these disks in this order from now on.
    ///
    /// # Errors
    /// ALT-510 if the firmware does not show afterwards what it was given; ALT-509, ALT-511 and
    /// ALT-512 for what a disk lacks.
    pub fn set(&self, order: &[&BootDisk], events: &Events) -> Result<()> {
        capability(self.firmware)?;
        match self.firmware {
            Firmware::Uefi => {
                let mut wanted = vec![];
                for d in order {
                    wanted.push(nvram::entry_for(d, events)?);
                }
                nvram::set_order(&nvram::order(&nvram::read()?, &wanted), events)
            }
            Firmware::Bios => self.set_grubs(order, events),
        }
    }

    pub(super) fn set_grubs(&self, order: &[&BootDisk], events: &Events) -> Result<()> {
        // The first disk's own GRUB is freed first: a power cut on the way never leaves two that
        // hand over to each other.
        let mut arbiters: Vec<&BootDisk> = self.arbiters(order).collect();
        arbiters.sort_by_key(|d| order.iter().position(|o| o.id() == d.id()).unwrap_or(usize::MAX));
        let Some(first) = order.first() else { return Ok(()) };
        for d in arbiters {
            let done = self.apply(d, before_itself(d, order), events);
            // Where the first disk's own GRUB is in order, the others matter only if the BIOS
            // starts them.
            let unreachable = first.chain_uuid().is_none() && !first.fresh;
            match done {
                Err(e) if d.id() != first.id() && (d.id() != self.here.id() || unreachable) => {
                    events.warn(format!(
                        "{}; if the BIOS starts {}, choose {} in its menu",
                        error::chain_of(&e),
                        d.title(),
                        first.title()
                    ));
                }
                other => other?,
            }
        }
        Ok(())
    }

    pub(super) fn apply(
        &self,
        arbiter: &BootDisk,
        chain_to: &[&BootDisk],
        events: &Events,
    ) -> Result<()> {
        let chains = chain_to.iter().map(|d| chain(d)).collect::<Result<Vec<Chain>>>()?;
        let changed = self.open(arbiter, true, events)?.edit_custom(|old| {
            if chains.is_empty() {
                old.and_then(custom::remove_block)
            } else {
                Some(custom::insert_block(old, &custom::block(&chains)))
            }
        })?;
        if changed {
            let what = chains.first().map_or("starts its own system".to_owned(), |c| {
                format!("hands over to {}", c.title)
            });
            events.note(format!("the GRUB of {} {what}", arbiter.title()));
        }
        Ok(())
    }
}

/// How a GRUB finds this disk to hand over to it.
///
/// # Errors
/// ALT-512 if it has no file system that GRUB could find it by.
pub fn chain(disk: &BootDisk) -> Result<Chain> {
    let fs_uuid = disk.chain_uuid().ok_or_else(|| {
        error::OTHER_GRUB.with_cause(format!(
            "{}: no file system on a partition of it that GRUB could find it by",
            disk.title()
        ))
    })?;
    Ok(Chain { id: disk.id(), title: disk.title(), fs_uuid: fs_uuid.to_owned() })
}

/// The disks of the list that this arbiter hands over to: those before itself.
pub(super) fn before_itself<'a, 'b>(
    arbiter: &BootDisk,
    order: &'a [&'b BootDisk],
) -> &'a [&'b BootDisk] {
    let at = order.iter().position(|d| d.id() == arbiter.id()).unwrap_or(order.len());
    &order[..at]
}
