//! The state that the threads of a copy, a restore or an image share: counters, the first
//! error, the request to stop, and two helper threads.
//!
//! One helper reports progress and notices a signal; the other has the target written early, so
//! that writing overlaps with the work, the end is short, and little is unwritten at any time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::progress::{INTERVAL, Progress};
use super::report::{PathList, Report, Tally};
use crate::error;
use crate::event::{Event, Events};
use crate::host::{signals, threads};
use crate::text::path::show_path;

/// Once this many bytes are unwritten, the target is told to write them.
const FLUSH_BYTES: u64 = 64 << 20;

/// Threads that write: two keep two processors busy, more than four gain nothing.
const WRITER_THREADS: std::ops::RangeInclusive<usize> = 2..=4;

/// How many threads should write.
pub fn writer_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(*WRITER_THREADS.start(), *WRITER_THREADS.end())
}

/// Something that threads wait for, and that must wake them when the work is stopped.
pub trait Stop: Sync {
    /// Wakes everybody who waits; from now on nothing is handed out.
    fn stop(&self);
}

/// The state that all threads share.
pub struct Work<'a> {
    /// Everything done so far, and everything that failed.
    pub tally: Tally,
    /// For messages of the threads.
    pub events: &'a Events,
    progress: &'a Progress,
    /// Emits an event for every file.
    verbose: bool,
    /// Stopped together with the work.
    queues: Vec<&'a dyn Stop>,
    stopped: AtomicBool,
    failure: Mutex<Option<anyhow::Error>>,
    unflushed: AtomicU64,
    /// Set at the end; wakes the helpers.
    ended: Mutex<bool>,
    wake: Condvar,
}

impl<'a> Work<'a> {
    /// `queues` are stopped with the work; `verbose` emits an event for every file.
    pub fn new(
        events: &'a Events,
        progress: &'a Progress,
        verbose: bool,
        queues: Vec<&'a dyn Stop>,
    ) -> Self {
        Self {
            tally: Tally::default(),
            events,
            progress,
            verbose,
            queues,
            stopped: AtomicBool::new(false),
            failure: Mutex::default(),
            unflushed: AtomicU64::new(0),
            ended: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// True if everybody should stop.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The flag behind [`Work::is_stopped`].
    pub fn stop_flag(&self) -> &AtomicBool {
        &self.stopped
    }

    /// Everybody is to stop.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.queues.iter().for_each(|q| q.stop());
    }

    /// Ends the work with this error, unless another was first.
    pub fn fail(&self, e: anyhow::Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
        self.stop();
    }

    /// A guard for each thread: if it panics, the others stop instead of waiting for it forever.
    pub fn stop_on_panic(&self) -> StopOnPanic<'_> {
        StopOnPanic { work: self }
    }

    /// A name was made; `path` is shown as it is.
    pub fn count_name(&self, path: &dyn Fn() -> Vec<u8>) {
        Tally::add(&self.tally.files, 1);
        if self.verbose {
            self.events.emit(Event::File { path: show_path(&path()) });
        }
    }

    /// A file is done, and not just a further name of one: file systems count those.
    pub fn count_file(&self) {
        self.progress.add(0, 1);
    }

    /// Bytes of content are done.
    pub fn count_bytes(&self, bytes: u64) {
        Tally::add(&self.tally.bytes, bytes);
        self.progress.add(bytes, 0);
        let before = self.unflushed.fetch_add(bytes, Ordering::Relaxed);
        if before < FLUSH_BYTES && before + bytes >= FLUSH_BYTES {
            self.wake.notify_all();
        }
    }

    /// Has the target written now, while this thread goes on.
    pub fn flush_now(&self) {
        self.unflushed.store(FLUSH_BYTES, Ordering::Relaxed);
        self.wake.notify_all();
    }

