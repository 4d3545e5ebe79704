//! The description of a copy: source and target.

use std::path::{Path, PathBuf};

use crate::tree::{Excludes, Source};

/// One tree to copy.
pub struct Job<'a> {
    /// The tree.
    pub from: &'a Source,
    /// An existing directory, usually that of an empty file system; what is mounted in it is not
    /// touched. Existing files with a name from the source are replaced, directories adopted.
    pub to: &'a Path,
    /// Where the tree's top is in the running system (`/`, `/var`): lines of the exclude list begin
    /// there.
    pub prefix: &'a Path,
    /// The exclude list.
    pub excludes: &'a Excludes,
    /// Paths relative to the tree's top (`lib/altdisk`) that are not copied, whatever the exclude
    /// list says: a directory is made but stays empty, any other file is not made.
    pub leave_out: &'a [PathBuf],
    /// Subvolumes in the tree, relative to its top, that are copied as trees of their own: they are
    /// not reported.
    pub apart: &'a [PathBuf],
    /// Emits an event for every file.
    pub verbose: bool,
}
