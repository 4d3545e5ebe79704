//! One restore from its beginning to its end.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Result;
use nix::fcntl::OFlag;

use super::deferred::DeferredMetadata;
use super::dirs::OpenDirs;
use super::job::Job;
use super::members::MemberReader;
use super::path::Diversions;
use super::queue::Queue;
use super::state::{Restore, target_error};
use super::write;
use crate::error;
use crate::event::Events;
use crate::host::fs_calls::{self, Errno, Kind, errno};
use crate::host::{make, threads};
use crate::image::archive::Archive;
use crate::image::sums::Computed;
use crate::tree::dir::DIRECTORY;
use crate::tree::dir::split;
use crate::tree::error::CopyError;
use crate::tree::metadata::{FORBIDDING_FLAGS, Metadata};
use crate::tree::progress::Progress;
use crate::tree::report::Report;
use crate::tree::work::{Work, join_all, thread_died, writer_threads};

/// Restores the whole archive and has it written to the devices before it returns. Warnings
/// (metadata that the target cannot keep) are emitted to `events` too. After an error, what was
/// restored so far is left as it is.
///
/// # Errors
/// ALT-645 for a member that would leave the root; ALT-646 and 647 for one that cannot be where it
/// belongs; ALT-648 naming the files that could not be made (everything else is restored then);
/// ALT-403 and 404 when a target is full or fails; ALT-711; ALT-633 to 638 for an archive that is
/// damaged.
pub fn restore(
    mut archive: Archive,
    job: &Job<'_>,
    events: &Events,
    progress: &Progress,
) -> Result<Report> {
    let root = File::options()
        .read(true)
        .custom_flags(OFlag::O_DIRECTORY.bits())
        .open(job.to)
        .map_err(|e| target_error(job, b"", errno(&e)))?;
    let diversions = Diversions::new(job.divert)
        .ok_or_else(|| error::KERNEL.with_cause("a diverted path is not below the root"))?;
    let sums = archive.head.manifest.as_ref().map(|_| Computed::new(job.to)).transpose()?;
    let queue = Queue::default();
    let work = Work::new(events, progress, job.verbose, vec![&queue]);
    let restore = Restore::new(job, work, diversions, &queue, sums);
    run_threads(&restore, &mut archive, root);
    archive.notes().into_iter().for_each(|n| events.warn(n));
    let (failure, report, failed) = restore.work.finish();
    let could_not =
        || (format!("{} file(s) could not be restored:", failed.count), failed.text(b"/"));
    if let Some(e) = failure {
        // They may have to do with what ended it.
        if failed.count > 0 {
            events.warn(could_not());
        }
        return Err(e);
    }
    report.warnings(b"/").into_iter().for_each(|w| events.warn(w));
    if failed.count > 0 {
        return Err(error::RESTORE_FILES.with_cause(could_not()));
    }
    Ok(report)
}

/// Work that is left when every file is there.
struct Rest {
    top: File,
    /// Metadata of directories.
    directories: DeferredMetadata,
    /// Flags that forbid changes.
    flags: DeferredMetadata,
}

fn run_threads(restore: &Restore<'_>, archive: &mut Archive, root: File) {
    let work = &restore.work;
    let interrupted = || error::INTERRUPTED.with_cause("the restore was stopped by a signal");
    let sync = || sync_all(restore);
    std::thread::scope(|s| {
        let _guard = work.stop_on_panic();
        let (mut helpers, mut writers) = (vec![], vec![]);
        let mut start = || {
            helpers.push(work.start_flushing(s, sync)?);
            helpers.push(work.start_reporting(s, interrupted)?);
            writers = threads::start_some(s, "write", writer_threads(), || write::run(restore))?;
            Ok(())
        };
        let rest = start().and_then(|()| read_members(restore, archive, root)).unwrap_or_else(
            |e: anyhow::Error| {
                work.fail(e);
                None
            },
        );
        restore.queue.close();
        let written = join_all(writers);
        if let Some(rest) = rest.filter(|_| written && !work.is_stopped())
            && let Err(e) = finish(restore, archive, rest)
        {
            work.fail(e);
        }
        work.end();
        if !(join_all(helpers) && written) {
            work.fail(thread_died("the restore"));
        }
    });
}

