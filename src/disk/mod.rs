//! Disks: find them, say what they are and who uses them, refuse those that are not free;
//! partition, LVM, file systems.
//!
//! Looking: `scan` makes a [`model::World`] out of `sysfs`, `probe` (tables, signatures), `users`
//! (/proc), `lvm_report` and `mentions`; `find` names the disk behind a word or a device; `uses`
//! lists who uses a disk, `gate` says whether it may be a target, `claim` asks the kernel, `roles`
//! says what it is to the system. `content` looks for data where nothing is recognised; `identity`
//! says whether a disk is the one that is meant, `twins` which others are the same disk by another
//! path, `held` keeps one open and looks that its name still leads to it. Making: `script` is a
//! partition table as data, `make` writes it, `mkfs` makes file systems of the types in `fs`, `lvm` its volumes. `practice` makes disks to practise on.

pub mod claim;
pub mod content;
pub mod extsuper;
pub mod find;
pub mod fs;
pub mod gate;
#[cfg(test)]
mod gate_tests;
pub mod held;
pub mod identity;
pub mod kernel_users;
pub mod lvm;
pub mod lvm_report;
pub mod make;
pub mod mentions;
pub mod mkfs;
pub mod model;
pub mod node;
#[cfg(test)]
mod on_loops;
pub mod practice;
pub mod probe;
pub mod roles;
pub mod scan;
pub mod script;
pub mod size;
pub mod sysfs;
pub mod twins;
pub mod users;
pub mod uses;
