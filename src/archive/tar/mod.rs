//! Archives: tar in every form that system images come in, read into one kind of [`Member`] and
//! written as PAX.
//!
//! Nothing that an archive says is trusted: lengths are bounded before memory is taken, names are
//! bytes, and where a name leads is decided by who restores it.

pub mod flags;

mod acl;
pub(crate) mod header;
mod member;
pub(crate) mod pax;
pub mod read;
mod sparse;
pub mod write;

use std::ffi::CString;

use crate::error::{self, Entry};
use crate::host::fs_calls::Time;

/// Bytes of a block: headers are one, content is padded to whole ones.
pub const BLOCK: usize = 512;

/// Bytes behind content of `size` bytes, up to the next whole block.
pub fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// The kind of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Regular,
    Directory,
    /// A further name of a member before it: that member's path, as stored.
    HardLink(Vec<u8>),
    /// The link's target.
    Symlink(Vec<u8>),
    /// Major and minor number.
    Char(u32, u32),
    Block(u32, u32),
    Fifo,
}

/// One member, whatever form of tar it was stored in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// As stored, nothing cleaned: `./etc/passwd`; never empty, without NUL bytes. A directory's
    /// may end with `/`.
    pub path: Vec<u8>,
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Time,
    pub atime: Option<Time>,
    /// Bytes of content when restored (holes counted).
    pub size: u64,
    /// Bytes of content in the archive.
    pub stored: u64,
    /// Where the stored bytes belong: offset and length, in order, not overlapping; None: the file
    /// has no holes.
    pub map: Option<Vec<(u64, u64)>>,
    /// All extended attributes, ACLs in the kernel's form among them (`system.posix_acl_access`),
    /// `security.selinux` without doubt.
    pub xattrs: Vec<(CString, Vec<u8>)>,
    /// Inode flags in bsdtar's words, joined by commas (`nodump,uappnd`; chflags(1)):
    /// `SCHILY.fflags`. Unknown words are to be ignored.
    pub flags: Option<String>,
    /// Where its first header begins in the (uncompressed) archive, bytes.
    pub offset: u64,
}

/// A defect of a member; the reader adds which one it is, and where.
#[derive(Debug)]
pub struct Bad {
    pub entry: &'static Entry,
    pub text: String,
}

impl Bad {
    /// A member that is damaged.
    pub fn damaged(text: impl Into<String>) -> Self {
        Self { entry: &error::IMAGE_DAMAGED, text: text.into() }
    }
}

#[cfg(test)]
mod tests;
