//! System calls for walking a tree: open, list and stat below a directory, always by descriptor,
//! never by full path.
//!
//! Names are single components or paths below a descriptor, and no symbolic link on the way is
//! followed, so that a tree that is changed meanwhile cannot lead the copier out of itself. nix has
//! most calls; statx, getdents64 (with positions), readahead and sendfile are here.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

pub use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::libc;
use nix::sys::stat::Mode;

/// A call's result, with the kernel's bare error number: the copier decides by it.
pub type Sys<T> = std::result::Result<T, Errno>;

/// The kernel's number for an error of the standard library.
pub fn errno(e: &std::io::Error) -> Errno {
    // write_all and write_all_at have no number for a device that takes nothing any more.
    e.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// Seconds since the epoch (negative before 1970) and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Time {
    pub secs: i64,
    pub nanos: u32,
}

/// The result of statx(2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Stat {
    /// Device of the file system as one number.
    pub dev: u64,
    pub ino: u64,
    /// Kind and permissions.
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Allocated, in bytes.
    pub allocated: u64,
    /// Major and minor of a device node.
    pub rdev: (u32, u32),
    pub atime: Time,
    pub mtime: Time,
    pub ctime: Time,
    /// Zero where the file system does not keep it.
    pub btime: Time,
    /// `STATX_ATTR_*`; immutable and append have the values of the inode flags.
    pub attributes: u64,
}

/// The kinds of files, as `S_IFMT` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Directory,
    Regular,
    Symlink,
    Char,
    Block,
    Fifo,
    Socket,
}

impl Kind {
    fn of_mode(mode: u32) -> Option<Self> {
        Some(match mode & libc::S_IFMT {
            libc::S_IFDIR => Self::Directory,
            libc::S_IFREG => Self::Regular,
            libc::S_IFLNK => Self::Symlink,
            libc::S_IFCHR => Self::Char,
            libc::S_IFBLK => Self::Block,
            libc::S_IFIFO => Self::Fifo,
            libc::S_IFSOCK => Self::Socket,
            _ => return None,
        })
    }
}

impl Stat {
    /// None for what Linux does not know.
    pub fn kind(&self) -> Option<Kind> {
        Kind::of_mode(self.mode)
    }

    /// Permission bits with setuid, setgid and sticky.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }
}

/// The file `name` in `dir`; a symbolic link itself.
///
/// # Errors
/// The kernel's.
pub fn stat_at(dir: impl AsFd, name: &CStr) -> Sys<Stat> {
    statx(dir.as_fd(), name, libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT)
}

/// An open file.
///
/// # Errors
/// The kernel's.
pub fn stat_fd(fd: impl AsFd) -> Sys<Stat> {
    statx(fd.as_fd(), c"", libc::AT_EMPTY_PATH)
}

fn statx(dir: BorrowedFd<'_>, name: &CStr, flags: i32) -> Sys<Stat> {
    let mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
    // SAFETY: statx fills the zeroed plain struct it is given; `name` ends with NUL and `dir` is
    // open.
    let s = unsafe {
        let mut s: libc::statx = std::mem::zeroed();
        Errno::result(libc::statx(dir.as_raw_fd(), name.as_ptr(), flags, mask, &raw mut s))?;
        s
    };
    let time = |t: libc::statx_timestamp| Time { secs: t.tv_sec, nanos: t.tv_nsec };
    Ok(Stat {
        dev: libc::makedev(s.stx_dev_major, s.stx_dev_minor),
        ino: s.stx_ino,
        mode: u32::from(s.stx_mode),
        nlink: s.stx_nlink,
        uid: s.stx_uid,
        gid: s.stx_gid,
        size: s.stx_size,
        allocated: s.stx_blocks.saturating_mul(512),
        rdev: (s.stx_rdev_major, s.stx_rdev_minor),
        atime: time(s.stx_atime),
        mtime: time(s.stx_mtime),
        ctime: time(s.stx_ctime),
        btime: if s.stx_mask & libc::STATX_BTIME == 0 {
            Time::default()
        } else {
            time(s.stx_btime)
        },
        attributes: s.stx_attributes,
    })
}

