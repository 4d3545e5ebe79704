//! Disks and copies taken out of the boot list.

use std::path::Path;

use anyhow::Result;

use super::bootdisk::BootDisk;
use super::machine::Machine;
use super::{efi, nvram};
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::custom;
use crate::boot::loader::grub::dir::{self, GrubDir};
use crate::event::Events;
use crate::host::cmd::find_program;
use crate::host::files;

impl Machine {
    /// Takes a disk that is about to go out of the boot list: its entries in the firmware, or what
    /// this system's own GRUB knows of it.
    ///
    /// # Errors
    /// As [`Machine::set`].
    pub fn remove(&self, disk: &BootDisk, events: &Events) -> Result<()> {
        match self.firmware {
            Firmware::Uefi if find_program(Path::new("/"), "efibootmgr").is_some() => {
                let Some(esp) = &disk.esp_partuuid else { return Ok(()) };
                let vars = nvram::read()?;
                let numbers: Vec<&String> =
                    vars.on_partition(esp).into_iter().map(|e| &e.number).collect();
                if vars.next.as_ref().is_some_and(|next| numbers.contains(&next)) {
                    nvram::cancel_once(events)?;
                }
                numbers.into_iter().try_for_each(|n| nvram::delete(n, events))
            }
            Firmware::Uefi => Ok(()),
            Firmware::Bios => {
                let Some(dir) = dir::find_own(Path::new("/")) else { return Ok(()) };
                let has = files::read_optional(&dir.join("custom.cfg"))?
                    .and_then(|t| custom::find_block(&t))
                    .is_some_and(|b| custom::defaults(&b).contains(&disk.id()));
                if !has {
                    return Ok(());
                }
                GrubDir::open_own(events)?
                    .edit_custom(|old| old.and_then(custom::remove_block))
                    .map(drop)
            }
        }
    }

    /// Takes out of the boot list what altdisk put there for a copy without a record: entries whose
    /// device path names one of these partitions and whose label is a copy's, and this system's own
    /// block in custom.cfg, unless that leads to the disk with the id `keep`. True if there was
    /// anything.
    ///
    /// # Errors
    /// As [`Machine::set`].
    pub fn remove_unrecorded(
        &self,
        partuuids: &[String],
        keep: Option<&str>,
        events: &Events,
    ) -> Result<bool> {
        match self.firmware {
            Firmware::Uefi if find_program(Path::new("/"), "efibootmgr").is_some() => {
                let numbers = unrecorded(&nvram::read()?, partuuids);
                numbers.iter().try_for_each(|n| nvram::delete(n, events))?;
                Ok(!numbers.is_empty())
            }
            Firmware::Uefi => Ok(false),
            Firmware::Bios => {
                let Some(dir) = dir::find_own(Path::new("/")) else { return Ok(false) };
                let text = files::read_optional(&dir.join("custom.cfg"))?;
                let block = text.as_deref().and_then(custom::find_block);
                let left = match block {
                    Some(b) if custom::defaults(&b).iter().any(|id| Some(id.as_str()) != keep) => {
                        text.as_deref().and_then(custom::remove_block)
                    }
                    Some(b) if custom::once(&b).is_some() => {
                        custom::set_once(text.as_deref(), None)
                    }
                    _ => return Ok(false),
                };
                GrubDir::open_own(events)?.edit_custom(|_| left).map(|_| true)
            }
        }
    }
}

/// Entries whose label is a copy's and whose device path names one of these partitions, by its
/// PARTUUID in the HD() node. The entry that was started now is never among them: the running
/// system may be a copy itself.
pub(super) fn unrecorded(vars: &efi::BootVars, partuuids: &[String]) -> Vec<String> {
    let on = partuuids.iter().flat_map(|p| vars.on_partition(p));
    let titled = on.filter(|e| {
        e.label.starts_with("altinst_rootvg (") && Some(&e.number) != vars.current.as_ref()
    });
    titled.map(|e| e.number.clone()).collect()
}