fn sync_all(restore: &Restore<'_>) -> Result<()> {
    for system in restore.file_systems() {
        make::sync_all(&system.top).map_err(|e| restore.target_error(b"", e))?;
    }
    Ok(())
}

/// Reads the archive to its end; None if the restore was stopped.
fn read_members(restore: &Restore<'_>, archive: &mut Archive, root: File) -> Result<Option<Rest>> {
    let failed = |e: Errno| restore.target_error(b"", e);
    let deferred = |fd| DeferredMetadata::new(fd).map_err(|e| failed(errno(&e)));
    let (mut directories, flags) = (deferred(root.as_fd())?, deferred(root.as_fd())?);
    let top = root.try_clone().map_err(|e| failed(errno(&e)))?;
    let dirs = OpenDirs::new(root.into(), &mut |path, metadata| directories.add(path, &metadata))
        .map_err(failed)?;
    let mut members = MemberReader::new(restore, dirs, directories, flags);
    if !members.read_all(archive)? {
        return Ok(None);
    }
    let (directories, flags) = members.into_deferred();
    Ok(Some(Rest { top, directories, flags }))
}

fn finish(restore: &Restore<'_>, archive: &mut Archive, rest: Rest) -> Result<()> {
    // The device works while directories are finished.
    restore.work.flush_now();
    archive.finish(restore.sums.as_ref())?;
    let Rest { top, directories, mut flags } = rest;
    directories.for_each(|path, metadata| {
        check_stopped(restore)?;
        let done = finish_directory(restore, &top, path, metadata).and_then(|forbidding| {
            if forbidding == 0 {
                return Ok(());
            }
            flags.add(path, &Metadata { flags: forbidding, ..Metadata::default() })
        });
        record(restore, path, done)
    })?;
    flags.for_each(|path, metadata| {
        check_stopped(restore)?;
        record(restore, path, set_forbidding_flags(restore, &top, path, metadata.flags))
    })?;
    sync_all(restore)
}

fn check_stopped(restore: &Restore<'_>) -> Result<()> {
    // The failure that stopped it is already recorded, and is the one that is reported.
    if restore.work.is_stopped() {
        Err(error::INTERRUPTED.with_cause("the restore was stopped"))
    } else {
        Ok(())
    }
}

fn record(restore: &Restore<'_>, path: &[u8], done: fs_calls::Sys<()>) -> Result<()> {
    match done.map_err(|e| restore.record_error(path, CopyError::Target(e))) {
        Err(Some(e)) => Err(e),
        _ => Ok(()),
    }
}

/// Gives a directory its metadata; returns the flags that must wait. A directory that was replaced
/// meanwhile has none any more.
fn finish_directory(
    restore: &Restore<'_>,
    top: &File,
    path: &[u8],
    mut metadata: Metadata,
) -> fs_calls::Sys<u32> {
    let fd = match fs_calls::open_below(top.as_fd(), path, DIRECTORY) {
        Err(Errno::ENOTDIR | Errno::ELOOP | Errno::ENOENT) => return Ok(0),
        other => other?,
    };
    let forbidding = metadata.flags & FORBIDDING_FLAGS;
    metadata.flags &= !FORBIDDING_FLAGS;
    let system = restore.file_system_of(&fd)?;
    restore.metadata(&system, &|| path.to_vec()).apply_to_directory(&fd, &metadata)?;
    Ok(forbidding)
}

/// Sets the flags that forbid changes.
fn set_forbidding_flags(
    restore: &Restore<'_>,
    top: &File,
    path: &[u8],
    flags: u32,
) -> fs_calls::Sys<()> {
    let file = match split(path) {
        None => top.as_fd().try_clone_to_owned().map_err(|e| errno(&e))?,
        Some((dir, name)) => {
            let dir = fs_calls::open_below(top.as_fd(), dir, DIRECTORY)?;
            let name = std::ffi::CString::new(name).map_err(|_| Errno::EINVAL)?;
            match fs_calls::stat_at(&dir, &name)?.kind() {
                Some(Kind::Regular | Kind::Directory) => make::open_file(&dir, &name)?.into(),
                _ => return Ok(()),
            }
        }
    };
    let system = restore.file_system_of(&file)?;
    restore.metadata(&system, &|| path.to_vec()).add_flags(&file, flags);
    Ok(())
}
