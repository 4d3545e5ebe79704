//! Space that a copy of a file system takes beyond what its original uses. A clone counts it on the
//! running system; an image brings it along in its manifest.

use serde::{Deserialize, Serialize};

/// More than `used` says that a copy of a file system takes. A file system can have several needs;
/// they add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// FS_NAME.
    pub fs_name: String,
    /// Free space at the size that image.data gives it, MiB.
    pub free_mb: u64,
    /// Space that must be free in the copy, MiB.
    pub wanted_mb: u64,
    /// The cause of the need.
    pub reason: Reason,
}

/// The reason for a [`Need`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Its files are larger than the blocks that they have now.
    Growth,
    /// Its blocks are larger, as the sectors of the disk are.
    Blocks,
    /// Its log, or what it keeps back, can be larger than the original's.
    Own,
    /// Phase 3 makes a new initramfs there.
    Initramfs,
    /// A boot image is unpacked on top.
    BootImage,
}

impl Reason {
    /// It is filled with what is copied.
    pub fn is_copied(self) -> bool {
        matches!(self, Self::Growth | Self::Blocks | Self::BootImage)
    }

    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Growth => "files that share blocks, or are compressed, take more in a copy",
            Self::Blocks => "small files take more in larger blocks",
            Self::Own => "its own log can take more than the original's",
            Self::Initramfs => "there must be room for one more initramfs",
            Self::BootImage => "the boot image brings a kernel and its modules",
        }
    }
}
