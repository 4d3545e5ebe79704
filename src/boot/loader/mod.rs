//! Boot loaders that altdisk installs in a copy.

pub mod grub;
