//! Walkers: directories become batches, at their place in the archive's order.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use nix::fcntl::OFlag;

use super::gather::{self, Batch};
use super::list::List;
use super::{Run, Tree};
use crate::error;
use crate::host::make;
use crate::host::tree::{self, Entry, Errno, Kind, Sys};
use crate::tree::dir::{Dir, join};
use crate::tree::filter::ExcludeFilter;
use crate::tree::report::{Tally, absolute_path};

/// What one listing call fills: about a thousand entries; less where very many directories wait
/// already.
const LISTING: usize = 32 << 10;
const SHORT_LISTING: usize = 1 << 10;
const MANY: usize = 50_000;

/// A directory to read, from a position on (0: from the beginning).
#[derive(Debug)]
pub struct Task {
    tree: usize,
    dir: Arc<Dir>,
    position: i64,
}

impl Task {
    pub fn new(tree: usize, dir: Arc<Dir>) -> Self {
        Self { tree, dir, position: 0 }
    }

    #[cfg(test)]
    pub fn directory(&self) -> &Arc<Dir> {
        &self.dir
    }
}

/// A tree with what the walk needs to know of it.
struct Known<'a> {
    tree: &'a Tree,
    filter: ExcludeFilter<'a>,
    dev: u64,
    leave_out: HashSet<&'a [u8]>,
    /// Where other trees are mounted in this one: relative path and their number.
    inner: Vec<(Vec<u8>, usize)>,
    begun: AtomicBool,
}

pub struct Walk<'a> {
    run: &'a Run<'a>,
    trees: Vec<Known<'a>>,
    list: List,
}

impl<'a> Walk<'a> {
    /// The first tree is the first to be walked.
    ///
    /// # Errors
    /// ALT-661 where a tree's top cannot be looked at.
    pub fn new(run: &'a Run<'a>) -> Result<Self> {
        let job = run.job;
        let mut trees = Vec::with_capacity(job.trees.len());
        for (i, tree) in job.trees.iter().enumerate() {
            let lost = |e: Errno| {
                error::IMAGE_SOURCE.with_cause(format!("{}: {e}", tree.prefix.display()))
            };
            let dev = tree::stat_fd(&tree.source).map_err(lost)?.dev;
            let below = |(k, other): (usize, &Tree)| {
                let inside = other
                    .prefix
                    .strip_prefix(&tree.prefix)
                    .ok()
                    .filter(|p| k != i && !p.as_os_str().is_empty())?;
                Some((inside.as_os_str().as_bytes().to_vec(), k))
            };
            trees.push(Known {
                tree,
                filter: ExcludeFilter::new(job.excludes, tree.source.as_fd(), dev, &tree.prefix),
                dev,
                leave_out: tree.leave_out.iter().map(|p| p.as_os_str().as_bytes()).collect(),
                inner: job.trees.iter().enumerate().filter_map(below).collect(),
                begun: AtomicBool::new(false),
            });
        }
        Ok(Self { run, trees, list: List::default() })
    }

    /// The next batch of the archive; None at the end.
    pub fn next(&self) -> Option<Batch> {
        loop {
            if let Some(batch) = self.list.next() {
                return Some(batch);
            }
            if self.run.is_stopped() {
                return None;
            }
            let tree = self.trees.iter().position(|t| !t.begun.swap(true, Ordering::Relaxed))?;
            self.list.append(Task::new(tree, Dir::top()));
        }
    }

    /// Where a tree's top is in the running system.
    pub fn prefix(&self, tree: usize) -> &Path {
        self.trees.get(tree).map_or(Path::new("/"), |t| &t.tree.prefix)
    }

    pub fn stop(&self) {
        self.list.stop();
    }

    /// A walker thread's whole life.
    pub fn walker(&self) {
        let mut buffer = vec![0; LISTING];
        while let Some((number, task)) = self.list.task() {
            let path = task.dir.path();
            let mut tasks = vec![];
            if let Err(e) = self.directory(number, &task, &path, &mut buffer, &mut tasks) {
                self.unreadable(task.tree, &path, e);
            }
            self.list.finish(number, tasks);
        }
    }

    fn unreadable(&self, tree: usize, path: &[u8], e: Errno) {
        let whole = absolute_path(self.prefix(tree).as_os_str().as_bytes(), path);
        self.run.unreadable(whole.strip_prefix(b"/").unwrap_or(&whole).to_vec(), e, self);
    }

    /// Whether a directory of a tree is the place of another, which is saved by itself.
    fn is_a_tree(&self, tree: usize, path: &[u8]) -> bool {
        let whole = absolute_path(self.prefix(tree).as_os_str().as_bytes(), path);
        self.trees.iter().any(|t| t.tree.prefix.as_os_str().as_bytes() == whole)
    }

