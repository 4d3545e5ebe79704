//! Making files below an open directory and giving them what they should have: thin, typed forms of
//! the *at() calls.

use std::ffi::{CStr, CString, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{AtFlags, FallocateFlags, OFlag, PosixFadviseAdvice, openat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, Whence};

use super::fs_calls::{Errno, Kind, Stat, Sys, Time};

const NOFOLLOW: AtFlags = AtFlags::AT_SYMLINK_NOFOLLOW;

/// A regular file's content for reading; never waits for a fifo's writer, follows no link.
///
/// # Errors
/// The kernel's, as everywhere here.
pub fn open_file(dir: impl AsFd, name: &CStr) -> Sys<File> {
    let how = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(dir, name, how, Mode::empty()).map(File::from)
}

/// A new regular file, for writing; EEXIST where something has the name.
pub fn create_file(dir: impl AsFd, name: &CStr, permissions: u32) -> Sys<File> {
    let how =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(dir, name, how, Mode::from_bits_truncate(permissions)).map(File::from)
}

/// An existing directory, open for everything that a directory can be open for.
pub fn open_directory(dir: impl AsFd, name: &CStr) -> Sys<OwnedFd> {
    openat(
        dir,
        name,
        OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
}

/// A new directory; EEXIST where something has the name.
pub fn create_directory(dir: impl AsFd, name: &CStr, permissions: u32) -> Sys<()> {
    nix::sys::stat::mkdirat(dir, name, Mode::from_bits_truncate(permissions))
}

/// A device node, fifo or socket with the kind, number and permissions of `like`.
pub fn create_node(dir: impl AsFd, name: &CStr, like: &Stat) -> Sys<()> {
    let kind = match like.kind() {
        Some(Kind::Char) => SFlag::S_IFCHR,
        Some(Kind::Block) => SFlag::S_IFBLK,
        Some(Kind::Fifo) => SFlag::S_IFIFO,
        Some(Kind::Socket) => SFlag::S_IFSOCK,
        _ => return Err(Errno::EINVAL),
    };
    let device = nix::libc::makedev(like.rdev.0, like.rdev.1);
    nix::sys::stat::mknodat(dir, name, kind, Mode::from_bits_truncate(like.permissions()), device)
}

/// A new symbolic link.
pub fn symlink(dir: impl AsFd, name: &CStr, target: &OsString) -> Sys<()> {
    nix::unistd::symlinkat(target.as_os_str(), dir, name)
}

/// The target of a symbolic link.
pub fn read_link(dir: impl AsFd, name: &CStr) -> Sys<OsString> {
    nix::fcntl::readlinkat(dir, name)
}

/// A second name for a file; of a symbolic link, for the link itself.
pub fn link(from: impl AsFd, old: &CStr, to: impl AsFd, new: &CStr) -> Sys<()> {
    nix::unistd::linkat(from, old, to, new, AtFlags::empty())
}

/// Renames; what has the new name is replaced.
pub fn rename(from: impl AsFd, old: &CStr, to: impl AsFd, new: &CStr) -> Sys<()> {
    nix::fcntl::renameat(from, old, to, new)
}

/// Removes a name other than a directory's.
pub fn unlink(dir: impl AsFd, name: &CStr) -> Sys<()> {
    nix::unistd::unlinkat(dir, name, UnlinkatFlags::NoRemoveDir)
}

/// Removes an empty directory.
pub fn remove_directory(dir: impl AsFd, name: &CStr) -> Sys<()> {
    nix::unistd::unlinkat(dir, name, UnlinkatFlags::RemoveDir)
}

/// Sets owner and group.
pub fn set_owner(file: impl AsFd, uid: u32, gid: u32) -> Sys<()> {
    nix::unistd::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
}

/// Sets owner and group of a name; of a symbolic link itself.
pub fn set_owner_at(dir: impl AsFd, name: &CStr, uid: u32, gid: u32) -> Sys<()> {
    nix::unistd::fchownat(dir, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), NOFOLLOW)
}

/// Sets the permissions, with setuid, setgid and sticky.
pub fn set_permissions(file: impl AsFd, permissions: u32) -> Sys<()> {
    nix::sys::stat::fchmod(file, Mode::from_bits_truncate(permissions))
}

/// Sets the permissions of a name that is not a symbolic link (those have none).
pub fn set_permissions_at(dir: impl AsFd, name: &CStr, permissions: u32) -> Sys<()> {
    nix::sys::stat::fchmodat(
        dir,
        name,
        Mode::from_bits_truncate(permissions),
        FchmodatFlags::FollowSymlink,
    )
}

fn spec(t: Time) -> TimeSpec {
    TimeSpec::new(t.secs, i64::from(t.nanos))
}

fn spec_or_keep(t: Option<Time>) -> TimeSpec {
    t.map_or(TimeSpec::UTIME_OMIT, spec)
}

/// Sets the modification time, and the access time if there is one.
pub fn set_times(file: impl AsFd, atime: Option<Time>, mtime: Time) -> Sys<()> {
    nix::sys::stat::futimens(file, &spec_or_keep(atime), &spec(mtime))
}

/// The same of a name; of a symbolic link itself.
pub fn set_times_at(dir: impl AsFd, name: &CStr, atime: Option<Time>, mtime: Time) -> Sys<()> {
    nix::sys::stat::utimensat(
        dir,
        name,
        &spec_or_keep(atime),
        &spec(mtime),
        UtimensatFlags::NoFollowSymlink,
    )
}

/// A file without a name in the file system of `dir`, gone when it is closed.
pub fn create_unnamed(dir: impl AsFd) -> Sys<File> {
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let how = OFlag::O_RDWR | OFlag::O_CLOEXEC;
    match openat(&dir, c".", how | OFlag::O_TMPFILE, mode) {
        // File systems that do not know it, such as the FAT family.
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::ENOENT) => {
            let name = CString::new(format!(".altdisk-{}", std::process::id())).unwrap_or_default();
            let file = openat(
                &dir,
                name.as_c_str(),
                how | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW,
                mode,
            )?;
            unlink(&dir, &name)?;
            Ok(file.into())
        }
        other => other.map(File::from),
    }
}

