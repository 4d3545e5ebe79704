//! Paths of subvolumes in the running system, and opening them.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::engine::paths::below;
use crate::image::data::{Fs, Subvolume};

/// The path of a subvolume in the running system: its mount point, or its path within the nearest
/// mounted subvolume above it.
pub fn prefix(fs: &Fs, s: &Subvolume) -> PathBuf {
    if let Some(at) = &s.mount_point {
        return PathBuf::from(at);
    }
    let above = fs.subvolume.iter().filter(|o| {
        o.mount_point.is_some()
            && (o.path.is_empty() || s.path.starts_with(&format!("{}/", o.path)))
    });
    match above.max_by_key(|o| o.path.len()) {
        Some(o) => below(
            Path::new(o.mount_point.as_deref().unwrap_or("/")),
            Path::new(s.path.strip_prefix(&o.path).unwrap_or(&s.path)),
        ),
        None => PathBuf::from("/").join(&s.path),
    }
}

/// A subvolume, below its file system's top level.
///
/// # Errors
/// If it cannot be opened.
pub fn open_below(top: impl AsFd, path: &str) -> Result<OwnedFd> {
    use nix::fcntl::{OFlag, openat};
    let fd = openat(
        top,
        path,
        OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
        nix::sys::stat::Mode::empty(),
    );
    fd.with_context(|| format!("opening subvolume {path}"))
}
