//! The description of a restore: target and diversions.

use std::path::{Path, PathBuf};

/// One restore.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// An existing directory, usually the top of an empty file system; file systems mounted below
    /// it are part of it. Existing files with a member's name are replaced, directories adopted.
    pub to: &'a Path,
    /// Members below the first path are restored below the second (both inside the root, `boot/efi`
    /// and `.altdisk-esp`); the directory of the first path itself stays where it is, and an
    /// existing symbolic link stays a link.
    pub divert: &'a [(PathBuf, PathBuf)],
    /// Emits an event for every member.
    pub verbose: bool,
}
