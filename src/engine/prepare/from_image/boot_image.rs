//! A boot image: kernel, initramfs and modules as a tar, for images that have none of their own
//! (containers, minimal root file systems).
//!
//! As AIX has it, its name says for what it is: `PLATFORM_LEVEL_boot` (`x86_64-efi_12.11.0_boot`).

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::compatibility;
use crate::boot::kernels;
use crate::boot::loader::platform;
use crate::engine::facts::bootable::Firmware;
use crate::engine::facts::survey;
use crate::engine::request::FromImage;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::image::archive::Archive;
use crate::image::manifest::System;
use crate::image::survey::survey;

/// The directory of boot images.
pub const DIR: &str = "/usr/lib/altdisk/boot_images";

/// The boot image that was found.
pub struct BootImage {
    /// Its path.
    pub file: PathBuf,
    /// Every kernel in it has its initramfs beside it.
    pub has_initramfs: bool,
    /// Bytes of it in /boot, and elsewhere.
    pub bytes: (u64, u64),
}

/// Finds the boot image for an image without a kernel, and adds its kernels to what the image has.
///
/// # Errors
/// ALT-672 if one of that name has no kernel, or is for another architecture.
pub fn find(
    image: &mut System,
    from: &FromImage,
    firmware: Firmware,
    here: &System,
) -> Result<Option<BootImage>> {
    find_in(Path::new(DIR), image, from, firmware, here)
}

fn find_in(
    dir: &Path,
    image: &mut System,
    from: &FromImage,
    firmware: Firmware,
    here: &System,
) -> Result<Option<BootImage>> {
    let level = compatibility::shown(&image.level);
    let mine = platform(firmware);
    let wanted = compatibility::platforms(image, from, firmware);
    // That of this machine's own platform first.
    let names = wanted.iter().filter(|p| **p == mine).chain(wanted.iter().filter(|p| **p != mine));
    let Some(file) = names.map(|p| dir.join(format!("{p}_{level}_boot"))).find(|f| f.is_file())
    else {
        return Ok(None);
    };
    let wrong = |why: String| error::BOOT_IMAGE.with_cause(format!("{}: {why}", file.display()));
    let mut archive = Archive::open(&file)?;
    let found = survey(&mut archive, &Events::new())?;
    compatibility::architecture(&found.system, here).map_err(|e| wrong(crate::error::cause(&e)))?;
    if let Some(why) = found.shape.refused() {
        return Err(wrong(why.to_owned()));
    }
    let (kernels, has_initramfs) = survey::in_skeleton(&found, |root| {
        let kernels: Vec<_> = kernels::installed(root).into_iter().filter(|k| k.modules).collect();
        let has_initramfs =
            Beneath::open(root).is_ok_and(|root| kernels.iter().all(|k| root.exists(&k.initramfs)));
        (kernels, has_initramfs)
    })?;
    if kernels.is_empty() {
        return Err(wrong(
            "it has no kernel boot/vmlinuz-VERSION with its modules in lib/modules/VERSION"
                .to_owned(),
        ));
    }
    image.kernels = kernels.into_iter().map(|k| k.version).collect();
    let boot = found.below("boot").0;
    Ok(Some(BootImage { file, has_initramfs, bytes: (boot, found.bytes.saturating_sub(boot)) }))
}
