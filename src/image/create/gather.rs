//! A file as a walker finds it: everything that its header needs, and the file itself open and on
//! its way from the disk.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use crate::host::attrs::{self, Of, flag};
use crate::host::make;
use crate::host::tree::{self, Entry, Errno, Kind, Stat, Sys};
use crate::tree::dir::Dir;

/// Of a file so much is read ahead here; the rest while it is read.
const AHEAD: u64 = 2 << 20;

/// One file, or the directory of a batch itself (which has no name here).
#[derive(Debug)]
pub struct Item {
    pub name: CString,
    pub stat: Stat,
    /// Where a symbolic link points.
    pub link: Vec<u8>,
    pub xattrs: Vec<(CString, Vec<u8>)>,
    /// Inode flags.
    pub flags: u32,
    /// Open, if it is a regular file.
    pub file: Option<File>,
}

/// Files of one directory.
#[derive(Debug)]
pub struct Batch {
    /// Which tree of the job.
    pub tree: usize,
    pub dir: Arc<Dir>,
    pub items: Vec<Item>,
    /// Read ahead, and held in memory.
    pub bytes: u64,
}

impl Batch {
    pub const FILES: usize = 64;
    const BYTES: u64 = 4 << 20;

    pub fn is_full(&self) -> bool {
        self.items.len() >= Self::FILES || self.bytes >= Self::BYTES
    }

    pub fn add(&mut self, (item, bytes): (Item, u64)) {
        self.items.push(item);
        self.bytes += bytes;
    }
}

/// A directory that is open.
pub fn directory(dir: &OwnedFd, stat: Stat) -> Sys<(Item, u64)> {
    let (xattrs, bytes) = attributes(Of::File(dir.as_fd()))?;
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

/// What is in a directory and is none itself, with `file` if it is a regular one and open.
pub fn file(dir: &OwnedFd, entry: &Entry, stat: Stat, file: Option<File>) -> Sys<(Item, u64)> {
    let file = file.filter(|_| stat.kind() == Some(Kind::Regular));
    let mut flags = 0;
    let mut ahead = 0;
    if let Some(file) = &file {
        if stat.allocated > 0 {
            ahead = stat.size.min(AHEAD);
            tree::read_ahead(file, 0, ahead);
        }
        flags = attrs::flags(file) & flag::MASK;
    }
    let of = file.as_ref().map_or(Of::Name(dir.as_fd(), &entry.name), |f| Of::File(f.as_fd()));
    let (xattrs, bytes) = attributes(of)?;
    let link = if stat.kind() == Some(Kind::Symlink) {
        OsString::into_vec(make::read_link(dir, &entry.name)?)
    } else {
        vec![]
    };
    Ok((Item { name: entry.name.clone(), stat, link, xattrs, flags, file }, ahead + bytes))
}

type Attributes = (Vec<(CString, Vec<u8>)>, u64);

fn attributes(of: Of<'_>) -> Sys<Attributes> {
    let mut all = vec![];
    let mut bytes = 0;
    for name in attrs::names(of)? {
        match attrs::value(of, &name) {
            Ok(value) => {
                bytes += value.len() as u64;
                all.push((name, value));
            }
            // Taken away meanwhile.
            Err(Errno::ENODATA) => {}
            Err(e) => return Err(e),
        }
    }
    Ok((all, bytes))
}
