//! Metadata besides what stat(2) returns: extended attributes, inode flags (chattr), project ids.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::libc;

use super::fs_calls::{Errno, Sys};

/// The file whose attributes are meant: an open file, or a name in an open directory (of links,
/// device nodes and the like, which must not be opened). A name goes by `/proc/self/fd`, as *at()
/// forms of the calls exist only since Linux 6.13.
#[derive(Clone, Copy)]
pub enum AttrTarget<'a> {
    File(BorrowedFd<'a>),
    Name(BorrowedFd<'a>, &'a CStr),
}

impl AttrTarget<'_> {
    fn path(dir: BorrowedFd<'_>, name: &CStr) -> Sys<CString> {
        CString::new(
            [format!("/proc/self/fd/{}/", dir.as_raw_fd()).as_bytes(), name.to_bytes()].concat(),
        )
        .map_err(|_| Errno::EINVAL)
    }
}

/// The most that the kernel gives for a list or a value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const MAX_SIZE: usize = 65536;

/// The names of the extended attributes; none where the file system has none.
///
/// # Errors
/// The kernel's.
pub fn names(of: AttrTarget<'_>) -> Sys<Vec<CString>> {
    let text = match grow(512, |buffer| list(of, buffer)) {
        Err(Errno::EOPNOTSUPP) => return Ok(vec![]),
        other => other?,
    };
    Ok(text
        .split(|b| *b == 0)
        .filter(|n| !n.is_empty())
        .filter_map(|n| CString::new(n).ok())
        .collect())
}

/// The value of one attribute.
///
/// # Errors
/// The kernel's.
pub fn value(of: AttrTarget<'_>, name: &CStr) -> Sys<Vec<u8>> {
    grow(256, |buffer| get(of, name, buffer))
}

/// Calls with a small buffer first, and with the largest if that was too small.
fn grow(first: usize, call: impl Fn(&mut [u8]) -> Sys<usize>) -> Sys<Vec<u8>> {
    let mut small = [0u8; 512];
    match call(&mut small[..first]) {
        Err(Errno::ERANGE) => {}
        other => return other.map(|n| small[..n].to_vec()),
    }
    let mut large = vec![0; MAX_SIZE];
    let n = call(&mut large)?;
    large.truncate(n);
    Ok(large)
}

fn list(of: AttrTarget<'_>, buffer: &mut [u8]) -> Sys<usize> {
    // SAFETY: the kernel writes at most the buffer's length; path and descriptor outlive the call.
    let n = unsafe {
        match of {
            AttrTarget::File(fd) => {
                libc::flistxattr(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len())
            }
            AttrTarget::Name(dir, name) => libc::llistxattr(
                AttrTarget::path(dir, name)?.as_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            ),
        }
    };
    Errno::result(n).map(|n| usize::try_from(n).unwrap_or(0))
}

fn get(of: AttrTarget<'_>, attribute: &CStr, buffer: &mut [u8]) -> Sys<usize> {
    let (to, len) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: as in `list`.
    let n = unsafe {
        match of {
            AttrTarget::File(fd) => libc::fgetxattr(fd.as_raw_fd(), attribute.as_ptr(), to, len),
            AttrTarget::Name(dir, name) => {
                libc::lgetxattr(AttrTarget::path(dir, name)?.as_ptr(), attribute.as_ptr(), to, len)
            }
        }
    };
    Errno::result(n).map(|n| usize::try_from(n).unwrap_or(0))
}

/// Sets one attribute, made or replaced.
///
/// # Errors
/// The kernel's.
pub fn set(of: AttrTarget<'_>, attribute: &CStr, value: &[u8]) -> Sys<()> {
    let (from, len) = (value.as_ptr().cast(), value.len());
    // SAFETY: the kernel reads exactly the value's length.
    let n = unsafe {
        match of {
            AttrTarget::File(fd) => {
                libc::fsetxattr(fd.as_raw_fd(), attribute.as_ptr(), from, len, 0)
            }
            AttrTarget::Name(dir, name) => libc::lsetxattr(
                AttrTarget::path(dir, name)?.as_ptr(),
                attribute.as_ptr(),
                from,
                len,
                0,
            ),
        }
    };
    Errno::result(n).map(drop)
}

/// Removes one attribute of an open file; that it has none is no error.
///
/// # Errors
/// The kernel's.
pub fn remove(file: impl AsFd, attribute: &CStr) -> Sys<()> {
    // SAFETY: the name ends with NUL.
    let n = unsafe { libc::fremovexattr(file.as_fd().as_raw_fd(), attribute.as_ptr()) };
    match Errno::result(n) {
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(()),
        other => other.map(drop),
    }
}

