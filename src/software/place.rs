//! The location made readable: a directory is one already, a medium is mounted read-only for the time of the run.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Location, Place};
use crate::error;
use crate::event::Events;
use crate::host::cmd::Cmd;
use crate::host::inside::SHOWN;
use crate::host::mounts;

/// Where a medium is mounted; one at a time, so that the next run finds what a killed one left.
const MEDIUM: &str = "/run/altdisk-medium";

/// An open location.
#[must_use = "closing unmounts the medium and tells whether that went well"]
pub struct Opened {
    pub place: Place,
    mounted: bool,
}

impl Opened {
    /// # Errors
    /// ALT-742 where a medium cannot be mounted.
    pub fn open(location: &Location, events: &Events) -> Result<Self> {
        let inside = Path::new(SHOWN).join("images");
        let directory = |here: PathBuf| Place::Directory { inside: inside.clone(), here };
        let (place, mounted) = match location {
            Location::Directory(dir) => (directory(dir.clone()), false),
            Location::Device(device) => {
                mount(device, events)?;
                (directory(PathBuf::from(MEDIUM)), true)
            }
            Location::Url { url, rest } => (Place::Url { url: url.clone(), rest: rest.clone() }, false),
            Location::Configured => (Place::Configured, false),
        };
        Ok(Self { place, mounted })
    }

    /// The directory to show inside: from, and where.
    pub fn shown(&self) -> Option<(PathBuf, PathBuf)> {
        match &self.place {
            Place::Directory { inside, here } => Some((here.clone(), inside.clone())),
            _ => None,
        }
    }

    /// # Errors
    /// Where the medium cannot be unmounted.
    pub fn close(mut self) -> Result<()> {
        if std::mem::take(&mut self.mounted) { tidy() } else { Ok(()) }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.mounted {
            // After an error, which is what is told.
            let _ = tidy();
        }
    }
}

fn mount(device: &Path, events: &Events) -> Result<()> {
    tidy()?;
    std::fs::create_dir_all(MEDIUM)?;
    let options = if device.is_file() { "ro,nosuid,nodev,noexec,loop" } else { "ro,nosuid,nodev,noexec" };
    let mounted = Cmd::new("mount", format!("mount {} to read packages from it", device.display()))
        .args(["-o", options])
        .arg(device)
        .arg(MEDIUM)
        .run(events);
    mounted.map(drop).map_err(|e| {
        let _ = std::fs::remove_dir(MEDIUM);
        error::NOT_MOUNTED_LOCATION.because(format!("{e:#}"))
    })
}

/// Unmounts a medium that a killed run left mounted.
///
/// # Errors
/// Where it stays busy.
pub fn tidy() -> Result<()> {
    let at = Path::new(MEDIUM);
    if !at.exists() {
        return Ok(());
    }
    mounts::unmount_below(at)?;
    std::fs::remove_dir(at).map_err(Into::into)
}
