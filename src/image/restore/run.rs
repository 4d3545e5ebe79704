//! One restore at work: what its threads share, what is done about failures, and the end.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::fcntl::OFlag;

use super::dirs::{DIRECTORY, Dirs, System};
use super::later::Notes;
use super::meta::{FORBIDDING, Goal, Meta};
use super::path::{Diverted, split};
use super::queue::Queue;
use super::{Job, feed, write};
use crate::error;
use crate::event::{Event, Events};
use crate::host::tree::{self, Errno, Kind, errno};
use crate::host::{make, signals, threads};
use crate::image::archive::Archive;
use crate::image::sums::Computed;
use crate::text::path::show_path;
use crate::tree::progress::INTERVAL;
use crate::tree::report::{Tally, absolute_path};
use crate::tree::{Progress, Report};

/// Threads that write: two keep a processor pair busy, more than four gain nothing.
const WRITERS: std::ops::RangeInclusive<usize> = 2..=4;

/// So much is written before the targets are told to begin with it.
const FLUSH: u64 = 64 << 20;

/// What every thread of a restore sees.
pub struct Run<'a> {
    pub job: &'a Job<'a>,
    pub divert: Diverted,
    pub queue: Queue,
    pub tally: Tally,
    pub stopped: AtomicBool,
    /// Checksums of what is written, if the image has some to compare.
    pub sums: Option<Computed>,
    pub events: &'a Events,
    /// The file systems that are written to.
    systems: Mutex<Vec<Arc<System>>>,
    progress: &'a Progress,
    failure: Mutex<Option<anyhow::Error>>,
    unflushed: AtomicU64,
    /// Set when the restore is over; wakes flusher and teller.
    over: Mutex<bool>,
    wake: Condvar,
}

/// Why a member was not made.
#[derive(Debug)]
pub enum Fault {
    Target(Errno),
    /// The end of all.
    Fatal(anyhow::Error),
    /// Something else failed for good.
    Stopped,
}

impl Fault {
    /// Whether nothing more can be restored after it.
    pub fn ends_all(&self) -> bool {
        match self {
            Self::Fatal(_) | Self::Stopped => true,
            Self::Target(e) => {
                matches!(
                    e,
                    Errno::ENOSPC
                        | Errno::EDQUOT
                        | Errno::EROFS
                        | Errno::EIO
                        | Errno::EMFILE
                        | Errno::ENFILE
                        | Errno::ENOMEM
                )
            }
        }
    }
}

impl From<Errno> for Fault {
    fn from(e: Errno) -> Self {
        Self::Target(e)
    }
}

pub fn run(
    mut archive: Archive,
    job: &Job<'_>,
    events: &Events,
    progress: &Progress,
) -> Result<Report> {
    let how = OFlag::O_DIRECTORY.bits();
    let root = File::options()
        .read(true)
        .custom_flags(how)
        .open(job.to)
        .map_err(|e| target_failed(job, b"", errno(&e)))?;
    let divert = Diverted::new(job.divert)
        .ok_or_else(|| error::KERNEL.with_cause("a path to divert is none below the root"))?;
    let run = Run {
        job,
        divert,
        queue: Queue::default(),
        tally: Tally::default(),
        stopped: AtomicBool::new(false),
        sums: archive.head.manifest.as_ref().map(|_| Computed::new(job.to)).transpose()?,
        events,
        systems: Mutex::default(),
        progress,
        failure: Mutex::default(),
        unflushed: AtomicU64::new(0),
        over: Mutex::default(),
        wake: Condvar::new(),
    };
    run.work(&mut archive, root);
    archive.notes().into_iter().for_each(|n| events.warn(n));
    run.progress.emit(events);
    let (report, failed) = run.tally.finish();
    if let Some(e) = run.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        // What ended it may have to do with them.
        if failed.count > 0 {
            events.warn((
                format!("{} file(s) could not be restored:", failed.count),
                failed.text(b"/"),
            ));
        }
        return Err(e);
    }
    report.warnings(b"/").into_iter().for_each(|w| events.warn(w));
    if failed.count > 0 {
        return Err(error::RESTORE_FILES.with_cause((
            format!("{} file(s) could not be restored:", failed.count),
            failed.text(b"/"),
        )));
    }
    Ok(report)
}

