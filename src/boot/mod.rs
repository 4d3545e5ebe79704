//! The copy made bootable and independent of the source.
//!
//! [`identity`] makes the copy's files name its own disks, [`kernels`] and [`initramfs`] find and
//! rebuild what the loader starts, [`loader`] installs the boot loader, and [`bootlist`] decides
//! what the machine boots next.

pub mod bootlist;
pub mod cpio;
pub mod device;
pub mod distro;
pub mod firmware;
pub mod identity;
pub mod initramfs;
pub mod kernels;
pub mod loader;
pub mod texts;
