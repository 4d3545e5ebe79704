//! One copy at work: what its threads share, what is done about failures, and the end.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use super::links::{self, Links};
use super::queue::Queue;
use super::{Job, meta, read, write};
use crate::error;
use crate::event::{Event, Events};
use crate::host::tree::{self, Errno, Sys};
use crate::host::{attrs, make, signals, threads};
use crate::text::path::show_path;
use crate::tree::dir::{Dir, Open, Stack, Task};
use crate::tree::report::{Report, Tally, absolute_path};
use crate::tree::{Progress, progress};

/// Threads that read: more than processors, as they wait for the disk.
const READERS: usize = 6;

/// Threads that write: two keep a processor pair busy, more than four gain nothing.
const WRITERS: std::ops::RangeInclusive<usize> = 2..=4;

/// So much is written before the target is told to begin with it.
const FLUSH: u64 = 64 << 20;

/// What every thread of a copy sees.
pub struct Run<'a> {
    pub job: &'a Job<'a>,
    pub source: BorrowedFd<'a>,
    pub target: BorrowedFd<'a>,
    /// Device of the source's top: what has another is not in this file system.
    pub dev: u64,
    pub stack: Stack,
    pub queue: Queue,
    pub links: Links,
    pub tally: Tally,
    /// Whether project ids are used at all.
    pub projects: bool,
    pub skip_paths: HashSet<Vec<u8>>,
    pub skip_inodes: HashSet<(u64, u64)>,
    pub stopped: AtomicBool,
    /// Whether the target keeps owners and permissions (vfat does not, and nobody expects it).
    pub owners: bool,
    events: &'a Events,
    progress: &'a Progress,
    failure: Mutex<Option<anyhow::Error>>,
    unflushed: AtomicU64,
    /// Set when the copy is over; wakes flusher and teller.
    over: Mutex<bool>,
    wake: Condvar,
}

/// Why a file was not copied.
#[derive(Debug)]
pub enum Fault {
    Source(Errno),
    Target(Errno),
    /// Something else failed for good.
    Stopped,
}

pub fn run(job: &Job<'_>, target: OwnedFd, events: &Events, progress: &Progress) -> Result<Report> {
    tree::raise_open_files();
    let lost = |e: Errno| error::SOURCE_LOST.with_cause(format!("{}: {e}", job.prefix.display()));
    let top = tree::stat_fd(job.from).map_err(lost)?;
    let goal = tree::stat_fd(&target).map_err(|e| target_failed(job, "", e))?;
    let mut skip_paths: HashSet<Vec<u8>> = HashSet::from([links::STAGING.to_bytes().to_vec()]);
    // A target inside the source would be copied into itself.
    let skip_inodes = HashSet::from([(goal.dev, goal.ino)]);
    skip_paths.extend(job.leave_out.iter().map(|p| p.as_os_str().as_bytes().to_vec()));
    links::remove_staging(&target, false)
        .map_err(|e| target_failed(job, "what an earlier copy left in .altdisk-links", e))?;
    let run = Run {
        job,
        source: job.from.as_fd(),
        target: target.as_fd(),
        dev: top.dev,
        stack: Stack::default(),
        queue: Queue::default(),
        links: Links::default(),
        tally: Tally::default(),
        projects: attrs::has_projects(job.from),
        skip_paths,
        skip_inodes,
        stopped: AtomicBool::new(false),
        owners: make::keeps_owners(&target),
        events,
        progress,
        failure: Mutex::default(),
        unflushed: AtomicU64::new(0),
        over: Mutex::default(),
        wake: Condvar::new(),
    };
    let open_top = Open { dir: Dir::top(), source: dup(job.from)?, target: dup(&target)? };
    run.stack.push([Task { dir: open_top.dir.clone(), position: 0 }]);
    run.work();
    if !run.stopped.load(Ordering::Relaxed) {
        run.finish(&open_top);
    }
    run.progress.emit(events);
    if let Some(e) = run.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(e);
    }
    let (report, failed) = run.tally.finish();
    let prefix = job.prefix.as_os_str().as_bytes();
    report.warnings(prefix).into_iter().for_each(|w| events.warn(w));
    if failed.count > 0 {
        return Err(error::UNREADABLE.with_cause((
            format!("{} file(s) could not be copied:", failed.count),
            failed.text(prefix),
        )));
    }
    Ok(report)
}

fn dup(fd: impl AsFd) -> Result<OwnedFd> {
    Ok(fd.as_fd().try_clone_to_owned()?)
}

fn target_failed(job: &Job<'_>, path: &str, e: Errno) -> anyhow::Error {
    let place = job.to.join(path);
    match e {
        Errno::ENOSPC | Errno::EDQUOT => error::TARGET_FULL
            .with_cause(format!("writing {}: {e}", show_path(place.as_os_str().as_bytes()))),
        _ => error::TARGET_WRITE
            .with_cause(format!("writing {}: {e}", show_path(place.as_os_str().as_bytes()))),
    }
}