fn target_failed(job: &Job<'_>, path: &[u8], e: Errno) -> anyhow::Error {
    let place = show_path(&absolute_path(job.to.as_os_str().as_bytes(), path));
    match e {
        Errno::ENOSPC | Errno::EDQUOT => {
            let cause = format!("writing {place}: {e}");
            error::TARGET_FULL.with_remedy(
                cause,
                "give the copy up with `alt_disk_install -X`; then start over on a larger disk, or with larger sizes in image.data (-i)",
            )
        }
        _ => error::TARGET_WRITE.with_cause(format!("writing {place}: {e}")),
    }
}

impl Run<'_> {
    fn work(&self, archive: &mut Archive, root: File) {
        let writers = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(*WRITERS.start(), *WRITERS.end());
        std::thread::scope(|s| {
            let _ends = Panicked(self);
            let (mut helpers, mut all) = (vec![], vec![]);
            let mut start = || {
                helpers.push(threads::start_in(s, "flush", || self.flush())?);
                helpers.push(threads::start_in(s, "progress", || self.tell())?);
                all = threads::start_some(s, "write", writers, || write::writer(self))?;
                Ok(())
            };
            let ends = start().and_then(|()| self.read(archive, root)).unwrap_or_else(|e| {
                self.fail(e);
                None
            });
            self.queue.close();
            // A thread that ends by a panic must not pass for one that is finished.
            let ended = |all: Vec<std::thread::ScopedJoinHandle<'_, ()>>| {
                all.into_iter().all(|t| t.join().is_ok())
            };
            let written = ended(all);
            if let Some(ends) = ends.filter(|_| written && !self.is_stopped())
                && let Err(e) = self.finish(archive, ends)
            {
                self.fail(e);
            }
            self.over();
            if !(ended(helpers) && written) {
                self.fail(
                    error::KERNEL.with_cause(
                        "a thread of the restore ended early; this is a bug of altdisk",
                    ),
                );
            }
        });
    }

    /// Takes the archive apart; what is to be done at the end comes back.
    fn read(&self, archive: &mut Archive, root: File) -> Result<Option<Ends>> {
        let failed = |e: Errno| self.target_failed(b"", e);
        let note = |fd| Notes::new(fd).map_err(|e| failed(errno(&e)));
        let (mut directories, flags) = (note(root.as_fd())?, note(root.as_fd())?);
        let top = root.try_clone().map_err(|e| failed(errno(&e)))?;
        let dirs = Dirs::new(root.into(), &mut |path, meta| directories.add(path, &meta))
            .map_err(failed)?;
        let mut feed = feed::Feed::new(self, dirs, directories, flags);
        if !feed.all(archive)? {
            return Ok(None);
        }
        let (directories, flags) = feed.into_notes();
        Ok(Some(Ends { top, directories, flags }))
    }

    /// What can only be done when every file is there.
    fn finish(&self, archive: &mut Archive, ends: Ends) -> Result<()> {
        // The device works while directories are finished.
        self.unflushed.store(FLUSH, Ordering::Relaxed);
        self.wake.notify_all();
        archive.finish(self.sums.as_ref())?;
        let Ends { top, directories, mut flags } = ends;
        directories.each(|path, meta| {
            self.go_on()?;
            let done = self.directory(&top, path, &meta).and_then(|forbid| match forbid {
                0 => Ok(()),
                forbid => flags.add(path, &Meta { flags: forbid, ..Meta::default() }),
            });
            self.or_list(path, done)
        })?;
        flags.each(|path, meta| {
            self.go_on()?;
            let done = self.forbid(&top, path, meta.flags);
            self.or_list(path, done)
        })?;
        for system in self.systems() {
            make::sync_all(&system.top).map_err(|e| self.target_failed(b"", e))?;
        }
        Ok(())
    }

    fn go_on(&self) -> Result<()> {
        // The failure that stopped it is there already, and is the one that is told.
        if self.is_stopped() {
            Err(error::INTERRUPTED.with_cause("the restore was stopped"))
        } else {
            Ok(())
        }
    }

    /// Gives a directory its metadata; returns the flags that must wait. One that was replaced
    /// meanwhile has none any more.
    fn directory(&self, top: &File, path: &[u8], meta: &Meta) -> tree::Sys<u32> {
        let fd = match tree::open_below(top.as_fd(), path, DIRECTORY) {
            Err(Errno::ENOTDIR | Errno::ELOOP | Errno::ENOENT) => return Ok(0),
            other => other?,
        };
        let system = self.system_of(&fd)?;
        Goal { run: self, system: &system, path: &|| path.to_vec() }.open_file(&fd, meta, true)?;
        Ok(meta.flags & FORBIDDING)
    }

    /// Sets the flags that forbid changes.
    fn forbid(&self, top: &File, path: &[u8], wanted: u32) -> tree::Sys<()> {
        let file = match split(path) {
            None => top.as_fd().try_clone_to_owned().map_err(|e| errno(&e))?,
            Some((dir, name)) => {
                let dir = tree::open_below(top.as_fd(), dir, DIRECTORY)?;
                let name = std::ffi::CString::new(name).map_err(|_| Errno::EINVAL)?;
                match tree::stat_at(&dir, &name)?.kind() {
                    Some(Kind::Regular | Kind::Directory) => make::open_file(&dir, &name)?.into(),
                    _ => return Ok(()),
                }
            }
        };
        let system = self.system_of(&file)?;
        Goal { run: self, system: &system, path: &|| path.to_vec() }.set_flags(&file, wanted);
        Ok(())
    }

    fn system_of(&self, fd: impl AsFd) -> tree::Sys<Arc<System>> {
        let dev = tree::stat_fd(&fd)?.dev;
        self.systems().into_iter().find(|s| s.dev == dev).ok_or(Errno::EXDEV)
    }

    fn systems(&self) -> Vec<Arc<System>> {
        self.systems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// More file systems are written to.
    pub fn now_systems(&self, all: &[Arc<System>]) {
        *self.systems.lock().unwrap_or_else(PoisonError::into_inner) = all.to_vec();
    }

    pub fn target_failed(&self, path: &[u8], e: Errno) -> anyhow::Error {
        target_failed(self.job, path, e)
    }

    fn or_list(&self, path: &[u8], done: tree::Sys<()>) -> Result<()> {
        match self.judge(path, done.map_err(Fault::Target)) {
            Some(e) => Err(e),
            None => Ok(()),
        }
    }

    /// What becomes of a member's failure: the end of all, or a line in the list.
    pub fn judge(&self, path: &[u8], done: Result<(), Fault>) -> Option<anyhow::Error> {
        match done {
            Ok(()) | Err(Fault::Stopped) => None,
            Err(Fault::Fatal(e)) => Some(e),
            Err(ref fault @ Fault::Target(e)) if fault.ends_all() => {
                Some(self.target_failed(path, e))
            }
            Err(Fault::Target(e)) => {
                self.tally.failed(path.to_vec(), format!("cannot be made on the target: {e}"));
                None
            }
        }
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Ends the restore with this error, unless another was first.
    pub fn fail(&self, e: anyhow::Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
        self.stop();
    }

    /// Everybody is to end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.queue.stop();
    }

    /// Flusher and teller are to end.
    fn over(&self) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    /// A member was made; `file`: not just a further name of one.
    pub fn made(&self, path: &dyn Fn() -> Vec<u8>, file: bool) {
        Tally::add(&self.tally.files, 1);
        if file {
            self.progress.add(0, 1);
        }
        if self.job.verbose {
            self.events.emit(Event::File { path: show_path(&absolute_path(b"/", &path())) });
        }
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

    /// Has the targets written while the restore goes on, so that the end is short and little is
    /// unwritten at a time.
    fn flush(&self) {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        while !*over {
            if self.unflushed.load(Ordering::Relaxed) < FLUSH {
                over = self
                    .wake
                    .wait_timeout(over, INTERVAL)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                continue;
            }
            drop(over);
            self.unflushed.store(0, Ordering::Relaxed);
            for system in self.systems() {
                if let Err(e) = make::sync_all(&system.top) {
                    self.fail(self.target_failed(b"", e));
                }
            }
            over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells how far it is, and notices that the user wants it to stop.
    fn tell(&self) {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Instant::now() + INTERVAL;
        while !*over {
            let wait = next.saturating_duration_since(Instant::now());
            if wait > Duration::ZERO {
                over = self.wake.wait_timeout(over, wait).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            self.progress.emit(self.events);
            if signals::interrupted() {
                self.fail(error::INTERRUPTED.with_cause("the restore was stopped by a signal"));
            }
            next += INTERVAL;
        }
    }
}

/// A thread that ends by a panic stops the others too: somebody may wait for what it had.
pub struct Panicked<'a>(pub &'a Run<'a>);

impl Drop for Panicked<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
            self.0.over();
        }
    }
}

/// What is left to do at the end.
struct Ends {
    top: File,
    directories: Notes,
    flags: Notes,
}
