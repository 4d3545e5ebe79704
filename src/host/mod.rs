//! The machine: the only room that starts programs, mounts, or calls the kernel directly.
//!
//! `cmd` runs programs, `mounts` reads and changes mounts, `files` writes files so that they survive a
//! power cut, `sys` holds the system calls that no safe crate has (the only `unsafe` of the project).

pub mod cmd;
pub mod files;
pub mod mounts;
pub mod sys;
pub mod xattrs;
