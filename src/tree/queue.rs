//! Batches of files between the threads that find them and the threads that make them: a queue that
//! is bounded in batches, in files and in bytes, so that memory and descriptors are bounded too.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::work::Stop;

/// Files that one writer makes one after the other.
pub trait Batch: Send {
    /// Identifies the directory that the batch is about.
    fn directory(&self) -> usize;
    /// Files that it keeps open.
    fn files(&self) -> usize;
    /// Bytes that it keeps in memory, or in the cache.
    fn bytes(&self) -> u64;
}

/// How much may wait in a queue. A single batch may exceed the limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Batches.
    pub batches: usize,
    /// Open files of all batches.
    pub files: usize,
    /// Bytes of all batches.
    pub bytes: u64,
}

/// The queue.
#[derive(Debug)]
pub struct BatchQueue<B> {
    limits: Limits,
    state: Mutex<State<B>>,
    /// Something was added, or the queue was closed or stopped.
    filled: Condvar,
    /// Something was taken, or the queue was stopped.
    freed: Condvar,
}

#[derive(Debug)]
struct State<B> {
    batches: VecDeque<B>,
    files: usize,
    bytes: u64,
    /// Directories that writers are in. Two writers in one directory wait for each other in the
    /// kernel.
    busy: Vec<usize>,
    closed: bool,
    stopped: bool,
}

impl<B: Batch> BatchQueue<B> {
    /// An empty queue.
    pub fn new(limits: Limits) -> Self {
        let state = State {
            batches: VecDeque::new(),
            files: 0,
            bytes: 0,
            busy: vec![],
            closed: false,
            stopped: false,
        };
        Self { limits, state: Mutex::new(state), filled: Condvar::new(), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch, waiting for room. False if the queue was stopped.
    pub fn push(&self, batch: B) -> bool {
        let (files, bytes) = (batch.files(), batch.bytes());
        let mut state = self.lock();
        while !state.stopped
            && !state.batches.is_empty()
            && (state.batches.len() >= self.limits.batches
                || state.files + files > self.limits.files
                || state.bytes + bytes > self.limits.bytes)
        {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped {
            return false;
        }
        state.files += files;
        state.bytes += bytes;
        state.batches.push_back(batch);
        self.filled.notify_one();
        true
    }

    /// The next batch with the directory that it is about, if possible one that no other writer is
    /// in; `left` is the directory of this writer's previous batch. None when the queue is closed
    /// and empty, or stopped.
    pub fn take(&self, left: Option<usize>) -> Option<(B, usize)> {
        let mut state = self.lock();
        if let Some(at) = left.and_then(|l| state.busy.iter().position(|b| *b == l)) {
            state.busy.swap_remove(at);
        }
        loop {
            if state.stopped {
                return None;
            }
            let free = state.batches.iter().position(|b| !state.busy.contains(&b.directory()));
            if let Some(batch) = state.batches.remove(free.unwrap_or(0)) {
                state.files -= batch.files();
                state.bytes -= batch.bytes();
                let directory = batch.directory();
                state.busy.push(directory);
                self.freed.notify_all();
                return Some((batch, directory));
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
}

impl<B: Batch> Stop for BatchQueue<B> {
    /// Waiting batches are dropped.
    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let dropped = std::mem::take(&mut state.batches);
        self.filled.notify_all();
        self.freed.notify_all();
        drop(state);
        drop(dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct One {
        directory: usize,
        bytes: u64,
    }

    impl Batch for One {
        fn directory(&self) -> usize {
            self.directory
        }
        fn files(&self) -> usize {
            1
        }
        fn bytes(&self) -> u64 {
            self.bytes
        }
    }

    fn queue() -> BatchQueue<One> {
        BatchQueue::new(Limits { batches: 3, files: 100, bytes: 10 })
    }

    #[test]
    fn a_writer_prefers_a_directory_that_nobody_is_in() {
        let queue = queue();
        for directory in [1, 1, 2] {
            assert!(queue.push(One { directory, bytes: 1 }));
        }
        let (_, first) = queue.take(None).unwrap();
        let (_, second) = queue.take(None).unwrap();
        assert_eq!((first, second), (1, 2));
        queue.close();
        assert_eq!(queue.take(Some(first)).unwrap().1, 1);
        assert!(queue.take(Some(second)).is_none());
    }

    #[test]
    fn pushing_waits_for_room_and_everything_arrives() {
        let queue = queue();
        let taken = AtomicUsize::new(0);
        std::thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    let mut left = None;
                    while let Some((_, directory)) = queue.take(left) {
                        taken.fetch_add(1, Ordering::Relaxed);
                        left = Some(directory);
                    }
                });
            }
            for n in 0..500 {
                // Every seventh is larger than the limit by itself.
                let bytes = if n % 7 == 0 { 50 } else { 4 };
                assert!(queue.push(One { directory: n % 5, bytes }));
            }
            queue.close();
        });
        assert_eq!(taken.load(Ordering::Relaxed), 500);
    }

    #[test]
    fn stopping_wakes_whoever_waits() {
        let queue = queue();
        assert!(queue.push(One { directory: 1, bytes: 10 }));
        std::thread::scope(|s| {
            let waiting = s.spawn(|| queue.push(One { directory: 1, bytes: 10 }));
            queue.stop();
            assert!(!waiting.join().unwrap());
        });
        assert!(queue.take(None).is_none());
    }
}
