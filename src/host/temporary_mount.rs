//! A file system mounted for a moment, at a mount point of its own below /run/altdisk.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::event::Events;
use crate::host::mounts;

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
        let at = Path::new("/run/altdisk").join(name);
        std::fs::create_dir_all(&at).with_context(|| format!("making {}", at.display()))?;
        mounts::mount(device, &at, fstype, options, events)?;
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
