//! One file beneath a root: found, read, made, replaced, renamed, removed.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::find::{self, MAX_LINKS};
use crate::host::attrs::{self, AttrTarget};
use crate::host::fs_calls::{self, Errno, Kind, Stat, Sys, stat_at, stat_fd};
use crate::host::make;

/// The most bytes of a file that is read as a whole. A sparse file costs who made it nothing.
const MAX_READ: u64 = 256 << 20;

/// A directory, and what is beneath it: the root of the copy, of another system, or of the running
/// one.
#[derive(Debug)]
pub struct Beneath {
    pub(super) top: OwnedFd,
    /// Its path, for messages.
    pub(super) path: PathBuf,
    /// Paths are resolved without openat2(2), for tests.
    pub(super) by_name: bool,
    /// Paths that are never touched, without the first `/`.
    pub(super) closed: Vec<PathBuf>,
}

/// A name in an open directory: where something is, or will be made.
#[derive(Debug)]
pub struct PathAt {
    pub(super) dir: OwnedFd,
    pub(super) name: CString,
}

impl PathAt {
    /// A path for programs that are run by this process: it leads through the open directory, so no
    /// link on the way to it counts. It is good as long as this value lives.
    pub fn path(&self) -> PathBuf {
        through(&self.dir).join(std::ffi::OsStr::from_bytes(self.name.to_bytes()))
    }

    /// A new, empty file there, which only its owner may read.
    ///
    /// # Errors
    /// The kernel's; EEXIST where something has the name.
    pub fn create(&self) -> Sys<File> {
        make::create_file(&self.dir, &self.name, 0o600)
    }
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: OsString,
    pub kind: Kind,
}

/// A path that leads to an open file or directory and to nothing else, for the programs that this
/// process runs. It is good as long as `fd` is open.
pub fn through(fd: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd()))
}

