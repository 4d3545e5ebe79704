//! Open directories of the target, in which members are made.
//!
//! Only the reading thread opens directories and makes them; the writers get them open. They are
//! opened below the root under the kernel's own rules (no symbolic link on the way, nothing above
//! the root), and stay private and without anything that new entries would inherit until the end.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::host::attrs::{self, AttrTarget, flag};
use crate::host::fs_calls::{self, Errno, Kind, Stat, Sys};
use crate::host::make;
use crate::tree::dir::DIRECTORY;
use crate::tree::dir::join;
use crate::tree::metadata::{DEFAULT_ACL, FileSystem, Metadata, PRIVATE, make_private};

/// Directories that are kept open for what comes next.
const MAX_OPEN: usize = 64;

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    pub fd: OwnedFd,
    /// Relative to the root.
    pub path: Vec<u8>,
    pub system: Arc<FileSystem>,
}

impl Dir {
    /// The path of an entry.
    pub fn path_of(&self, name: &CStr) -> Vec<u8> {
        join(&self.path, name)
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Why a directory could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// This path is something else: a symbolic link, a file.
    NotADirectory(Vec<u8>, Option<Kind>),
    Kernel(Errno),
}

impl From<Errno> for OpenError {
    fn from(e: Errno) -> Self {
        Self::Kernel(e)
    }
}

/// Called for a directory whose metadata is to be set at the end.
pub type Defer<'a> = &'a mut dyn FnMut(&[u8], Metadata) -> Sys<()>;

/// The directories that are open, and the file systems that they are in.
pub struct OpenDirs {
    root: Arc<Dir>,
    open: HashMap<Vec<u8>, (Arc<Dir>, u64)>,
    clock: u64,
    systems: Vec<Arc<FileSystem>>,
}

impl OpenDirs {
    /// Begins with the root. What it had is given to `defer`.
    pub fn new(root: OwnedFd, defer: Defer<'_>) -> Sys<Self> {
        let stat = fs_calls::stat_fd(&root)?;
        let mut systems = vec![];
        let system = file_system_of(&mut systems, &root, stat.dev)?;
        let root = Arc::new(Dir { fd: root, path: vec![], system });
        prepare(&root, &stat, Some(defer))?;
        Ok(Self { root, open: HashMap::new(), clock: 0, systems })
    }

    /// The file systems that were found so far.
    pub fn file_systems(&self) -> &[Arc<FileSystem>] {
        &self.systems
    }

    /// A directory that is open already.
    pub fn cached(&mut self, path: &[u8]) -> Option<Arc<Dir>> {
        if path.is_empty() {
            return Some(Arc::clone(&self.root));
        }
        self.clock += 1;
        let (dir, used) = self.open.get_mut(path)?;
        *used = self.clock;
        Some(Arc::clone(dir))
    }

    /// Something else takes the place of `path`.
    pub fn close(&mut self, path: &[u8]) {
        self.open.remove(path);
    }

    /// Opens a directory that must be there.
    pub fn existing(&mut self, path: &[u8]) -> Sys<Arc<Dir>> {
        if let Some(dir) = self.cached(path) {
            return Ok(dir);
        }
        let fd = fs_calls::open_below(self.root.as_fd(), path, DIRECTORY)?;
        let dev = fs_calls::stat_fd(&fd)?.dev;
        Ok(Arc::new(Dir {
            system: file_system_of(&mut self.systems, &fd, dev)?,
            fd,
            path: path.to_vec(),
        }))
    }

    /// Opens a directory to make things in it; what is missing of the way is made (root's, 755).
    pub fn parent(&mut self, path: &[u8], defer: Defer<'_>) -> Result<Arc<Dir>, OpenError> {
        if let Some(dir) = self.cached(path) {
            return Ok(dir);
        }
        match fs_calls::open_below(self.root.as_fd(), path, DIRECTORY) {
            Ok(fd) => Ok(self.adopt(fd, path, Some(defer))?),
            Err(Errno::ENOENT | Errno::ELOOP | Errno::ENOTDIR) => self.walk(path, defer),
            Err(e) => Err(e.into()),
        }
    }

    /// From the root on, one component after the other.
    fn walk(&mut self, path: &[u8], defer: Defer<'_>) -> Result<Arc<Dir>, OpenError> {
        let mut at = Arc::clone(&self.root);
        for part in path.split(|b| *b == b'/') {
            let name = CString::new(part).map_err(|_| Errno::EINVAL)?;
            let here = at.path_of(&name);
            let made = match make::create_directory(&at, &name, PRIVATE) {
                Ok(()) => true,
                Err(Errno::EEXIST) => false,
                Err(e) => return Err(e.into()),
            };
            let fd = match make::open_directory(&at, &name) {
                Err(Errno::ELOOP | Errno::ENOTDIR) => {
                    let kind = fs_calls::stat_at(&at, &name).ok().and_then(|s| s.kind());
                    return Err(OpenError::NotADirectory(here, kind));
                }
                other => other?,
            };
            if made {
                defer(&here, Metadata { mode: 0o755, ..Metadata::default() })?;
            }
            at = self.adopt(fd, &here, Some(&mut *defer))?;
        }
        Ok(at)
    }

    /// Keeps an open directory, private from now on. With `defer` what it was before comes back at
    /// the end.
    pub fn adopt(&mut self, fd: OwnedFd, path: &[u8], defer: Option<Defer<'_>>) -> Sys<Arc<Dir>> {
        let stat = fs_calls::stat_fd(&fd)?;
        let dir = Arc::new(Dir {
            system: file_system_of(&mut self.systems, &fd, stat.dev)?,
            fd,
            path: path.to_vec(),
        });
        prepare(&dir, &stat, defer)?;
        if self.open.len() >= MAX_OPEN
            && let Some(oldest) =
                self.open.iter().min_by_key(|(_, (_, used))| *used).map(|(p, _)| p.clone())
        {
            self.open.remove(&oldest);
        }
        self.clock += 1;
        self.open.insert(path.to_vec(), (Arc::clone(&dir), self.clock));
        Ok(dir)
    }
}

/// The file system of an open directory on device `dev`.
fn file_system_of(
    systems: &mut Vec<Arc<FileSystem>>,
    fd: &OwnedFd,
    dev: u64,
) -> Sys<Arc<FileSystem>> {
    if let Some(system) = systems.iter().find(|s| s.dev == dev) {
        return Ok(Arc::clone(system));
    }
    let system = Arc::new(FileSystem::of_directory(fd)?);
    systems.push(Arc::clone(&system));
    Ok(system)
}

/// Removes from an existing directory what its new entries would inherit, and closes it to others
/// until the end; `defer` gets what it had.
fn prepare(dir: &Dir, stat: &Stat, defer: Option<Defer<'_>>) -> Sys<()> {
    // A directory that this restore made, or has prepared before, already is so.
    if dir.system.is_private(stat) {
        return Ok(());
    }
    if let Some(defer) = defer {
        let acl = attrs::value(AttrTarget::File(dir.as_fd()), DEFAULT_ACL)
            .ok()
            .map(|v| (DEFAULT_ACL.to_owned(), v));
        let metadata = Metadata {
            xattrs: acl.into_iter().collect(),
            flags: attrs::flags(dir) & flag::MASK,
            mtime: None,
            atime: None,
            ..Metadata::from_stat(stat)
        };
        defer(&dir.path, metadata)?;
    }
    make_private(dir)
}
