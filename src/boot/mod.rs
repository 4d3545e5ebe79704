//! Making the alternate bootable and independent: references, initramfs, boot loader, boot list, audit.

pub mod bootdisk;
pub mod bootlist;
pub mod device;
pub mod fstab;
pub mod identify;
pub mod ids;
pub mod inside;
pub mod references;
pub mod texts;
