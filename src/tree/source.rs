//! A tree to read from, and an estimate of how much it holds.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::OFlag;

use super::progress::Totals;
use crate::host::mounts::Mount;
use crate::host::{detached, fs_calls};

/// A tree to read from: read-only, without access times, without what is mounted in it, and in no
/// mount table.
#[derive(Debug)]
pub struct Source {
    top: OwnedFd,
}

impl Source {
    /// The tree at a mount point (or any directory), as it is below everything mounted in it.
    ///
    /// # Errors
    /// ALT-406 if it cannot be opened in this way.
    pub fn open_directory(at: &Path) -> Result<Self> {
        detached::open_directory(at, true).map(Self::from_fd)
    }

    /// The tree of a mount, even if something else is mounted over it.
    ///
    /// # Errors
    /// ALT-406 if it cannot be opened in this way.
    pub fn open_mount(mount: &Mount) -> Result<Self> {
        detached::open_mount(mount).map(Self::from_fd)
    }

    /// A directory that is already open, such as a btrfs subvolume opened below a
    /// [`detached::open_device`].
    pub fn from_fd(top: OwnedFd) -> Self {
        Self { top }
    }

    /// How much there is to read, from the file system's own counters, minus the files that are
    /// left out. No walk: the counters cost nothing, and a walk of a cold disk takes minutes. The
    /// result is slightly too large, because it includes the file system's own blocks and whatever
    /// the exclude list will take. `files` is 0 if the file system does not count them.
    ///
    /// # Errors
    /// If the file system cannot be queried.
    pub fn measure(&self, leave_out: &[PathBuf]) -> Result<Totals> {
        let s = nix::sys::statvfs::fstatvfs(&self.top)
            .context("the size of the source file system could not be read")?;
        let mut totals = Totals {
            bytes: s.blocks().saturating_sub(s.blocks_free()).saturating_mul(s.fragment_size()),
            files: s.files().saturating_sub(s.files_free()),
        };
        for path in leave_out {
            let found =
                fs_calls::open_below(self.top.as_fd(), path.as_os_str().as_bytes(), OFlag::O_PATH)
                    .and_then(fs_calls::stat_fd);
            if let Ok(stat) = found {
                totals.bytes = totals.bytes.saturating_sub(stat.allocated);
            }
        }
        Ok(totals)
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }
}
