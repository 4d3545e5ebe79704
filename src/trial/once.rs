//! Boots a disk once, without changing the boot list that holds afterwards.

use std::path::Path;

use anyhow::Result;

use crate::boot::bootlist::bootdisk::BootDisk;
use crate::boot::bootlist::{BootListing, Machine, capability, chain, nvram};
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::{custom, dir};
use crate::error;
use crate::event::Events;

use super::esp;
use super::grub_script::{self, GrubTrial};
use super::record::{self, Record};

/// Makes the machine boot this disk at its next start, and only then.
///
/// # Errors
/// As [`Machine::set`]; ALT-513 and ALT-514 if there is no place for the record. Nothing is armed
/// then.
pub fn set(machine: &Machine, disk: &BootDisk, events: &Events) -> Result<()> {
    capability(machine.firmware)?;
    match machine.firmware {
        Firmware::Uefi => {
            let number = nvram::entry_for(disk, events)?;
            nvram::append(&number, events)?;
            nvram::boot_once(&number, events)
        }
        Firmware::Bios => {
            cancel_grubs(machine, events)?;
            let done = arm_grubs(machine, disk, events);
            if done.is_err()
                && let Err(e) = cancel_grubs(machine, events)
            {
                events.warn(format!(
                    "the one-time choice could not be cancelled: {}",
                    error::chain_of(&e)
                ));
            }
            done
        }
    }
}

/// Cancels a one-time choice. Returns whether there was one.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn cancel(machine: &Machine, events: &Events) -> Result<bool> {
    match machine.firmware {
        Firmware::Uefi => nvram::cancel_once(events),
        Firmware::Bios => cancel_grubs(machine, events),
    }
}

/// Cancels the choice if it is this disk, on a BIOS machine. A running system without GRUB has made
/// none.
///
/// # Errors
/// As [`cancel`].
pub fn cancel_for(machine: &Machine, disk: &BootDisk, events: &Events) -> Result<()> {
    if dir::find_own(Path::new("/")).is_none() {
        return Ok(());
    }
    match chosen(machine, &machine.here, events)? {
        Some(trial) if trial.id == disk.id() => cancel_grubs(machine, events).map(drop),
        _ => Ok(()),
    }
}

/// What boots next and why, with the one-time choice.
///
/// # Errors
/// As [`Machine::current`].
pub fn listing(machine: &Machine, events: &Events) -> Result<BootListing> {
    let mut list = machine.current(events)?;
    if machine.firmware == Firmware::Bios
        && let Some(trial) = armed(machine, events)?
        && machine.by_id(&trial.id).is_some()
    {
        for (disk, listed) in machine.disks().zip(&mut list.disks) {
            listed.next = disk.id() == trial.id;
            if listed.next {
                listed.why = "chosen for the next start only".to_owned();
            }
        }
    }
    Ok(list)
}

/// The choice in the running system's GRUB, if the record still says so.
fn armed(machine: &Machine, events: &Events) -> Result<Option<GrubTrial>> {
    let Some(trial) = chosen(machine, &machine.here, events)? else { return Ok(None) };
    // A record that cannot be read starts nothing.
    let block = esp::read_record(&trial.esp_uuid, events).unwrap_or_default().unwrap_or_default();
    Ok(record::is_armed(&block, &trial.nonce).then_some(trial))
}

/// The script in a disk's GRUB, armed or not.
fn chosen(machine: &Machine, disk: &BootDisk, events: &Events) -> Result<Option<GrubTrial>> {
    let text = machine.open(disk, false, events)?.read_custom()?;
    let body = text.as_deref().and_then(custom::find_block);
    Ok(body.as_deref().and_then(custom::once).and_then(GrubTrial::parse))
}

/// The scripts first, the record last: one write arms.
fn arm_grubs(machine: &Machine, disk: &BootDisk, events: &Events) -> Result<()> {
    let keeper = [disk, &machine.here].into_iter().find(|d| d.esp_fat_uuid.is_some());
    let Some((keeper, esp_uuid)) = keeper.and_then(|d| Some((d, d.esp_fat_uuid.clone()?))) else {
        return Err(error::NO_BOOT_PARTITION.with_remedy(
            format!(
                "neither {} nor the disk of the running system has an EFI system partition, on which altdisk would write down that the disk was started",
                disk.title()
            ),
            "set the boot list without -m once, and back again after the restart",
        ));
    };
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let trial = GrubTrial { id: disk.id(), esp_uuid, nonce };
    let to = chain(disk)?;
    for d in machine.disks().filter(|d| d.practice().is_none()) {
        let script = if d.id() != disk.id() {
            grub_script::hand_over(&trial, &custom::entry(&to), &to.fs_uuid)
        } else if d.id() == machine.here.id() {
            grub_script::start_own(&trial, None)
        } else {
            // Without a way back by its own GRUB, the boot list of the others has to do.
            let back = chain(&machine.here).ok();
            let entry = back.as_ref().map(custom::entry).unwrap_or_default();
            grub_script::start_own(&trial, back.as_ref().map(|b| (b.id.as_str(), entry.as_str())))
        };
        let written = set_once(machine, d, Some(&script), events);
        if d.id() == disk.id() || d.id() == machine.here.id() {
            written?;
        } else if let Err(e) = written {
            events.warn(format!(
                "{}; if the BIOS starts {}, it does not hand over",
                error::chain_of(&e),
                d.title()
            ));
        }
    }
    esp::write_record(keeper, &Record::armed(&trial.nonce).to_block(), events)
}

/// The record first: without it the scripts start nothing.
fn cancel_grubs(machine: &Machine, events: &Events) -> Result<bool> {
    let mut found = false;
    for d in machine.disks().filter(|d| d.practice().is_none()) {
        let done = chosen(machine, d, events).and_then(|trial| {
            let Some(trial) = trial else { return Ok(false) };
            esp::remove_record(&trial.esp_uuid, events)?;
            set_once(machine, d, None, events).map(|()| true)
        });
        match done {
            Ok(was) => found |= was,
            Err(e) if d.id() == machine.here.id() => return Err(e),
            // It cannot start anything without the record; the disk may be gone.
            Err(e) if found => events.warn(error::chain_of(&e)),
            Err(_) => {}
        }
    }
    Ok(found)
}

/// Puts the script into a disk's block, or takes it out.
fn set_once(
    machine: &Machine,
    disk: &BootDisk,
    script: Option<&str>,
    events: &Events,
) -> Result<()> {
    let grub = machine.open(disk, true, events)?;
    grub.edit_custom(|old| custom::set_once(old, script)).map(drop)
}
