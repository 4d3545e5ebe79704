//! The image.data that a clone is made from.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use crate::engine::facts::Facts;
use crate::engine::facts::esp::is_esp;
use crate::error;
use crate::image::check;
use crate::image::data::{ImageData, Lv, LvType};
use crate::text::printable::join_lines;

/// The image.data that is given, or that of rootvg.
pub fn read_image_data(
    file: Option<&PathBuf>,
    facts: &Facts,
    warnings: &mut Vec<String>,
) -> Result<ImageData> {
    let Some(file) = file else {
        if let Some(refusal) = facts.source.refusals.first() {
            return Err(refusal.error());
        }
        let image = facts.source.image.clone();
        // A layout that an image.data may not have cannot be cloned either; better said now.
        return match check::check(&image) {
            Ok(()) => Ok(image),
            Err(c) => Err(c.entry.with_remedy(
                format!("the running system: {}", join_lines(&c.cause)),
                "leave that out with an edited image.data (`altdisk mkszfile`, -i)",
            )),
        };
    };
    let image = crate::image::parse::read(file)?;
    let there: BTreeSet<&str> =
        facts.source.image.fs_data.iter().map(|f| f.fs_name.as_str()).collect();
    for fs in &image.fs_data {
        if !there.contains(fs.fs_name.as_str()) && !is_esp(&image, fs) {
            return Err(error::IMAGE_NOT_SOURCE.with_cause(format!(
                "{}: FS_NAME {} is not a mounted file system of rootvg (they are: {})",
                file.display(),
                fs.fs_name,
                there.iter().copied().collect::<Vec<_>>().join(" ")
            )));
        }
    }
    let mut image = image;
    for fs in &mut image.fs_data {
        let now = facts.source.image.fs_data.iter().find(|s| s.fs_name == fs.fs_name);
        if now.is_some_and(|n| n.fs_vfs != fs.fs_vfs && n.fs_mkfs_options == fs.fs_mkfs_options) {
            // They repeat the features of a file system of another type.
            fs.fs_mkfs_options.clear();
        }
        if let Some(now) = now.filter(|n| n.fs_vfs != fs.fs_vfs) {
            warnings.push(format!(
                "{} is {} here and will be {}: what only {} keeps of a file (flags of chattr, some attributes) is not in the copy",
                fs.fs_name, now.fs_vfs, fs.fs_vfs, now.fs_vfs
            ));
        }
    }
    for r in &facts.source.refusals {
        warnings.push(format!(
            "{} is not in {}: it is NOT cloned ({})",
            r.at.display(),
            file.display(),
            join_lines(&r.cause)
        ));
    }
    for name in there.iter().filter(|n| !image.fs_data.iter().any(|f| f.fs_name == **n)) {
        warnings.push(format!(
            "{name} is not in {}: it is not cloned, and the copy will use the present one",
            file.display()
        ));
    }
    let kept = |s: &&Lv| {
        image.lv_data.iter().any(|l| {
            l.kind == s.kind
                && l.logical_volume == s.logical_volume
                && l.volume_group == s.volume_group
        })
    };
    let mut swaps = facts.source.image.lv_data.iter().filter(|l| l.kind == LvType::Swap);
    if let Some(gone) = swaps.find(|s| !kept(s)) {
        let cause = format!(
            "{}: the swap space {} of rootvg has no lv_data",
            file.display(),
            gone.logical_volume
        );
        return Err(error::IMAGE_NOT_SOURCE
            .with_remedy(cause, "keep its stanza (its size may change): else the copy would swap on the disk of the running system"));
    }
    for fs in &image.fs_data {
        let now = facts.source.image.fs_data.iter().find(|s| s.fs_name == fs.fs_name);
        if let Some(now) = now.filter(|n| n.fs_used_mb > fs.fs_min_size_mb) {
            warnings.push(format!(
                "{} holds {} MiB now, more than FS_MIN_SIZE_MB in {}",
                fs.fs_name,
                now.fs_used_mb,
                file.display()
            ));
        }
    }
    Ok(image)
}
