//! Why one file could not be copied, saved or restored, and which system errors concern more than
//! that file.

use crate::host::fs_calls::Errno;

/// Why a file was not copied.
#[derive(Debug)]
pub enum CopyError {
    /// Reading failed.
    Source(Errno),
    /// Writing failed.
    Target(Errno),
    /// Nothing more can be done, for this reason.
    Fatal(anyhow::Error),
    /// The work was stopped by an error elsewhere, which is already recorded.
    Stopped,
}

impl CopyError {
    /// True if the work as a whole ends with this error.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Fatal(_) | Self::Stopped => true,
            Self::Target(e) => is_device_error(*e) || is_out_of_resources(*e),
            Self::Source(_) => false,
        }
    }
}

impl From<Errno> for CopyError {
    /// Errors of the target; those of the source are converted explicitly.
    fn from(e: Errno) -> Self {
        Self::Target(e)
    }
}

/// True if an error concerns the whole target file system: it is full, read-only or failing.
pub fn is_device_error(e: Errno) -> bool {
    matches!(e, Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS | Errno::EIO)
}

/// True if this process has no memory or descriptors left.
pub fn is_out_of_resources(e: Errno) -> bool {
    matches!(e, Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)
}

/// True if a file that was listed no longer exists.
pub fn is_gone(e: Errno) -> bool {
    matches!(e, Errno::ENOENT | Errno::ESTALE)
}
