//! What an archive without a manifest is, as a manifest would tell it: surveyed by `image`, judged by `boot`.

use std::path::Path;

use anyhow::{Context, Result};

use crate::boot::distro::EFI;
use crate::boot::grub;
use crate::event::Events;
use crate::image::archive::Archive;
use crate::image::manifest::System;
use crate::image::survey::{self, Survey};

/// Surveys the archive, and says what can be made bootable from the packages in it. The archive is at its end afterwards.
///
/// # Errors
/// As [`survey::survey`].
pub fn survey(archive: &mut Archive, events: &Events) -> Result<Survey> {
    let mut found = survey::survey(archive, events)?;
    let dir =
        nix::unistd::mkdtemp(&std::env::temp_dir().join("altdisk-survey-XXXXXX")).context("making a directory for temporary files")?;
    let made = found.skeleton(&dir);
    if made.is_ok() {
        judge(&mut found.system, &dir);
    }
    let removed = std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()));
    made.and(removed).map(|()| found)
}

/// Fills in what follows from the packages below `root`.
pub fn judge(system: &mut System, root: &Path) {
    let found = grub::capability(root);
    system.kernels = found.kernels.into_iter().filter(|k| k.modules).map(|k| k.version).collect();
    system.no_initramfs = found.initramfs.err().map(|why| why.replace(&format!(" in {}", root.display()), " in the image"));
    let why = |can: Result<(), String>| can.err().unwrap_or_default();
    system.platforms = [("i386-pc".to_owned(), why(found.bios)), (EFI.0.to_owned(), why(found.efi))].into();
}
