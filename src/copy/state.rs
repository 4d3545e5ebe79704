//! The state that the threads of one copy share, and what happens when a file fails.

use std::os::unix::ffi::OsStrExt;

use super::batch::Batch;
use super::job::Job;
use super::links::Links;
use crate::error;
use crate::host::fs_calls::Errno;
use crate::text::path::show_path;
use crate::tree::dir::DirStack;
use crate::tree::error::{CopyError, is_gone, is_out_of_resources};
use crate::tree::metadata::{FileSystem, MetadataWriter};
use crate::tree::queue::BatchQueue;
use crate::tree::report::absolute_path;
use crate::tree::walk::Walk;
use crate::tree::work::Work;

/// One copy at work.
pub struct Copier<'a> {
    pub job: &'a Job<'a>,
    pub work: Work<'a>,
    pub target: FileSystem,
    pub walk: Walk<'a>,
    pub stack: &'a DirStack,
    pub queue: &'a BatchQueue<Batch>,
    pub links: Links,
    /// True if the source uses project ids at all.
    pub has_projects: bool,
}

/// The error for a target that failed at `path`, relative to its top.
pub fn target_error(job: &Job<'_>, path: &[u8], e: Errno) -> anyhow::Error {
    let place = show_path(&absolute_path(job.to.as_os_str().as_bytes(), path));
    let entry = match e {
        Errno::ENOSPC | Errno::EDQUOT => &error::TARGET_FULL,
        _ => &error::TARGET_WRITE,
    };
    entry.with_cause(format!("{place} could not be written: {}", error::text_of(&e)))
}

impl Copier<'_> {
    /// A file failed: this either ends the copy, or adds the file to the report.
    pub fn record_error(&self, path: Vec<u8>, e: CopyError) {
        match e {
            CopyError::Stopped => {}
            CopyError::Fatal(e) => self.work.fail(e),
            CopyError::Source(e) => self.record_unreadable(path, e),
            CopyError::Target(e) if CopyError::Target(e).is_fatal() => {
                self.work.fail(target_error(self.job, &path, e));
            }
            CopyError::Target(e) => {
                let why = format!("could not be made on the target: {}", error::text_of(&e));
                self.work.tally.add_failed(path, why);
            }
        }
    }

    /// A file could not be read: the copy goes on, and fails at the end.
    pub fn record_unreadable(&self, path: Vec<u8>, e: Errno) {
        if is_out_of_resources(e) {
            let at = show_path(&self.absolute(&path));
            let cause = format!("{at} could not be read: {}", error::text_of(&e));
            self.work.fail(error::SOURCE_LOST.with_cause(cause));
        } else if is_gone(e) {
            self.work.tally.add_vanished(path);
        } else {
            self.work.tally.add_failed(path, format!("could not be read: {}", error::text_of(&e)));
        }
    }

    /// A name was made.
    pub fn count_name(&self, path: &dyn Fn() -> Vec<u8>) {
        self.work.count_name(&|| self.absolute(&path()));
    }

    /// Applies metadata to the copy of the file at `path`.
    pub fn metadata<'a>(&'a self, path: &'a dyn Fn() -> Vec<u8>) -> MetadataWriter<'a> {
        MetadataWriter { tally: &self.work.tally, target: &self.target, path }
    }

    fn absolute(&self, path: &[u8]) -> Vec<u8> {
        absolute_path(self.job.prefix.as_os_str().as_bytes(), path)
    }
}
