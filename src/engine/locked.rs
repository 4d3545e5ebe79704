//! Directories that are encrypted (fscrypt) and locked: their files have no readable names, and no content for anybody. Found before anything is
//! written, as the copier would find them when everything else is copied.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use anyhow::Result;
use nix::fcntl::OFlag;

use crate::copy::Excludes;
use crate::copy::dirs::join;
use crate::copy::report::{absolute, show};
use crate::copy::sift::Sift;
use crate::host::make;
use crate::host::tree::{self, Errno, Kind, Sys};
use crate::image::create::Tree;
use crate::image::data::Fs;

/// statx(2), `STATX_ATTR_ENCRYPTED`.
const ENCRYPTED: u64 = 0x800;
const LISTING: usize = 32 << 10;

/// Whether the file system can have such directories at all.
pub fn may_be(fs: &Fs) -> bool {
    fs.fs_mkfs_options.iter().any(|o| o.split(',').any(|f| f == "encrypt"))
}

/// The encrypted directory (of several one in another, the upper one) with a file that cannot be read because it is locked; None where there is
/// none, or the exclude list takes them.
///
/// # Errors
/// The kernel's, where the tree's top cannot be read.
pub fn find(tree_: &Tree, excludes: &Excludes) -> Result<Option<String>> {
    let top = tree::stat_fd(&tree_.source)?;
    let excludes = excludes.anew();
    let sift = Sift::new(&excludes, tree_.source.as_fd(), top.dev, &tree_.prefix);
    // Each with the encrypted directory that it is in.
    let mut waiting: Vec<(Vec<u8>, Option<Vec<u8>>)> = vec![(vec![], None)];
    let mut buffer = vec![0; LISTING];
    while let Some((path, inside)) = waiting.pop() {
        let look = |buffer: &mut [u8], waiting: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>| -> Sys<Option<Vec<u8>>> {
            let dir = tree::open_below(tree_.source.as_fd(), &path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
            let stat = tree::stat_fd(&dir)?;
            if stat.dev != top.dev {
                return Ok(None);
            }
            let inside = inside.clone().or_else(|| (stat.attributes & ENCRYPTED != 0).then(|| path.clone()));
            while let Some(entries) = tree::list(&dir, buffer)? {
                for entry in entries {
                    let below = join(&path, &entry.name);
                    let directory = entry.kind == Some(Kind::Directory);
                    if (directory || inside.is_some()) && sift.is_excluded(&|| below.clone(), directory)? {
                        continue;
                    }
                    if directory {
                        waiting.push((below, inside.clone()));
                    } else if inside.is_some() && entry.kind == Some(Kind::Regular) && is_locked(&dir, &entry.name) {
                        return Ok(inside);
                    }
                }
            }
            Ok(None)
        };
        // What cannot be read is found again, and said, when it is copied.
        if let Some(found) = look(&mut buffer, &mut waiting).unwrap_or_default() {
            return Ok(Some(show(&absolute(tree_.prefix.as_os_str().as_bytes(), &found))));
        }
    }
    Ok(None)
}

fn is_locked(dir: impl AsFd, name: &std::ffi::CStr) -> bool {
    make::open_file(dir, name).is_err_and(|e| e == Errno::ENOKEY)
}
