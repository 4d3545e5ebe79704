//! Files that wait to be made: batches of one directory each, in a queue that is bounded in open
//! files and in what is read ahead.

use std::collections::VecDeque;
use std::ffi::CString;
use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::host::tree::Stat;
use crate::tree::dir::Open;

/// One file, not a directory.
#[derive(Debug)]
pub struct Item {
    pub name: CString,
    pub stat: Stat,
    /// Names of its extended attributes.
    pub attributes: Vec<CString>,
    /// Open, if it is a regular file.
    pub file: Option<File>,
}

/// Files of one directory.
#[derive(Debug)]
pub struct Batch {
    pub at: Arc<Open>,
    pub items: Vec<Item>,
    /// Read ahead.
    pub bytes: u64,
}

impl Batch {
    /// At most this many files go into one batch.
    pub const FILES: usize = 64;
    /// A batch with so many bytes is full.
    pub const BYTES: u64 = 4 << 20;

    pub fn is_full(&self) -> bool {
        self.items.len() >= Self::FILES || self.bytes >= Self::BYTES
    }
}

/// At most so many batches wait; with their directories' descriptors that stays below the usual
/// limit of 1024.
const BATCHES: usize = 64;
const FILES: usize = 384;
const BYTES: u64 = 64 << 20;

#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    /// Something was added, or all is over.
    filled: Condvar,
    /// Something was taken, or all is over.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    files: usize,
    bytes: u64,
    /// Directories that writers are in. Two in one directory wait for each other in the kernel.
    busy: Vec<usize>,
    closed: bool,
    stopped: bool,
}

fn identity(batch: &Batch) -> usize {
    Arc::as_ptr(&batch.at.dir).addr()
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
            && (state.batches.len() >= BATCHES
                || state.files + batch.items.len() > FILES
                || state.bytes + batch.bytes > BYTES)
        {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped {
            return false;
        }
        state.files += batch.items.len();
        state.bytes += batch.bytes;
        state.batches.push_back(batch);
        self.filled.notify_one();
        true
    }

    /// The next batch, of a directory that no other writer is in if there is one; `left` is the
    /// directory that this writer was in. None when it is over.
    pub fn take(&self, left: Option<usize>) -> Option<(Batch, usize)> {
        let mut state = self.lock();
        if let Some(at) = left.and_then(|l| state.busy.iter().position(|b| *b == l)) {
            state.busy.swap_remove(at);
        }
        loop {
            if state.stopped {
                return None;
            }
            let free =
                state.batches.iter().position(|b| !state.busy.contains(&identity(b))).unwrap_or(0);
            if let Some(batch) = state.batches.remove(free) {
                state.files -= batch.items.len();
                state.bytes -= batch.bytes;
                let id = identity(&batch);
                state.busy.push(id);
                self.freed.notify_all();
                return Some((batch, id));
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
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