/// One entry of a directory; `kind` is None where the file system does not say.
#[derive(Clone, Debug)]
pub struct Entry {
    pub ino: u64,
    pub kind: Option<Kind>,
    pub name: CString,
}

/// The next entries of `dir`, as many as fit into `buffer` as the kernel packs them (about 32 bytes
/// each), without `.` and `..`; None at the end.
///
/// # Errors
/// The kernel's.
pub fn list(dir: impl AsFd, buffer: &mut [u8]) -> Sys<Option<Vec<Entry>>> {
    const HEAD: usize = 19;
    // SAFETY: the kernel writes at most the buffer's length into it.
    let n = unsafe {
        libc::syscall(
            libc::SYS_getdents64,
            dir.as_fd().as_raw_fd(),
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    };
    let n = usize::try_from(Errno::result(n)?).unwrap_or(0);
    if n == 0 {
        return Ok(None);
    }
    let mut entries = Vec::with_capacity(n / 32);
    let mut rest = &buffer[..n];
    // struct linux_dirent64: u64 inode, i64 position, u16 length, u8 kind, name with NUL.
    while rest.len() > HEAD {
        let ino = u64::from_ne_bytes(rest[..8].try_into().unwrap_or_default());
        let length = usize::from(u16::from_ne_bytes([rest[16], rest[17]]));
        let Some(record) = rest.get(..length).filter(|r| r.len() > HEAD) else {
            return Err(Errno::EIO);
        };
        let name = CStr::from_bytes_until_nul(&record[HEAD..]).map_err(|_| Errno::EIO)?;
        if name != c"." && name != c".." {
            entries.push(Entry {
                ino,
                kind: Kind::of_mode(u32::from(record[18]) << 12),
                name: name.to_owned(),
            });
        }
        rest = &rest[length..];
    }
    Ok(Some(entries))
}

/// Opens `path` (components with `/` between, relative, of any length) below `top`. No component
/// may be a symbolic link.
///
/// # Errors
/// The kernel's; ELOOP or ENOTDIR where a component is a link.
pub fn open_below(top: BorrowedFd<'_>, path: &[u8], flags: OFlag) -> Sys<OwnedFd> {
    /// The longest path for one call, below PATH_MAX.
    const PIECE: usize = 4000;
    static NO_OPENAT2: AtomicBool = AtomicBool::new(false);
    if !NO_OPENAT2.load(Ordering::Relaxed) {
        match open_pieces(top, path, flags, PIECE) {
            // Before Linux 5.6, or forbidden by a container that does not know it.
            Err(Errno::ENOSYS | Errno::EPERM) => NO_OPENAT2.store(true, Ordering::Relaxed),
            other => return other,
        }
    }
    open_pieces(top, path, flags, 1)
}

/// Opens in pieces of at most `limit` bytes; with 1 one component at a time, which O_NOFOLLOW
/// guards without openat2.
fn open_pieces(top: BorrowedFd<'_>, path: &[u8], flags: OFlag, limit: usize) -> Sys<OwnedFd> {
    let guarded = OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let mut at: Option<OwnedFd> = None;
    let mut rest = if path.is_empty() { b".".as_slice() } else { path };
    loop {
        let slash = |b: &u8| *b == b'/';
        let cut = if rest.len() > limit {
            rest[..=limit].iter().rposition(slash).or_else(|| rest.iter().position(slash))
        } else {
            None
        };
        let (piece, next) = cut.map_or((rest, None), |c| (&rest[..c], Some(&rest[c + 1..])));
        let how = guarded | if next.is_some() { OFlag::O_PATH | OFlag::O_DIRECTORY } else { flags };
        let from = at.as_ref().map_or(top, |fd| fd.as_fd());
        let fd = if limit == 1 {
            openat(from, piece, how, Mode::empty())?
        } else {
            openat2(
                from,
                piece,
                OpenHow::new()
                    .flags(how)
                    .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_BENEATH),
            )?
        };
        match next {
            None => return Ok(fd),
            Some(next) => (at, rest) = (Some(fd), next),
        }
    }
}

