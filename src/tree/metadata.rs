//! Everything a file has besides its content, read and applied: owner, permissions, times, extended
//! attributes (ACLs and capabilities are among them), inode flags, project id.
//!
//! It is applied in the order the kernel needs: the owner first (which clears setuid and
//! capabilities), then extended attributes, permissions, times, and inode flags last, because some
//! forbid everything else. Metadata that the target cannot keep is counted, and is not fatal.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use nix::unistd::{getegid, geteuid};

use super::error::is_device_error;
use super::report::Tally;
use crate::host::attrs::{self, AttrTarget, flag};
use crate::host::fs_calls::{Errno, Stat, Sys, Time, errno, stat_fd};
use crate::host::make;
use crate::text::path::show_path;

/// Extended attributes: names and values.
pub type Xattrs = Vec<(CString, Vec<u8>)>;

/// Setuid, setgid, sticky: not set when a file is made.
const SPECIAL_BITS: u32 = 0o7000;

/// A directory's permissions until it is finished.
pub const PRIVATE: u32 = 0o700;

/// Inode flags that forbid links and changes.
pub const FORBIDDING_FLAGS: u32 = flag::IMMUTABLE | flag::APPEND;

/// Inode flags that must be set while a file is empty to take effect.
const STORAGE_FLAGS: u32 = flag::NO_COW | flag::COMPRESSED | flag::NO_COMPRESSION;

/// The extended attribute from which new entries of a directory inherit their ACL.
pub const DEFAULT_ACL: &CStr = c"system.posix_acl_default";

/// A file's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Permissions with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// None leaves what creating the file set.
    pub mtime: Option<Time>,
    /// None leaves what creating the file set.
    pub atime: Option<Time>,
    /// Extended attributes: names and values.
    pub xattrs: Xattrs,
    /// Inode flags (chattr), from [`flag::COPIED`].
    pub flags: u32,
    /// Project id; 0 if there is none.
    pub project: u32,
}

impl Metadata {
    /// Owner, permissions and times.
    pub fn from_stat(stat: &Stat) -> Self {
        Self {
            mode: stat.permissions(),
            uid: stat.uid,
            gid: stat.gid,
            mtime: Some(stat.mtime),
            atime: Some(stat.atime),
            ..Self::default()
        }
    }

    /// Bytes that it takes beyond itself.
    pub fn allocated_bytes(&self) -> usize {
        self.xattrs.iter().map(|(n, v)| n.as_bytes().len() + v.len() + 64).sum()
    }

    /// True if owner and group are root's, as those of what root makes already are.
    fn is_roots(&self) -> bool {
        (self.uid, self.gid) == (0, 0)
    }
}

