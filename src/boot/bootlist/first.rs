//! What the machine boots first, read from the boot list itself.
//!
//! `-X` takes what it knows of a copy out of the boot list. A copy that stays on its disk, and of
//! which no record is left, can be first there all the same.

use std::path::Path;

use anyhow::Result;

use super::machine::Machine;
use super::{efi, nvram};
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::custom;
use crate::boot::loader::grub::dir;
use crate::host::cmd::find_program;
use crate::host::files;

/// What the machine boots first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// The running system's disk. On a BIOS machine: if the BIOS starts that.
    Here,
    /// A copy that stays on its disk: the boot entry.
    Copy(String),
    /// Something else, or it cannot be known: the whole sentence, without its full stop.
    Other(String),
}

impl Machine {
    /// Looks what is first. `copies`: PARTUUIDs of the disks with copies that stay. Only reads.
    ///
    /// # Errors
    /// If the firmware's entries or the running system's GRUB directory cannot be read.
    pub fn first(&self, copies: &[String]) -> Result<First> {
        match self.firmware {
            Firmware::Uefi if find_program(Path::new("/"), "efibootmgr").is_none() => {
                Ok(First::Other(
                    "The firmware's boot order cannot be read without efibootmgr, which is not installed: a copy may be first in it"
                        .to_owned(),
                ))
            }
            Firmware::Uefi => {
                Ok(first_of(&nvram::read()?, self.here.esp_partuuid.as_deref(), copies))
            }
            Firmware::Bios => {
                let Some(dir) = dir::find_own(Path::new("/")) else {
                    return Ok(First::Other(
                        "Which disk the BIOS starts cannot be read, and this system has no GRUB that would decide it"
                            .to_owned(),
                    ));
                };
                let text = files::read_optional(&dir.join("custom.cfg"))?;
                let block = text.as_deref().and_then(custom::find_block);
                Ok(match block.and_then(|b| custom::defaults(&b).into_iter().next()) {
                    Some(id) => First::Other(format!(
                        "The GRUB of this disk hands over to the disk with the boot file system {id}; `altdisk bootlist` shows it"
                    )),
                    None => First::Here,
                })
            }
        }
    }
}

/// `here`: PARTUUID of the running system's ESP.
pub(super) fn first_of(vars: &efi::BootVars, here: Option<&str>, copies: &[String]) -> First {
    let Some(first) = vars.first() else {
        return First::Other("The firmware has no boot order, and decides itself".to_owned());
    };
    let on = |p: &str| first.file.as_ref().is_some_and(|f| f.partuuid.eq_ignore_ascii_case(p));
    let name = format!("Boot{} {}", first.number, first.label);
    if copies.iter().any(|p| on(p)) {
        First::Copy(name)
    } else if here.is_some_and(on) || Some(&first.number) == vars.current.as_ref() {
        First::Here
    } else {
        First::Other(format!(
            "The firmware tries {name} first, which is no entry of the running system's disk; `altdisk bootlist rootvg` puts that first"
        ))
    }
}
