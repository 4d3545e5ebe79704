//! Disks: find them, say what they are and who uses them, refuse those that are not free; partition, LVM, file systems.

pub mod model;
