//! The lock that keeps runs apart.
//!
//! The state directory itself is locked (flock(2) takes a descriptor that is open for reading), so
//! that a file system which is full or read-only does not stand in the way. Only root may open it:
//! anybody who can could hold the lock. The file `lock` in it says who holds the lock, as far as it
//! can be written; it is locked as well, because version 0.1.0 locks only that.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::libc;

use crate::error;
use crate::host::own_file;
use crate::secret;

const FILE: &str = "lock";
/// Most of the file that is read.
const MAX_BYTES: u64 = 64 << 10;

/// Held until it is dropped.
pub(super) struct Lock {
    _dir: File,
    _file: Option<File>,
}

/// Locks `path`, a directory that is `opened`.
///
/// # Errors
/// ALT-701 if another run holds it.
pub(super) fn take(path: &Path, opened: File) -> Result<Lock> {
    check_locked(opened.try_lock(), path)?;
    let file = open(path, true).ok();
    if let Some(file) = &file {
        check_locked(file.try_lock(), path)?;
        // Only people read it: a lock without it is one.
        let _ = write_holder(file);
    }
    Ok(Lock { _dir: opened, _file: file })
}

/// Checks that the lock of this directory is free; nothing is created or kept.
///
/// # Errors
/// ALT-701 if another run holds it.
pub(super) fn is_free(path: &Path) -> Result<()> {
    for file in [own_file::directory(path).ok(), open(path, false).ok()].into_iter().flatten() {
        if let Err(TryLockError::WouldBlock) = file.try_lock_shared() {
            return Err(busy(path));
        }
    }
    Ok(())
}

fn check_locked(locked: std::result::Result<(), TryLockError>, path: &Path) -> Result<()> {
    match locked {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(busy(path)),
        Err(TryLockError::Error(e)) => {
            Err(e).with_context(|| format!("locking {}", path.display()))
        }
    }
}

fn open(dir: &Path, write: bool) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let open = |write: bool| {
        OpenOptions::new()
            .read(true)
            .write(write)
            .create(write)
            .mode(0o600)
            .custom_flags(flags)
            .open(dir.join(FILE))
    };
    // A file system that is read-only still has what 0.1.0 would lock.
    let file = if write { open(true).or_else(|_| open(false)) } else { open(false) }?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

fn write_holder(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    let argv: Vec<String> = std::env::args().collect();
    writeln!(file, "process {}: {}", std::process::id(), secret::masked_words(&argv).join(" "))
}

fn busy(dir: &Path) -> anyhow::Error {
    let text = own_file::read(&dir.join(FILE), MAX_BYTES).ok().flatten().unwrap_or_default();
    let who = secret::masked(String::from_utf8_lossy(&text).trim());
    error::BUSY.with_cause(format!("another run of altdisk is at work ({who})"))
}
