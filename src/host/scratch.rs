//! A directory of our own for a moment.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// It is removed with all that is in it when it is closed, or dropped.
#[derive(Debug)]
pub struct Scratch {
    path: Option<PathBuf>,
}

impl Scratch {
    /// Makes it, for root only, where temporary files belong.
    ///
    /// # Errors
    /// If that directory cannot be written.
    pub fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("altdisk-{}", uuid::Uuid::new_v4().simple()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("making {}", path.display()))?;
        Ok(Self { path: Some(path) })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn close(mut self) -> Result<()> {
        let Some(path) = self.path.take() else { return Ok(()) };
        std::fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}
