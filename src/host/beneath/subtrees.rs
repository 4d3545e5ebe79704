//! Whole trees beneath a root: walked, removed, copied, without following a link; and directories
//! to mount on.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::root::{Beneath, DIRECTORY, PathAt, beside, entries, remove_name, through};
use crate::host::fs_calls::{self, Errno, Kind, Stat, Sys, stat_at, stat_fd};
use crate::host::make;

/// How deep a tree is walked, removed or copied: one descriptor is held for each directory on the
/// way down.
const MAX_DEPTH: usize = 500;

/// A directory that is held open.
#[derive(Debug)]
pub struct Directory {
    dir: OwnedFd,
}

impl Directory {
    /// A path that leads to the open directory itself, for the programs that this process runs, and
    /// for walking it. It is good as long as this value lives. It ends with `/.`, as the call
    /// behind mount(8) does not follow a link in the last name.
    pub fn path(&self) -> PathBuf {
        through(&self.dir).join(".")
    }

    /// The open directory.
    pub fn fd(&self) -> &OwnedFd {
        &self.dir
    }
}

/// Why a directory cannot be mounted on.
#[derive(Debug)]
pub enum Unfit {
    /// A name on the way is a link (as seen inside), and what it says.
    Link(PathBuf, PathBuf),
    Other(PathBuf, Errno),
}

impl Beneath {
    /// The directory `inner`, reached without a link; names that are missing are made with `make`.
    ///
    /// # Errors
    /// The name on the way that is a link, or no directory.
    pub fn mount_point(&self, inner: &Path, make: bool) -> Result<Directory, Unfit> {
        let fail = |at: &Path, e| Unfit::Other(Path::new("/").join(at), e);
        let mut dir =
            openat(&self.top, c".", DIRECTORY, Mode::empty()).map_err(|e| fail(inner, e))?;
        let mut at = PathBuf::new();
        for part in inner.components() {
            let Component::Normal(name) = part else {
                if part == Component::RootDir {
                    continue;
                }
                return Err(fail(inner, Errno::EINVAL));
            };
            at.push(name);
            let open = |dir: &OwnedFd| openat(dir, name, DIRECTORY, Mode::empty());
            dir = match open(&dir) {
                Err(Errno::ENOENT) if make => {
                    let name =
                        CString::new(name.as_bytes()).map_err(|_| fail(&at, Errno::EINVAL))?;
                    make::create_directory(&dir, &name, 0o755).map_err(|e| fail(&at, e))?;
                    open(&dir).map_err(|e| fail(&at, e))?
                }
                // O_DIRECTORY with O_NOFOLLOW says ENOTDIR of a link.
                Err(e) => {
                    let target = nix::fcntl::readlinkat(&dir, name).map(PathBuf::from);
                    return Err(target.map_or_else(
                        |_| fail(&at, e),
                        |t| Unfit::Link(Path::new("/").join(&at), t),
                    ));
                }
                Ok(next) => next,
            };
        }
        Ok(Directory { dir })
    }

    /// Holds the directory `inner` open, links on the way followed. What is in it is named by
    /// [`Directory::path`], and may be links.
    ///
    /// # Errors
    /// If it is no directory.
    pub fn directory(&self, inner: impl AsRef<Path>) -> Result<Directory> {
        let open = self.find(&inner).and_then(|fd| openat(&fd, c".", DIRECTORY, Mode::empty()));
        Ok(Directory {
            dir: open.with_context(|| format!("opening {}", self.shown(&inner).display()))?,
        })
    }

    /// Everything beneath the directory `inner`, by name, what a directory holds before itself;
    /// links on the way to `inner` are followed, those in it are not. Paths are as seen inside,
    /// without links and without the first `/`. A missing directory has nothing in it.
    ///
    /// # Errors
    /// If a directory cannot be read.
    pub fn walk(&self, inner: impl AsRef<Path>) -> Result<Vec<(PathBuf, Kind)>> {
        let top = self.leads_to(&inner)?;
        let top = top.strip_prefix("/").unwrap_or(&top);
        let mut found = vec![];
        if self.is_dir(top) {
            self.walk_into(top, &mut found)?;
        }
        Ok(found)
    }

    fn walk_into(&self, dir: &Path, found: &mut Vec<(PathBuf, Kind)>) -> Result<()> {
        if dir.components().count() > MAX_DEPTH {
            return Err(Errno::ENAMETOOLONG)
                .with_context(|| format!("reading {}", self.shown(dir).display()));
        }
        let open = fs_calls::open_below(
            self.top.as_fd(),
            dir.as_os_str().as_bytes(),
            OFlag::O_RDONLY | OFlag::O_DIRECTORY,
        );
        let list = open
            .and_then(|fd| entries(&fd))
            .with_context(|| format!("reading {}", self.shown(dir).display()))?;
        for entry in list {
            let path = dir.join(&entry.name);
            if self.closed.contains(&path) {
                continue;
            }
            if entry.kind == Kind::Directory {
                self.walk_into(&path, found)?;
            }
            found.push((path, entry.kind));
        }
        Ok(())
    }

    /// Regular files beneath `inner`, as [`Beneath::walk`] finds them.
    ///
    /// # Errors
    /// If a directory cannot be read.
    pub fn files(&self, inner: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        Ok(self
            .walk(inner)?
            .into_iter()
            .filter(|(_, kind)| *kind == Kind::Regular)
            .map(|(path, _)| path)
            .collect())
    }

