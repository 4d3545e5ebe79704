//! Adjusts the options of mkfs and the size of each file system to the target disks, before
//! anything is written.
//!
//! mkfs would refuse each of these, but only after the disk is erased: blocks smaller than sectors,
//! an xfs below its least size, a file system too large for 32 bits. And a /boot that is full to
//! the brim would stop phase 3, which makes a new initramfs there. Pure, from image.data to
//! image.data.

use anyhow::Result;

use crate::disk::fs::FsType;
use crate::engine::plan::layout::Layout;
use crate::error;
use crate::image::data::{Fs, ImageData};
use crate::image::needs::{Need, Reason};
use crate::text::size::format_size;

const MIB: u64 = 1 << 20;
/// Room in addition to the copied files: directories, partly filled blocks, metadata.
const SPARE_MB: u64 = 16;

/// An image.data made to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The adjusted layout.
    pub image: ImageData,
    /// The sum by which volumes were enlarged, with an extent for each of them, as sizes are
    /// rounded up. MiB.
    pub added_mb: u64,
}

/// The image.data as it is laid out on disks with sectors of at most `sector` bytes. Changes are
/// added to `notes`.
pub fn fit_image(
    image: &ImageData,
    sector: u32,
    needs: &[Need],
    notes: &mut Vec<String>,
) -> Fitted {
    let mut image = image.clone();
    let mut added_mb = 0;
    for fs in &mut image.fs_data {
        if let Some(old) = raise_blocks(fs, sector) {
            notes.push(format!(
                "{} has blocks of {old} bytes, and the disk sectors of {sector}: its copy has blocks of {sector}",
                fs.fs_name
            ));
        }
    }
    let extent_mb = image.vg_data.iter().map(|v| v.ppsize_mb).max().unwrap_or(0);
    for fs in &mut image.fs_data {
        let Some(lv) = image.lv_data.iter_mut().find(|l| l.holds(fs)) else { continue };
        let its: Vec<&Need> = needs.iter().filter(|n| n.fs_name == fs.fs_name).collect();
        let wanted: u64 = its.iter().map(|n| n.wanted_mb).sum();
        let free = its.iter().map(|n| n.free_mb).min().unwrap_or(0);
        let (mut least, mut why) = (0, vec![]);
        if free < wanted {
            least = (lv.size_mb + wanted - free).max(fs.fs_used_mb + wanted) + SPARE_MB;
            why.extend(its.iter().map(|n| n.reason.text()));
        }
        let smallest = fs.fs_vfs.facts().smallest;
        if let Some(smallest) = smallest.filter(|s| lv.size_mb < s.mb) {
            least = least.max(smallest.mb).max(fs.fs_used_mb + wanted + smallest.own_mb);
            why.push(smallest.reason);
        }
        if lv.size_mb < least {
            notes.push(format!(
                "{} is made {least} MiB large instead of {}: {}",
                fs.fs_name,
                lv.size_mb,
                why.join("; ")
            ));
            added_mb += least - lv.size_mb + extent_mb;
            lv.size_mb = least;
        }
        fs.fs_min_size_mb = fs.fs_min_size_mb.max(smallest.map_or(0, |s| s.mb));
        if wanted > 0 {
            // With head room as for what is used; but no more than is enough today.
            let floor = fs.fs_used_mb + wanted + wanted * 15 / 100 + SPARE_MB;
            fs.fs_min_size_mb = fs.fs_min_size_mb.max(floor.min(lv.size_mb));
        }
    }
    Fitted { image, added_mb }
}

/// Bytes that copying everything writes.
pub fn bytes_written(image: &ImageData, needs: &[Need]) -> u64 {
    let growth = needs.iter().filter(|n| n.reason.is_copied()).map(|n| n.wanted_mb);
    image.fs_data.iter().map(|f| f.fs_used_mb).chain(growth).sum::<u64>() * MIB
}

