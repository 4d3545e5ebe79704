//! The boot list: which disk this machine boots next.
//!
//! UEFI keeps it in its variables. A BIOS machine has none: whichever disk the BIOS starts, that
//! disk's GRUB decides, and any of the known disks may be that one. So for the list T, ... every
//! known disk's GRUB hands over to the first disk of the list that comes before itself and is
//! there; T's own GRUB starts its own system. That holds whatever the BIOS does.
//!
//! `snapshot` is taken (and journalled by the caller) before anything changes; `undo` leads back to
//! it.
pub mod bootdisk;
mod capability;
pub mod efi;
mod first;
mod listing;
mod machine;
pub mod nvram;
mod order;
mod remove;
pub mod running_system;
mod undo;

pub use capability::capability;
pub use first::First;
pub use listing::{BootListing, Listed, UNREADABLE};
pub use machine::Machine;
pub use order::chain;
pub use undo::BootListSnapshot;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod on_disk_tests;