/// Inode flags, as `chattr` names them (`FS_*_FL`).
pub mod flag {
    /// Stored compressed.
    pub const COMPRESSED: u32 = 0x4;
    /// Cannot be changed, linked or removed.
    pub const IMMUTABLE: u32 = 0x10;
    /// Can only be appended to.
    pub const APPEND: u32 = 0x20;
    /// Never stored compressed.
    pub const NO_COMPRESSION: u32 = 0x400;
    /// Overwritten in place, not copied on write.
    pub const NO_COW: u32 = 0x80_0000;
    /// A directory that ignores case in names.
    pub const CASEFOLD: u32 = 0x4000_0000;
    /// Flags that a user may set and a copy should have, with chattr's letters.
    pub const COPIED: [(u32, char); 16] = [
        (0x1, 's'),
        (0x2, 'u'),
        (COMPRESSED, 'c'),
        (0x8, 'S'),
        (IMMUTABLE, 'i'),
        (APPEND, 'a'),
        (0x40, 'd'),
        (0x80, 'A'),
        (NO_COMPRESSION, 'm'),
        (0x4000, 'j'),
        (0x8000, 't'),
        (0x1_0000, 'D'),
        (0x2_0000, 'T'),
        (NO_COW, 'C'),
        (0x200_0000, 'x'),
        (0x2000_0000, 'P'),
    ];
    /// All of [`COPIED`].
    pub const MASK: u32 = 0x1
        | 0x2
        | 0x4
        | 0x8
        | 0x10
        | 0x20
        | 0x40
        | 0x80
        | 0x400
        | 0x4000
        | 0x8000
        | 0x3_0000
        | NO_COW
        | 0x2200_0000;
}

nix::ioctl_read!(get_flags, b'f', 1, libc::c_long);
nix::ioctl_write_ptr!(set_flags, b'f', 2, libc::c_long);
nix::ioctl_read!(get_extended, b'X', 31, Extended);
nix::ioctl_write_ptr!(set_extended, b'X', 32, Extended);

/// The kernel's `struct fsxattr`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Extended {
    xflags: u32,
    extent_size: u32,
    extents: u32,
    project: u32,
    cow_extent_size: u32,
    pad: [u8; 8],
}

/// The inode flags of an open file; none where the file system has none.
pub fn flags(file: impl AsFd) -> u32 {
    // The call is declared with a long and uses an int.
    let mut word: libc::c_long = 0;
    // SAFETY: the kernel writes four bytes into the word.
    let done = unsafe { get_flags(file.as_fd().as_raw_fd(), &raw mut word) };
    done.map_or(0, |_| u32::from_ne_bytes(word.to_ne_bytes()[..4].try_into().unwrap_or_default()))
}

/// Sets all the inode flags of an open file; flags that are not a user's must be as they are.
///
/// # Errors
/// The kernel's.
pub fn put_flags(file: impl AsFd, flags: u32) -> Sys<()> {
    let mut bytes = [0; size_of::<libc::c_long>()];
    bytes[..4].copy_from_slice(&flags.to_ne_bytes());
    let word = libc::c_long::from_ne_bytes(bytes);
    // SAFETY: the kernel reads four bytes of the word.
    unsafe { set_flags(file.as_fd().as_raw_fd(), &raw const word) }.map(drop)
}

/// The project id of an open file; 0 where there is none.
pub fn project(file: impl AsFd) -> u32 {
    let mut e = Extended::default();
    // SAFETY: `Extended` is the struct that this call fills.
    unsafe { get_extended(file.as_fd().as_raw_fd(), &raw mut e) }.map_or(0, |_| e.project)
}

/// True if the file system of an open file knows project ids.
pub fn has_projects(file: impl AsFd) -> bool {
    let mut e = Extended::default();
    // SAFETY: `Extended` is the struct that this call fills.
    unsafe { get_extended(file.as_fd().as_raw_fd(), &raw mut e) }.is_ok()
}

/// Sets the project id of an open file.
///
/// # Errors
/// The kernel's; EOPNOTSUPP where the file system was made without project quota.
pub fn set_project(file: impl AsFd, project: u32) -> Sys<()> {
    let fd = file.as_fd().as_raw_fd();
    let mut e = Extended::default();
    // SAFETY: `Extended` is the struct that these calls read and fill.
    unsafe {
        get_extended(fd, &raw mut e)?;
        e.project = project;
        set_extended(fd, &raw const e).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_what_is_kept() {
        assert_eq!(flag::COPIED.iter().fold(0, |m, (bit, _)| m | bit), flag::MASK);
    }

    #[test]
    fn attributes_round_trip() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, b"").unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let top = std::fs::File::open(dir.path()).unwrap();
        let long = vec![7u8; 2000];
        match set(AttrTarget::File(file.as_fd()), c"user.long", &long) {
            Err(Errno::EOPNOTSUPP) => {
                return println!("skipped: no user attributes in {}", dir.path().display());
            }
            other => other.unwrap(),
        }
        set(AttrTarget::Name(top.as_fd(), c"x"), c"user.\xff", b"").unwrap();
        let mut found = names(AttrTarget::Name(top.as_fd(), c"x")).unwrap();
        found.retain(|n| n.to_bytes().starts_with(b"user."));
        found.sort();
        assert_eq!(found, [c"user.long".to_owned(), c"user.\xff".to_owned()]);
        assert_eq!(value(AttrTarget::File(file.as_fd()), c"user.long").unwrap(), long);
        assert_eq!(value(AttrTarget::Name(top.as_fd(), c"x"), c"user.\xff").unwrap(), b"");
    }
}
