//! How much there is to save: a walk over names and sizes, by several threads, before the first
//! byte is written.
//!
//! It takes a few per cent of the time of an image, has the disk's directories in memory when they
//! are read again, and its numbers are exact (but for what changes meanwhile), so that room can be
//! judged and the progress ends at its end.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use nix::fcntl::OFlag;

use super::Tree;
use crate::error;
use crate::host::tree::{self, Kind, Sys};
use crate::host::{make, threads};
use crate::tree::dir::{Dir, Stack, Task, join};
use crate::tree::filter::ExcludeFilter;
use crate::tree::{Excludes, Totals};

/// As latency counts, not work.
const THREADS: usize = 4;

/// What one listing call fills.
const LISTING: usize = 32 << 10;

struct Count<'a> {
    tree: &'a Tree,
    filter: ExcludeFilter<'a>,
    dev: u64,
    leave_out: HashSet<&'a [u8]>,
    stack: Stack,
    files: AtomicU64,
    bytes: AtomicU64,
    /// Inodes with several names: their content counts once.
    shared: Mutex<HashSet<u64>>,
}

pub fn count(trees: &[Tree], excludes: &Excludes) -> Result<Totals> {
    let mut totals = Totals::default();
    for (i, tree) in trees.iter().enumerate() {
        let top = tree::stat_fd(&tree.source).map_err(|e| {
            error::IMAGE_SOURCE.with_cause(format!("{}: {e}", tree.prefix.display()))
        })?;
        let count = Count {
            tree,
            filter: ExcludeFilter::new(excludes, tree.source.as_fd(), top.dev, &tree.prefix),
            dev: top.dev,
            leave_out: tree.leave_out.iter().map(|p| p.as_os_str().as_bytes()).collect(),
            stack: Stack::default(),
            // Other trees' tops are where they are mounted.
            files: AtomicU64::new(u64::from(i == 0)),
            bytes: AtomicU64::new(0),
            shared: Mutex::default(),
        };
        count.stack.push([Task { dir: Dir::top(), position: 0 }]);
        std::thread::scope(|s| {
            // This thread counts too: where there can be no other, alone.
            let _ = threads::start_some(s, "count", THREADS - 1, || count.walk());
            count.walk();
        });
        totals =
            totals + Totals { bytes: count.bytes.into_inner(), files: count.files.into_inner() };
    }
    Ok(totals)
}

impl Count<'_> {
    fn walk(&self) {
        let mut buffer = vec![0; LISTING];
        while let Some(task) = self.stack.take() {
            // What cannot be read is found again, and said, when it is to be saved.
            let _ = self.directory(&task, &mut buffer);
            self.stack.done();
        }
    }

    fn directory(&self, task: &Task, buffer: &mut [u8]) -> Sys<()> {
        let path = task.dir.path();
        if self.leave_out.contains(path.as_slice()) {
            return Ok(());
        }
        let dir = tree::open_below(
            self.tree.source.as_fd(),
            &path,
            OFlag::O_RDONLY | OFlag::O_DIRECTORY,
        )?;
        if tree::stat_fd(&dir)?.dev != self.dev {
            return Ok(());
        }
        make::go_to(&dir, task.position)?;
        while let Some(entries) = tree::list(&dir, buffer)? {
            let mut found = vec![];
            let (mut files, mut bytes) = (0, 0);
            for entry in entries {
                let below = || join(&path, &entry.name);
                let excluded =
                    self.filter.is_excluded(&below, entry.kind == Some(Kind::Directory))?;
                if excluded
                    || (entry.kind != Some(Kind::Directory)
                        && !self.leave_out.is_empty()
                        && self.leave_out.contains(below().as_slice()))
                {
                    continue;
                }
                files += 1;
                match entry.kind {
                    Some(Kind::Directory) => found.push(Dir::child(&task.dir, entry.name)),
                    Some(Kind::Symlink) => {}
                    _ => {
                        let Ok(stat) = tree::stat_at(&dir, &entry.name) else { continue };
                        match stat.kind() {
                            Some(Kind::Directory) => found.push(Dir::child(&task.dir, entry.name)),
                            Some(Kind::Regular) if stat.nlink < 2 || self.is_first(stat.ino) => {
                                bytes += stat.size.min(stat.allocated)
                            }
                            Some(Kind::Socket) => files -= 1,
                            _ => {}
                        }
                    }
                }
            }
            self.files.fetch_add(files, Ordering::Relaxed);
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            if !found.is_empty() {
                let rest =
                    Task { dir: std::sync::Arc::clone(&task.dir), position: make::position(&dir)? };
                self.stack.push(
                    std::iter::once(rest)
                        .chain(found.into_iter().map(|dir| Task { dir, position: 0 })),
                );
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_first(&self, ino: u64) -> bool {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).insert(ino)
    }
}
