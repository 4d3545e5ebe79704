//! The commands: one file each, with its flags, its rules, its exit codes.

pub mod bootlist;
