//! GRUB for BIOS: its core in the BIOS boot partition of a disk, its first stage in the first
//! sector.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use super::names::{BIOS, exists, installed, remove_device_map, require};
use crate::boot::distro::Family;
use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, find_program};
use crate::host::sandbox::Sandbox;

/// Whether GRUB for BIOS can be installed from the packages in `root`.
///
/// # Errors
/// In words, why not.
pub fn capability(root: &Path) -> Result<(), String> {
    let names = installed(root)?;
    if cfg!(target_arch = "aarch64") {
        return Err("machines of this kind have no BIOS".to_owned());
    }
    let package = match Family::detect(root) {
        Family::Debian => "grub-pc-bin",
        Family::Fedora => "grub2-pc",
        Family::Suse => "grub2-i386-pc",
        Family::Arch | Family::Other => "grub",
    };
    if find_program(root, &names.install).is_none() {
        return Err(format!(
            "{} is not installed (package {})",
            names.install,
            if package == "grub-pc-bin" { "grub2-common" } else { package }
        ));
    }
    let modules = names.modules.join(BIOS).join("boot.img");
    if exists(root, &modules) {
        Ok(())
    } else {
        Err(format!(
            "GRUB's modules for BIOS are not installed: no {} (package {package})",
            modules.display()
        ))
    }
}

/// Puts GRUB for BIOS onto `target_disk` (a whole disk with a BIOS boot partition), and checks that
/// it is there.
///
/// # Errors
/// ALT-506 if its packages are missing, ALT-802 if grub-install fails, ALT-507 if disk or directory
/// lack what it should have written.
pub fn install(sandbox: &Sandbox, target_disk: &Path, events: &Events) -> Result<()> {
    let root = sandbox.root.as_path();
    let names = require(root)?;
    capability(root).map_err(|why| error::NO_LOADER.with_cause(why))?;
    remove_device_map(root, &names)?;
    Cmd::new(&names.install, format!("install GRUB for BIOS on {}", target_disk.display()))
        .arg(format!("--target={BIOS}"))
        .arg("--no-floppy")
        .arg(target_disk)
        .in_sandbox(sandbox)
        .run(events)?;
    let core = names.dir.join(BIOS).join("core.img");
    if !exists(root, &core) {
        return Err(error::LOADER.with_cause(format!("grub-install made no {}", core.display())));
    }
    require_boot_code(target_disk)
}

/// Checks that a BIOS would start GRUB from this disk.
///
/// # Errors
/// ALT-507 if its first sector is not GRUB's.
pub fn require_boot_code(target_disk: &Path) -> Result<()> {
    let mut sector = [0u8; 512];
    let reading = || format!("reading {}", target_disk.display());
    std::fs::File::open(target_disk)
        .with_context(reading)?
        .read_exact(&mut sector)
        .with_context(reading)?;
    let ours = sector.ends_with(&[0x55, 0xaa]) && sector.windows(4).any(|w| w == b"GRUB");
    if ours {
        Ok(())
    } else {
        Err(error::LOADER
            .with_cause(format!("the first sector of {} is not GRUB's", target_disk.display())))
    }
}
