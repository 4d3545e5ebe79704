//! What the reading thread hands to the writers: batches of members in the archive's order. Content
//! is rarely copied: a small file has its pieces of the archive's buffers with it, those of a large
//! one come as a stream while it is written.
//!
//! Batches, open directories in them and bytes of content are bounded, so memory and descriptors
//! are too. The queue also knows which paths are not finished: whatever could depend on one (the
//! same path again, a hard link to it, something below it) waits.

use std::collections::{HashMap, VecDeque};
use std::ffi::CString;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::dirs::Dir;
use super::meta::Meta;
use crate::archive::input::stream::Piece;

/// A file with up to so many stored bytes waits until they are all there; a larger one is written
/// while it is read.
pub const SMALL: u64 = 256 << 10;

/// A batch with so many bytes is full.
const FULL: usize = 256 << 10;

/// Bytes of content between the reading thread and the device's cache. They lie in the archive's
/// large buffers, of which the threads that unpack must have some too.
const BYTES: usize = 4 << 20;

/// At most so many batches wait.
const BATCHES: usize = 12;

/// Bytes of extended attributes and sparse maps in batches that wait.
const WEIGHT: usize = 4 << 20;

/// One member that is no directory, to be made.
#[derive(Debug)]
pub struct Item {
    pub dir: Arc<Dir>,
    pub name: CString,
    pub what: What,
    pub meta: Meta,
    /// Of its header in the archive, for messages.
    pub offset: u64,
}

#[derive(Debug)]
pub enum What {
    Regular(Regular),
    /// Another name of what has this name in this directory.
    HardLink(Arc<Dir>, CString),
    Symlink(Vec<u8>),
    /// With its numbers.
    Char(u32, u32),
    Block(u32, u32),
    Fifo,
}

#[derive(Debug)]
pub struct Regular {
    pub size: u64,
    pub stored: u64,
    pub map: Option<Vec<(u64, u64)>>,
    pub content: Content,
    /// Where its checksum is wanted: its number among the regular files, and its name as stored.
    pub sum: Option<(u64, Vec<u8>)>,
}

#[derive(Debug)]
pub enum Content {
    Small(Vec<Piece>),
    /// It comes while it is written.
    Stream(Receiver<Piece>),
}

/// Members that one writer makes one after the other.
#[derive(Debug, Default)]
pub struct Batch {
    pub items: Vec<Item>,
    /// The hashes of the paths in it.
    pub paths: Vec<u64>,
    /// Bytes of extended attributes and maps.
    pub weight: usize,
    /// Bytes of content.
    pub bytes: usize,
    /// Changes of directory, which bound the open ones.
    pub dirs: usize,
}

impl Batch {
    const ITEMS: usize = 64;
    /// Directories that a batch keeps open.
    const DIRS: usize = 8;
    /// Bytes of the archive that a batch comes from: while it is filled, it must not hold more of
    /// the archive's buffers than there are.
    const SPAN: u64 = 2 << 20;

    pub fn is_full(&self) -> bool {
        self.items.len() >= Self::ITEMS
            || self.dirs >= Self::DIRS
            || self.weight >= FULL
            || self.bytes >= FULL
    }

    /// Whether a member at this offset is too far from the first.
    pub fn is_far_from(&self, offset: u64) -> bool {
        self.items.first().is_some_and(|first| offset.saturating_sub(first.offset) > Self::SPAN)
    }

    /// The directory that it is mostly about.
    fn main_dir(&self) -> usize {
        self.items.first().map_or(0, |i| Arc::as_ptr(&i.dir).addr())
    }
}

#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    /// Something was added, or all is over.
    filled: Condvar,
    /// Something was finished, or all is over.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    /// Paths that wait or are worked on, and how often.
    pending: HashMap<u64, u32>,
    /// Directories that writers are in: two in one wait for each other in the kernel.
    busy: Vec<usize>,
    weight: usize,
    /// Bytes of content that are not written.
    bytes: usize,
    closed: bool,
    stopped: bool,
}

/// What a writer has done, to be given back with the next [`Queue::take`].
#[derive(Debug)]
pub struct Taken {
    paths: Vec<u64>,
    dir: usize,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch, waiting for room. False when all was stopped.
    pub fn put(&self, batch: Batch) -> bool {
        let mut state = self.lock();
        while !state.stopped
            && !state.batches.is_empty()
            && (state.batches.len() >= BATCHES || state.weight + batch.weight > WEIGHT)
        {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped {
            return false;
        }
        state.weight += batch.weight;
        for path in &batch.paths {
            *state.pending.entry(*path).or_insert(0) += 1;
        }
        state.batches.push_back(batch);
        self.filled.notify_one();
        true
    }

    /// The next batch, of a directory that no other writer is in if one of the first few is. `left`
    /// was done. None when it is over.
    pub fn take(&self, left: Option<Taken>) -> Option<(Batch, Taken)> {
        let mut state = self.lock();
        if let Some(left) = left {
            for path in left.paths {
                if let Some(n) = state.pending.get_mut(&path) {
                    *n -= 1;
                    if *n == 0 {
                        state.pending.remove(&path);
                    }
                }
            }
            if let Some(at) = state.busy.iter().position(|b| *b == left.dir) {
                state.busy.swap_remove(at);
            }
            self.freed.notify_all();
        }
        loop {
            if state.stopped {
                return None;
            }
            let free =
                state.batches.iter().position(|b| !state.busy.contains(&b.main_dir())).unwrap_or(0);
            if let Some(mut batch) = state.batches.remove(free) {
                let dir = batch.main_dir();
                state.busy.push(dir);
                state.weight -= batch.weight;
                self.freed.notify_all();
                let paths = std::mem::take(&mut batch.paths);
                return Some((batch, Taken { paths, dir }));
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether one of these paths is not finished.
    pub fn is_pending(&self, paths: impl IntoIterator<Item = u64>) -> bool {
        let state = self.lock();
        !state.pending.is_empty() && paths.into_iter().any(|p| state.pending.contains_key(&p))
    }

    /// Waits until a path is finished. False when all was stopped.
    pub fn wait_for(&self, path: u64) -> bool {
        self.wait(|s| !s.pending.contains_key(&path))
    }

    /// Waits until everything that was put is finished. False when all was stopped.
    pub fn wait_all(&self) -> bool {
        self.wait(|s| s.pending.is_empty())
    }

    fn wait(&self, done: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !state.stopped && !done(&state) {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }

    /// Waits until there is room for a piece of content, and counts it. False when all was stopped.
    pub fn hold(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        while !state.stopped && state.bytes > BYTES {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes += bytes;
        !state.stopped
    }

    /// A piece of content was written.
    pub fn let_go(&self, bytes: usize) {
        self.lock().bytes -= bytes;
        self.freed.notify_all();
    }

    /// Nothing more will be added.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Everybody is to stop; what waits is dropped.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let dropped = std::mem::take(&mut state.batches);
        self.filled.notify_all();
        self.freed.notify_all();
        drop(state);
        drop(dropped);
    }
}
