//! One copy from its beginning to its end.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::Result;

use super::batch::{OpenDir, QUEUE_LIMITS};
use super::job::Job;
use super::links::{self, Links};
use super::state::{Copier, target_error};
use super::{metadata, read, write};
use crate::error;
use crate::event::Events;
use crate::host::fs_calls::{self, Errno, errno};
use crate::host::{attrs, detached, make, threads};
use crate::tree::dir::{Dir, DirStack, DirTask};
use crate::tree::error::CopyError;
use crate::tree::metadata::FileSystem;
use crate::tree::progress::Progress;
use crate::tree::queue::BatchQueue;
use crate::tree::report::Report;
use crate::tree::walk::Walk;
use crate::tree::work::{Work, join_all, thread_died, writer_threads};

/// Threads that read: more than processors, because they wait for the disk.
const READER_THREADS: usize = 6;

/// Copies the tree and has it written to the device before it returns. Warnings (files that kept
/// changing or vanished, metadata that the target cannot keep) are emitted to `events` too.
///
/// # Errors
/// ALT-402 naming the files that could not be read (everything else is copied then); ALT-403 if the
/// target is full; ALT-404 and ALT-405 if target or source as a whole fail; ALT-406 if the target
/// cannot be opened.
pub fn copy(job: &Job<'_>, events: &Events, progress: &Progress) -> Result<Report> {
    let target = detached::open_directory(job.to, false)?;
    fs_calls::raise_open_files();
    let source_lost = |e: Errno| {
        let prefix = job.prefix.display();
        error::SOURCE_LOST.with_cause(format!("{prefix} could not be read: {}", error::text_of(&e)))
    };
    let target_lost = |e: Errno| target_error(job, b"", e);
    let target_stat = fs_calls::stat_fd(&target).map_err(target_lost)?;
    links::remove_staging(&target, false)
        .map_err(|e| target_error(job, links::STAGING.to_bytes(), e))?;
    let staging = PathBuf::from(std::ffi::OsStr::from_bytes(links::STAGING.to_bytes()));
    let left_out = [job.leave_out, std::slice::from_ref(&staging)].concat();
    // A target inside the source would be copied into itself.
    let skip = [(target_stat.dev, target_stat.ino)];
    let (stack, queue) = (DirStack::default(), BatchQueue::new(QUEUE_LIMITS));
    let copier = Copier {
        job,
        work: Work::new(events, progress, job.verbose, vec![&stack, &queue]),
        target: FileSystem::of_directory(&target).map_err(target_lost)?,
        walk: Walk::new(job.from.as_fd(), job.prefix, job.excludes, &left_out, skip)
            .map_err(source_lost)?,
        stack: &stack,
        queue: &queue,
        links: Links::default(),
        has_projects: attrs::has_projects(job.from),
    };
    let source = job.from.as_fd().try_clone_to_owned().map_err(|e| source_lost(errno(&e)))?;
    let top = OpenDir { dir: Dir::top(), source, target };
    stack.push([DirTask { dir: top.dir.clone(), position: 0 }]);
    run_threads(&copier, &top.target);
    if !copier.work.is_stopped()
        && let Err(e) = finish(&copier, &top)
    {
        copier.record_error(Vec::new(), e);
    }
    let (failure, report, failed) = copier.work.finish();
    if let Some(e) = failure {
        return Err(e);
    }
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

fn run_threads(copier: &Copier<'_>, target: &OwnedFd) {
    let work = &copier.work;
    let interrupted = || error::INTERRUPTED.with_cause("the copy was stopped by a signal");
    let sync = || make::sync_all(target).map_err(|e| target_error(copier.job, b"", e));
    std::thread::scope(|s| {
        let (mut helpers, mut writers, mut readers) = (vec![], vec![], vec![]);
        let mut start = || {
            helpers.push(work.start_flushing(s, sync)?);
            helpers.push(work.start_reporting(s, interrupted)?);
            writers = threads::start_some(s, "write", writer_threads(), || write::run(copier))?;
            readers = threads::start_some(s, "read", READER_THREADS, || read::run(copier))?;
            Ok(())
        };
        if let Err(e) = start() {
            work.fail(e);
        }
        let read = join_all(readers);
        copier.queue.close();
        let written = join_all(writers);
        work.end();
        if !(join_all(helpers) && read && written) {
            work.fail(thread_died("the copier"));
        }
    });
}

/// Finishes the target's top, which the staging directory was in, and the device.
fn finish(copier: &Copier<'_>, top: &OpenDir) -> Result<(), CopyError> {
    copier.links.close(&top.target).map_err(CopyError::Target)?;
    if let Some(stat) = top.dir.stat.get() {
        metadata::copy_to_directory(copier, top, stat)?;
    }
    make::sync_all(&top.target).map_err(CopyError::Target)
}
