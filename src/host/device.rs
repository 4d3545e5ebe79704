//! The device that a file is on, queried in a way that a dead network file system cannot hang.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::libc;

/// `major:minor` if `path` (links followed) is a block device; None for everything else.
pub fn block_device(path: &Path) -> Option<String> {
    let stat = statx(path)?;
    (u32::from(stat.stx_mode) & libc::S_IFMT == libc::S_IFBLK)
        .then(|| format!("{}:{}", stat.stx_rdev_major, stat.stx_rdev_minor))
}

/// `major:minor` of the file system that `path` lies on (anonymous for btrfs and the like).
pub fn device_below(path: &Path) -> Option<String> {
    statx(path).map(|stat| format!("{}:{}", stat.stx_dev_major, stat.stx_dev_minor))
}

/// The kernel's description of an open block device: enough to notice that another one is behind
/// the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `major:minor`.
    pub dev: String,
    /// Bytes.
    pub size: u64,
    /// Counts up with each disk that appears; None before Linux 5.15.
    pub diskseq: Option<u64>,
    /// Device and inode of the file behind a loop device.
    pub backing: Option<(u64, u64)>,
}

mod request {
    nix::ioctl_read!(
        /// `BLKGETDISKSEQ` of linux/fs.h.
        disk_sequence,
        0x12,
        128,
        u64
    );
}

/// Asks the kernel about an open block device.
///
/// # Errors
/// If it is none, or does not answer any more.
pub fn facts(device: &File) -> std::io::Result<Facts> {
    let meta = device.metadata()?;
    if !meta.file_type().is_block_device() {
        return Err(std::io::Error::other("not a block device"));
    }
    let mut diskseq = 0;
    // SAFETY: the descriptor is open, and the kernel writes eight bytes, which is the size of
    // `diskseq`.
    let known = unsafe { request::disk_sequence(device.as_raw_fd(), &raw mut diskseq) }.is_ok();
    let mut end = device;
    Ok(Facts {
        dev: format!(
            "{}:{}",
            nix::sys::stat::major(meta.rdev()),
            nix::sys::stat::minor(meta.rdev())
        ),
        size: end.seek(SeekFrom::End(0))?,
        diskseq: known.then_some(diskseq),
        backing: backing(device),
    })
}

/// Device and inode of the file behind a loop device; None for other devices and for one without a
/// file.
fn backing(device: &File) -> Option<(u64, u64)> {
    // The beginning of the kernel's `struct loop_info64`, and room for the rest of its 232 bytes.
    #[repr(C)]
    struct LoopInfo {
        device: u64,
        inode: u64,
        rest: [u64; 27],
    }
    const LOOP_GET_STATUS64: u32 = 0x4C05;
    let mut info = LoopInfo { device: 0, inode: 0, rest: [0; 27] };
    // SAFETY: the descriptor is open, and the kernel writes 232 bytes at most, which is the size of
    // `info`.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_GET_STATUS64.into(), &raw mut info) };
    (done == 0).then_some((info.device, info.inode))
}

/// True if the loop device at `path` is attached to the file that `file` names here: another mount
/// namespace may have another file of the same name. None where the device may not be opened.
pub fn loop_is_on(path: &Path, file: &Path) -> Option<bool> {
    let device = File::open(path).ok()?;
    let here = file.metadata().ok();
    Some(here.is_some_and(|m| backing(&device) == Some((m.dev(), m.ino()))))
}

/// Makes the kernel forget one partition of a disk, known by its node; what is on it stays (ioctl
/// BLKPG of linux/blkpg.h).
///
/// # Errors
/// EBUSY while somebody has it open; ENXIO where it is gone already.
pub fn forget_partition(disk: &Path, node: &Path) -> std::io::Result<()> {
    #[repr(C)]
    struct Partition {
        start: i64,
        length: i64,
        number: i32,
        names: [u8; 128],
    }
    #[repr(C)]
    struct Request {
        op: i32,
        flags: i32,
        length: i32,
        data: *mut Partition,
    }
    const BLKPG: u32 = 0x1269;
    const BLKPG_DEL_PARTITION: i32 = 2;
    let name = node.file_name().unwrap_or_default();
    let number =
        std::fs::read_to_string(Path::new("/sys/class/block").join(name).join("partition"))?;
    let number =
        number.trim().parse().map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
    let file = File::open(disk)?;
    let mut part = Partition { start: 0, length: 0, number, names: [0; 128] };
    let length = i32::try_from(size_of::<Partition>()).unwrap_or(0);
    let mut request = Request { op: BLKPG_DEL_PARTITION, flags: 0, length, data: &raw mut part };
    // SAFETY: the descriptor is open; both structs are as the kernel knows them and live until the
    // call returns.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), BLKPG.into(), &raw mut request) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn statx(path: &Path) -> Option<libc::statx> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: `statx` is a plain C struct for which all zeros are valid, `path` ends in NUL, and
    // the kernel writes at most the struct.
    unsafe {
        let mut stat: libc::statx = std::mem::zeroed();
        let flags = libc::AT_STATX_DONT_SYNC | libc::AT_NO_AUTOMOUNT;
        (libc::statx(libc::AT_FDCWD, path.as_ptr(), flags, libc::STATX_TYPE, &raw mut stat) == 0)
            .then_some(stat)
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
