//! The boot loaders and kernels of a system, examined before anything is written.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::boot::{bootlist, loader};
use crate::error;

pub use crate::boot::firmware::Firmware;

/// The ways in which a system can boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootable {
    /// The firmware of this machine.
    pub firmware: Firmware,
    /// Installed kernel versions; none in a container or microVM.
    pub kernels: Vec<String>,
    /// Err: why the loader for that firmware is not installed on the alternate.
    pub bios: Result<(), String>,
    /// The same for UEFI.
    pub efi: Result<(), String>,
    /// Err: why no initramfs is built.
    pub initramfs: Result<(), String>,
    /// Err: why the boot list of this machine cannot be set.
    pub bootlist: Result<(), String>,
}

/// Examines the running system.
pub fn bootable() -> Bootable {
    let root = Path::new("/");
    let firmware = Firmware::of_machine();
    let loader = loader::capability(root);
    Bootable {
        firmware,
        kernels: loader.kernels.iter().filter(|k| k.modules).map(|k| k.version.clone()).collect(),
        bios: loader.bios,
        efi: loader.efi,
        initramfs: loader.initramfs.map(drop),
        bootlist: bootlist_capability(firmware),
    }
}

/// Err: why the boot list of this machine cannot be set.
pub fn bootlist_capability(firmware: Firmware) -> Result<(), String> {
    bootlist::capability(firmware).map_err(|e| error::cause(&e))
}
