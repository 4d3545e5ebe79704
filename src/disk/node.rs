//! How the kernel names the nodes of partitions.

use std::path::{Path, PathBuf};

use crate::disk::sysfs;
use crate::host::device::block_device;

/// The node of partition `number` of `disk`: `vdb1`, but `nvme0n1p1`, `loop0p1`, `mmcblk0p1` where
/// the disk's name ends in a digit.
pub fn partition_path(disk: &Path, number: u32) -> PathBuf {
    let name = disk.to_string_lossy();
    let between = if name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    PathBuf::from(format!("{name}{between}{number}"))
}

/// Nodes of the partitions that the kernel has at this moment of the disk that it calls `disk`.
pub fn partitions_of(disk: &str) -> Vec<PathBuf> {
    let blocks = sysfs::read_all(Path::new("/sys"), Path::new("/run/udev/data"));
    let parts = blocks.into_iter().filter(|b| b.parent.as_deref() == Some(disk));
    parts.map(|b| Path::new("/dev").join(b.devname)).filter(|p| block_device(p).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (disk, node) in [
            ("/dev/vdb", "/dev/vdb3"),
            ("/dev/sdaa", "/dev/sdaa3"),
            ("/dev/nvme0n1", "/dev/nvme0n1p3"),
            ("/dev/loop0", "/dev/loop0p3"),
            ("/dev/mmcblk0", "/dev/mmcblk0p3"),
            ("/dev/cciss/c0d0", "/dev/cciss/c0d0p3"),
        ] {
            assert_eq!(partition_path(Path::new(disk), 3), Path::new(node));
        }
    }
}