/// Reads these extended attributes; those that were removed meanwhile are left out.
///
/// # Errors
/// The kernel's.
pub fn read_xattrs(of: AttrTarget<'_>, names: &[CString]) -> Sys<Xattrs> {
    let mut found = vec![];
    for name in names {
        match attrs::value(of, name) {
            Ok(value) => found.push((name.clone(), value)),
            Err(Errno::ENODATA) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

/// A file system that is written to.
#[derive(Debug)]
pub struct FileSystem {
    /// Its device number.
    pub dev: u64,
    /// True if it keeps owners and permissions (vfat does not, and nobody expects it).
    pub keeps_owners: bool,
    /// Any directory of it, to sync by.
    pub top: OwnedFd,
}

impl FileSystem {
    /// The file system of an open directory.
    ///
    /// # Errors
    /// The kernel's.
    pub fn of_directory(dir: impl AsFd) -> Sys<Self> {
        let top = dir.as_fd().try_clone_to_owned().map_err(|e| errno(&e))?;
        let dev = stat_fd(&top)?.dev;
        Ok(Self { dev, keeps_owners: make::keeps_owners(&top), top })
    }

    /// True if a directory already is as [`make_private`] leaves it, or cannot be made so.
    pub fn is_private(&self, dir: &Stat) -> bool {
        let own = (PRIVATE, geteuid().as_raw(), getegid().as_raw());
        !self.keeps_owners || (dir.permissions(), dir.uid, dir.gid) == own
    }
}

/// Removes from an existing directory everything that its new entries would inherit (group, default
/// ACL, flags), and closes it to other users until it is finished.
///
/// # Errors
/// The kernel's.
pub fn make_private(dir: impl AsFd) -> Sys<()> {
    let flags = attrs::flags(&dir);
    if flags & flag::MASK != 0 {
        attrs::put_flags(&dir, flags & !flag::MASK)?;
    }
    // A user who is not root keeps what there is, as far as possible.
    match make::set_owner(&dir, geteuid().as_raw(), getegid().as_raw()) {
        Err(Errno::EPERM) => {}
        other => other?,
    }
    make::set_permissions(&dir, PRIVATE)?;
    attrs::remove(dir, DEFAULT_ACL)
}

/// Applies metadata to one file.
#[derive(Clone, Copy)]
pub struct MetadataWriter<'a> {
    /// Counts what the target cannot keep.
    pub tally: &'a Tally,
    /// The file system that the file is in.
    pub target: &'a FileSystem,
    /// The file's path, for the tally.
    pub path: &'a dyn Fn() -> Vec<u8>,
}

impl MetadataWriter<'_> {
    /// A new file, open and still empty: sets the flags that decide how its content is stored.
    pub fn prepare(&self, to: impl AsFd, flags: u32) {
        if flags & STORAGE_FLAGS != 0 {
            self.add_flags(to, flags & STORAGE_FLAGS);
        }
    }

    /// A regular file that was made by this process, with its permissions.
    ///
    /// # Errors
    /// If the target file system as a whole fails.
    pub fn apply_to_file(&self, to: impl AsFd, metadata: &Metadata) -> Sys<()> {
        if !metadata.is_roots() {
            self.check("the owner", make::set_owner(&to, metadata.uid, metadata.gid))?;
        }
        self.set_xattrs(AttrTarget::File(to.as_fd()), metadata)?;
        // The mask of an access ACL equals the group's permissions, so setting it changed nothing;
        // changing the owner may have.
        if metadata.mode & SPECIAL_BITS != 0 {
            self.check("the permissions", make::set_permissions(&to, metadata.mode))?;
        }
        self.finish(to, metadata)
    }

    /// A directory in which everything is there.
    ///
    /// # Errors
    /// If the target file system as a whole fails.
    pub fn apply_to_directory(&self, to: impl AsFd, metadata: &Metadata) -> Sys<()> {
        // It may have existed before, with another owner.
        if !metadata.is_roots() || geteuid().is_root() {
            self.check("the owner", make::set_owner(&to, metadata.uid, metadata.gid))?;
        }
        self.set_xattrs(AttrTarget::File(to.as_fd()), metadata)?;
        self.check("the permissions", make::set_permissions(&to, metadata.mode))?;
        self.finish(to, metadata)
    }

    /// A file that is never opened: a symbolic link, a device node, a FIFO, a socket.
    ///
    /// # Errors
    /// If the target file system as a whole fails.
    pub fn apply_to_name(
        &self,
        dir: impl AsFd,
        name: &CStr,
        metadata: &Metadata,
        is_symlink: bool,
    ) -> Sys<()> {
        if !metadata.is_roots() {
            self.check("the owner", make::set_owner_at(&dir, name, metadata.uid, metadata.gid))?;
        }
        self.set_xattrs(AttrTarget::Name(dir.as_fd(), name), metadata)?;
        if !is_symlink && metadata.mode & SPECIAL_BITS != 0 {
            self.check("the permissions", make::set_permissions_at(&dir, name, metadata.mode))?;
        }
        match metadata.mtime {
            Some(mtime) => {
                self.check("the times", make::set_times_at(&dir, name, metadata.atime, mtime))
            }
            None => Ok(()),
        }
    }

    fn finish(&self, to: impl AsFd, metadata: &Metadata) -> Sys<()> {
        if let Some(mtime) = metadata.mtime {
            self.check("the times", make::set_times(&to, metadata.atime, mtime))?;
        }
        if metadata.project != 0 {
            self.check("the project id", attrs::set_project(&to, metadata.project))?;
        }
        if metadata.flags != 0 {
            self.add_flags(to, metadata.flags);
        }
        Ok(())
    }

    fn set_xattrs(&self, to: AttrTarget<'_>, metadata: &Metadata) -> Sys<()> {
        for (name, value) in &metadata.xattrs {
            let what = || format!("the attribute {}", show_path(name.to_bytes()));
            match attrs::set(to, name, value) {
                Ok(()) => {}
                // Either too large for this kind of file system, or the target is full; a full
                // target shows in other ways.
                Err(Errno::ENOSPC) if make::has_room(&self.target.top) => {
                    self.tally.add_not_kept(&what(), Errno::ENOSPC, (self.path)());
                }
                failed => self.check(&what(), failed)?,
            }
        }
        Ok(())
    }

    /// Adds inode flags. If the kernel refuses them together they are set one by one, and those
    /// that it refuses are counted.
    pub fn add_flags(&self, to: impl AsFd, wanted: u32) {
        let mut now = attrs::flags(&to);
        if now & wanted == wanted || attrs::put_flags(&to, now | wanted).is_ok() {
            return;
        }
        let missing = wanted & !now;
        // Flags that forbid changes come last.
        let (last, first): (Vec<_>, Vec<_>) =
            flag::COPIED.iter().partition(|(bit, _)| bit & FORBIDDING_FLAGS != 0);
        for (bit, letter) in first.into_iter().chain(last).filter(|(bit, _)| missing & bit != 0) {
            match attrs::put_flags(&to, now | bit) {
                Ok(()) => now |= bit,
                Err(e) => {
                    let what = format!("the flag {letter} (chattr +{letter})");
                    self.tally.add_not_kept(&what, e, (self.path)());
                }
            }
        }
    }

    /// Counts metadata that could not be set, unless the target as a whole fails.
    fn check(&self, what: &str, done: Sys<()>) -> Sys<()> {
        match done {
            Ok(()) => Ok(()),
            Err(e) if is_device_error(e) => Err(e),
            Err(Errno::EPERM) if !self.target.keeps_owners => Ok(()),
            Err(e) => {
                self.tally.add_not_kept(what, e, (self.path)());
                Ok(())
            }
        }
    }
}
