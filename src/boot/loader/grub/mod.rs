//! GRUB in the copy: installed for BIOS and for UEFI, its menu generated and checked; its files on
//! other disks that make up a BIOS machine's boot list.
//!
//! Always in the [sandbox](crate::host::sandbox) with the copy's own programs, for explicitly named
//! platforms and disks: GRUB's guesses are about the running system. The firmware's variables are
//! never touched here; `bootlist` does that.

pub mod bios;
pub mod custom;
pub mod dir;
pub mod efi;
pub mod menu;
pub mod names;

use std::path::Path;

use anyhow::Result;

use super::interface::Loader;
use crate::boot::firmware::Firmware;
use crate::boot::identity::ids::IdMap;
use crate::disk::fs::FsType;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::sandbox::Sandbox;

/// GNU GRUB 2.
pub struct Grub;

impl Loader for Grub {
    fn name(&self) -> &'static str {
        "GRUB"
    }

    fn is_installed(&self, root: &Path) -> bool {
        names::GrubNames::detect(root).is_some()
    }

    fn reads(&self, fs: FsType) -> bool {
        fs.facts().grub_reads
    }

    fn platform(&self, firmware: Firmware) -> &'static str {
        names::platform(firmware)
    }

    fn capability(&self, root: &Path, firmware: Firmware) -> Result<(), String> {
        match firmware {
            Firmware::Bios => bios::capability(root),
            Firmware::Uefi => efi::capability(root),
        }
    }

    fn capability_without_esp(
        &self,
        root: &Path,
        at: &str,
        esp: Option<&Path>,
    ) -> Result<(), String> {
        efi::capability_without_esp(root, at, esp)
    }

    fn install_bios(&self, sandbox: &Sandbox, disk: &Path, events: &Events) -> Result<()> {
        bios::install(sandbox, disk, events)
    }

    fn require_boot_code(&self, disk: &Path) -> Result<()> {
        bios::require_boot_code(disk)
    }

    fn install_efi(&self, sandbox: &Sandbox, esp: &Path, events: &Events) -> Result<String> {
        efi::install(sandbox, esp, events)
    }

    fn efi_file(&self, root: &Beneath, esp: &Path) -> String {
        efi::loader_file(root, esp)
    }

    fn make_menu(&self, sandbox: &Sandbox, map: &IdMap, events: &Events) -> Result<()> {
        menu::generate(sandbox, map, events)
    }

    fn commands(&self, firmware: Firmware, disk: &Path) -> Vec<String> {
        vec![match firmware {
            Firmware::Bios => format!("grub-install --target={} {}", names::BIOS, disk.display()),
            Firmware::Uefi => {
                "grub-install for UEFI, without touching the firmware's boot entries".to_owned()
            }
        }]
    }

    fn menu_command(&self) -> &'static str {
        "grub-mkconfig"
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod on_disk_tests;