    /// Reads a directory up to its end, or to where it has subdirectories: those go first then.
    fn directory(
        &self,
        number: u64,
        task: &Task,
        path: &[u8],
        buffer: &mut [u8],
        tasks: &mut Vec<Task>,
    ) -> Sys<()> {
        let known = &self.trees[task.tree];
        let dir = tree::open_below(
            known.tree.source.as_fd(),
            path,
            OFlag::O_RDONLY | OFlag::O_DIRECTORY,
        )?;
        let new = || Batch { tree: task.tree, dir: Arc::clone(&task.dir), items: vec![], bytes: 0 };
        let mut batch = new();
        if task.position == 0 {
            let stat = tree::stat_fd(&dir)?;
            batch.add(gather::directory(&dir, stat)?);
            let other = stat.dev != known.dev;
            if other && !self.is_a_tree(task.tree, path) {
                self.run.tally.subvolume(path.to_vec());
            }
            if other || known.leave_out.contains(path) {
                self.list.put(number, batch);
                return Ok(());
            }
        } else {
            make::go_to(&dir, task.position)?;
        }
        while !self.run.is_stopped() {
            let length = if self.list.len() > MANY { SHORT_LISTING } else { LISTING };
            let entries = tree::list(&dir, &mut buffer[..length]).unwrap_or_else(|e| {
                self.unreadable(task.tree, path, e);
                None
            });
            let Some(mut entries) = entries else { break };
            entries.sort_unstable_by_key(|e| e.ino);
            for entry in entries {
                let below = || join(path, &entry.name);
                match self.entry(known, &dir, &entry, &below) {
                    Ok(Found::Nothing) => {}
                    Ok(Found::Directory) => tasks.push(self.enter(task, &entry, &below())),
                    Ok(Found::File(found)) => {
                        batch.add(*found);
                        if batch.is_full()
                            && !self.list.put(number, std::mem::replace(&mut batch, new()))
                        {
                            return Ok(());
                        }
                    }
                    Err(e) => self.unreadable(task.tree, &below(), e),
                }
            }
            if !tasks.is_empty() {
                tasks.push(Task {
                    tree: task.tree,
                    dir: Arc::clone(&task.dir),
                    position: make::position(&dir)?,
                });
                break;
            }
        }
        if !batch.items.is_empty() {
            self.list.put(number, batch);
        }
        Ok(())
    }

    /// A directory below: of this tree, or the top of another that is mounted there.
    fn enter(&self, task: &Task, entry: &Entry, path: &[u8]) -> Task {
        match self.trees[task.tree].inner.iter().find(|(at, _)| at == path) {
            Some((_, k)) if !self.trees[*k].begun.swap(true, Ordering::Relaxed) => {
                Task::new(*k, Dir::top())
            }
            _ => Task::new(task.tree, Dir::child(&task.dir, entry.name.clone())),
        }
    }

    fn entry(
        &self,
        known: &Known<'_>,
        dir: &OwnedFd,
        entry: &Entry,
        path: &dyn Fn() -> Vec<u8>,
    ) -> Sys<Found> {
        let tally = &self.run.tally;
        let mut stat = None;
        let mut kind = entry.kind;
        if kind.is_none() {
            let s = tree::stat_at(dir, &entry.name)?;
            (stat, kind) = (Some(s), s.kind());
        }
        let directory = kind == Some(Kind::Directory);
        if directory && !known.inner.is_empty() && known.inner.iter().any(|(at, _)| *at == path()) {
            // What is excluded of the file system that is mounted here is decided there.
            return Ok(Found::Directory);
        }
        if known.filter.is_excluded(path, directory)? {
            Tally::add(&tally.excluded, 1);
            return Ok(Found::Nothing);
        }
        if !known.leave_out.is_empty() && known.leave_out.contains(path().as_slice()) {
            Tally::add(&tally.left_out, 1);
            return Ok(if directory { Found::Directory } else { Found::Nothing });
        }
        if directory {
            return Ok(Found::Directory);
        }
        let mut file = None;
        if kind == Some(Kind::Regular) {
            match make::open_file(dir, &entry.name) {
                Ok(open) => {
                    stat = Some(tree::stat_fd(&open)?);
                    file = Some(open);
                }
                // Something else by now: a link, or a socket.
                Err(Errno::ELOOP | Errno::ENXIO) => {}
                Err(e) => return Err(e),
            }
        }
        let stat = match stat {
            Some(stat) => stat,
            None => tree::stat_at(dir, &entry.name)?,
        };
        if self.run.skip_inodes.contains(&(stat.dev, stat.ino)) {
            Tally::add(&tally.left_out, 1);
            return Ok(Found::Nothing);
        }
        match stat.kind() {
            Some(Kind::Directory) => Ok(Found::Directory),
            Some(Kind::Socket) => {
                self.run.sockets.fetch_add(1, Ordering::Relaxed);
                Ok(Found::Nothing)
            }
            _ => gather::file(dir, entry, stat, file).map(|f| Found::File(Box::new(f))),
        }
    }
}

/// What an entry is.
enum Found {
    Nothing,
    Directory,
    /// With what it takes of the limits.
    File(Box<(gather::Item, u64)>),
}
