//! Making the alternate bootable and independent: references, initramfs, boot loader, boot list,
//! audit.

pub mod audit;
pub mod beforehand;
pub mod bootdisk;
pub mod bootlist;
pub mod cpio;
pub mod crypttab;
pub mod debconf;
pub mod device;
pub mod distro;
pub mod fstab;
pub mod grub;
pub mod grubenv;
pub mod here;
pub mod identify;
pub mod ids;
pub mod initramfs;
pub mod kernels;
pub mod left;
pub mod lvm_conf;
pub mod lvm_names;
mod old_words;
pub mod options;
pub mod places;
pub mod references;
pub mod texts;
pub mod unit;
pub mod units;