    /// Starts the helper that reports progress; a signal ends the work with the error that
    /// `interrupted` makes.
    ///
    /// # Errors
    /// ALT-805 if there is no thread.
    pub fn start_reporting<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        interrupted: impl Fn() -> anyhow::Error + Send + 's,
    ) -> Result<ScopedJoinHandle<'s, ()>> {
        threads::start_in(scope, "progress", move || {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            let mut next = Instant::now() + INTERVAL;
            while !*ended {
                let wait = next.saturating_duration_since(Instant::now());
                if wait > Duration::ZERO {
                    ended = self
                        .wake
                        .wait_timeout(ended, wait)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                    continue;
                }
                self.progress.emit(self.events);
                if signals::interrupted() && !self.is_stopped() {
                    self.fail(interrupted());
                }
                next += INTERVAL;
            }
        })
    }

    /// Starts the helper that has the target written (by `sync`) while the work goes on.
    ///
    /// # Errors
    /// ALT-805 if there is no thread.
    pub fn start_flushing<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        sync: impl Fn() -> Result<()> + Send + 's,
    ) -> Result<ScopedJoinHandle<'s, ()>> {
        threads::start_in(scope, "flush", move || {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            while !*ended {
                if self.unflushed.load(Ordering::Relaxed) < FLUSH_BYTES {
                    ended = self
                        .wake
                        .wait_timeout(ended, INTERVAL)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                    continue;
                }
                drop(ended);
                self.unflushed.store(0, Ordering::Relaxed);
                if let Err(e) = sync() {
                    self.fail(e);
                }
                ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            }
        })
    }

    /// The helpers are to end.
    pub fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    /// Reports progress for the last time. Returns the error that ended the work, if one did, what
    /// was done, and the files that failed.
    pub fn finish(self) -> (Option<anyhow::Error>, Report, PathList) {
        self.progress.emit(self.events);
        let (report, failed) = self.tally.finish();
        (self.failure.into_inner().unwrap_or_else(PoisonError::into_inner), report, failed)
    }
}

/// See [`Work::stop_on_panic`].
pub struct StopOnPanic<'a> {
    work: &'a Work<'a>,
}

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.work.stop();
            self.work.end();
        }
    }
}

/// Waits for all of these threads; false if one of them ended by a panic, which must not pass for a
/// thread that is finished.
pub fn join_all(threads: Vec<ScopedJoinHandle<'_, ()>>) -> bool {
    let mut fine = true;
    for thread in threads {
        fine &= thread.join().is_ok();
    }
    fine
}

/// The error for a thread that ended by a panic.
pub fn thread_died(of: &str) -> anyhow::Error {
    error::INTERNAL.with_cause(format!("a thread of {of} ended early"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::dir::{Dir, DirStack, DirTask};
    use crate::tree::progress::Totals;

    #[test]
    fn the_first_error_stops_every_queue_and_is_the_one_reported() {
        let (events, progress) = (Events::new(), Progress::new(1, Totals::default()));
        let stack = DirStack::default();
        stack.push([DirTask { dir: Dir::top(), position: 0 }]);
        let work = Work::new(&events, &progress, false, vec![&stack]);
        work.fail(anyhow::anyhow!("first"));
        work.fail(anyhow::anyhow!("second"));
        assert!(work.is_stopped() && stack.take().is_none());
        let (failure, ..) = work.finish();
        assert_eq!(failure.map(|e| e.to_string()).as_deref(), Some("first"));
    }

    #[test]
    fn a_panic_stops_the_others() {
        let (events, progress) = (Events::new(), Progress::new(1, Totals::default()));
        let stack = DirStack::default();
        let work = Work::new(&events, &progress, false, vec![&stack]);
        let fine = std::thread::scope(|s| {
            let thread = threads::start_in(s, "test", || {
                let _guard = work.stop_on_panic();
                panic!("expected by the test");
            });
            join_all(vec![thread.unwrap()])
        });
        assert!(!fine && work.is_stopped());
    }

    #[test]
    fn the_target_is_written_once_enough_waits() {
        let (events, progress) = (Events::new(), Progress::new(1, Totals::default()));
        let work = Work::new(&events, &progress, false, vec![]);
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::scope(|s| {
            let helper = work
                .start_flushing(s, move || {
                    send.send(()).unwrap();
                    Ok(())
                })
                .unwrap();
            work.count_bytes(FLUSH_BYTES - 1);
            assert!(receive.recv_timeout(Duration::from_millis(50)).is_err());
            work.count_bytes(1);
            receive.recv_timeout(Duration::from_secs(60)).unwrap();
            work.end();
            assert!(join_all(vec![helper]));
        });
        assert_eq!(work.finish().1.bytes, FLUSH_BYTES);
    }
}
