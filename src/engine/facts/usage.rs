//! How full the mounted file systems are.

use std::path::Path;

use anyhow::{Context, Result};

use crate::host::beneath::own_path;
use crate::host::mounts::{self, Mount};
use crate::host::{covered, detached};

/// Usage of a mounted file system, without practice disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes.
    pub used: u64,
    /// Bytes, what is reserved for root among them.
    pub free: u64,
    /// Used inodes.
    pub files: u64,
}

/// Counts a mounted file system; what is mounted over it is not asked.
///
/// # Errors
/// If it cannot be asked; ALT-406 if it is hidden and we are not root.
pub fn counts(mount: &Mount) -> Result<Counts> {
    let all = mounts::mounted()?;
    let here = all.iter().rfind(|m| m.is_same_as(mount));
    let view = if here.is_some_and(|m| covered::is_visible(&all, m)) {
        None
    } else {
        Some(detached::open_mount(mount)?)
    };
    let at = view.as_ref().map_or(mount.mount_point.clone(), own_path);
    let s = nix::sys::statvfs::statvfs(&at)
        .with_context(|| format!("asking how full {} is", mount.mount_point.display()))?;
    let used = s.blocks().saturating_sub(s.blocks_free()).saturating_mul(s.fragment_size());
    Ok(Counts {
        used: used.saturating_sub(practice_bytes(&at)),
        free: s.blocks_free().saturating_mul(s.fragment_size()),
        files: s.files().saturating_sub(s.files_free()),
    })
}

/// Bytes of practice disks on the file system that is mounted there: they are never copied.
fn practice_bytes(mount_point: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(here) = std::fs::metadata(mount_point) else { return 0 };
    let files =
        std::fs::read_dir(crate::disk::practice::directory()).into_iter().flatten().flatten();
    files
        .filter_map(|f| f.metadata().ok())
        .filter(|m| m.dev() == here.dev())
        .map(|m| m.blocks().saturating_mul(512))
        .fold(0, u64::saturating_add)
}
