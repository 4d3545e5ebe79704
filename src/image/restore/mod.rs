//! An image restored into a directory and what is mounted below it, with everything that its
//! members carry.
//!
//!     archive (its threads read and unpack) -> feed: this thread takes members, opens and makes directories -> batches
//!     writers: take a batch, make its files, their content, their metadata; hash what they write
//!     at the end: checksums compared, directories' metadata, flags that forbid changes, everything on the device
//!     flusher: has the targets written early, so that writing overlaps with unpacking
//!
//! Members may come in any order and more than once: the later one wins. Whatever could depend on
//! something that is not finished (the same path again, a hard link, something below it) waits for
//! it; all the rest is made in parallel. Nothing leaves the root: names are checked when they are
//! read ([`path`]), and the kernel opens every directory below the root's descriptor without
//! following links. Memory does not grow with the archive.

mod dirs;
mod feed;
mod later;
mod meta;
mod path;
mod queue;
mod run;
mod write;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::archive::Archive;
use crate::event::Events;
pub use crate::tree::{Progress, Report};

#[cfg(test)]
mod tests;

/// What is restored where.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// An existing directory, mostly the top of an empty file system; file systems mounted below it
    /// are part of it. What is there already and has a member's name is replaced, a directory
    /// adopted.
    pub to: &'a Path,
    /// What is below the first path is restored below the second (both inside the root, `boot/efi`
    /// and `.altdisk-esp`); the directory of the first path itself stays where it is, and a
    /// symbolic link that is there already stays a link.
    pub divert: &'a [(PathBuf, PathBuf)],
    /// Emits an event for every member.
    pub verbose: bool,
}

/// Restores the whole archive and has it written to the devices before it returns. What is worth a
/// warning (metadata that the target cannot keep) is told to `events` too. After an error what was
/// restored so far is left as it is.
///
/// # Errors
/// ALT-645 for a member that would leave the root; ALT-646 and 647 for one that cannot be where it
/// belongs; ALT-648 naming the files that could not be made (everything else is restored then);
/// ALT-403 and 404 when a target is full or fails; ALT-711; ALT-633 to 638 for an archive that is
/// damaged.
pub fn restore(
    archive: Archive,
    job: &Job<'_>,
    events: &Events,
    progress: &Progress,
) -> Result<Report> {
    run::run(archive, job, events, progress)
}
