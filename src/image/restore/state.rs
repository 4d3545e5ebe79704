//! The state that the threads of one restore share, and what happens when a member fails.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};

use super::job::Job;
use super::path::Diversions;
use super::queue::Queue;
use crate::error;
use crate::host::fs_calls::{self, Errno};
use crate::image::sums::Computed;
use crate::text::path::show_path;
use crate::tree::error::CopyError;
use crate::tree::metadata::{FileSystem, MetadataWriter};
use crate::tree::report::absolute_path;
use crate::tree::work::Work;

/// One restore at work.
pub struct Restore<'a> {
    pub job: &'a Job<'a>,
    pub work: Work<'a>,
    pub diversions: Diversions,
    pub queue: &'a Queue,
    /// Checksums of what is written, if the image has some to compare.
    pub sums: Option<Computed>,
    /// The file systems that are written to.
    file_systems: Mutex<Vec<Arc<FileSystem>>>,
}

/// The error for a target that failed at `path`, relative to the root.
pub fn target_error(job: &Job<'_>, path: &[u8], e: Errno) -> anyhow::Error {
    let place = show_path(&absolute_path(job.to.as_os_str().as_bytes(), path));
    let cause = format!("{place} could not be written: {}", error::text_of(&e));
    match e {
        Errno::ENOSPC | Errno::EDQUOT => error::TARGET_FULL.with_remedy(
            cause,
            "remove the copy with `alt_disk_install -X`; then start again on a larger disk, or with larger sizes in image.data (-i)",
        ),
        _ => error::TARGET_WRITE.with_cause(cause),
    }
}

impl<'a> Restore<'a> {
    /// The state of a restore that has written nothing yet.
    pub fn new(
        job: &'a Job<'a>,
        work: Work<'a>,
        diversions: Diversions,
        queue: &'a Queue,
        sums: Option<Computed>,
    ) -> Self {
        Self { job, work, diversions, queue, sums, file_systems: Mutex::default() }
    }

    /// The file system that an open file is in.
    ///
    /// # Errors
    /// EXDEV if nothing was restored into it.
    pub fn file_system_of(&self, fd: impl AsFd) -> fs_calls::Sys<Arc<FileSystem>> {
        let dev = fs_calls::stat_fd(&fd)?.dev;
        self.file_systems().into_iter().find(|s| s.dev == dev).ok_or(Errno::EXDEV)
    }

    /// The file systems that were written to so far.
    pub fn file_systems(&self) -> Vec<Arc<FileSystem>> {
        self.file_systems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// More file systems are written to: these are all.
    pub fn set_file_systems(&self, all: &[Arc<FileSystem>]) {
        *self.file_systems.lock().unwrap_or_else(PoisonError::into_inner) = all.to_vec();
    }

    /// See [`target_error`].
    pub fn target_error(&self, path: &[u8], e: Errno) -> anyhow::Error {
        target_error(self.job, path, e)
    }

    /// A member failed: this either returns the error that ends the restore, or adds the member to
    /// the report.
    pub fn record_error(&self, path: &[u8], e: CopyError) -> Option<anyhow::Error> {
        match e {
            CopyError::Stopped => None,
            CopyError::Fatal(e) => Some(e),
            CopyError::Target(e) if CopyError::Target(e).is_fatal() => {
                Some(self.target_error(path, e))
            }
            CopyError::Target(e) | CopyError::Source(e) => {
                self.record_failed(path, e);
                None
            }
        }
    }

    /// A member could not be made: the restore goes on, and fails at the end.
    pub fn record_failed(&self, path: &[u8], e: Errno) {
        let why = format!("could not be made on the target: {}", error::text_of(&e));
        self.work.tally.add_failed(path.to_vec(), why);
    }

    /// A member was made.
    pub fn count_name(&self, path: &dyn Fn() -> Vec<u8>) {
        self.work.count_name(&|| absolute_path(b"/", &path()));
    }

    /// Applies metadata to the file at `path`.
    pub fn metadata<'b>(
        &'b self,
        target: &'b FileSystem,
        path: &'b dyn Fn() -> Vec<u8>,
    ) -> MetadataWriter<'b> {
        MetadataWriter { tally: &self.work.tally, target, path }
    }
}
