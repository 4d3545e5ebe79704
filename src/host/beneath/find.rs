//! How a path is resolved beneath a directory: by openat2(2), or one name at a time where the
//! kernel does not have it.
//!
//! Symbolic links are followed as a program sees them that has changed its root (chroot(2)) to that
//! directory: an absolute link begins at the directory, and `..` stops there. Everything found is a
//! descriptor (`O_PATH`), so what is renamed or replaced afterwards does not change what the
//! descriptor stands for, and nothing has been opened yet: no FIFO waits, no device reacts.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::Mode;

use crate::host::fs_calls::{Errno, Kind, Sys, stat_fd};

/// How many links are followed before it is called a loop, as the kernel does (path_resolution(7)).
pub const MAX_LINKS: usize = 40;

const PATH_ONLY: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// Opens `path` beneath `top`, links followed. `by_name`: without openat2(2), as where
/// the kernel does not have it (before Linux 5.6) or a container forbids it. Both ways find the
/// same.
///
/// Nothing in `closed` is touched: paths beneath `top` without the first `/`.
///
/// # Errors
/// The kernel's; ELOOP where links lead in a circle, EXDEV where the path leads to what is closed.
pub fn find(top: BorrowedFd<'_>, path: &Path, by_name: bool, closed: &[PathBuf]) -> Sys<OwnedFd> {
    if !by_name && closed.is_empty() {
        let relative = relative(path);
        let flags = OpenHow::new()
            .flags(PATH_ONLY)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        match openat2(top, &relative, flags) {
            // EAGAIN: something was renamed meanwhile and the path has a `..`. ENAMETOOLONG: it
            // does not fit into one call.
            Err(Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN | Errno::ENAMETOOLONG) => {}
            other => return other,
        }
    }
    match walk(top, path, false, closed)? {
        (Some(fd), _) => Ok(fd),
        (None, _) => Err(Errno::ENOENT),
    }
}

/// Where `path` leads, as a path without links beneath `top`. What does not exist is taken as it is
/// written.
///
/// # Errors
/// As [`find`].
pub fn leads_to(top: BorrowedFd<'_>, path: &Path, closed: &[PathBuf]) -> Sys<PathBuf> {
    walk(top, path, true, closed).map(|(_, names)| names)
}

/// Goes down name by name. A link is never followed by the kernel: its text is read and its names
/// are gone down as well.
fn walk(
    top: BorrowedFd<'_>,
    path: &Path,
    missing_is_fine: bool,
    closed: &[PathBuf],
) -> Sys<(Option<OwnedFd>, PathBuf)> {
    // `..` goes back to a descriptor that was passed, wherever that directory has been moved
    // meanwhile.
    let mut passed: Vec<(OwnedFd, OsString)> = vec![];
    let mut todo = names(path);
    let mut followed = 0;
    while let Some(name) = todo.pop() {
        if name == ".." {
            passed.pop();
            continue;
        }
        let at = passed.last().map_or(top, |(fd, _)| fd.as_fd());
        if !closed.is_empty() && closed.contains(&written(&passed).join(&name)) {
            return Err(Errno::EXDEV);
        }
        let fd = match openat(at, name.as_os_str(), PATH_ONLY | OFlag::O_NOFOLLOW, Mode::empty()) {
            Err(Errno::ENOENT) if missing_is_fine => {
                let begun = written(&passed).join(&name);
                return Ok((None, todo.iter().rev().fold(begun, appended)));
            }
            other => other?,
        };
        if stat_fd(&fd)?.kind() == Some(Kind::Symlink) {
            followed += 1;
            if followed > MAX_LINKS {
                return Err(Errno::ELOOP);
            }
            let target = PathBuf::from(readlinkat(&fd, c"")?);
            if target.is_absolute() {
                passed.clear();
            }
            todo.extend(names(&target));
            continue;
        }
        // A name below something that is no directory: the next openat says ENOTDIR; `..` must say
        // it here.
        if todo.last().is_some_and(|next| next == "..")
            && stat_fd(&fd)?.kind() != Some(Kind::Directory)
        {
            return Err(Errno::ENOTDIR);
        }
        passed.push((fd, name));
    }
    let names = written(&passed);
    match passed.pop() {
        Some((fd, _)) => Ok((Some(fd), names)),
        None => {
            Ok((Some(openat(top, c".", PATH_ONLY | OFlag::O_DIRECTORY, Mode::empty())?), names))
        }
    }
}

fn written(passed: &[(OwnedFd, OsString)]) -> PathBuf {
    passed.iter().map(|(_, name)| name).collect()
}

fn appended(mut path: PathBuf, name: &OsString) -> PathBuf {
    if name == ".." {
        path.pop();
    } else {
        path.push(name);
    }
    path
}

/// The names of a path, the last first; `..` stays.
fn names(path: &Path) -> Vec<OsString> {
    let all = path.components().filter_map(|c| match c {
        Component::Normal(n) => Some(n.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    let mut all: Vec<OsString> = all.collect();
    all.reverse();
    all
}

/// A path for a call that wants one that does not begin with `/`.
pub fn relative(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let begin = bytes.iter().take_while(|b| **b == b'/').count();
    match &bytes[begin..] {
        b"" => PathBuf::from("."),
        rest => PathBuf::from(std::ffi::OsStr::from_bytes(rest)),
    }
}
