//! One walk over a file system that can hold protected files: encrypted directories (and whether
//! they are locked), files with checksums, directories that fold case. What the exclude list takes
//! is not looked at.

use std::ffi::CStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use anyhow::Result;
use nix::fcntl::OFlag;

use crate::host::attrs::{self, flag};
use crate::host::fs_calls::{self, Entry, Errno, Kind, Sys};
use crate::host::make;
use crate::host::protect::{self, ENCRYPTED, VERITY, Verity};
use crate::image::create::Tree;
use crate::text::path::show_path;
use crate::tree::Excludes;
use crate::tree::dir::join;
use crate::tree::filter::ExcludeFilter;
use crate::tree::report::absolute_path;

const LISTING: usize = 32 << 10;

/// Protections that a file system supports: these are searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub encryption: bool,
    pub verity: bool,
    pub casefold: bool,
}

/// Protected files, as full paths in the running system. Of nested directories only the topmost is
/// listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub encrypted: Vec<String>,
    /// Those that lie in no encrypted directory: they were moved out of one.
    pub encrypted_files: Vec<String>,
    /// The first encrypted directory (with a / at its end) or file without its key.
    pub locked: Option<String>,
    pub verity: Vec<String>,
    /// Files with checksums of which this kernel does not tell how they are made.
    pub opaque: Vec<String>,
    pub casefold: Vec<String>,
}

/// A directory that waits to be listed.
struct Waiting {
    path: Vec<u8>,
    encrypted: bool,
    casefold: bool,
}

/// Looks through a tree; what cannot be read is found again, and said, when it is copied.
///
/// # Errors
/// The kernel's, where the tree's top cannot be read.
pub fn walk(tree_: &Tree, wanted: Wanted, excludes: &Excludes) -> Result<Found> {
    let top = fs_calls::stat_fd(&tree_.source)?;
    let excludes = excludes.with_zero_counts();
    let filter = ExcludeFilter::new(&excludes, tree_.source.as_fd(), top.dev, &tree_.prefix);
    let mut walk = Walk {
        tree: tree_,
        wanted,
        filter,
        dev: top.dev,
        found: Found::default(),
        buffer: vec![0; LISTING],
    };
    let mut waiting = vec![Waiting { path: vec![], encrypted: false, casefold: false }];
    while let Some(next) = waiting.pop() {
        let _ = walk.directory(&next, &mut waiting);
        if walk.found.locked.is_some() {
            break;
        }
    }
    Ok(walk.found)
}

struct Walk<'a> {
    tree: &'a Tree,
    wanted: Wanted,
    filter: ExcludeFilter<'a>,
    dev: u64,
    found: Found,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    fn shown(&self, path: &[u8]) -> String {
        show_path(&absolute_path(self.tree.prefix.as_os_str().as_bytes(), path))
    }

    fn directory(&mut self, this: &Waiting, waiting: &mut Vec<Waiting>) -> Sys<()> {
        let dir = fs_calls::open_below(
            self.tree.source.as_fd(),
            &this.path,
            OFlag::O_RDONLY | OFlag::O_DIRECTORY,
        )?;
        let stat = fs_calls::stat_fd(&dir)?;
        if stat.dev != self.dev {
            return Ok(());
        }
        let mut encrypted = this.encrypted;
        let mut casefold = this.casefold;
        if self.wanted.casefold && !casefold && attrs::flags(&dir) & flag::CASEFOLD != 0 {
            casefold = true;
            self.found.casefold.push(self.shown(&this.path));
        }
        while let Some(entries) = fs_calls::list(&dir, &mut self.buffer)? {
            for entry in entries {
                let path = join(&this.path, &entry.name);
                let Some(kind) = self.taken(&dir, &entry, &path)? else { continue };
                // A directory with nothing in it that is copied has nothing to lose.
                if !encrypted && stat.attributes & ENCRYPTED != 0 {
                    encrypted = true;
                    self.found.encrypted.push(self.shown(&this.path));
                }
                if encrypted
                    && (protect::is_key_absent(&dir)
                        || (kind == Kind::Regular && is_locked(&dir, &entry.name)))
                {
                    let shown = self.shown(&path);
                    let above =
                        self.found.encrypted.iter().find(|e| {
                            shown.strip_prefix(*e).is_some_and(|rest| rest.starts_with('/'))
                        });
                    self.found.locked = Some(format!("{}/", above.unwrap_or(&shown)));
                    return Ok(());
                }
                match kind {
                    Kind::Directory => waiting.push(Waiting { path, encrypted, casefold }),
                    Kind::Regular
                        if self.wanted.verity || (self.wanted.encryption && !encrypted) =>
                    {
                        self.file(&dir, &entry.name, &path, encrypted)?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The kind of an entry that is copied; None where the exclude list takes it, or no copy has
    /// it.
    fn taken(&self, dir: impl AsFd, entry: &Entry, path: &[u8]) -> Sys<Option<Kind>> {
        let kind = match entry.kind {
            Some(kind) => Some(kind),
            None => fs_calls::stat_at(&dir, &entry.name)?.kind(),
        };
        let left_out = || self.tree.leave_out.iter().any(|p| p.as_os_str().as_bytes() == path);
        let excluded = self.filter.is_excluded(&|| path.to_vec(), kind == Some(Kind::Directory))?;
        Ok(kind.filter(|_| !excluded && !left_out()))
    }

    fn file(&mut self, dir: impl AsFd, name: &CStr, path: &[u8], encrypted: bool) -> Sys<()> {
        let stat = match fs_calls::stat_at(&dir, name) {
            Err(Errno::ENOENT) => return Ok(()),
            other => other?,
        };
        // It keeps its encryption when it is moved out of its directory.
        if self.wanted.encryption && !encrypted && stat.attributes & ENCRYPTED != 0 {
            self.found.encrypted_files.push(self.shown(path));
            if is_locked(&dir, name) {
                self.found.locked = Some(self.shown(path));
            }
        }
        if self.wanted.verity && stat.attributes & VERITY != 0 {
            let known = make::open_file(&dir, name).is_ok_and(|file| Verity::read(file).is_ok());
            let shown = self.shown(path);
            if known { self.found.verity.push(shown) } else { self.found.opaque.push(shown) }
        }
        Ok(())
    }
}

fn is_locked(dir: impl AsFd, name: &CStr) -> bool {
    make::open_file(dir, name).is_err_and(|e| e == Errno::ENOKEY)
}
