//! What a member has beside its content, given to the file in the order that the kernel wants:
//! owner (which clears setuid and capabilities), extended attributes, permissions, times. Inode
//! flags that forbid changes come at the very end of a restore. What the target cannot keep is
//! counted, not fatal.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;

use super::dirs::System;
use super::run::Run;
use crate::archive::tar::{Member, flags};
use crate::host::attrs::{self, Of, flag};
use crate::host::make;
use crate::host::tree::{Errno, Stat, Sys, Time};
use crate::text::path::show_path;

/// Setuid, setgid, sticky: not set when a file is made.
const SPECIAL: u32 = 0o7000;

/// A directory's permissions until it is finished.
pub const PRIVATE: u32 = 0o700;

/// Inode flags that forbid links and changes.
pub const FORBIDDING: u32 = flag::IMMUTABLE | flag::APPEND;

/// Flags that must be set while a file is empty to take effect.
const BEFORE_CONTENT: u32 = flag::NO_COW | flag::COMPRESSED | flag::NO_COMPRESSION;

/// Owner, permissions, times, attributes, flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// None: stays what making the file made it.
    pub mtime: Option<Time>,
    pub atime: Option<Time>,
    pub xattrs: Vec<(CString, Vec<u8>)>,
    pub flags: u32,
}

impl Meta {
    /// Takes a member's.
    pub fn take(m: &mut Member) -> Self {
        Self {
            mode: m.mode & 0o7777,
            uid: m.uid,
            gid: m.gid,
            mtime: Some(m.mtime),
            atime: m.atime,
            xattrs: std::mem::take(&mut m.xattrs),
            flags: m.flags.take().map_or(0, |w| flags::of_words(&w)),
        }
    }

    /// Bytes that it takes beyond itself.
    pub fn weight(&self) -> usize {
        self.xattrs.iter().map(|(n, v)| n.as_bytes().len() + v.len() + 64).sum()
    }

    fn owner(&self) -> Stat {
        Stat { uid: self.uid, gid: self.gid, ..Stat::default() }
    }
}

/// Where the metadata goes, and how to name it in a warning.
pub struct Goal<'a> {
    pub run: &'a Run<'a>,
    pub system: &'a System,
    /// Relative to the root.
    pub path: &'a dyn Fn() -> Vec<u8>,
}

impl Goal<'_> {
    /// A new file, open and empty: flags that decide how its content is stored.
    pub fn before_content(&self, to: impl AsFd, meta: &Meta) {
        if meta.flags & BEFORE_CONTENT != 0 {
            self.set_flags(&to, meta.flags & BEFORE_CONTENT);
        }
    }

    /// A regular file that was made with its permissions, or (`permit`) a directory that was not.
    /// All but the flags that forbid changes.
    pub fn open_file(&self, to: impl AsFd, meta: &Meta, permit: bool) -> Sys<()> {
        if meta.uid != 0 || meta.gid != 0 {
            self.keep("the owner", make::own(&to, &meta.owner()))?;
        }
        self.xattrs(Of::File(to.as_fd()), meta)?;
        if permit || meta.mode & SPECIAL != 0 {
            self.keep("the permissions", make::permit(&to, meta.mode))?;
        }
        if let Some(mtime) = meta.mtime {
            self.keep("the times", make::date_to(&to, meta.atime, mtime))?;
        }
        let flags = meta.flags & !FORBIDDING;
        if flags != 0 {
            self.set_flags(to, flags);
        }
        Ok(())
    }

    /// What is never opened: a symbolic link, a device node, a FIFO.
    pub fn name(&self, dir: impl AsFd, name: &CStr, meta: &Meta, symlink: bool) -> Sys<()> {
        if meta.uid != 0 || meta.gid != 0 {
            self.keep("the owner", make::own_at(&dir, name, &meta.owner()))?;
        }
        self.xattrs(Of::Name(dir.as_fd(), name), meta)?;
        if !symlink && meta.mode & SPECIAL != 0 {
            self.keep("the permissions", make::permit_at(&dir, name, meta.mode))?;
        }
        match meta.mtime {
            Some(mtime) => self.keep("the times", make::date_at_to(&dir, name, meta.atime, mtime)),
            None => Ok(()),
        }
    }

    fn xattrs(&self, to: Of<'_>, meta: &Meta) -> Sys<()> {
        for (name, value) in &meta.xattrs {
            match attrs::set(to, name, value) {
                // Too large for this kind of file system, or the target is full: a full one shows
                // by itself.
                Err(Errno::ENOSPC) if make::has_room(&self.system.top) => {
                    self.lost(&attribute(name), Errno::ENOSPC)
                }
                Ok(()) => {}
                other => self.keep(&attribute(name), other)?,
            }
        }
        Ok(())
    }

    /// Adds inode flags; where the kernel refuses them together, one by one, and those that it
    /// refuses are counted.
    pub fn set_flags(&self, to: impl AsFd, wanted: u32) {
        let mut now = attrs::flags(&to);
        if now & wanted == wanted || attrs::put_flags(&to, now | wanted).is_ok() {
            return;
        }
        let missing = wanted & !now;
        let (last, first): (Vec<_>, Vec<_>) =
            flag::KEPT.iter().partition(|(bit, _)| bit & FORBIDDING != 0);
        for (bit, letter) in first.into_iter().chain(last).filter(|(bit, _)| missing & bit != 0) {
            match attrs::put_flags(&to, now | bit) {
                Ok(()) => now |= bit,
                Err(e) => self.lost(&format!("the flag {letter} (chattr +{letter})"), e),
            }
        }
    }

    /// Metadata that was set, or could not be: counted, unless the target as a whole fails.
    fn keep(&self, what: &str, done: Sys<()>) -> Sys<()> {
        match done {
            Err(e @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS | Errno::EIO)) => Err(e),
            Err(Errno::EPERM) if !self.system.owners => Ok(()),
            Err(e) => {
                self.lost(what, e);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn lost(&self, what: &str, e: Errno) {
        self.run.tally.lost(what, e, (self.path)());
    }
}

fn attribute(name: &CStr) -> String {
    format!("the attribute {}", show_path(name.to_bytes()))
}
