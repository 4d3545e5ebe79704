//! How much there is to save: a walk over names and sizes, by several threads, before the first
//! byte is written.
//!
//! It takes a few per cent of the time of an image, has the disk's directories in memory when they
//! are read again, and its numbers are exact (but for what changes meanwhile), so that the space
//! needed is known and progress ends at 100 %.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;

use super::job::Tree;
use crate::host::fs_calls::{self, Kind, Sys};
use crate::host::{make, threads};
use crate::tree::dir::LISTING;
use crate::tree::dir::{Dir, DirStack, DirTask, join};
use crate::tree::walk::{Walk, next_entries};
use crate::tree::{Excludes, Totals};

/// More than processors, because they wait for the disk.
const THREADS: usize = 4;

struct Count<'a> {
    walk: Walk<'a>,
    stack: DirStack,
    files: AtomicU64,
    bytes: AtomicU64,
    /// Inodes with several names: their content counts once.
    shared: Mutex<HashSet<u64>>,
    /// When to stop.
    until: Option<Instant>,
    stopped: AtomicBool,
}

/// Counts what there is to save: files and bytes of content that an image would hold.
///
/// # Errors
/// If a tree cannot be read at all.
pub fn count(trees: &[Tree], excludes: &Excludes) -> Result<Totals> {
    count_until(trees, excludes, None).map(|(totals, _)| totals)
}

/// The same, which stops at some time; true: it counted everything before that.
///
/// # Errors
/// If a tree cannot be read at all.
pub fn count_until(
    trees: &[Tree],
    excludes: &Excludes,
    until: Option<Instant>,
) -> Result<(Totals, bool)> {
    let (mut totals, mut is_all) = (Totals::default(), true);
    for (i, tree) in trees.iter().enumerate() {
        let count = Count {
            walk: tree.walk(excludes, [])?,
            stack: DirStack::default(),
            // Other trees' tops are where they are mounted.
            files: AtomicU64::new(u64::from(i == 0)),
            bytes: AtomicU64::new(0),
            shared: Mutex::default(),
            until,
            stopped: AtomicBool::new(false),
        };
        count.stack.push([DirTask { dir: Dir::top(), position: 0 }]);
        std::thread::scope(|s| {
            // This thread counts too: where there can be no other, alone.
            let _ = threads::start_some(s, "count", THREADS - 1, || count.run());
            count.run();
        });
        totals =
            totals + Totals { bytes: count.bytes.into_inner(), files: count.files.into_inner() };
        is_all &= !count.stopped.into_inner();
    }
    Ok((totals, is_all))
}

impl Count<'_> {
    fn run(&self) {
        let mut buffer = vec![0; LISTING];
        while let Some(task) = self.stack.take() {
            // An unreadable directory is found again, and reported, when it is to be saved.
            let _ = self.count_directory(&task, &mut buffer);
            self.stack.done();
        }
    }

    fn count_directory(&self, task: &DirTask, buffer: &mut [u8]) -> Sys<()> {
        let path = task.dir.path();
        if self.walk.is_content_left_out(&path) {
            return Ok(());
        }
        if self.until.is_some_and(|until| Instant::now() >= until) {
            self.stopped.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let dir = self.walk.open(&path)?;
        if !self.walk.is_inside(&fs_calls::stat_fd(&dir)?) {
            return Ok(());
        }
        make::set_position(&dir, task.position)?;
        while let Some(entries) = next_entries(&dir, buffer, self.stack.len())? {
            let mut found = vec![];
            let (mut files, mut bytes) = (0, 0);
            for entry in entries {
                let below = || join(&path, &entry.name);
                let directory = entry.kind == Some(Kind::Directory);
                if self.walk.is_excluded(&below, directory)?
                    || (!directory && self.walk.is_left_out(&entry.name, &below))
                {
                    continue;
                }
                files += 1;
                match entry.kind {
                    Some(Kind::Directory) => found.push(Dir::child(&task.dir, entry.name)),
                    Some(Kind::Symlink) => {}
                    _ => {
                        let Ok(stat) = fs_calls::stat_at(&dir, &entry.name) else { continue };
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
                let rest = DirTask {
                    dir: std::sync::Arc::clone(&task.dir),
                    position: make::position(&dir)?,
                };
                self.stack.push(
                    std::iter::once(rest)
                        .chain(found.into_iter().map(|dir| DirTask { dir, position: 0 })),
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
