//! Describes an archive without a manifest as its manifest would: `image` surveys it, and `boot`
//! finds what can be made bootable.

use std::path::Path;

use anyhow::Result;

use crate::boot::firmware::Firmware;
use crate::boot::loader::{self, platform};
use crate::event::Events;
use crate::host::scratch::Scratch;
use crate::image::archive::Archive;
use crate::image::manifest::System;
use crate::image::survey::{self, Survey};

/// Surveys the archive, and says what can be made bootable from the packages in it. The archive is
/// at its end afterwards.
///
/// # Errors
/// As [`survey::survey`].
pub fn survey_archive(archive: &mut Archive, events: &Events) -> Result<Survey> {
    let mut found = survey::survey(archive, events)?;
    found.system = in_skeleton(&found, |root| judged(found.system.clone(), root))?;
    Ok(found)
}

/// Calls `look` with a directory that looks like the archive's root to code that examines systems.
///
/// # Errors
/// If the directory cannot be made or removed.
pub fn in_skeleton<T>(found: &Survey, look: impl FnOnce(&Path) -> T) -> Result<T> {
    let scratch = Scratch::new()?;
    found.skeleton(scratch.path())?;
    let seen = look(scratch.path());
    scratch.close()?;
    Ok(seen)
}

/// The system with what follows from the packages below `root`.
fn judged(mut system: System, root: &Path) -> System {
    let found = loader::capability(root);
    system.kernels = found.kernels.into_iter().filter(|k| k.modules).map(|k| k.version).collect();
    system.no_initramfs = found
        .initramfs
        .err()
        .map(|why| why.replace(&format!(" in {}", root.display()), " in the image"));
    let why = |can: Result<(), String>| can.err().unwrap_or_default();
    system.platforms =
        [(platform(Firmware::Bios), why(found.bios)), (platform(Firmware::Uefi), why(found.efi))]
            .map(|(p, w)| (p.to_owned(), w))
            .into();
    system
}
