//! Members on their way from the thread that reads them to the writers: batches in the archive's
//! order. Content is rarely copied: a small file has its pieces of the archive's buffers with it,
//! those of a large one come as a stream while it is written.
//!
//! Batches, open directories in them and bytes of content are bounded, so memory and descriptors
//! are too. The queue also records which paths are not finished: whatever could depend on one (the
//! same path again, a hard link to it, something below it) waits.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::dirs::Dir;
use crate::archive::input::stream::SharedBytes;
use crate::tree::metadata::Metadata;
use crate::tree::queue::{self, BatchQueue, Limits};
use crate::tree::work::Stop;

/// A file with up to this many stored bytes waits until they are all there; a larger one is written
/// while it is read.
pub const SMALL: u64 = 256 << 10;

/// A batch with this many bytes is full.
const FULL: usize = 256 << 10;

/// Bytes of content between the reading thread and the device's cache. They are in the archive's
/// large buffers, of which the threads that unpack need some too.
const MAX_CONTENT: usize = 4 << 20;

/// How much waits; the bytes are those of extended attributes and sparse maps.
const LIMITS: Limits = Limits { batches: 12, files: usize::MAX, bytes: 4 << 20 };

/// One member to be made that is not a directory.
#[derive(Debug)]
pub struct Item {
    pub dir: Arc<Dir>,
    pub name: CString,
    pub file: NewFile,
    pub metadata: Metadata,
    /// Of its header in the archive, for messages.
    pub offset: u64,
}

/// The kind of file.
#[derive(Debug)]
pub enum NewFile {
    Regular(Regular),
    /// Another name of what has this name in this directory.
    HardLink(Arc<Dir>, CString),
    Symlink(Vec<u8>),
    /// With its numbers.
    Char(u32, u32),
    Block(u32, u32),
    Fifo,
}

/// A regular file.
#[derive(Debug)]
pub struct Regular {
    /// Bytes that the file has.
    pub size: u64,
    /// Bytes of it that the archive holds.
    pub stored: u64,
    /// Where they belong (offset and length), if the file has holes.
    pub map: Option<Vec<(u64, u64)>>,
    pub content: Content,
    /// Where its checksum is wanted: its number among the regular files, and its name as stored.
    pub sum: Option<(u64, Vec<u8>)>,
}

/// The content of a regular file.
#[derive(Debug)]
pub enum Content {
    Small(Vec<SharedBytes>),
    /// It comes while it is written.
    Stream(Receiver<SharedBytes>),
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
    const MAX_ITEMS: usize = 64;
    /// Directories that a batch keeps open.
    const MAX_DIRS: usize = 8;
    /// Bytes of the archive that a batch comes from: while it is filled, it must not hold more of
    /// the archive's buffers than there are.
    const MAX_SPAN: u64 = 2 << 20;

    /// True if it should be handed over.
    pub fn is_full(&self) -> bool {
        self.items.len() >= Self::MAX_ITEMS
            || self.dirs >= Self::MAX_DIRS
            || self.weight >= FULL
            || self.bytes >= FULL
    }

    /// True if a member at this offset is too far from the first.
    pub fn is_far_from(&self, offset: u64) -> bool {
        self.items.first().is_some_and(|first| offset.saturating_sub(first.offset) > Self::MAX_SPAN)
    }
}

impl queue::Batch for Batch {
    /// The directory of its first member.
    fn directory(&self) -> usize {
        self.items.first().map_or(0, |i| Arc::as_ptr(&i.dir).addr())
    }

    fn files(&self) -> usize {
        0
    }

    fn bytes(&self) -> u64 {
        self.weight as u64
    }
}

/// The queue.
#[derive(Debug)]
pub struct Queue {
    batches: BatchQueue<Batch>,
    state: Mutex<State>,
    /// Something was finished, or everything was stopped.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Paths that wait or are worked on, and how often.
    pending: HashMap<u64, u32>,
    /// Bytes of content that are not written.
    content: usize,
    stopped: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self { batches: BatchQueue::new(LIMITS), state: Mutex::default(), freed: Condvar::new() }
    }
}

/// A writer's current batch, to be given back with the next [`Queue::take`].
#[derive(Debug)]
pub struct Taken {
    paths: Vec<u64>,
    dir: usize,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch, waiting for room. False if everything was stopped.
    pub fn push(&self, batch: Batch) -> bool {
        let mut state = self.lock();
        for path in &batch.paths {
            *state.pending.entry(*path).or_insert(0) += 1;
        }
        drop(state);
        self.batches.push(batch)
    }

    /// The next batch, if possible of a directory that no other writer is in. `left` is done. None
    /// at the end.
    pub fn take(&self, left: Option<Taken>) -> Option<(Batch, Taken)> {
        let dir = left.map(|left| {
            self.finish(&left.paths);
            left.dir
        });
        let (mut batch, dir) = self.batches.take(dir)?;
        let paths = std::mem::take(&mut batch.paths);
        Some((batch, Taken { paths, dir }))
    }

    fn finish(&self, paths: &[u64]) {
        let mut state = self.lock();
        for path in paths {
            if let Some(n) = state.pending.get_mut(path) {
                *n -= 1;
                if *n == 0 {
                    state.pending.remove(path);
                }
            }
        }
        self.freed.notify_all();
    }

    /// True if one of these paths is not finished.
    pub fn is_pending(&self, paths: impl IntoIterator<Item = u64>) -> bool {
        let state = self.lock();
        !state.pending.is_empty() && paths.into_iter().any(|p| state.pending.contains_key(&p))
    }

    /// Waits until a path is finished. False if everything was stopped.
    pub fn wait_for(&self, path: u64) -> bool {
        self.wait_until(|s| !s.pending.contains_key(&path))
    }

    /// Waits until everything that was pushed is finished. False if everything was stopped.
    pub fn wait_for_all(&self) -> bool {
        self.wait_until(|s| s.pending.is_empty())
    }

    fn wait_until(&self, done: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !state.stopped && !done(&state) {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }

    /// Waits until there is room for a piece of content, and counts it. False if everything was
    /// stopped.
    pub fn reserve_content(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        while !state.stopped && state.content > MAX_CONTENT {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.content += bytes;
        !state.stopped
    }

    /// A piece of content was written.
    pub fn release_content(&self, bytes: usize) {
        self.lock().content -= bytes;
        self.freed.notify_all();
    }

    /// Nothing more will be added.
    pub fn close(&self) {
        self.batches.close();
    }
}

impl Stop for Queue {
    fn stop(&self) {
        self.lock().stopped = true;
        self.freed.notify_all();
        self.batches.stop();
    }
}
