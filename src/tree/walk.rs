//! One look at a directory entry during a walk: is it excluded, left out, a directory, or a file to
//! work on? Copying and saving ask the same questions in the same order.

use std::collections::HashSet;
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::dir::DIRECTORY;
use super::exclude::Excludes;
use super::filter::ExcludeFilter;
use crate::host::fs_calls::{self, Entry, Errno, Kind, Stat, Sys};
use crate::host::make;

/// The part of the buffer that is used when very many directories wait: a tree both deep and broad
/// must not fill the memory.
const SHORT_LISTING: usize = 1 << 10;

/// With more waiting directories than this, listings are short.
const MANY_WAITING: usize = 50_000;

/// The next entries of a directory in the order of their inodes, which is the order they have on
/// the disk; None at the end. `waiting`: how many directories wait to be read.
///
/// # Errors
/// The kernel's.
pub fn next_entries(dir: impl AsFd, buffer: &mut [u8], waiting: usize) -> Sys<Option<Vec<Entry>>> {
    let length = if waiting > MANY_WAITING { SHORT_LISTING } else { buffer.len() };
    let mut entries = fs_calls::list(dir, &mut buffer[..length])?;
    if let Some(entries) = &mut entries {
        entries.sort_unstable_by_key(|e| e.ino);
    }
    Ok(entries)
}

/// A tree as a walk sees it: one file system, minus what is excluded and left out.
pub struct Walk<'a> {
    top: BorrowedFd<'a>,
    dev: u64,
    filter: ExcludeFilter<'a>,
    /// Paths relative to the top.
    left_out: HashSet<Vec<u8>>,
    /// True if one of them is below another directory.
    has_nested: bool,
    /// Device and inode of files that are never taken.
    skip_inodes: HashSet<(u64, u64)>,
}

/// The result of [`Walk::examine`].
pub enum Found {
    /// The exclude list takes it, with everything in it.
    Excluded,
    /// It is left out, whatever the exclude list says.
    LeftOut,
    /// A directory; its content may be left out.
    Directory {
        /// Only the directory itself belongs to the tree.
        left_out: bool,
    },
    /// Anything else, with the open file if it is a regular one.
    File(Stat, Option<File>),
}

impl<'a> Walk<'a> {
    /// A walk of the tree at `top`, which is at `prefix` in the running system. `left_out` are
    /// paths relative to it, `skip_inodes` files that are never taken, by device and inode.
    ///
    /// # Errors
    /// The kernel's, if the top cannot be examined.
    pub fn new(
        top: BorrowedFd<'a>,
        prefix: &Path,
        excludes: &'a Excludes,
        left_out: &[PathBuf],
        skip_inodes: impl IntoIterator<Item = (u64, u64)>,
    ) -> Sys<Self> {
        let dev = fs_calls::stat_fd(top)?.dev;
        let left_out: HashSet<Vec<u8>> =
            left_out.iter().map(|p| p.as_os_str().as_bytes().to_vec()).collect();
        Ok(Self {
            top,
            dev,
            filter: ExcludeFilter::new(excludes, top, dev, prefix),
            has_nested: left_out.iter().any(|p| p.contains(&b'/')),
            left_out,
            skip_inodes: skip_inodes.into_iter().collect(),
        })
    }

    /// Opens a directory of the tree for listing.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(&self, path: &[u8]) -> Sys<OwnedFd> {
        fs_calls::open_below(self.top, path, DIRECTORY)
    }

    /// True if a file is in the tree's own file system.
    pub fn is_inside(&self, stat: &Stat) -> bool {
        stat.dev == self.dev
    }

    /// True if a file is never taken, by its inode.
    pub fn is_skipped(&self, stat: &Stat) -> bool {
        self.skip_inodes.contains(&(stat.dev, stat.ino))
    }

    /// True if the entry `name` at `path` is left out, whatever the exclude list says.
    pub fn is_left_out(&self, name: &CStr, path: &dyn Fn() -> Vec<u8>) -> bool {
        // Paths are built only if they can matter.
        (self.has_nested || self.left_out.contains(name.to_bytes()))
            && self.left_out.contains(&path())
    }

    /// True if the content of a directory is left out.
    pub fn is_content_left_out(&self, path: &[u8]) -> bool {
        self.left_out.contains(path)
    }

    /// True if the exclude list takes an entry, and counts it; of a directory, whether it takes
    /// everything in it too.
    ///
    /// # Errors
    /// The kernel's, if a directory cannot be examined.
    pub fn is_excluded(&self, path: &dyn Fn() -> Vec<u8>, directory: bool) -> Sys<bool> {
        self.filter.is_excluded(path, directory)
    }

    /// Examines an entry of the open directory `dir`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn examine(&self, dir: &OwnedFd, entry: &Entry, path: &dyn Fn() -> Vec<u8>) -> Sys<Found> {
        let mut stat = None;
        let mut kind = entry.kind;
        if kind.is_none() {
            let s = fs_calls::stat_at(dir, &entry.name)?;
            (stat, kind) = (Some(s), s.kind());
        }
        let directory = kind == Some(Kind::Directory);
        if self.is_excluded(path, directory)? {
            return Ok(Found::Excluded);
        }
        let left_out = self.is_left_out(&entry.name, path);
        if directory {
            return Ok(Found::Directory { left_out });
        }
        if left_out {
            return Ok(Found::LeftOut);
        }
        let mut file = None;
        if kind == Some(Kind::Regular) {
            match make::open_file(dir, &entry.name) {
                Ok(open) => {
                    stat = Some(fs_calls::stat_fd(&open)?);
                    file = Some(open);
                }
                // Something else by now: a link, or a socket.
                Err(Errno::ELOOP | Errno::ENXIO) => {}
                Err(e) => return Err(e),
            }
        }
        let stat = match stat {
            Some(stat) => stat,
            None => fs_calls::stat_at(dir, &entry.name)?,
        };
        if stat.kind() == Some(Kind::Directory) {
            return Ok(Found::Directory { left_out: false });
        }
        if self.is_skipped(&stat) {
            return Ok(Found::LeftOut);
        }
        Ok(Found::File(stat, file.filter(|_| stat.kind() == Some(Kind::Regular))))
    }
}