/// Raises the block size to the sector size; returns the old one where it was smaller.
fn raise_blocks(fs: &mut Fs, sector: u32) -> Option<u64> {
    let sector = u64::from(sector);
    let is_ext = fs.fs_vfs.is_ext();
    if !is_ext && fs.fs_vfs != FsType::Xfs {
        return None;
    }
    let old = block_size(fs).filter(|b| *b < sector)?;
    let options = &mut fs.fs_mkfs_options;
    for i in 1..options.len() {
        let value = options[i].clone();
        options[i] = match options[i - 1].as_str() {
            "-b" if is_ext => sector.to_string(),
            "-b" => format!("size={sector}"),
            // Directory blocks are no smaller than the others; an inode has bytes of its own no
            // fewer than a block.
            "-n" if value
                .strip_prefix("size=")
                .and_then(|s| s.parse::<u64>().ok())
                .is_some_and(|s| s < sector) =>
            {
                format!("size={sector}")
            }
            "-i" if is_ext && value.parse::<u64>().is_ok_and(|ratio| ratio < sector) => {
                sector.to_string()
            }
            _ => value,
        };
    }
    Some(old)
}

/// Bytes by which blocks become larger on a disk with sectors of `sector` bytes.
pub fn larger_blocks(fs: &Fs, sector: u32) -> u64 {
    let raised = raise_blocks(&mut fs.clone(), sector);
    raised.map_or(0, |old| u64::from(sector).saturating_sub(old))
}

/// The block size that mkfs is given, bytes.
fn block_size(fs: &Fs) -> Option<u64> {
    let at = fs.fs_mkfs_options.iter().position(|o| o == "-b")?;
    fs.fs_mkfs_options.get(at + 1)?.trim_start_matches("size=").parse().ok()
}

/// After the sizes are settled: ext4 that is larger than 32 bits can count gets the feature that
/// counts further.
///
/// # Errors
/// ALT-326 if the file system's format has no such feature.
pub fn count_blocks(layout: &mut Layout) -> Result<()> {
    for v in &mut layout.volumes {
        let (size, what) = (v.size, v.shown_name().to_owned());
        let Some(fs) = v.fs.as_mut().filter(|f| f.fs_vfs.is_ext()) else { continue };
        let Some(features) = fs.fs_mkfs_options.iter().position(|o| o == "-O").map(|i| i + 1)
        else {
            continue;
        };
        let block = block_size(fs).unwrap_or(4096);
        let has = |name: &str| {
            fs.fs_mkfs_options.get(features).is_some_and(|list| list.split(',').any(|f| f == name))
        };
        if size / block < u64::from(u32::MAX) || has("64bit") {
            continue;
        }
        if fs.fs_vfs != FsType::Ext4 || !has("extent") {
            let cause = format!(
                "{what} would be {} large, and {} without extents ends at {}",
                format_size(size),
                fs.fs_vfs,
                format_size(block << 32)
            );
            return Err(error::TOO_LARGE.with_cause(cause));
        }
        if let Some(list) = fs.fs_mkfs_options.get_mut(features) {
            list.push_str(",64bit");
        }
        layout.notes.push(format!(
            "{what} is larger than {}: its copy has the feature 64bit, which the original has not",
            format_size(block << 32)
        ));
    }
    Ok(())
}

/// The space that phase 3 needs in addition to the copied files: one more initramfs. `free_mb`: as
/// in [`Need`]; `sizes`: bytes of the existing ones.
pub fn room_for_initramfs(at: &str, free_mb: u64, sizes: &[u64]) -> Need {
    let largest = sizes.iter().max().copied().unwrap_or(0);
    Need {
        fs_name: at.to_owned(),
        free_mb,
        // A new one may be larger than the last.
        wanted_mb: (largest + largest / 4).div_ceil(MIB) + 1,
        reason: Reason::Initramfs,
    }
}

#[cfg(test)]
mod tests;
