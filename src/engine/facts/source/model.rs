//! The description of the source of a clone, and what has to be asked to make it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::identity::ids::SubvolumeId;
use crate::disk::fs::FsType;
use crate::error;
use crate::host::mounts::Mount;
use crate::image::data::ImageData;
use crate::text::printable::Message;

/// How full a file system is. Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Bytes that are in use.
    pub used: u64,
}

/// A btrfs subvolume as `btrfs subvolume list` reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSubvolume {
    /// The number that `subvolid=` takes.
    pub id: u64,
    /// From the top level, no leading slash.
    pub path: String,
    /// It was made as a snapshot of another subvolume.
    pub is_snapshot: bool,
    /// It cannot be written.
    pub read_only: bool,
}

/// Questions that [`describe`](super::describe) asks the machine; a table in tests.
pub trait MachineQueries {
    fn usage(&self, mount: &Mount) -> Result<Usage>;
    /// Subvolumes of a btrfs, and the path of its default one where that is not the top level.
    fn subvolumes(&self, mount: &Mount) -> Result<(Vec<ListedSubvolume>, Option<String>)>;
    /// True if a btrfs limits what its subvolumes may take.
    fn has_quotas(&self, mount: &Mount) -> bool;
    /// mkfs arguments that repeat this file system's features.
    fn mkfs_options(&self, fstype: FsType, device: &Path) -> Result<Vec<String>>;
    /// The text of /etc/crypttab; empty if there is none.
    fn crypttab(&self) -> String;
}

/// The system to be cloned.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Its layout.
    pub image: ImageData,
    /// Kernel names of the disks that rootvg lies on.
    pub disks: Vec<String>,
    /// For each lv_data in order: the device it is now.
    pub devices: Vec<PathBuf>,
    /// For each btrfs: its device, and all its subvolumes by their numbers.
    pub subvolume_ids: Vec<(PathBuf, Vec<SubvolumeId>)>,
    /// Writable btrfs snapshots that are among the subvolumes: the mount point of their file
    /// system, and their path.
    pub snapshots: Vec<(String, String)>,
    /// File systems that belong to rootvg and cannot be cloned: refused, unless an image.data
    /// leaves them out.
    pub refusals: Vec<Refusal>,
    /// Mount points of fstab on the root disks that are not mounted, except the ESP.
    pub not_mounted: Vec<PathBuf>,
    /// Left out of the clone, and other warnings.
    pub warnings: Vec<String>,
    /// Correct, but possibly surprising.
    pub notes: Vec<String>,
}

/// Why one file system of rootvg cannot be cloned.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The mount point.
    pub at: PathBuf,
    /// The error.
    pub entry: &'static error::Entry,
    /// The cause, for the error.
    pub cause: String,
}

impl Refusal {
    /// As an error, with the way around it.
    pub fn error(&self) -> anyhow::Error {
        let remedy = "unmount it if it does not belong to the system; or clone the rest: `altdisk mkszfile /root/image.data` describes it \
            without this file system, and `-i /root/image.data` takes that";
        self.entry.with_remedy(Message::with_lines(&self.cause), remedy)
    }
}
