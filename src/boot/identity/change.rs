//! The record of one change to a file of the copy.

use std::path::PathBuf;

/// A line, or a file as a whole, that was changed in the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As seen inside the alternate (`/etc/fstab`).
    pub path: PathBuf,
    /// Counted from 1; 0 for a file as a whole.
    pub line: usize,
    /// The new line, or what was done with the file.
    pub what: String,
}
