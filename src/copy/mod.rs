//! A tree copied with everything that its files have, inside one file system.
//!
//!     readers: list a directory, make its subdirectories, stat, open and read ahead its files -> batches
//!     writers: take a batch, make its files, their content, their metadata; the last batch finishes the directory
//!     flusher: has the target written early, so that writing overlaps with reading
//!
//! Readers hide the latency of a cold disk, so there are more of them than processors; writers are
//! bound by the processor. Directories wait on a stack (depth first) and a long one is put back
//! with its position, batches go through a bounded queue, hard links through a staging directory in
//! the target: memory does not grow with the tree. Source and target are seen without what is
//! mounted in them.

mod data;
mod links;
mod meta;
mod queue;
mod read;
mod run;
mod write;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::event::Events;
use crate::host::view;
use crate::tree::{Excludes, Progress, Report, Source};

/// One tree to copy.
pub struct Job<'a> {
    pub from: &'a Source,
    /// An existing directory, mostly an empty file system's; what is mounted in it is not touched.
    /// What is there already and has a name of the source is replaced, a directory adopted.
    pub to: &'a Path,
    /// Where the tree's top is in the running system (`/`, `/var`): lines of the exclude list begin
    /// there.
    pub prefix: &'a Path,
    pub excludes: &'a Excludes,
    /// Paths relative to the tree's top (`lib/altdisk`) that are not copied, whatever the exclude
    /// list says: a directory is made but stays empty, another file is not made.
    pub leave_out: &'a [PathBuf],
    /// Subvolumes in the tree, relative to its top, that are copied as trees of their own: no word
    /// is said of them.
    pub apart: &'a [PathBuf],
    /// Emits an event for every file.
    pub verbose: bool,
}

/// Copies the tree and has it written to the device before it returns. What is worth a warning
/// (files that kept changing or vanished, metadata that the target cannot keep) is told to `events`
/// too.
///
/// # Errors
/// ALT-402 naming the files that could not be read (everything else is copied then); ALT-403 when
/// the target is full; ALT-404 and ALT-405 when target or source as a whole fail; ALT-406 when the
/// target cannot be opened.
pub fn copy(job: &Job<'_>, events: &Events, progress: &Progress) -> Result<Report> {
    let target = view::of_directory(job.to, false)?;
    run::run(job, target, events, progress)
}
