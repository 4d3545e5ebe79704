//! Walkers: directories become batches, at their place in the archive's order.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use super::item::{self, Batch};
use super::job::Tree;
use super::list::{List, Task};
use super::state::Saver;
use crate::host::fs_calls::{self, Entry, Errno, Kind, Sys};
use crate::host::make;
use crate::tree::dir::LISTING;
use crate::tree::dir::{Dir, join};
use crate::tree::report::{Tally, absolute_path};
use crate::tree::walk::{Found, Walk, next_entries};

/// A tree of the job, and what the walk needs to know about it.
struct KnownTree<'a> {
    tree: &'a Tree,
    walk: Walk<'a>,
    /// Where other trees are mounted in this one: relative path and their number.
    inner: Vec<(Vec<u8>, usize)>,
    begun: AtomicBool,
}

/// All trees of the job, walked by several threads.
pub struct Walkers<'a> {
    saver: &'a Saver<'a>,
    trees: Vec<KnownTree<'a>>,
    list: &'a List,
}

/// An entry that is to be saved.
enum Wanted {
    Directory,
    /// With the bytes that it takes of the limits.
    File(Box<(item::Item, u64)>),
}

impl<'a> Walkers<'a> {
    /// The first tree is the first to be walked. `skip_inodes` are never saved: the image itself.
    ///
    /// # Errors
    /// ALT-661 if a tree's top cannot be examined.
    pub fn new(saver: &'a Saver<'a>, list: &'a List, skip_inodes: Vec<(u64, u64)>) -> Result<Self> {
        let job = saver.job;
        let mut trees = Vec::with_capacity(job.trees.len());
        for (i, tree) in job.trees.iter().enumerate() {
            let below = |(k, other): (usize, &Tree)| {
                let inside = other
                    .prefix
                    .strip_prefix(&tree.prefix)
                    .ok()
                    .filter(|p| k != i && !p.as_os_str().is_empty())?;
                Some((inside.as_os_str().as_bytes().to_vec(), k))
            };
            trees.push(KnownTree {
                tree,
                walk: tree.walk(job.excludes, skip_inodes.iter().copied())?,
                inner: job.trees.iter().enumerate().filter_map(below).collect(),
                begun: AtomicBool::new(false),
            });
        }
        Ok(Self { saver, trees, list })
    }

