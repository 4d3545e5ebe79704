//! The machine: the only room that starts programs, mounts, or calls the kernel directly.
//!
//! `cmd` runs programs, `ask` asks them in the background, `mounts` reads and changes mounts,
//! `files` writes files so that they survive a power cut, `own_file` opens those in a home
//! directory, `sys` holds the system calls that no safe crate has; `fs_calls`, `make` and `attrs`
//! hold those of the copier, `protect` those of encrypted files and of those with checksums, `line`
//! those of terminals; `beneath` reads and writes in the copy without ever leaving it; `detached`
//! opens trees without what is mounted in them. No other room has `unsafe`.

pub mod arguments;
pub mod ask;
pub mod attrs;
pub mod beneath;
pub mod clock;
pub mod cmd;
pub mod covered;
pub mod detach;
pub mod detached;
pub mod device;
pub mod fd;
pub mod files;
pub mod foreground;
pub mod fs_calls;
pub mod line;
pub mod locks;
pub mod logins;
pub mod make;
pub mod mountinfo;
pub mod mounts;
mod output;
pub mod own_file;
pub mod placeholders;
pub mod procs;
pub mod protect;
mod replaced_files;
pub mod sandbox;
pub mod scratch;
pub mod serial;
pub mod signals;
pub mod sys;
pub mod tape;
pub mod temporary_mount;
pub mod threads;
pub mod trusted;
pub mod watch;
