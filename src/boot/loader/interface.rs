//! What the rest of altdisk asks of a boot loader.

use std::path::Path;

use anyhow::Result;

use crate::boot::firmware::Firmware;
use crate::boot::identity::ids::IdMap;
use crate::boot::initramfs::Tool;
use crate::boot::kernels::Kernel;
use crate::disk::fs::FsType;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::sandbox::Sandbox;

/// What can be made bootable from what is installed in a root, and in words why not.
#[derive(Clone, Debug)]
pub struct Capability {
    pub bios: Result<(), String>,
    pub efi: Result<(), String>,
    pub kernels: Vec<Kernel>,
    pub initramfs: Result<Tool, String>,
}

/// A boot loader that can be installed in a copy. Another one is a file beside GRUB's, and a line in
/// [`LOADERS`](super::select::LOADERS).
pub trait Loader: Sync {
    /// For people.
    fn name(&self) -> &'static str;

    /// Whether its programs are installed in `root`.
    fn is_installed(&self, root: &Path) -> bool;

    /// Whether it finds kernels on this type of file system.
    fn reads(&self, fs: FsType) -> bool;

    /// What `-p` and the manifests of images call the loader for this firmware.
    fn platform(&self, firmware: Firmware) -> &'static str;

    /// Whether it can be installed for this firmware from the packages in `root`.
    ///
    /// # Errors
    /// In words, why not.
    fn capability(&self, root: &Path, firmware: Firmware) -> Result<(), String>;

    /// Whether UEFI can start a copy of `root`, whose ESP is not mounted at `at`. `esp`: its top,
    /// where it could be opened all the same.
    ///
    /// # Errors
    /// In words, why not.
    fn capability_without_esp(
        &self,
        root: &Path,
        at: &str,
        esp: Option<&Path>,
    ) -> Result<(), String>;

    /// Installs it for BIOS on a whole disk, and checks that it is there.
    ///
    /// # Errors
    /// ALT-506 if its packages are missing, ALT-802 if its program fails, ALT-507 if disk or
    /// directory lack what should have been written.
    fn install_bios(&self, sandbox: &Sandbox, disk: &Path, events: &Events) -> Result<()>;

    /// Checks that a BIOS would start it from this disk.
    ///
    /// # Errors
    /// ALT-507 if it would not.
    fn require_boot_code(&self, disk: &Path) -> Result<()>;

    /// Installs it for UEFI on the ESP mounted at `esp` (inside the root), also where a firmware
    /// without any entry looks. Returns the EFI path that a boot entry should name.
    ///
    /// # Errors
    /// As [`Loader::install_bios`].
    fn install_efi(&self, sandbox: &Sandbox, esp: &Path, events: &Events) -> Result<String>;

    /// The EFI path of the loader on the ESP that is mounted at `esp` in `root`.
    fn efi_file(&self, root: &Beneath, esp: &Path) -> String;

    /// Generates the copy's menu, without entries for other systems.
    ///
    /// # Errors
    /// ALT-802 if its program fails, ALT-507 if the menu holds no kernel.
    fn make_menu(&self, sandbox: &Sandbox, map: &IdMap, events: &Events) -> Result<()>;

    /// What [`Loader::install_bios`] or [`Loader::install_efi`] runs, for a preview.
    fn commands(&self, firmware: Firmware, disk: &Path) -> Vec<String>;

    /// The program that [`Loader::make_menu`] runs, for a preview.
    fn menu_command(&self) -> &'static str;
}