    /// Removes what is called `inner` with all that it holds: a link itself, and nothing of another
    /// file system that is mounted in it. That it is not there is no error.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn remove_tree(&self, inner: impl AsRef<Path>) -> Result<()> {
        match self.name(inner.as_ref()).and_then(|at| remove_tree(&at.dir, &at.name, 0)) {
            Err(Errno::ENOENT) => Ok(()),
            other => other.with_context(|| format!("removing {}", self.shown(&inner).display())),
        }
    }

    /// Puts a file or a whole directory of the running system in the place of what has the same
    /// path here. `make` copies it from the path that it is given to another, where nothing is;
    /// what was in its place stays until that has gone well.
    ///
    /// # Errors
    /// Those of `make`; if directories above cannot be made.
    pub fn take_in(
        &self,
        path: &Path,
        make: &mut dyn FnMut(&Path, &Path) -> Result<()>,
    ) -> Result<()> {
        self.make_directories(path.parent().unwrap_or(Path::new("/")))?;
        let naming = || format!("replacing {}", self.shown(path).display());
        let at = self.name(path).with_context(naming)?;
        let new = PathAt { name: beside(&at.name), dir: at.dir };
        let gone = |name: &CString| match remove_tree(&new.dir, name, 0) {
            Err(Errno::ENOENT) => Ok(()),
            other => other,
        };
        gone(&new.name).with_context(naming)?;
        let done = make(path, &new.path()).and_then(|()| {
            let put = || -> Sys<()> {
                gone(&at.name)?;
                make::rename(&new.dir, &new.name, &new.dir, &at.name)
            };
            put().with_context(naming)
        });
        if done.is_err() {
            gone(&new.name).unwrap_or_default();
        }
        done
    }

    /// Copies directories and regular files from `from` into the directory `to` of another root,
    /// which is made if need be; what is there stays unless it has the name of a file that is
    /// copied. Times are kept, owners and modes are not (the FAT family keeps none). Returns what
    /// is neither directory nor file and was left out.
    ///
    /// # Errors
    /// The kernel's, for reading or writing.
    pub fn copy_files(
        &self,
        from: impl AsRef<Path>,
        target: &Self,
        to: impl AsRef<Path>,
    ) -> Result<Vec<PathBuf>> {
        let mut left_out = vec![];
        let copying = || {
            format!("copying {} to {}", self.shown(&from).display(), target.shown(&to).display())
        };
        let dir =
            self.find(&from).and_then(|fd| make::open_directory(fd, c".")).with_context(copying)?;
        let into = target
            .made(to.as_ref())
            .and_then(|fd| make::open_directory(fd, c"."))
            .with_context(copying)?;
        copy_files(&dir, &into, from.as_ref(), &mut left_out).with_context(copying)?;
        Ok(left_out)
    }
}

fn remove_tree(parent: &OwnedFd, name: &CString, depth: usize) -> Sys<()> {
    let stat = stat_at(parent, name)?;
    if stat.kind() != Some(Kind::Directory) {
        return make::unlink(parent, name);
    }
    if depth > MAX_DEPTH {
        return Err(Errno::ENAMETOOLONG);
    }
    let dir = make::open_directory(parent, name)?;
    // On what is mounted there rmdir(2) says EBUSY, and its files are somebody's.
    if stat_fd(&dir)?.dev == stat_fd(parent)?.dev {
        for entry in entries(&dir)? {
            let name = CString::new(entry.name.into_vec()).map_err(|_| Errno::EINVAL)?;
            remove_tree(&dir, &name, depth + 1)?;
        }
    }
    make::remove_directory(parent, name)
}

fn copy_files(
    from: &OwnedFd,
    to: &OwnedFd,
    shown: &Path,
    left_out: &mut Vec<PathBuf>,
) -> io::Result<()> {
    if shown.components().count() > MAX_DEPTH {
        return Err(Errno::ENAMETOOLONG.into());
    }
    for entry in entries(from)? {
        let at = shown.join(&entry.name);
        let name = CString::new(entry.name.into_vec())?;
        match entry.kind {
            Kind::Directory => {
                match make::create_directory(to, &name, 0o755) {
                    Err(e) if e != Errno::EEXIST => return Err(e.into()),
                    _ => {}
                }
                copy_files(
                    &make::open_directory(from, &name)?,
                    &make::open_directory(to, &name)?,
                    &at,
                    left_out,
                )?;
            }
            Kind::Regular => copy_file(from, to, &name)?,
            _ => left_out.push(at),
        }
    }
    let stat = stat_fd(from)?;
    make::set_times(to, Some(stat.atime), stat.mtime)?;
    Ok(())
}

fn copy_file(from: &OwnedFd, to: &OwnedFd, name: &CString) -> io::Result<()> {
    let mut source = make::open_file(from, name)?;
    let stat: Stat = stat_fd(&source)?;
    if stat.kind() != Some(Kind::Regular) {
        return Err(io::Error::other("a file is none any more"));
    }
    let beside = beside(name);
    remove_name(to, &beside)?;
    let mut copy = || -> io::Result<()> {
        let mut file: File = make::create_file(to, &beside, 0o644)?;
        io::copy(&mut source, &mut file)?;
        make::set_times(&file, Some(stat.atime), stat.mtime)?;
        Ok(make::rename(to, &beside, to, name)?)
    };
    let copied = copy();
    if copied.is_err() {
        remove_name(to, &beside).unwrap_or_default();
    }
    copied
}
