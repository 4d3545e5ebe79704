//! Which loader a root has.

use std::path::Path;

use super::grub::Grub;
use super::interface::{Capability, Loader};
use crate::boot::firmware::Firmware;
use crate::boot::{initramfs, kernels};
use crate::error;

/// All loaders that can be installed, the preferred one first.
pub const LOADERS: [&dyn Loader; 1] = [&Grub];

/// The loader whose programs are installed in `root`; where there are none, the preferred one, which
/// then reports what is missing.
pub fn detect(root: &Path) -> &'static dyn Loader {
    LOADERS.into_iter().find(|l| l.is_installed(root)).unwrap_or(LOADERS[0])
}

/// What can be made bootable from the packages in `root`.
pub fn capability(root: &Path) -> Capability {
    let loader = detect(root);
    Capability {
        bios: loader.capability(root, Firmware::Bios),
        efi: loader.capability(root, Firmware::Uefi),
        kernels: kernels::installed(root),
        initramfs: initramfs::detect(root).map_err(|e| error::cause(&e)),
    }
}

/// What `-p` and the manifests of images call the loader for this firmware.
pub fn platform(firmware: Firmware) -> &'static str {
    LOADERS[0].platform(firmware)
}
