//! A file system mounted for a moment, at a mount point of its own below /run/altdisk. It may be a
//! copy's, which is as hostile as what was installed there: no other user gets to it, and nothing in
//! it can be run.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::event::Events;
use crate::host::mounts;

/// Where they all are.
const ABOVE: &str = "/run/altdisk";

/// Unmounts those that a killed run left.
///
/// # Errors
/// ALT-804 if one stays busy.
pub fn release_left() -> Result<()> {
    release_below(Path::new(ABOVE))
}

fn release_below(dir: &Path) -> Result<()> {
    for at in mounts::unmount_below(dir)? {
        let _ = std::fs::remove_dir(at);
    }
    Ok(())
}

/// It is unmounted, and the mount point removed, when it is closed, or dropped.
#[derive(Debug)]
pub struct TemporaryMount {
    at: Option<PathBuf>,
}

impl TemporaryMount {
    /// Mounts `device` at `/run/altdisk/<name>`.
    ///
    /// # Errors
    /// If the mount point cannot be made, or mount(8) fails.
    pub fn new(
        device: &Path,
        name: &str,
        fstype: &str,
        options: &str,
        events: &Events,
    ) -> Result<Self> {
        let above = Path::new(ABOVE);
        let at = above.join(name);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&at)
            .and_then(|()| std::fs::set_permissions(above, Permissions::from_mode(0o700)))
            .with_context(|| format!("making {}", at.display()))?;
        mounts::mount(device, &at, fstype, &format!("{options},noexec"), events)?;
        Ok(Self { at: Some(at) })
    }

    /// The mount point.
    pub fn path(&self) -> &Path {
        self.at.as_deref().unwrap_or(Path::new(""))
    }

    /// Unmounts it.
    ///
    /// # Errors
    /// ALT-804 if it cannot be unmounted, or the mount point not removed.
    pub fn close(mut self) -> Result<()> {
        self.release()
    }

    fn release(&mut self) -> Result<()> {
        let Some(at) = self.at.take() else { return Ok(()) };
        mounts::unmount(&at)?;
        std::fs::remove_dir(&at).with_context(|| format!("removing {}", at.display()))
    }
}

impl Drop for TemporaryMount {
    fn drop(&mut self) {
        drop(self.release());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_gets_there_and_nothing_can_be_run() {
        if !nix::unistd::geteuid().is_root() {
            return println!("skipped: needs root");
        }
        let name = format!("test-{}", std::process::id());
        let options = "rw,suid,dev,x-mount.mkdir";
        let mounted =
            TemporaryMount::new(Path::new("none"), &name, "tmpfs", options, &Events::new())
                .unwrap();
        let at = mounted.path().to_owned();
        let all = mounts::mounted().unwrap();
        let options = &all.iter().find(|m| m.mount_point == at).unwrap().options;
        let is = |option: &str| options.split(',').any(|o| o == option);
        assert!(["rw", "nosuid", "nodev", "noexec"].into_iter().all(is), "{options}");
        let above = at.parent().unwrap().metadata().unwrap();
        assert_eq!(above.permissions().mode() & 0o7777, 0o700);
        mounted.close().unwrap();
        assert!(!at.exists());
        // As after kill -9.
        let inner = format!("{name}/left");
        let left = TemporaryMount::new(Path::new("none"), &inner, "tmpfs", "ro", &Events::new());
        std::mem::forget(left.unwrap());
        release_below(&at).unwrap();
        assert!(!at.join("left").exists() && !mounts::is_mount_point(&at.join("left")));
        std::fs::remove_dir(at).unwrap();
    }
}
