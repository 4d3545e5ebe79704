//! The file system that /boot is on: the boot loader must be able to read it.

use std::path::Path;

use crate::boot::loader;
use crate::error;
use crate::image::data::{Fs, ImageData};

/// The refusal where the boot loader cannot read the file system of /boot (ALT-521).
pub fn refusal(image: &ImageData) -> Option<anyhow::Error> {
    let loader = loader::detect(Path::new("/"));
    let fs = image.fs_data.iter().find(|fs| holds_boot(fs, image))?;
    if loader.reads(fs.fs_vfs) {
        return None;
    }
    let at = format!("/boot is on the file system {} ({})", fs.fs_name, fs.fs_vfs);
    Some(error::BOOT_FS.with_cause(format!("{at}, which {} cannot read", loader.name())))
}

/// Whether /boot is on it: itself, or the one at `/`.
pub fn holds_boot(fs: &Fs, image: &ImageData) -> bool {
    let at = |f: &Fs, name: &str| {
        f.fs_name == name || f.subvolume.iter().any(|s| s.mount_point.as_deref() == Some(name))
    };
    if image.fs_data.iter().any(|f| at(f, "/boot")) { at(fs, "/boot") } else { at(fs, "/") }
}

#[cfg(test)]
mod tests;