impl Run<'_> {
    fn work(&self) {
        let writers = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(*WRITERS.start(), *WRITERS.end());
        std::thread::scope(|s| {
            let (mut helpers, mut all_writers, mut readers) = (vec![], vec![], vec![]);
            let mut start = || {
                helpers.push(threads::start_in(s, "flush", || self.flush())?);
                helpers.push(threads::start_in(s, "progress", || self.tell())?);
                all_writers = threads::start_some(s, "write", writers, || write::writer(self))?;
                readers = threads::start_some(s, "read", READERS, || read::reader(self))?;
                Ok(())
            };
            if let Err(e) = start() {
                self.fail(e);
            }
            // A thread that ends by a panic must not pass for one that is finished.
            let ended = |all: Vec<std::thread::ScopedJoinHandle<'_, ()>>| {
                all.into_iter().all(|t| t.join().is_ok())
            };
            let read = ended(readers);
            self.queue.close();
            let written = ended(all_writers);
            *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.wake.notify_all();
            if !(ended(helpers) && read && written) {
                self.fail(
                    error::KERNEL
                        .with_cause("a thread of the copier ended early; this is a bug of altdisk"),
                );
            }
        });
    }

    /// The target's top, which the staging directory was in, and the device.
    fn finish(&self, top: &Open) {
        let done = || -> std::result::Result<(), Fault> {
            self.links.close(self.target).map_err(Fault::Target)?;
            if let Some(stat) = top.dir.stat.get() {
                meta::directory(self, top, stat)?;
            }
            make::sync_all(self.target).map_err(Fault::Target)
        };
        if let Err(fault) = done() {
            self.judge(Vec::new(), fault);
        }
    }

    /// What becomes of a file's failure: the end of all, a line in the list, or a note.
    pub fn judge(&self, path: Vec<u8>, fault: Fault) {
        match fault {
            Fault::Stopped => {}
            Fault::Source(Errno::ENOENT | Errno::ESTALE) => self.tally.vanished(path),
            Fault::Source(e) => self.unreadable(path, e),
            Fault::Target(e @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS | Errno::EIO)) => {
                self.fail(target_failed(self.job, &show_path(&path), e));
            }
            Fault::Target(e) => {
                self.tally.failed(path, format!("cannot be made on the target: {e}"))
            }
        }
    }

    /// A file that cannot be read: the copy goes on, and fails in the end.
    pub fn unreadable(&self, path: Vec<u8>, e: Errno) {
        match e {
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => {
                let at = show_path(&absolute_path(self.job.prefix.as_os_str().as_bytes(), &path));
                self.fail(error::SOURCE_LOST.with_cause(format!("reading {at}: {e}")));
            }
            // A directory that was removed while it was listed.
            Errno::ENOENT | Errno::ESTALE => self.tally.vanished(path),
            _ => self.tally.failed(path, format!("cannot be read: {e}")),
        }
    }

    /// Ends the copy with this error, unless another was first.
    pub fn fail(&self, e: anyhow::Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
        self.stopped.store(true, Ordering::Relaxed);
        self.stack.stop();
        self.queue.stop();
    }

    /// Metadata that was set, or could not be: counted, unless the target as a whole fails.
    pub fn keep(
        &self,
        what: &str,
        done: Sys<()>,
        path: &dyn Fn() -> Vec<u8>,
    ) -> std::result::Result<(), Fault> {
        match done {
            Ok(()) => Ok(()),
            Err(e @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS | Errno::EIO)) => {
                Err(Fault::Target(e))
            }
            Err(Errno::EPERM) if !self.owners => Ok(()),
            Err(e) => {
                self.lost(what, e, path());
                Ok(())
            }
        }
    }

    pub fn lost(&self, what: &str, e: Errno, path: Vec<u8>) {
        self.tally.lost(what, e, path);
    }

    /// Whether the target has room, so that "no space" was said of something else.
    pub fn has_room(&self) -> bool {
        make::has_room(self.target)
    }

    /// A name was made.
    pub fn made(&self, path: &dyn Fn() -> Vec<u8>) {
        Tally::add(&self.tally.files, 1);
        if self.job.verbose {
            self.events.emit(Event::File {
                path: show_path(&absolute_path(self.job.prefix.as_os_str().as_bytes(), &path())),
            });
        }
    }

    /// A file was made, not just a further name: file systems count those.
    pub fn made_file(&self) {
        self.progress.add(0, 1);
    }

    /// Bytes of content were written.
    pub fn wrote(&self, bytes: u64) {
        Tally::add(&self.tally.bytes, bytes);
        self.progress.add(bytes, 0);
        let before = self.unflushed.fetch_add(bytes, Ordering::Relaxed);
        if before < FLUSH && before + bytes >= FLUSH {
            self.wake.notify_all();
        }
    }

    /// A part of a directory is done; the last part gives it its metadata. The top waits for the
    /// end.
    pub fn part_done(&self, at: &Open) {
        if at.dir.part_done()
            && !at.dir.is_top()
            && !self.stopped.load(Ordering::Relaxed)
            && let Some(stat) = at.dir.stat.get()
            && let Err(fault) = meta::directory(self, at, stat)
        {
            self.judge(at.dir.path(), fault);
        }
    }

    /// Has the target written while the copy goes on, so that the end is short and little is
    /// unwritten at a time.
    fn flush(&self) {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        while !*over {
            if self.unflushed.load(Ordering::Relaxed) < FLUSH {
                over = self
                    .wake
                    .wait_timeout(over, progress::INTERVAL)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                continue;
            }
            drop(over);
            self.unflushed.store(0, Ordering::Relaxed);
            if let Err(e) = make::sync_all(self.target) {
                self.fail(target_failed(self.job, "", e));
            }
            over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells how far it is, and notices that the user wants it to stop.
    fn tell(&self) {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = std::time::Instant::now() + progress::INTERVAL;
        while !*over {
            let wait = next.saturating_duration_since(std::time::Instant::now());
            if wait > Duration::ZERO {
                over = self.wake.wait_timeout(over, wait).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            self.progress.emit(self.events);
            if signals::interrupted() {
                self.fail(error::INTERRUPTED.with_cause("the copy was stopped by a signal"));
            }
            next += progress::INTERVAL;
        }
    }
}
