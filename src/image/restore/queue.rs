//! What the reading thread hands to the writers: batches of members in the archive's order, their small contents in one buffer, large
//! contents as a stream of such buffers.
//!
//! The number of batches, of open directories in them and of buffers is bounded, so memory and descriptors are too. The queue also knows
//! which paths are not finished: whatever could depend on one (the same path again, a hard link to it, something below it) waits.

use std::collections::{HashMap, VecDeque};
use std::ffi::CString;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::dirs::Dir;
use super::meta::Meta;

/// Bytes of a buffer: small enough for the processor's caches, large enough for a few dozen files.
pub const BUFFER: usize = 256 << 10;

/// Buffers of a restore: 8 MiB.
const BUFFERS: usize = 32;

/// At most so many batches wait.
const BATCHES: usize = 24;

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
    /// Kind (`S_IFCHR` and the like) by [`crate::image::tar::Kind`]'s meaning, with its numbers.
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
    /// Its number among the regular files, where its checksum is wanted.
    pub sum: Option<u64>,
}

#[derive(Debug)]
pub enum Content {
    /// In the batch's buffer.
    Small(std::ops::Range<usize>),
    /// In pieces that come while it is written.
    Stream(Receiver<Piece>),
}

/// A part of a large file's stored bytes.
#[derive(Debug)]
pub struct Piece {
    pub buffer: Vec<u8>,
    pub used: usize,
}

/// Members that one writer makes one after the other.
#[derive(Debug, Default)]
pub struct Batch {
    pub items: Vec<Item>,
    /// From the pool, if there is content.
    pub buffer: Option<Vec<u8>>,
    pub used: usize,
    /// The hashes of the paths in it.
    pub paths: Vec<u64>,
    pub weight: usize,
    /// Changes of directory, which bound the open ones.
    pub dirs: usize,
}

impl Batch {
    const ITEMS: usize = 64;
    /// Directories that a batch keeps open.
    const DIRS: usize = 8;

    pub fn is_full(&self) -> bool {
        self.items.len() >= Self::ITEMS || self.dirs >= Self::DIRS || self.weight >= BUFFER
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
        while !state.stopped && !state.batches.is_empty() && (state.batches.len() >= BATCHES || state.weight + batch.weight > WEIGHT) {
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

    /// The next batch, of a directory that no other writer is in if one of the first few is. `left` was done. None when it is over.
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
            let free = state.batches.iter().position(|b| !state.busy.contains(&b.main_dir())).unwrap_or(0);
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

    /// Nothing more will be added.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Everybody is to stop; what waits is dropped.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.batches.clear();
        self.filled.notify_all();
        self.freed.notify_all();
    }
}

/// The buffers. Made when they are first needed, kept until the end.
#[derive(Debug, Default)]
pub struct Pool {
    state: Mutex<Buffers>,
    back: Condvar,
}

#[derive(Debug, Default)]
struct Buffers {
    free: Vec<Vec<u8>>,
    made: usize,
    stopped: bool,
}

impl Pool {
    /// A buffer of [`BUFFER`] bytes, waiting for one; None when all was stopped.
    pub fn take(&self) -> Option<Vec<u8>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.stopped {
                return None;
            }
            if let Some(buffer) = state.free.pop() {
                return Some(buffer);
            }
            if state.made < BUFFERS {
                state.made += 1;
                return Some(vec![0; BUFFER]);
            }
            state = self.back.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn give(&self, buffer: Vec<u8>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).free.push(buffer);
        self.back.notify_one();
    }

    pub fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.back.notify_all();
    }
}