    /// The next batch of the archive; None at the end.
    pub fn next_batch(&self) -> Option<Batch> {
        loop {
            if let Some(batch) = self.list.next() {
                return Some(batch);
            }
            if self.saver.work.is_stopped() {
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

    /// A walker thread.
    pub fn run(&self) {
        let mut buffer = vec![0; LISTING];
        while let Some((number, task)) = self.list.take() {
            let path = task.dir.path();
            let mut tasks = vec![];
            if let Err(e) = self.read_directory(number, &task, &path, &mut buffer, &mut tasks) {
                self.record_unreadable(task.tree, &path, e);
            }
            self.list.finish(number, tasks);
        }
    }

    fn record_unreadable(&self, tree: usize, path: &[u8], e: Errno) {
        let whole = self.absolute(tree, path);
        self.saver.record_unreadable(whole.strip_prefix(b"/").unwrap_or(&whole).to_vec(), e);
    }

    fn absolute(&self, tree: usize, path: &[u8]) -> Vec<u8> {
        absolute_path(self.prefix(tree).as_os_str().as_bytes(), path)
    }

    /// True if a directory of a tree is the place of another, which is saved by itself.
    fn is_a_tree(&self, tree: usize, path: &[u8]) -> bool {
        let whole = self.absolute(tree, path);
        self.trees.iter().any(|t| t.tree.prefix.as_os_str().as_bytes() == whole)
    }

    /// Reads a directory up to its end, or to where it has subdirectories: those go first then.
    fn read_directory(
        &self,
        number: u64,
        task: &Task,
        path: &[u8],
        buffer: &mut [u8],
        tasks: &mut Vec<Task>,
    ) -> Sys<()> {
        let known = &self.trees[task.tree];
        let dir = known.walk.open(path)?;
        let new = || Batch { tree: task.tree, dir: Arc::clone(&task.dir), items: vec![], bytes: 0 };
        let mut batch = new();
        if task.position == 0 {
            let stat = fs_calls::stat_fd(&dir)?;
            batch.add(item::read_directory(&dir, stat)?);
            let other = !known.walk.is_inside(&stat);
            if other && !self.is_a_tree(task.tree, path) {
                self.saver.work.tally.add_subvolume(path.to_vec());
            }
            if other || known.walk.is_content_left_out(path) {
                self.list.insert(number, batch);
                return Ok(());
            }
        } else {
            make::set_position(&dir, task.position)?;
        }
        while !self.saver.work.is_stopped() {
            let entries = next_entries(&dir, buffer, self.list.len()).unwrap_or_else(|e| {
                self.record_unreadable(task.tree, path, e);
                None
            });
            let Some(entries) = entries else { break };
            for entry in entries {
                let below = || join(path, &entry.name);
                match self.examine(known, &dir, &entry, &below) {
                    Ok(None) => {}
                    Ok(Some(Wanted::Directory)) => {
                        tasks.push(self.task_below(task, &entry, &below()));
                    }
                    Ok(Some(Wanted::File(found))) => {
                        batch.add(*found);
                        if batch.is_full()
                            && !self.list.insert(number, std::mem::replace(&mut batch, new()))
                        {
                            return Ok(());
                        }
                    }
                    Err(e) => self.record_unreadable(task.tree, &below(), e),
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
            self.list.insert(number, batch);
        }
        Ok(())
    }

    /// A directory below: of this tree, or the top of another that is mounted there.
    fn task_below(&self, task: &Task, entry: &Entry, path: &[u8]) -> Task {
        match self.trees[task.tree].inner.iter().find(|(at, _)| at == path) {
            Some((_, k)) if !self.trees[*k].begun.swap(true, Ordering::Relaxed) => {
                Task::new(*k, Dir::top())
            }
            _ => Task::new(task.tree, Dir::child(&task.dir, entry.name.clone())),
        }
    }

    fn examine(
        &self,
        known: &KnownTree<'_>,
        dir: &OwnedFd,
        entry: &Entry,
        path: &dyn Fn() -> Vec<u8>,
    ) -> Sys<Option<Wanted>> {
        let tally = &self.saver.work.tally;
        let may_be_directory = matches!(entry.kind, None | Some(Kind::Directory));
        if may_be_directory
            && !known.inner.is_empty()
            && known.inner.iter().any(|(at, _)| *at == path())
            && is_directory(dir, entry)?
        {
            // The walk of the file system that is mounted here applies the exclude list there.
            return Ok(Some(Wanted::Directory));
        }
        match known.walk.examine(dir, entry, path)? {
            Found::Excluded => {
                Tally::add(&tally.excluded, 1);
                Ok(None)
            }
            Found::LeftOut => {
                Tally::add(&tally.left_out, 1);
                Ok(None)
            }
            Found::Directory { left_out } => {
                Tally::add(&tally.left_out, u64::from(left_out));
                Ok(Some(Wanted::Directory))
            }
            Found::File(stat, _) if stat.kind() == Some(Kind::Socket) => {
                self.saver.sockets.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            Found::File(stat, file) => {
                item::read_entry(dir, entry, stat, file).map(|f| Some(Wanted::File(Box::new(f))))
            }
        }
    }
}

fn is_directory(dir: &OwnedFd, entry: &Entry) -> Sys<bool> {
    let kind = match entry.kind {
        None => fs_calls::stat_at(dir, &entry.name)?.kind(),
        kind => kind,
    };
    Ok(kind == Some(Kind::Directory))
}
