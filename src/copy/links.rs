//! Hard links without a map of inodes: the first copy of a file with several names gets one more,
//! in a staging directory of the target, named after the source's inode. Further names are linked
//! from there, and the last one is that name moved. What is left at the end (other names were
//! excluded, or are new) is removed.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use crate::host::fs_calls::{Errno, Stat, Sys, list, stat_at};
use crate::host::{attrs, make};
use crate::tree::metadata::FORBIDDING_FLAGS;

/// The staging directory, at the target's top. A source's own (of a copy that was killed) is never
/// copied.
pub const STAGING: &CStr = c".altdisk-links";

/// The copies of files with several names.
#[derive(Debug, Default)]
pub struct Links {
    staging: OnceLock<OwnedFd>,
    opening: Mutex<()>,
    /// Inodes that a writer is at.
    busy: Mutex<HashSet<u64>>,
    free: Condvar,
}

/// The right to work on an inode; others with names of it wait.
pub struct Claim<'a> {
    links: &'a Links,
    ino: u64,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.links.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.ino);
        self.links.free.notify_all();
    }
}

/// The result of [`Links::link`].
#[derive(Debug, PartialEq, Eq)]
pub enum Linked {
    /// There is no copy yet: make it, then [`Links::stage`] it.
    First,
    Made,
    /// Made, and it was the last name: what forbids links may be set now.
    Last,
}

/// The inode flags that forbid links, by statx.
pub fn forbidding_flags(stat: &Stat) -> u32 {
    u32::try_from(stat.attributes & u64::from(FORBIDDING_FLAGS)).unwrap_or(0)
}

/// Inode and birth time, as an inode number may be used again meanwhile; and the flags to set in
/// the end.
fn staged_name(stat: &Stat) -> CString {
    let text = format!(
        "{:x}.{:x}.{:x}.{:x}",
        stat.ino,
        stat.btime.secs,
        stat.btime.nanos,
        forbidding_flags(stat)
    );
    CString::new(text).unwrap_or_default()
}

impl Links {
    /// Waits until nobody else works on the inode.
    pub fn claim(&self, ino: u64) -> Claim<'_> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while !busy.insert(ino) {
            busy = self.free.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        Claim { links: self, ino }
    }

    /// Makes `name` a link to the copy of a source file with this stat, if there is a copy.
    ///
    /// # Errors
    /// The kernel's.
    pub fn link(&self, stat: &Stat, dir: impl AsFd, name: &CStr) -> Sys<Linked> {
        let Some(staging) = self.staging.get() else { return Ok(Linked::First) };
        let staged = staged_name(stat);
        let there = match stat_at(staging, &staged) {
            Err(Errno::ENOENT) => return Ok(Linked::First),
            other => other?,
        };
        if there.nlink >= stat.nlink {
            make::rename(staging, &staged, dir, name)?;
            return Ok(Linked::Last);
        }
        match make::link(staging, &staged, &dir, name) {
            Err(Errno::EEXIST) => {
                make::unlink(&dir, name)?;
                make::link(staging, &staged, &dir, name)?;
            }
            other => other?,
        }
        Ok(Linked::Made)
    }

    /// Gives the first copy its name in the staging directory.
    ///
    /// # Errors
    /// The kernel's.
    pub fn stage(&self, top: impl AsFd, stat: &Stat, dir: impl AsFd, name: &CStr) -> Sys<()> {
        make::link(dir, name, self.staging(top)?, &staged_name(stat))
    }

    fn staging(&self, top: impl AsFd) -> Sys<&OwnedFd> {
        let _guard = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = self.staging.get() {
            return Ok(open);
        }
        make::create_directory(&top, STAGING, 0o700)?;
        let open = make::open_directory(&top, STAGING)?;
        Ok(self.staging.get_or_init(|| open))
    }

    /// Removes the staging directory of this copy.
    ///
    /// # Errors
    /// The kernel's.
    pub fn close(&self, top: impl AsFd) -> Sys<()> {
        if self.staging.get().is_some() { remove_staging(top, true) } else { Ok(()) }
    }
}

/// Removes a staging directory: one that a copy before left behind, or this one's with `flags` set
/// on what is left in it.
///
/// # Errors
/// The kernel's.
pub fn remove_staging(top: impl AsFd, flags: bool) -> Sys<()> {
    let dir = match make::open_directory(&top, STAGING) {
        Err(Errno::ENOENT) => return Ok(()),
        other => other?,
    };
    let mut buffer = vec![0; 32 << 10];
    loop {
        // Removing moves what follows on some file systems: begin anew until nothing is left.
        make::set_position(&dir, 0)?;
        let mut removed = 0;
        while let Some(entries) = list(&dir, &mut buffer)? {
            for entry in entries {
                let name = entry.name.to_string_lossy();
                let wanted = name
                    .rsplit('.')
                    .next()
                    .and_then(|f| u32::from_str_radix(f, 16).ok())
                    .unwrap_or(0);
                let file = if wanted != 0 && flags {
                    Some(make::open_file(&dir, &entry.name)?)
                } else {
                    None
                };
                make::unlink(&dir, &entry.name)?;
                if let Some(file) = file {
                    attrs::put_flags(&file, attrs::flags(&file) | wanted)?;
                }
                removed += 1;
            }
        }
        if removed == 0 {
            break;
        }
    }
    make::remove_directory(top, STAGING)
}
