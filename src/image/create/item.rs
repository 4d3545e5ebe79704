//! A file as a walker finds it: everything that its header needs, and the file itself open and on
//! its way from the disk.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use crate::host::attrs::{self, AttrTarget, flag};
use crate::host::fs_calls::{Entry, Kind, Stat, Sys};
use crate::host::make;
use crate::tree::content::start_reading;
use crate::tree::dir::Dir;
use crate::tree::metadata::{Xattrs, read_xattrs};

/// One file, or the directory of a batch itself (which has no name here).
#[derive(Debug)]
pub struct Item {
    pub name: CString,
    pub stat: Stat,
    /// The target of a symbolic link.
    pub link: Vec<u8>,
    pub xattrs: Xattrs,
    /// Inode flags.
    pub flags: u32,
    /// Open, if it is a regular file.
    pub file: Option<File>,
}

/// Files of one directory.
#[derive(Debug)]
pub struct Batch {
    /// Index of the tree in the job.
    pub tree: usize,
    pub dir: Arc<Dir>,
    pub items: Vec<Item>,
    /// Read ahead, and held in memory.
    pub bytes: u64,
}

impl Batch {
    const MAX_FILES: usize = 64;
    const MAX_BYTES: u64 = 4 << 20;

    /// True if it should be handed over.
    pub fn is_full(&self) -> bool {
        self.items.len() >= Self::MAX_FILES || self.bytes >= Self::MAX_BYTES
    }

    /// Adds a file with the bytes that it takes.
    pub fn add(&mut self, (item, bytes): (Item, u64)) {
        self.items.push(item);
        self.bytes += bytes;
    }
}

/// An open directory itself, with the bytes that it takes of the limits.
pub fn read_directory(dir: &OwnedFd, stat: Stat) -> Sys<(Item, u64)> {
    let (xattrs, bytes) = attributes(AttrTarget::File(dir.as_fd()))?;
    Ok((
        Item {
            name: CString::default(),
            stat,
            link: vec![],
            xattrs,
            flags: attrs::flags(dir) & flag::MASK,
            file: None,
        },
        bytes,
    ))
}

/// An entry that is not a directory, with `file` if it is a regular one; and the bytes that it
/// takes of the limits.
pub fn read_entry(
    dir: &OwnedFd,
    entry: &Entry,
    stat: Stat,
    file: Option<File>,
) -> Sys<(Item, u64)> {
    let (mut flags, mut ahead) = (0, 0);
    if let Some(file) = &file {
        ahead = start_reading(file, &stat);
        flags = attrs::flags(file) & flag::MASK;
    }
    let of = file
        .as_ref()
        .map_or(AttrTarget::Name(dir.as_fd(), &entry.name), |f| AttrTarget::File(f.as_fd()));
    let (xattrs, bytes) = attributes(of)?;
    let link = if stat.kind() == Some(Kind::Symlink) {
        OsString::into_vec(make::read_link(dir, &entry.name)?)
    } else {
        vec![]
    };
    Ok((Item { name: entry.name.clone(), stat, link, xattrs, flags, file }, ahead + bytes))
}

/// All extended attributes, and the bytes of their values.
fn attributes(of: AttrTarget<'_>) -> Sys<(Xattrs, u64)> {
    let all = read_xattrs(of, &attrs::names(of)?)?;
    let bytes = all.iter().map(|(_, value)| value.len() as u64).sum();
    Ok((all, bytes))
}