/// Where data begins at or after `from`; None after the last.
pub fn next_data(file: impl AsFd, from: u64) -> Sys<Option<u64>> {
    match seek(file, from, Whence::SeekData) {
        Err(Errno::ENXIO) => Ok(None),
        other => other.map(Some),
    }
}

/// Where the data that holds `from` ends.
pub fn next_hole(file: impl AsFd, from: u64) -> Sys<u64> {
    seek(file, from, Whence::SeekHole)
}

fn seek(file: impl AsFd, from: u64, whence: Whence) -> Sys<u64> {
    let at = nix::unistd::lseek(file, i64::try_from(from).map_err(|_| Errno::EFBIG)?, whence)?;
    u64::try_from(at).map_err(|_| Errno::EIO)
}

/// A directory's position, to go on listing from later.
pub fn position(dir: impl AsFd) -> Sys<i64> {
    nix::unistd::lseek(dir, 0, Whence::SeekCur)
}

/// Goes back to what [`position`] returned, possibly for another descriptor of the directory.
pub fn set_position(dir: impl AsFd, position: i64) -> Sys<()> {
    nix::unistd::lseek(dir, position, Whence::SeekSet).map(drop)
}

/// Allocates a range without writing it.
pub fn allocate(file: impl AsFd, from: u64, bytes: u64) -> Sys<()> {
    let number = |n| i64::try_from(n).map_err(|_| Errno::EFBIG);
    nix::fcntl::fallocate(file, FallocateFlags::empty(), number(from)?, number(bytes)?)
}

/// Sets the size; what is added is a hole.
pub fn truncate(file: impl AsFd, size: u64) -> Sys<()> {
    nix::unistd::ftruncate(file, i64::try_from(size).map_err(|_| Errno::EFBIG)?)
}

/// Tells the kernel that a file is read from its beginning to its end. A hint.
pub fn read_in_order(file: impl AsFd) {
    let _ = nix::fcntl::posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL);
}

/// Writes everything of the file system that `file` is on to its device.
pub fn sync_all(file: impl AsFd) -> Sys<()> {
    nix::unistd::syncfs(file)
}

/// True if the file system keeps owners and permissions; the FAT family does not.
pub fn keeps_owners(file: impl AsFd) -> bool {
    const MSDOS: i64 = 0x4d44;
    const EXFAT: i64 = 0x2011_bab0;
    nix::sys::statfs::fstatfs(file)
        .map_or(true, |s| !matches!(s.filesystem_type().0, MSDOS | EXFAT))
}

/// True if the file system has blocks and inodes left.
pub fn has_room(file: impl AsFd) -> bool {
    nix::sys::statvfs::fstatvfs(file)
        .is_ok_and(|s| s.blocks_available() > 0 && (s.files() == 0 || s.files_available() > 0))
}
