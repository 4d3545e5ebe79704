//! How programs run inside the alternate when packages are installed there: their own processes, their own mounts, their own devices.

use std::path::{Path, PathBuf};

/// What programs find inside; see [`Cmd::inside`](super::cmd::Cmd::inside).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Where the alternate is mounted.
    pub root: PathBuf,
    /// The block devices that are the alternate's: the only ones that exist inside.
    pub devices: Vec<PathBuf>,
    /// Directories of the running system that are seen inside, read-only: from, and where below `/run/altdisk`.
    pub shown: Vec<(PathBuf, PathBuf)>,
    /// The running system's resolv.conf, for the time of the run.
    pub resolv_conf: Option<Vec<u8>>,
}

impl Inside {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), devices: vec![], shown: vec![], resolv_conf: None }
    }
}
