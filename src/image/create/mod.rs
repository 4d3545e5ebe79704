//! Making an image: file systems become one archive, in the order of the tree, at the speed of
//! compression.
//!
//!     walkers:     list directories, stat, open and read ahead what comes next -> batches, in the tree's order
//!     assembler:   headers, content and checksums of one file after the other -> chunks
//!     compressors: chunks become frames, on every processor (output::pack)
//!     writer:      frames in their order
//!
//! The order is that of one walk, a directory before what is in it and nothing else in between: GNU
//! tar gives a directory its times as soon as it sees a member from elsewhere. A file system that
//! is mounted in another is walked where its mount point is met. Everything between the threads is
//! bounded, so that memory grows neither with the tree nor with a file; only names of hard links
//! that are still to come are kept.
//!
//! The image's first members are `image.data` and the manifest; its last one has the BLAKE3 sums of
//! all regular files, as `b3sum -c` reads them.

mod assemble;
mod content;
mod count;
mod gather;
mod list;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;

use crate::archive::output::Output;
use crate::archive::output::pack::Packer;
use crate::error;
use crate::event::{Event, Events};
use crate::host::tree::{self, Errno};
use crate::host::{make, signals, threads};
use crate::image::manifest::Manifest;
use crate::text::path::show_path;
use crate::tree::report::{Report, Tally, absolute_path};
use crate::tree::{Excludes, Progress, Source, Totals, progress};

/// Threads that walk: more than processors, as they wait for the disk.
const WALKERS: usize = 4;

/// A file system to save.
pub struct Tree {
    pub source: Source,
    /// Where its top is in the running system: `/`, `/var`.
    pub prefix: PathBuf,
    /// Paths relative to its top that are not saved: of a directory only itself is.
    pub leave_out: Vec<PathBuf>,
}

/// An image to make.
pub struct Job<'a> {
    /// The text of image.data; None leaves it out.
    pub image_data: Option<String>,
    /// Its counts are filled in from [`count`].
    pub manifest: Manifest,
    /// The first is the one at `/`. Those whose prefix is met in another are walked there, the
    /// others at the end.
    pub trees: &'a [Tree],
    pub excludes: &'a Excludes,
    /// Emits an event for every file.
    pub verbose: bool,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Members and bytes of content.
    pub report: Report,
    /// Sockets, which an archive cannot hold.
    pub sockets: u64,
    /// Bytes of the archive before it was compressed.
    pub archive: u64,
}

/// What all threads of one image see.
struct Run<'a> {
    job: &'a Job<'a>,
    tally: Tally,
    sockets: AtomicU64,
    stopped: AtomicBool,
    /// Never saved: the image itself.
    skip_inodes: Vec<(u64, u64)>,
    failure: Mutex<Option<anyhow::Error>>,
    events: &'a Events,
    progress: &'a Progress,
}

/// Counts what there is to save: files and bytes of content that an image would hold. A walk over
/// names only, by several threads.
///
/// # Errors
/// Where a tree cannot be read at all.
pub fn count(trees: &[Tree], excludes: &Excludes) -> Result<Totals> {
    count::count(trees, excludes)
}

/// Makes the image and closes it: a file has its name then.
///
/// # Errors
/// ALT-655, ALT-656 where it cannot be written; ALT-660 naming the files that could not be read;
/// ALT-661, ALT-662. Of a file nothing is left then.
pub fn create(job: &Job<'_>, out: Output, events: &Events, progress: &Progress) -> Result<Made> {
    tree::raise_open_files();
    let run = Run {
        job,
        tally: Tally::default(),
        sockets: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
        skip_inodes: out.own_inodes(),
        failure: Mutex::default(),
        events,
        progress,
    };
    let (out, archive) = run.work(out)?;
    let sockets = run.sockets.into_inner();
    let (report, failed) = run.tally.finish();
    report.warnings(b"/").into_iter().for_each(|w| events.warn(w));
    if sockets > 0 {
        events.note(format!(
            "{sockets} socket(s) were skipped; programs create their sockets again when they start"
        ));
    }
    if let Some(e) = run.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(e);
    }
    if failed.count > 0 {
        return Err(error::IMAGE_INCOMPLETE.with_cause((
            format!("{} file(s) could not be read:", failed.count),
            failed.text(b"/"),
        )));
    }
    if signals::interrupted() {
        return Err(error::IMAGE_STOPPED.with_cause("a signal stopped it"));
    }
    out.finish()?;
    progress.emit(events);
    Ok(Made { report, sockets, archive })
}