/// The same for this process alone: /proc may be of another PID namespace, where this process has
/// another number.
pub fn own_path(fd: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

impl Beneath {
    /// Opens the directory `root`, which is named by whoever runs altdisk.
    ///
    /// # Errors
    /// If it is no directory.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_as(root, false)
    }

    pub(super) fn open_as(root: &Path, by_name: bool) -> Result<Self> {
        let top = open(root, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        Ok(Self {
            top: top.with_context(|| format!("opening {}", root.display()))?,
            path: root.to_owned(),
            by_name,
            closed: vec![],
        })
    }

    /// The same, but what is at these paths (links on the way to them resolved) is not even looked
    /// at: a network file system whose server is gone would be waited for. Walking leaves them out,
    /// and every other verb says that they are on another file system.
    #[must_use]
    pub fn without(mut self, closed: &[PathBuf]) -> Self {
        self.closed = closed.iter().map(|p| p.strip_prefix("/").unwrap_or(p).to_owned()).collect();
        self
    }

    /// The path of `inner` outside, for messages.
    pub fn shown(&self, inner: impl AsRef<Path>) -> PathBuf {
        let inner = inner.as_ref().strip_prefix("/").unwrap_or(inner.as_ref());
        if inner.as_os_str().is_empty() { self.path.clone() } else { self.path.join(inner) }
    }

    pub(super) fn find(&self, inner: impl AsRef<Path>) -> Sys<OwnedFd> {
        find::find(self.top.as_fd(), inner.as_ref(), self.by_name, &self.closed)
    }

    /// The metadata of `inner`, links followed.
    ///
    /// # Errors
    /// The kernel's.
    pub fn metadata(&self, inner: impl AsRef<Path>) -> Sys<Stat> {
        stat_fd(self.find(inner)?)
    }

    /// The metadata of `inner` itself, which may be a link.
    ///
    /// # Errors
    /// The kernel's.
    pub fn link_metadata(&self, inner: impl AsRef<Path>) -> Sys<Stat> {
        let Some((parent, name)) = split(inner.as_ref()) else { return self.metadata(inner) };
        stat_at(self.find(parent)?, &name)
    }

    /// True if `inner` exists, links followed.
    pub fn exists(&self, inner: impl AsRef<Path>) -> bool {
        self.find(inner).is_ok()
    }

    /// True if `inner` is a regular file or leads to one.
    pub fn is_file(&self, inner: impl AsRef<Path>) -> bool {
        self.metadata(inner).is_ok_and(|s| s.kind() == Some(Kind::Regular))
    }

    /// True if `inner` is a directory or leads to one.
    pub fn is_dir(&self, inner: impl AsRef<Path>) -> bool {
        self.metadata(inner).is_ok_and(|s| s.kind() == Some(Kind::Directory))
    }

    /// The target of the link `inner`; None if it is not a link.
    pub fn read_link(&self, inner: impl AsRef<Path>) -> Option<PathBuf> {
        let (parent, name) = split(inner.as_ref())?;
        make::read_link(self.find(parent).ok()?, &name).ok().map(PathBuf::from)
    }

    /// Where `inner` leads, as seen inside and without links. What does not exist is taken as it is
    /// written.
    ///
    /// # Errors
    /// If links lead in a circle.
    pub fn leads_to(&self, inner: impl AsRef<Path>) -> Result<PathBuf> {
        let names = find::leads_to(self.top.as_fd(), inner.as_ref(), &self.closed)
            .with_context(|| self.shown(&inner).display().to_string())?;
        Ok(Path::new("/").join(names))
    }

    /// The file system that `inner` is on: its device number and its free bytes.
    ///
    /// # Errors
    /// The kernel's.
    pub fn room(&self, inner: impl AsRef<Path>) -> Result<(u64, u64)> {
        let ask = || -> Sys<(u64, u64)> {
            let fd = self.find(&inner)?;
            let stat = nix::sys::statvfs::fstatvfs(&fd)?;
            Ok((stat_fd(&fd)?.dev, stat.blocks_available().saturating_mul(stat.fragment_size())))
        };
        ask().with_context(|| format!("looking at {}", self.shown(&inner).display()))
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// If it is not there or is something else.
    pub fn open_file(&self, inner: impl AsRef<Path>) -> io::Result<File> {
        let fd = self.find(inner)?;
        if stat_fd(&fd)?.kind() != Some(Kind::Regular) {
            return Err(io::Error::other("it is not a regular file"));
        }
        File::open(own_path(&fd))
    }

    /// The file's content; None if it does not exist.
    ///
    /// # Errors
    /// If it exists and cannot be read, or has more than [`MAX_READ`] bytes.
    pub fn read(&self, inner: impl AsRef<Path>) -> Result<Option<Vec<u8>>> {
        let reading = || format!("reading {}", self.shown(&inner).display());
        let file = match self.open_file(&inner) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(reading)?,
        };
        let mut content = vec![];
        file.take(MAX_READ + 1).read_to_end(&mut content).with_context(reading)?;
        anyhow::ensure!(
            content.len() as u64 <= MAX_READ,
            "{} is larger than any file that is read as a whole",
            self.shown(&inner).display()
        );
        Ok(Some(content))
    }

    /// The text of a file that is there and can be read.
    pub fn text(&self, inner: impl AsRef<Path>) -> Option<String> {
        String::from_utf8(self.read(inner).ok()??).ok()
    }

    /// The entries of a directory, by name; nothing where it does not exist.
    ///
    /// # Errors
    /// If it exists and cannot be read.
    pub fn read_dir(&self, inner: impl AsRef<Path>) -> Result<Vec<Entry>> {
        let reading = || format!("reading {}", self.shown(&inner).display());
        match self.find(&inner) {
            Err(Errno::ENOENT) => Ok(vec![]),
            other => {
                other.and_then(|fd| entries(&make::open_directory(fd, c".")?)).with_context(reading)
            }
        }
    }

    /// Where `inner` is or will be, links followed, the last one too, also one that leads nowhere
    /// yet.
    ///
    /// # Errors
    /// If the directory is not there, or `inner` is no name for a file.
    pub fn place(&self, inner: impl AsRef<Path>) -> Result<PathAt> {
        self.place_in(inner.as_ref(), false)
            .with_context(|| self.shown(&inner).display().to_string())
    }

    pub(super) fn place_in(&self, inner: &Path, make_parents: bool) -> Sys<PathAt> {
        let mut path = inner.to_owned();
        for _ in 0..=MAX_LINKS {
            let (parent, name) = split(&path).ok_or(Errno::EISDIR)?;
            let dir = if make_parents { self.made(parent)? } else { self.find(parent)? };
            match make::read_link(&dir, &name) {
                // An absolute target takes the place of the whole.
                Ok(target) => path = parent.join(target),
                Err(Errno::EINVAL | Errno::ENOENT) => return Ok(PathAt { dir, name }),
                Err(e) => return Err(e),
            }
        }
        Err(Errno::ELOOP)
    }

    /// The name itself, a link too; only those before it are followed.
    pub(super) fn name(&self, inner: &Path) -> Sys<PathAt> {
        let (parent, name) = split(inner).ok_or(Errno::EISDIR)?;
        Ok(PathAt { dir: self.find(parent)?, name })
    }

    /// Makes a directory and those above it that are missing.
    ///
    /// # Errors
    /// If one cannot be made.
    pub fn make_directories(&self, inner: impl AsRef<Path>) -> Result<()> {
        self.made(inner.as_ref())
            .map(drop)
            .with_context(|| format!("making {}", self.shown(&inner).display()))
    }

    pub(super) fn made(&self, inner: &Path) -> Sys<OwnedFd> {
        match self.find(inner) {
            // A link that leads nowhere: the directory is made where it leads.
            Err(Errno::ENOENT) => {
                let place = self.place_in(inner, true)?;
                match make::create_directory(&place.dir, &place.name, 0o755) {
                    Err(e) if e != Errno::EEXIST => return Err(e),
                    _ => {}
                }
                openat(&place.dir, place.name.as_c_str(), DIRECTORY, Mode::empty())
            }
            found => {
                let found = found?;
                if stat_fd(&found)?.kind() == Some(Kind::Directory) {
                    Ok(found)
                } else {
                    Err(Errno::ENOTDIR)
                }
            }
        }
    }

    /// Replaces `inner` by `content` at once and durably; missing directories are made. Owner, mode
    /// and extended attributes of an existing file are kept; a new one gets `mode`.
    ///
    /// # Errors
    /// If it cannot be written; the old file is then as it was.
    pub fn replace(&self, inner: impl AsRef<Path>, content: &[u8], mode: u32) -> Result<()> {
        let write =
            || -> io::Result<()> { replace(&self.place_in(inner.as_ref(), true)?, content, mode) };
        write().with_context(|| format!("writing {}", self.shown(&inner).display()))
    }

    /// Writes a new file with exactly this mode.
    ///
    /// # Errors
    /// If it cannot be written, or something is there already (a link too).
    pub fn create(&self, inner: impl AsRef<Path>, content: &[u8], mode: u32) -> Result<()> {
        let write = || -> io::Result<()> {
            let place = self.name(inner.as_ref())?;
            let mut file = place.create()?;
            make::set_permissions(&file, mode)?;
            file.write_all(content)
        };
        write().with_context(|| format!("writing {}", self.shown(&inner).display()))
    }

    /// Opens a new file for writing, in place of what has its name.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create_file(&self, inner: impl AsRef<Path>, mode: u32) -> Result<File> {
        self.remove(&inner)?;
        let make = || -> Sys<File> {
            let file = self.name(inner.as_ref())?.create()?;
            make::set_permissions(&file, mode).map(|()| file)
        };
        make().with_context(|| format!("making {}", self.shown(&inner).display()))
    }

    /// Removes a name: a file, or a link itself. That it is not there is no error.
    ///
    /// # Errors
    /// If it is there and cannot be removed.
    pub fn remove(&self, inner: impl AsRef<Path>) -> Result<()> {
        match self.name(inner.as_ref()).and_then(|at| make::unlink(&at.dir, &at.name)) {
            Err(Errno::ENOENT) => Ok(()),
            other => other.with_context(|| format!("removing {}", self.shown(&inner).display())),
        }
    }

    /// Removes an empty directory. That it is not there is no error.
    ///
    /// # Errors
    /// If it is there and cannot be removed.
    pub fn remove_directory(&self, inner: impl AsRef<Path>) -> Result<()> {
        match self.name(inner.as_ref()).and_then(|at| make::remove_directory(&at.dir, &at.name)) {
            Err(Errno::ENOENT) => Ok(()),
            other => other.with_context(|| format!("removing {}", self.shown(&inner).display())),
        }
    }

    /// Gives what is called `inner` another name in the same directory.
    ///
    /// # Errors
    /// The kernel's.
    pub fn rename(&self, inner: impl AsRef<Path>, name: &str) -> Result<()> {
        let rename = || -> Sys<()> {
            let at = self.name(inner.as_ref())?;
            let new = CString::new(name)
                .ok()
                .filter(|n| !n.as_bytes().contains(&b'/'))
                .ok_or(Errno::EINVAL)?;
            make::rename(&at.dir, &at.name, &at.dir, &new)
        };
        rename().with_context(|| format!("renaming {}", self.shown(&inner).display()))
    }

    /// Makes a link that says `target`.
    ///
    /// # Errors
    /// The kernel's; EEXIST where something has the name.
    pub fn symlink(&self, target: impl Into<OsString>, inner: impl AsRef<Path>) -> Result<()> {
        let link = self
            .name(inner.as_ref())
            .and_then(|at| make::symlink(&at.dir, &at.name, &target.into()));
        link.with_context(|| format!("linking {}", self.shown(&inner).display()))
    }

    /// Gives a file or directory a mode.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_mode(&self, inner: impl AsRef<Path>, mode: u32) -> Result<()> {
        let fd = self
            .find(&inner)
            .with_context(|| format!("setting the mode of {}", self.shown(&inner).display()))?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(own_path(&fd), permissions)
            .with_context(|| format!("setting the mode of {}", self.shown(&inner).display()))
    }
}

