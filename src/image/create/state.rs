//! The state that the threads that make one image share, and what happens when a file cannot be
//! read.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use super::job::Job;
use crate::error;
use crate::host::fs_calls::Errno;
use crate::text::path::show_path;
use crate::tree::error::{is_gone, is_out_of_resources};
use crate::tree::report::absolute_path;
use crate::tree::work::Work;

/// One image that is being made.
pub struct Saver<'a> {
    pub job: &'a Job<'a>,
    pub work: Work<'a>,
    /// Sockets that were found.
    pub sockets: AtomicU64,
}

impl Saver<'_> {
    /// A file could not be read: the others are read all the same, and the image fails at the end.
    /// `path` is relative to the running system's root.
    pub fn record_unreadable(&self, path: Vec<u8>, e: Errno) {
        if is_gone(e) {
            self.work.tally.add_vanished(path);
        } else if is_out_of_resources(e) {
            let at = show_path(&absolute_path(b"/", &path));
            let cause = format!("{at} could not be read: {}", error::text_of(&e));
            self.work.fail(error::IMAGE_SOURCE.with_cause(cause));
        } else {
            self.record_incomplete(path, e);
        }
    }

    /// A file could not be read to its end.
    pub fn record_incomplete(&self, path: Vec<u8>, e: Errno) {
        self.work.tally.add_failed(path, format!("could not be read: {}", error::text_of(&e)));
    }

    /// A member is in the archive.
    pub fn count_member(&self, path: &[u8]) {
        self.work.count_name(&|| path.to_vec());
        self.work.count_file();
    }
}

/// The path in the archive of `path` in the tree at `prefix`: `./var/lib`.
pub fn archive_path(prefix: &Path, path: &[u8]) -> Vec<u8> {
    let whole = absolute_path(prefix.as_os_str().as_bytes(), path);
    [b".".as_slice(), whole.strip_suffix(b"/").filter(|w| !w.is_empty()).unwrap_or(&whole)].concat()
}
