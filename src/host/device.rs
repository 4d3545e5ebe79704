//! Which device a file is, asked so that a dead network file system cannot hang the question.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::libc;

/// `major:minor` if `path` (links followed) is a block device; None for everything else.
pub fn block_device(path: &Path) -> Option<String> {
    let stat = statx(path)?;
    (u32::from(stat.stx_mode) & libc::S_IFMT == libc::S_IFBLK).then(|| format!("{}:{}", stat.stx_rdev_major, stat.stx_rdev_minor))
}

/// `major:minor` of the file system that `path` lies on (anonymous for btrfs and the like).
pub fn device_below(path: &Path) -> Option<String> {
    statx(path).map(|stat| format!("{}:{}", stat.stx_dev_major, stat.stx_dev_minor))
}

fn statx(path: &Path) -> Option<libc::statx> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: `statx` is a plain C struct for which all zeros are valid, `path` ends in NUL, and the kernel writes at most
    // the struct.
    unsafe {
        let mut stat: libc::statx = std::mem::zeroed();
        let flags = libc::AT_STATX_DONT_SYNC | libc::AT_NO_AUTOMOUNT;
        (libc::statx(libc::AT_FDCWD, path.as_ptr(), flags, libc::STATX_TYPE, &raw mut stat) == 0).then_some(stat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_devices_from_files() {
        assert_eq!(block_device(Path::new("/dev/null")), None);
        assert_eq!(block_device(Path::new("/etc/passwd")), None);
        assert_eq!(block_device(Path::new("/no/such")), None);
        if Path::new("/dev/loop0").exists() {
            assert_eq!(block_device(Path::new("/dev/loop0")).as_deref(), Some("7:0"));
        }
        assert!(device_below(Path::new("/")).is_some_and(|d| d.contains(':')));
    }
}