/// How to open a directory by its name, which must not be a link.
pub const DIRECTORY: OFlag =
    OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// The directory of a path and its last name; None for what has none (`/`, `a/..`).
fn split(path: &Path) -> Option<(&Path, CString)> {
    let name = CString::new(path.file_name()?.as_bytes()).ok()?;
    Some((path.parent().unwrap_or(Path::new("")), name))
}

/// The entries of an open directory, by name, with their kinds.
pub fn entries(dir: &OwnedFd) -> Sys<Vec<Entry>> {
    let (mut all, mut buffer) = (vec![], vec![0; 1 << 16]);
    while let Some(some) = fs_calls::list(dir, &mut buffer)? {
        for entry in some {
            let kind = match entry.kind {
                Some(kind) => Some(kind),
                None => stat_at(dir, &entry.name)?.kind(),
            };
            all.extend(
                kind.map(|kind| Entry { name: OsString::from_vec(entry.name.into_bytes()), kind }),
            );
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Written beside, flushed, renamed.
fn replace(at: &PathAt, content: &[u8], mode: u32) -> io::Result<()> {
    let old = stat_at(&at.dir, &at.name).ok().filter(|s| s.kind() == Some(Kind::Regular));
    let beside = beside(&at.name);
    // Left by a power cut, or put there by somebody else: neither is written to.
    remove_name(&at.dir, &beside)?;
    let write = || -> io::Result<()> {
        let mut file = make::create_file(&at.dir, &beside, 0o600)?;
        if let Some(old) = &old {
            make::set_owner(&file, old.uid, old.gid)?;
        }
        make::set_permissions(&file, old.as_ref().map_or(mode, Stat::permissions))?;
        if old.is_some() {
            let from = AttrTarget::Name(at.dir.as_fd(), &at.name);
            for attribute in attrs::names(from).unwrap_or_default() {
                attrs::set(
                    AttrTarget::File(file.as_fd()),
                    &attribute,
                    &attrs::value(from, &attribute)?,
                )?;
            }
        }
        file.write_all(content)?;
        file.sync_all()?;
        make::rename(&at.dir, &beside, &at.dir, &at.name)?;
        File::from(make::open_directory(&at.dir, c".")?).sync_all()
    };
    let written = write();
    if written.is_err() {
        remove_name(&at.dir, &beside).unwrap_or_default();
    }
    written
}

/// The name of a file until it is complete.
pub fn beside(name: &CString) -> CString {
    let full = [b".".as_slice(), name.as_bytes(), b".altdisk-new"].concat();
    CString::new(full).unwrap_or_else(|_| name.clone())
}

/// Removes a name other than a directory's; that it is not there is no error.
pub fn remove_name(dir: &OwnedFd, name: &CString) -> Sys<()> {
    match make::unlink(dir, name) {
        Err(e) if e != Errno::ENOENT => Err(e),
        _ => Ok(()),
    }
}
