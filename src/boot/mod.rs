//! Making the alternate bootable and independent: references, initramfs, boot loader, boot list, audit.

pub mod audit;
pub mod bootdisk;
pub mod bootlist;
pub mod cpio;
pub mod device;
pub mod distro;
pub mod fstab;
pub mod grub;
pub mod here;
pub mod identify;
pub mod ids;
pub mod initramfs;
pub mod kernels;
pub mod options;
pub mod references;
pub mod texts;
pub mod unit;
