//! Disks: which there are, who uses them, whether one may be a target; partitions, LVM and file
//! systems made on them.
//!
//! Discovery: [`scan`] gathers a [`model::Inventory`] from [`sysfs`], [`probe`] (tables and
//! signatures), [`users`] (/proc), [`lvm_report`] and [`config_references`] (fstab and the like).
//! [`find`] resolves a name or a device to a disk. [`uses`] lists what uses a disk, [`eligibility`]
//! decides whether it may be a target, [`roles`] names its role in the system. [`content`] looks
//! for data where no signature is recognised.
//!
//! Identity: [`identity`] decides whether a disk is the one that was confirmed, [`twins`] finds
//! other paths to the same disk, [`claim`] asks the kernel for exclusive use, and [`held`] keeps a
//! disk open and checks that its name still leads to it.
//!
//! Making: [`script`] is a partition table as data, [`make`] writes it and erases disks,
//! [`partitions`] makes the kernel's view agree with the table, [`mkfs`] makes file systems of the
//! types in [`fs`], and [`lvm`] volume groups. [`practice`] makes disks to practise on.

pub mod claim;
pub mod config_references;
pub mod content;
pub mod eligibility;
pub mod extsuper;
pub mod find;
pub mod fs;
pub mod held;
pub mod identity;
pub mod kernel_users;
pub mod lvm;
pub mod lvm_report;
pub mod make;
pub mod mkfs;
pub mod model;
pub mod node;
#[cfg(test)]
mod on_loops_tests;
pub mod partitions;
pub mod practice;
pub mod probe;
pub mod roles;
pub mod scan;
pub mod script;
pub mod size;
pub mod sysfs;
pub mod twins;
pub mod udev;
pub mod users;
pub mod uses;
