//! Practice disks: sparse files with loop devices, which the rest of altdisk treats as disks.
//!
//! A loop device counts as a disk if, and only if, its backing file lies in the one directory here. There is no
//! record besides the files, so none can be wrong. A restart takes the loop device away and leaves the file: it is then listed
//! as not attached, and `create` with the same name attaches it again.

use std::path::PathBuf;

/// Where the files of practice disks are.
pub fn directory() -> PathBuf {
    PathBuf::from("/var/lib/altdisk/practice")
}

/// The serial of the practice disk `name`.
pub fn serial(name: &str) -> String {
    format!("PRACTICE-{name}")
}
