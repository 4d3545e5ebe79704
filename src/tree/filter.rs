//! The exclude list, applied to a tree while it is walked.

use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::dir::{DIRECTORY, LISTING, join};
use super::exclude::{self, Excludes};
use crate::host::fs_calls::{self, Errno, Kind, Sys};
use crate::host::make;

/// An exclude list and the tree that it is applied to.
pub struct ExcludeFilter<'a> {
    excludes: &'a Excludes,
    top: BorrowedFd<'a>,
    /// Device of the tree's top: what has another is not in this file system.
    dev: u64,
    /// How a line of the exclude list begins: `./` or `./var/`.
    line: Vec<u8>,
}

impl<'a> ExcludeFilter<'a> {
    /// `prefix`: where the tree's top is in the running system.
    pub fn new(excludes: &'a Excludes, top: BorrowedFd<'a>, dev: u64, prefix: &Path) -> Self {
        let prefix = prefix.as_os_str().as_bytes();
        let inner: &[u8] = prefix.strip_prefix(b"/").unwrap_or(prefix);
        let line = if inner.is_empty() {
            b"./".to_vec()
        } else {
            [b"./", inner.strip_suffix(b"/").unwrap_or(inner), b"/"].concat()
        };
        Self { excludes, top, dev, line }
    }

    /// True if the list excludes a file, and counts it; of a directory, whether it excludes
    /// everything in it too. If anything in it is to be copied, it is made after all.
    ///
    /// # Errors
    /// The kernel's, if a directory cannot be examined.
    pub fn is_excluded(&self, path: &dyn Fn() -> Vec<u8>, directory: bool) -> Sys<bool> {
        if self.excludes.is_empty() {
            return Ok(false);
        }
        let path = path();
        let mut counts = exclude::MatchCounts::default();
        let line = self.line_of(&path);
        if (directory && self.excludes.is_needed(&line))
            || !self.excludes.matches_uncounted(&line, &mut counts)
        {
            return Ok(false);
        }
        if directory {
            let mut inside = exclude::MatchCounts::default();
            if !self.all_excluded(path, &mut inside)? {
                // What is inside counts when it is walked.
                self.excludes.add_counts(counts);
                return Ok(false);
            }
            self.excludes.add_counts(inside);
        }
        self.excludes.add_counts(counts);
        Ok(true)
    }

    /// True if the tree has something and the list excludes all of it; what it matches counts.
    ///
    /// # Errors
    /// The kernel's, if a directory cannot be examined.
    pub fn excludes_everything(&self) -> Sys<bool> {
        let mut counts = exclude::MatchCounts::default();
        let all = self.all_excluded(vec![], &mut counts)? && !counts.is_empty();
        if all {
            self.excludes.add_counts(counts);
        }
        Ok(all)
    }

    fn line_of(&self, path: &[u8]) -> Vec<u8> {
        [&self.line, path].concat()
    }

    /// True if every line below a directory is excluded. Depth first and in parts, as the walk
    /// itself.
    fn all_excluded(&self, path: Vec<u8>, counts: &mut exclude::MatchCounts) -> Sys<bool> {
        let mut buffer = vec![0; LISTING];
        let mut waiting = vec![(path, 0)];
        while let Some((path, position)) = waiting.pop() {
            let dir = match fs_calls::open_below(self.top, &path, DIRECTORY) {
                Ok(dir) => dir,
                // Gone, or another file system's: nothing to copy in any case.
                Err(Errno::ENOENT | Errno::ENOTDIR) => continue,
                Err(e) => return Err(e),
            };
            if fs_calls::stat_fd(&dir)?.dev != self.dev {
                continue;
            }
            make::set_position(&dir, position)?;
            let Some(entries) = fs_calls::list(&dir, &mut buffer)? else { continue };
            waiting.push((path.clone(), make::position(&dir)?));
            for entry in entries {
                let below = join(&path, &entry.name);
                if !self.excludes.matches_uncounted(&self.line_of(&below), counts) {
                    return Ok(false);
                }
                let directory = match entry.kind {
                    Some(kind) => kind == Kind::Directory,
                    None => fs_calls::stat_at(&dir, &entry.name)?.kind() == Some(Kind::Directory),
                };
                if directory {
                    waiting.push((below, 0));
                }
            }
        }
        Ok(true)
    }
}
