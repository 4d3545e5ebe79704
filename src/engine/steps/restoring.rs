//! The steps of phase 1 that put an image onto the alternate's file systems.
//!
//! Everything is mounted at /alt_inst before the stream is read; what belongs on the ESP waits
//! elsewhere until phase 3. A restore that was interrupted begins again with empty file systems, so
//! nothing of a half-restored tree is left.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::engine::paths::{ALT_INST, ESP_WAITS};
use crate::engine::plan::layout::VolumeLayout;
use crate::engine::plan::spec::{AlternateSpec, ImageSource};
use crate::engine::prepare::from_image::fingerprint::fingerprint;
use crate::engine::steps::context::Context;
use crate::engine::steps::{disks, mounted, subvolumes};
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::fs_calls::Kind;
use crate::host::mounts;
use crate::image::archive::Archive;
use crate::image::data::LvType;
use crate::image::restore;
use crate::tree::{Progress, Totals};

/// The amount that is to be restored.
pub fn totals(base: &AlternateSpec) -> Totals {
    base.imaged.as_ref().map_or(Totals::default(), |i| Totals { bytes: i.bytes, files: i.files })
}

/// Makes the subvolumes of a btrfs, parents first.
///
/// # Errors
/// Errors of mounting or of btrfs.
pub fn make_subvolumes(
    base: &AlternateSpec,
    index: usize,
    repeated: bool,
    events: &Events,
) -> Result<()> {
    let v = &base.layout.volumes[index];
    let fs = v.fs.as_ref().context("a file system without its description")?;
    let at = Path::new(ALT_INST);
    mounted::unmount_all(base)?;
    if repeated {
        disks::make_fs(base, v, events)?;
    }
    mounted::mount_alone(v, "subvolid=5", events)?;
    let made = (|| {
        let mut made: Vec<&str> = vec![""];
        for s in &fs.subvolume {
            if !made.contains(&s.path.as_str()) {
                made.push(&s.path);
                subvolumes::make_subvolume(&s.path, events)?;
            }
        }
        match &fs.fs_default_subvolume {
            Some(default) => subvolumes::make_default(default, v, events),
            None => Ok(()),
        }
    })();
    // It must not stay mounted for the next one, whatever happened.
    let unmounted = mounts::unmount_below(at);
    made?;
    unmounted.map(drop)
}

/// Restores the image.
///
/// # Errors
/// Errors of opening, reading (ALT-63x) or restoring (ALT-64x); ALT-673 if it is another image by
/// now.
pub fn restore_image(c: &mut Context) -> Result<()> {
    let (base, events) = (c.base, c.events);
    let image = base.imaged.as_ref().context("an image install without its image")?;
    if c.repeated {
        remake_file_systems(base, events)?;
    }
    mounted::ensure_mounted(base, usize::MAX, events)?;
    let archive = match c.archive.take() {
        Some(archive) => archive,
        None => reopen(image)?,
    };
    restore_archive(archive, &diverted(base), c.options.verbose, events, c.progress)?;
    make_standard_directories(events)
}

/// Opens the same image again, for a resumed run.
fn reopen(image: &ImageSource) -> Result<Archive> {
    let archive = Archive::open(&image.device)?;
    if fingerprint(archive.head.manifest.as_ref(), &image.device) != image.print {
        let cause =
            format!("{} is another image now than when phase 1 began", image.device.display());
        return Err(error::IMAGE_CHANGED.with_cause(cause));
    }
    Ok(archive)
}

/// Directories that every system starts with and that archives are often made without.
fn make_standard_directories(events: &Events) -> Result<()> {
    let copy = Beneath::open(Path::new(ALT_INST))?;
    for (name, mode) in
        [("proc", 0o555), ("sys", 0o555), ("dev", 0o755), ("run", 0o755), ("tmp", 0o1777)]
    {
        match copy.link_metadata(name) {
            Ok(stat) if stat.kind() == Some(Kind::Directory) || name == "tmp" => {}
            Ok(_) => {
                let cause = format!("/{name} of the image is not a directory");
                return Err(error::RESTORE_IN_THE_WAY.with_remedy(
                    cause,
                    "make the image again: a system with such a root cannot boot",
                ));
            }
            Err(_) => {
                copy.make_directories(name)?;
                copy.set_mode(name, mode)?;
                events.note(format!("/{name} was not in the image: it is made"));
            }
        }
    }
    Ok(())
}

/// Puts kernel, initramfs and modules on top of what was restored.
///
/// # Errors
/// As [`restore_image`].
pub fn restore_boot_image(file: &Path, c: &Context) -> Result<()> {
    let mut elsewhere = diverted(c.base);
    // A boot image is made without knowing whether /lib is a link in the system that it is for.
    let lib = Beneath::open(Path::new(ALT_INST))?.read_link("lib");
    if lib.is_some_and(|to| to == Path::new("usr/lib") || to == Path::new("/usr/lib")) {
        elsewhere.push(("lib".into(), "usr/lib".into()));
    }
    let progress = Progress::new(1, Totals::default());
    restore_archive(Archive::open(file)?, &elsewhere, c.options.verbose, c.events, &progress)
}

fn restore_archive(
    archive: Archive,
    divert: &[(PathBuf, PathBuf)],
    verbose: bool,
    events: &Events,
    progress: &Progress,
) -> Result<()> {
    let job = restore::Job { to: Path::new(ALT_INST), divert, verbose };
    restore::restore(archive, &job, events, progress).map(drop)
}

/// No loader is on the disk before phase 3.
fn diverted(base: &AlternateSpec) -> Vec<(PathBuf, PathBuf)> {
    let esp = base.layout.esp().and_then(|v| v.fs.as_ref());
    let inside = |name: &str| PathBuf::from(name.trim_start_matches('/'));
    esp.map(|f| (inside(&f.fs_name), PathBuf::from(ESP_WAITS))).into_iter().collect()
}

/// Empty file systems again.
fn remake_file_systems(base: &AlternateSpec, events: &Events) -> Result<()> {
    mounted::unmount_all(base)?;
    mounted::ensure_present(base, &|_| true, events)?;
    for (i, v) in base.layout.volumes.iter().enumerate().filter(|(_, v)| v.kind == LvType::Fs) {
        let has_subvolumes =
            |v: &VolumeLayout| v.fs.as_ref().is_some_and(|f| !f.subvolume.is_empty());
        if has_subvolumes(v) {
            make_subvolumes(base, i, true, events)?;
        } else {
            disks::make_fs(base, v, events)?;
        }
    }
    Ok(())
}
