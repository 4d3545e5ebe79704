//! Room that a copy takes beyond what its original does: files that share their blocks have blocks of their own in a copy (cp --reflink,
//! deduplication), what was compressed and will not be is larger, and phase 3 makes an initramfs.

use std::path::Path;

use anyhow::Result;

use crate::copy::Excludes;
use crate::engine::facts::{self, Facts};
use crate::engine::fitting::{self, Need};
use crate::engine::source::mount;
use crate::engine::{copying, names, prepare, snapshots, trees};
use crate::image::create;
use crate::image::data::{Fs, ImageData};

/// What each file system of rootvg needs more, where it does.
///
/// # Errors
/// Where a file system cannot be asked.
pub fn needs(image: &ImageData, facts: &Facts, excludes: &Excludes) -> Result<Vec<Need>> {
    let mut all = vec![];
    for fs in image.fs_data.iter().filter(|f| !prepare::is_esp(image, f)) {
        let device = names::source_volume(&facts.source, &fs.fs_lv, fs.fs_vg.as_ref()).map(Path::to_owned);
        let counts = facts::counts(&mount::mount_of(fs, device.as_slice())?)?;
        if holds_boot(fs, image) {
            all.push(fitting::room_for_initramfs(&fs.fs_name, counts.free, &initramfs_sizes()));
        }
        let more = growth(fs, facts, excludes, counts.used)? >> 20;
        if more > 0 {
            let why = "files that share blocks, or are compressed, take more in a copy".to_owned();
            all.push(Need { fs_name: fs.fs_name.clone(), free_mb: counts.free >> 20, wanted_mb: more, why });
        }
    }
    Ok(all)
}

/// What a copy takes more than the `used` bytes of the original. A walk, as nothing else knows: every file's own size, without those that are left
/// out. Of a compressed file system only the writable snapshots are counted, as the copy of the rest is compressed too.
fn growth(fs: &Fs, facts: &Facts, excludes: &Excludes, used: u64) -> Result<u64> {
    if may_grow(fs) {
        return Ok(create::count(&trees::of(fs, facts)?, &excludes.anew())?.bytes.saturating_sub(used));
    }
    let snapshots = snapshots::of(fs, &facts.source.snapshots);
    if snapshots.is_empty() {
        return Ok(0);
    }
    let places: Vec<_> = fs.subvolume.iter().filter(|s| snapshots.contains(&s.path)).map(|s| copying::prefix(fs, s)).collect();
    let trees: Vec<_> = trees::of(fs, facts)?.into_iter().filter(|t| places.contains(&t.prefix)).collect();
    Ok(create::count(&trees, &excludes.anew())?.bytes)
}

/// Whether files of it can be larger than the blocks that it has for them. A copy that is compressed as the original stays smaller.
fn may_grow(fs: &Fs) -> bool {
    let compressed = || fs.subvolume.iter().any(|s| s.options.split(',').any(|o| o.starts_with("compress")));
    match fs.fs_vfs.as_str() {
        "xfs" => fs.fs_mkfs_options.iter().any(|o| o.split(',').any(|o| o == "reflink=1")),
        "btrfs" => !compressed(),
        _ => false,
    }
}

/// Whether /boot is on it: itself, or the one at `/`.
fn holds_boot(fs: &Fs, image: &ImageData) -> bool {
    let at = |f: &Fs, name: &str| f.fs_name == name || f.subvolume.iter().any(|s| s.mount_point.as_deref() == Some(name));
    if image.fs_data.iter().any(|f| at(f, "/boot")) { at(fs, "/boot") } else { at(fs, "/") }
}

/// Bytes of each initramfs in /boot; none where it cannot be looked at.
fn initramfs_sizes() -> Vec<u64> {
    let files = std::fs::read_dir("/boot").into_iter().flatten().flatten();
    let is_one = |name: &str| name.starts_with("initrd") || name.starts_with("initramfs");
    files.filter(|f| f.file_name().to_str().is_some_and(is_one)).filter_map(|f| f.metadata().ok()).map(|m| m.len()).collect()
}
