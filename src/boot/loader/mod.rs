//! Boot loaders that altdisk installs in a copy.
//!
//! The trait [`Loader`](interface::Loader) is all that the rest of altdisk knows of them; [`detect`] finds the one that a
//! root has. The boot list of BIOS machines is kept by GRUB itself, so `bootlist` uses [`grub`]
//! directly.

mod foreign;
pub mod grub;
mod interface;
mod select;

pub use select::{capability, detect, platform};
