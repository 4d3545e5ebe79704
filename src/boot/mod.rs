//! Making the alternate bootable and independent: references, initramfs, boot loader, boot list, audit.

pub mod ids;
