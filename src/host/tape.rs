//! Tapes: how large their blocks are, where they stand, and how they are wound. See st(4).
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

use nix::libc::{c_int, c_long, c_short};

/// `MTFSF`: forward over file marks; `MTREW`: to the beginning.
const FORWARD: c_short = 1;
const REWIND: c_short = 6;
/// The low bits of mt_dsreg are the block size, bytes; 0: blocks of any size.
const BLOCK_SIZE: c_long = 0xff_ffff;
/// Set in the minor number of devices that do not rewind when they are closed (/dev/nst0).
const NO_REWIND: u64 = 128;

/// `struct mtop` of linux/mtio.h.
#[repr(C)]
pub struct MtOp {
    op: c_short,
    count: c_int,
}

/// `struct mtget` of linux/mtio.h.
#[repr(C)]
#[derive(Default)]
pub struct MtGet {
    kind: c_long,
    resid: c_long,
    dsreg: c_long,
    gstat: c_long,
    erreg: c_long,
    fileno: c_int,
    blkno: c_int,
}

nix::ioctl_write_ptr!(mt_do, b'm', 1, MtOp);
nix::ioctl_read!(mt_get, b'm', 2, MtGet);

/// A tape as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tape {
    /// Bytes of a block; 0: each has its own size.
    pub block: usize,
    /// How many file marks are before it; None if that is not known.
    pub file: Option<i32>,
    /// True if closing the device rewinds it.
    pub rewinds: bool,
}

/// The tape behind `file`; None if it is none.
pub fn from_file(file: &File) -> Option<Tape> {
    let mut got = MtGet::default();
    // SAFETY: the kernel writes one struct mtget, whose layout MtGet has; a device that is no tape
    // says ENOTTY.
    unsafe { mt_get(file.as_raw_fd(), &raw mut got) }.ok()?;
    let minor = nix::sys::stat::minor(file.metadata().ok()?.rdev());
    Some(Tape {
        block: usize::try_from(got.dsreg & BLOCK_SIZE).unwrap_or_default(),
        file: (got.fileno >= 0).then_some(got.fileno),
        rewinds: minor & NO_REWIND == 0,
    })
}

/// Winds to its beginning, then over `files` file marks.
///
/// # Errors
/// The drive's.
pub fn wind(file: &File, files: i32) -> io::Result<()> {
    let go = |op, count| {
        let op = MtOp { op, count };
        // SAFETY: the kernel reads one struct mtop, whose layout MtOp has.
        unsafe { mt_do(file.as_raw_fd(), &raw const op) }.map_err(io::Error::from)
    };
    go(REWIND, 1)?;
    if files > 0 {
        go(FORWARD, files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_tape() {
        let null = File::open("/dev/null").unwrap();
        assert_eq!(from_file(&null), None);
        assert!(wind(&null, 0).is_err());
        assert_eq!((size_of::<MtOp>(), size_of::<MtGet>()), (8, 5 * size_of::<c_long>() + 8));
    }
}