impl Run<'_> {
    /// Starts every thread and waits for all. Returns the archive's length.
    fn work(&self, mut out: Output) -> Result<(Output, u64)> {
        let walk = walk::Walk::new(self)?;
        let near = out.directory().map(Path::to_owned);
        let (packer, feed, line) = Packer::new(out.method(), &self.stopped);
        let over = (Mutex::new(false), Condvar::new());
        let stop = || {
            self.stopped.store(true, Ordering::Relaxed);
            walk.stop();
        };
        let end = || {
            *over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            over.1.notify_all();
        };
        let archive = std::thread::scope(|s| {
            let _ends = OnPanic(|| {
                stop();
                end();
            });
            let compress = || {
                let _ends = OnPanic(stop);
                packer.compress();
            };
            let out = &mut out;
            let write = || {
                let _ends = OnPanic(stop);
                let written = packer.write(line, out);
                if let Err(e) = written {
                    self.fail(out.failed(&e), &walk);
                }
            };
            let walker = || {
                let _ends = OnPanic(stop);
                walk.walker();
            };
            let (mut tellers, mut workers) = (vec![], vec![]);
            let start = || {
                tellers.push(threads::start_in(s, "progress", || self.tell(&over, &walk))?);
                workers.push(threads::start_in(s, "write", write)?);
                workers.extend(threads::start_some(s, "compress", packer.compressors(), compress)?);
                workers.extend(threads::start_some(s, "walk", WALKERS, walker)?);
                Ok(())
            };
            let archive = match start() {
                Ok(()) => assemble::assemble(self, &walk, &packer, feed, near.as_deref()),
                Err(e) => {
                    self.fail(e, &walk);
                    drop(feed);
                    0
                }
            };
            walk.stop();
            let mut fine = workers.into_iter().all(|t| t.join().is_ok());
            end();
            fine &= tellers.into_iter().all(|t| t.join().is_ok());
            if !fine {
                self.fail(
                    error::KERNEL
                        .with_cause("a thread of mksysb ended early; this is a bug of altdisk"),
                    &walk,
                );
            }
            archive
        });
        Ok((out, archive))
    }

    /// Ends the work with this error, unless another was first.
    fn fail(&self, e: anyhow::Error, walk: &walk::Walk<'_>) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
        self.stopped.store(true, Ordering::Relaxed);
        walk.stop();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// A file that cannot be read: the others are read all the same, and it fails in the end.
    /// `path`: in the running system, without its slash.
    fn unreadable(&self, path: Vec<u8>, e: Errno, walk: &walk::Walk<'_>) {
        match e {
            Errno::ENOENT | Errno::ESTALE => self.tally.vanished(path),
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => {
                self.fail(
                    error::IMAGE_SOURCE.with_cause(format!(
                        "reading {}: {e}",
                        show_path(&absolute_path(b"/", &path))
                    )),
                    walk,
                );
            }
            _ => self.tally.failed(path, format!("cannot be read: {e}")),
        }
    }

    /// Tells how far it is, and notices that the user wants it to stop.
    fn tell(&self, over: &(Mutex<bool>, Condvar), walk: &walk::Walk<'_>) {
        let mut done = over.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Instant::now() + progress::INTERVAL;
        while !*done {
            let wait = next.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                done = over.1.wait_timeout(done, wait).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            self.progress.emit(self.events);
            if signals::interrupted() && !self.is_stopped() {
                self.fail(error::IMAGE_STOPPED.with_cause("a signal stopped it"), walk);
            }
            next += progress::INTERVAL;
        }
    }

    fn member(&self, path: &[u8]) {
        Tally::add(&self.tally.files, 1);
        self.progress.add(0, 1);
        if self.job.verbose {
            self.events.emit(Event::File { path: show_path(path) });
        }
    }

    fn content(&self, bytes: u64) {
        Tally::add(&self.tally.bytes, bytes);
        self.progress.add(bytes, 0);
    }
}

/// A thread that ends by a panic does this first: nobody must wait for what it had.
struct OnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}

/// Whether a file has holes: less is allocated than it is long. What is allocated and was never
/// written is saved as the zeros that it reads as.
fn may_have_holes(stat: &tree::Stat) -> bool {
    stat.allocated < stat.size
}

/// The path in the archive of what is at `path` in the tree at `prefix`: `./var/lib`.
fn archive_path(prefix: &Path, path: &[u8]) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    let whole = absolute_path(prefix.as_os_str().as_bytes(), path);
    [b".".as_slice(), whole.strip_suffix(b"/").filter(|w| !w.is_empty()).unwrap_or(&whole)].concat()
}

/// Where data begins and ends in a file with holes; at most so many parts that their list stays
/// small: in files with more, small holes are data.
fn data_of(file: &std::fs::File, size: u64) -> tree::Sys<Vec<(u64, u64)>> {
    const MOST: usize = 1 << 15;
    let mut gap = 0;
    'again: loop {
        let mut map: Vec<(u64, u64)> = Vec::new();
        let mut at = 0;
        while at < size {
            let begin = match make::next_data(file, at) {
                Ok(Some(begin)) if begin < size => begin,
                Ok(_) => break,
                // The file system knows no holes.
                Err(Errno::EINVAL) => return Ok(vec![(0, size)]),
                Err(e) => return Err(e),
            };
            let end = match make::next_hole(file, begin) {
                Ok(end) if end > begin => end.min(size),
                Ok(_) | Err(Errno::EINVAL | Errno::ENXIO) => size,
                Err(e) => return Err(e),
            };
            match map.last_mut() {
                Some((first, length)) if begin - (*first + *length) <= gap => {
                    *length = end - *first
                }
                _ => map.push((begin, end - begin)),
            }
            if map.len() > MOST {
                gap = (gap * 2).max(64 << 10);
                continue 'again;
            }
            at = end;
        }
        return Ok(map);
    }
}