/// Starts reading a part of a file into the cache. A hint: what goes wrong shows when it is read.
pub fn read_ahead(file: impl AsFd, from: u64, bytes: u64) {
    // SAFETY: no memory is passed.
    unsafe {
        libc::readahead(
            file.as_fd().as_raw_fd(),
            i64::try_from(from).unwrap_or(0),
            usize::try_from(bytes).unwrap_or(0),
        )
    };
}

/// Has the kernel begin to write a part of a file to its device. A hint: what goes wrong shows when
/// it is flushed.
pub fn begin_writing(file: impl AsFd, from: u64, bytes: u64) {
    let number = |n: u64| i64::try_from(n).unwrap_or(0);
    // SAFETY: no memory is passed.
    unsafe {
        libc::sync_file_range(
            file.as_fd().as_raw_fd(),
            number(from),
            number(bytes),
            libc::SYNC_FILE_RANGE_WRITE,
        )
    };
}

/// Gives the calling thread a working directory, root and umask of its own, and that umask no bit:
/// what it creates has exactly the mode that it asks for, and the other threads notice nothing.
///
/// # Errors
/// The kernel's.
pub fn own_umask() -> Sys<()> {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS)?;
    nix::sys::stat::umask(Mode::empty());
    Ok(())
}

/// Lets the process open as many files as its hard limit allows; that it may not is no harm.
pub fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn lists_and_stats() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), b"12345").unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        let top = fs::File::open(dir.path()).unwrap();
        let mut entries = list(&top, &mut [0; 4096]).unwrap().unwrap();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(
            entries.iter().map(|e| e.name.as_c_str()).collect::<Vec<_>>(),
            [c"file", c"sub"]
        );
        assert!(list(&top, &mut [0; 4096]).unwrap().is_none());
        let s = stat_at(&top, c"file").unwrap();
        assert_eq!((s.kind(), s.size, s.ino), (Some(Kind::Regular), 5, entries[0].ino));
        assert_eq!(stat_at(&top, c"none").unwrap_err(), Errno::ENOENT);
    }

    #[test]
    fn opens_long_paths_and_follows_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let top = fs::File::open(dir.path()).unwrap();
        let name = "n".repeat(200);
        let mut path = Vec::new();
        let mut at: OwnedFd = top.try_clone().unwrap().into();
        for _ in 0..60 {
            nix::sys::stat::mkdirat(&at, name.as_str(), Mode::S_IRWXU).unwrap();
            at = openat(&at, name.as_str(), OFlag::O_PATH, Mode::empty()).unwrap();
            path.extend_from_slice(if path.is_empty() { b"" } else { b"/" });
            path.extend_from_slice(name.as_bytes());
        }
        assert!(path.len() > 12_000);
        for limit in [1, 150, 4000] {
            let found = open_pieces(top.as_fd(), &path, OFlag::O_RDONLY, limit).unwrap();
            assert_eq!(stat_fd(&found).unwrap().ino, stat_fd(&at).unwrap().ino);
        }
        symlink("/etc", dir.path().join("link")).unwrap();
        assert_eq!(
            open_below(top.as_fd(), b"link/passwd", OFlag::O_RDONLY).unwrap_err(),
            Errno::ELOOP
        );
        assert_eq!(
            open_pieces(top.as_fd(), b"link/passwd", OFlag::O_RDONLY, 1).unwrap_err(),
            Errno::ENOTDIR
        );
        assert_eq!(
            stat_fd(open_below(top.as_fd(), b"", OFlag::O_RDONLY).unwrap()).unwrap().ino,
            stat_fd(&top).unwrap().ino
        );
    }
}
