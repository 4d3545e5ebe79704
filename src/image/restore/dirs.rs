//! Open directories of the target: where members are made.
//!
//! Only the reading thread opens directories and makes them; the writers get them open. They are
//! opened below the root by the kernel's own rules (no symbolic link on the way, nothing above the
//! root), and stay private and without anything that new entries would inherit until the end.

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::fcntl::OFlag;
use nix::unistd::{getegid, geteuid};

use super::meta::{Meta, PRIVATE};
use crate::host::attrs::{self, Of, flag};
use crate::host::make;
use crate::host::tree::{self, Errno, Kind, Stat, Sys, errno};

pub const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);

/// Directories that are kept open for what comes next.
const KEPT: usize = 64;

const DEFAULT_ACL: &std::ffi::CStr = c"system.posix_acl_default";

/// A file system that is written to.
#[derive(Debug)]
pub struct System {
    pub dev: u64,
    /// Whether it keeps owners and permissions (vfat does not, and nobody expects it).
    pub owners: bool,
    /// Any directory of it, to sync by.
    pub top: OwnedFd,
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    pub fd: OwnedFd,
    /// Relative to the root.
    pub path: Vec<u8>,
    pub system: Arc<System>,
}

impl Dir {
    /// The path of an entry.
    pub fn path_of(&self, name: &[u8]) -> Vec<u8> {
        if self.path.is_empty() {
            name.to_vec()
        } else {
            [self.path.as_slice(), b"/", name].concat()
        }
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Why a directory could not be opened.
#[derive(Debug)]
pub enum Trouble {
    /// This path is something else: a symbolic link, a file.
    NotADirectory(Vec<u8>, Option<Kind>),
    Kernel(Errno),
}

impl From<Errno> for Trouble {
    fn from(e: Errno) -> Self {
        Self::Kernel(e)
    }
}

/// A directory whose metadata is to be set at the end.
pub type Later<'a> = &'a mut dyn FnMut(&[u8], Meta) -> Sys<()>;

/// The directories that are open, and the file systems that they are in.
pub struct Dirs {
    root: Arc<Dir>,
    open: HashMap<Vec<u8>, (Arc<Dir>, u64)>,
    clock: u64,
    systems: Vec<Arc<System>>,
}

impl Dirs {
    /// Begins with the root. What it had is given to `later`.
    pub fn new(root: OwnedFd, later: Later<'_>) -> Sys<Self> {
        let stat = tree::stat_fd(&root)?;
        let mut systems = vec![];
        let system = system_of(&mut systems, &root, stat.dev)?;
        let root = Arc::new(Dir { fd: root, path: vec![], system });
        neutral(&root, &stat, Some(later))?;
        Ok(Self { root, open: HashMap::new(), clock: 0, systems })
    }

    /// The file systems that were met so far.
    pub fn systems(&self) -> &[Arc<System>] {
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

    /// Something else comes into the place of `path`.
    pub fn forget(&mut self, path: &[u8]) {
        self.open.remove(path);
    }

    /// Opens a directory that must be there.
    pub fn existing(&mut self, path: &[u8]) -> Sys<Arc<Dir>> {
        if let Some(dir) = self.cached(path) {
            return Ok(dir);
        }
        let fd = tree::open_below(self.root.as_fd(), path, DIRECTORY)?;
        let dev = tree::stat_fd(&fd)?.dev;
        Ok(Arc::new(Dir {
            system: system_of(&mut self.systems, &fd, dev)?,
            fd,
            path: path.to_vec(),
        }))
    }

    /// Opens a directory to make things in it; what is missing of the way is made (root's, 755).
    pub fn parent(&mut self, path: &[u8], later: Later<'_>) -> Result<Arc<Dir>, Trouble> {
        if let Some(dir) = self.cached(path) {
            return Ok(dir);
        }
        match tree::open_below(self.root.as_fd(), path, DIRECTORY) {
            Ok(fd) => Ok(self.adopt(fd, path, Some(later))?),
            Err(Errno::ENOENT | Errno::ELOOP | Errno::ENOTDIR) => self.walk(path, later),
            Err(e) => Err(e.into()),
        }
    }

    /// From the root on, one component after the other.
    fn walk(&mut self, path: &[u8], later: Later<'_>) -> Result<Arc<Dir>, Trouble> {
        let mut at = Arc::clone(&self.root);
        for part in path.split(|b| *b == b'/') {
            let name = CString::new(part).map_err(|_| Errno::EINVAL)?;
            let here = at.path_of(part);
            let made = match make::directory(&at, &name, PRIVATE) {
                Ok(()) => true,
                Err(Errno::EEXIST) => false,
                Err(e) => return Err(e.into()),
            };
            let fd = match make::open_directory(&at, &name) {
                Err(Errno::ELOOP | Errno::ENOTDIR) => {
                    let kind = tree::stat_at(&at, &name).ok().and_then(|s| s.kind());
                    return Err(Trouble::NotADirectory(here, kind));
                }
                other => other?,
            };
            if made {
                later(&here, Meta { mode: 0o755, ..Meta::default() })?;
            }
            at = self.adopt(fd, &here, Some(&mut *later))?;
        }
        Ok(at)
    }

    /// Keeps an open directory, private from now on. With `later` what it was before comes back at
    /// the end.
    pub fn adopt(&mut self, fd: OwnedFd, path: &[u8], later: Option<Later<'_>>) -> Sys<Arc<Dir>> {
        let stat = tree::stat_fd(&fd)?;
        let dir = Arc::new(Dir {
            system: system_of(&mut self.systems, &fd, stat.dev)?,
            fd,
            path: path.to_vec(),
        });
        neutral(&dir, &stat, later)?;
        if self.open.len() >= KEPT
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

fn system_of(systems: &mut Vec<Arc<System>>, fd: &OwnedFd, dev: u64) -> Sys<Arc<System>> {
    if let Some(system) = systems.iter().find(|s| s.dev == dev) {
        return Ok(Arc::clone(system));
    }
    let top = fd.try_clone().map_err(|e| errno(&e))?;
    let system = Arc::new(System { dev, owners: make::keeps_owners(fd), top });
    systems.push(Arc::clone(&system));
    Ok(system)
}

/// Takes from a directory that was there before what its new entries would inherit (group, default
/// ACL, flags), and shuts it for others.
fn neutral(dir: &Dir, stat: &Stat, later: Option<Later<'_>>) -> Sys<()> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    // What this restore made, or has made so before, is so.
    if !dir.system.owners || (stat.permissions(), stat.uid, stat.gid) == (PRIVATE, uid, gid) {
        return Ok(());
    }
    let now = attrs::flags(dir);
    if let Some(later) = later {
        let acl = attrs::value(Of::File(dir.as_fd()), DEFAULT_ACL)
            .ok()
            .map(|v| (DEFAULT_ACL.to_owned(), v));
        let meta = Meta {
            mode: stat.permissions(),
            uid: stat.uid,
            gid: stat.gid,
            xattrs: acl.into_iter().collect(),
            flags: now & flag::MASK,
            ..Meta::default()
        };
        later(&dir.path, meta)?;
    }
    if now & flag::MASK != 0 {
        attrs::put_flags(dir, now & !flag::MASK)?;
    }
    // Who is not root keeps what there is, as far as it goes.
    match make::own(dir, &Stat { uid, gid, ..Stat::default() }) {
        Err(Errno::EPERM) => {}
        other => other?,
    }
    make::permit(dir, PRIVATE)?;
    attrs::remove(dir, DEFAULT_ACL)
}
