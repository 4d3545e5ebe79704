//! Booting a copy once, and back by itself.
//!
//! On UEFI machines the firmware has a one-time choice. A BIOS has none: there, a [`record`] on an
//! EFI system partition says whether the disk is still to be started, and the GRUBs of the disks
//! read it and write it ([`grub_script`]). Each start moves it to its next state *before* it
//! acts, and whatever is no valid record means: the usual boot list. So a power cut at any moment
//! leads back.
//!
//! Arming writes the scripts first and the record last; taking back begins with the record. [`once`]
//! does both.
//!
//! [`checks`] are the programs that say whether a system is healthy.

pub mod checks;
mod esp;
mod grub_script;
pub mod once;
mod record;
