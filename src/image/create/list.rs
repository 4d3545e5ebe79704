//! The results of the walk in the archive's order: batches that are ready, directories that are
//! being read, directories that wait.
//!
//! A walker puts what it finds in the place of the directory that it reads, so that several can
//! read ahead at different places and the order is still that of one walk. The first place is
//! always worked on, whatever else waits; that keeps the list moving, and the limits keep it small.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::item::Batch;
use crate::tree::dir::Dir;
use crate::tree::work::Stop;

/// How many files may be open; the first place is exempt from all three limits.
const MAX_FILES: usize = 384;
/// How many bytes may be read ahead.
const MAX_BYTES: u64 = 48 << 20;
/// How many batches may wait.
const MAX_BATCHES: usize = 96;

/// A directory to read, from a position on (0: from the beginning).
#[derive(Debug)]
pub struct Task {
    /// Index of the tree in the job.
    pub tree: usize,
    pub dir: Arc<Dir>,
    pub position: i64,
}

impl Task {
    /// A directory from its beginning on.
    pub fn new(tree: usize, dir: Arc<Dir>) -> Self {
        Self { tree, dir, position: 0 }
    }
}

#[derive(Debug)]
enum Node {
    Ready(Batch),
    /// A walker reads it; the walker's number.
    Working(u64),
    Waiting(Task),
}

#[derive(Debug, Default)]
struct State {
    /// The last one is the first in the archive.
    nodes: Vec<Node>,
    files: usize,
    bytes: u64,
    batches: usize,
    number: u64,
    stopped: bool,
}

/// The list.
#[derive(Debug, Default)]
pub struct List {
    state: Mutex<State>,
    /// Wakes walkers.
    room: Condvar,
    /// Wakes the assembler.
    ready: Condvar,
}

impl State {
    fn has_room(&self) -> bool {
        self.files < MAX_FILES && self.bytes < MAX_BYTES && self.batches < MAX_BATCHES
    }

    fn is_low(&self) -> bool {
        self.files <= MAX_FILES / 2
            && self.bytes <= MAX_BYTES / 2
            && self.batches <= MAX_BATCHES / 2
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.nodes.iter().rposition(|n| matches!(n, Node::Working(w) if *w == number))
    }
}

impl List {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a task behind all others.
    pub fn append(&self, task: Task) {
        self.lock().nodes.insert(0, Node::Waiting(task));
        self.room.notify_all();
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.lock().nodes.len()
    }

    /// The next batch in order; None when there is nothing left, or all was stopped.
    pub fn next(&self) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.nodes.is_empty() {
                return None;
            }
            if matches!(state.nodes.last(), Some(Node::Ready(_))) {
                let Some(Node::Ready(batch)) = state.nodes.pop() else { return None };
                state.files -= batch.items.len();
                state.bytes -= batch.bytes;
                state.batches -= 1;
                // Not for every batch: walkers are woken when there is much room, or when the first
                // place is theirs.
                if state.is_low() || !matches!(state.nodes.last(), Some(Node::Ready(_))) {
                    self.room.notify_all();
                }
                return Some(batch);
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The first directory that waits, with a number for [`List::insert`] and [`List::finish`].
    /// Waits for one; None when all was stopped.
    pub fn take(&self) -> Option<(u64, Task)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            let found = state.nodes.iter().rposition(|n| matches!(n, Node::Waiting(_)));
            if let Some(at) = found.filter(|at| state.has_room() || at + 1 == state.nodes.len()) {
                state.number += 1;
                let number = state.number;
                if let Node::Waiting(task) =
                    std::mem::replace(&mut state.nodes[at], Node::Working(number))
                {
                    return Some((number, task));
                }
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts a batch before the place of the directory that is being read; waits for room, unless it
    /// is the first. False when all was stopped.
    pub fn insert(&self, number: u64, batch: Batch) -> bool {
        let mut state = self.lock();
        loop {
            let Some(at) = state.find(number).filter(|_| !state.stopped) else { return false };
            if state.has_room() || at + 1 == state.nodes.len() {
                state.files += batch.items.len();
                state.bytes += batch.bytes;
                state.batches += 1;
                state.nodes.insert(at + 1, Node::Ready(batch));
                if at + 2 == state.nodes.len() {
                    self.ready.notify_one();
                }
                return true;
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The directory was read: these tasks, in their order, take its place.
    pub fn finish(&self, number: u64, tasks: Vec<Task>) {
        let mut state = self.lock();
        if let Some(at) = state.find(number) {
            state.nodes.splice(at..=at, tasks.into_iter().rev().map(Node::Waiting));
        }
        self.ready.notify_one();
        self.room.notify_all();
    }

    /// Nothing more is needed: walkers end, what waits is dropped.
    pub fn close(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let dropped = std::mem::take(&mut state.nodes);
        self.ready.notify_all();
        self.room.notify_all();
        drop(state);
        drop(dropped);
    }
}

impl Stop for List {
    fn stop(&self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(dir: &Arc<Dir>) -> Batch {
        Batch { tree: 0, dir: Arc::clone(dir), items: vec![], bytes: MAX_BYTES / 3 }
    }

    /// Many walkers at a tree that is far larger than the limits: nobody waits for ever, and the
    /// order is that of one walk.
    #[test]
    fn the_order_is_that_of_one_walk() {
        let list = List::default();
        let top = Dir::top();
        list.append(Task::new(0, Arc::clone(&top)));
        let mut seen = vec![];
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    while let Some((number, task)) = list.take() {
                        let dir = &task.dir;
                        let depth = if dir.path().is_empty() {
                            0
                        } else {
                            dir.path().split(|b| *b == b'/').count()
                        };
                        for _ in 0..3 {
                            list.insert(number, batch(dir));
                        }
                        let children = if depth < 5 { 4 } else { 0 };
                        let child = |i: i32| {
                            Task::new(
                                0,
                                Dir::child(dir, std::ffi::CString::new(i.to_string()).unwrap()),
                            )
                        };
                        list.finish(number, (0..children).map(child).collect());
                    }
                });
            }
            while let Some(batch) = list.next() {
                seen.push(batch.dir.path());
            }
            list.close();
        });
        // Each directory three times, and sorted as text: that is depth first here.
        let mut sorted = seen.clone();
        sorted.sort();
        assert_eq!(seen.len(), 3 * (1 + 4 + 16 + 64 + 256 + 1024));
        assert_eq!(seen, sorted);
    }
}
