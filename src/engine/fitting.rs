//! What is known beforehand of how a file system goes onto its target: the options of the source's mkfs, and its size, made to fit the disks.
//!
//! mkfs would refuse each of these, but only after the disk is erased: blocks smaller than sectors, an xfs below its least size, a file system too large
//! for 32 bits. And a /boot that is full to the brim would stop phase 3, which makes a new initramfs there. Pure, from image.data to image.data.

use anyhow::Result;

use crate::disk::size::human;
use crate::engine::layout::Layout;
use crate::error;
use crate::image::data::{Fs, ImageData};

const MIB: u64 = 1 << 20;
/// mkfs.xfs(8): it makes no smaller ones.
const XFS_LEAST_MB: u64 = 300;
/// Its log, which is 64 MiB from xfsprogs 5.15 on, and what it keeps back.
const XFS_OWN_MB: u64 = 112;
/// Room beside what is copied: directories, allocation in blocks, the file system's own.
const SPARE_MB: u64 = 16;

/// More than `used` says that a copy of a file system takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// FS_NAME.
    pub fs_name: String,
    /// What is free in it now, MiB.
    pub free_mb: u64,
    /// What must be free in the copy, MiB.
    pub wanted_mb: u64,
    /// For people: what takes it.
    pub why: String,
}

/// The image.data as it is laid out on disks with sectors of at most `sector` bytes. What is changed is told in `notes`.
pub fn fit(image: &ImageData, sector: u32, needs: &[Need], notes: &mut Vec<String>) -> ImageData {
    let mut image = image.clone();
    for fs in &mut image.fs_data {
        if let Some(old) = raise_blocks(fs, sector) {
            notes.push(format!(
                "{} has blocks of {old} bytes, and the disk sectors of {sector}: its copy has blocks of {sector}",
                fs.fs_name
            ));
        }
    }
    for fs in image.fs_data.clone() {
        let mut least = 0;
        let mut why = "mkfs.xfs makes no smaller one, and its log takes more than the original's".to_owned();
        let Some(lv) = image.lv_data.iter_mut().find(|l| l.logical_volume == fs.fs_lv && l.volume_group == fs.fs_vg) else { continue };
        for n in needs.iter().filter(|n| n.fs_name == fs.fs_name && n.free_mb < n.wanted_mb) {
            (least, why) = (least.max(lv.size_mb + n.wanted_mb - n.free_mb + SPARE_MB), n.why.clone());
        }
        if fs.fs_vfs == "xfs" && lv.size_mb < XFS_LEAST_MB {
            let more = needs.iter().filter(|n| n.fs_name == fs.fs_name).map(|n| n.wanted_mb).max().unwrap_or(0);
            least = least.max(XFS_LEAST_MB).max(fs.fs_used_mb + more + XFS_OWN_MB);
        }
        if lv.size_mb < least {
            notes.push(format!("{} is made {least} MiB large instead of {}: {why}", fs.fs_name, lv.size_mb));
            lv.size_mb = least;
        }
        let floor = if fs.fs_vfs == "xfs" { XFS_LEAST_MB } else { 0 };
        image.fs_data.iter_mut().filter(|f| f.fs_name == fs.fs_name).for_each(|f| f.fs_min_size_mb = f.fs_min_size_mb.max(floor));
    }
    image
}

/// Raises the block size to the sector size; returns the old one where it was smaller.
fn raise_blocks(fs: &mut Fs, sector: u32) -> Option<u64> {
    let sector = u64::from(sector);
    let is_ext = fs.fs_vfs.starts_with("ext");
    if !is_ext && fs.fs_vfs != "xfs" {
        return None;
    }
    let old = block_size(fs).filter(|b| *b < sector)?;
    let options = &mut fs.fs_mkfs_options;
    for i in 1..options.len() {
        let value = options[i].clone();
        options[i] = match options[i - 1].as_str() {
            "-b" if is_ext => sector.to_string(),
            "-b" => format!("size={sector}"),
            // Directory blocks are no smaller than the others; an inode has bytes of its own no fewer than a block.
            "-n" if value.strip_prefix("size=").and_then(|s| s.parse::<u64>().ok()).is_some_and(|s| s < sector) => format!("size={sector}"),
            "-i" if is_ext && value.parse::<u64>().is_ok_and(|ratio| ratio < sector) => sector.to_string(),
            _ => value,
        };
    }
    Some(old)
}

/// The block size that mkfs is given, bytes.
fn block_size(fs: &Fs) -> Option<u64> {
    let at = fs.fs_mkfs_options.iter().position(|o| o == "-b")?;
    fs.fs_mkfs_options.get(at + 1)?.trim_start_matches("size=").parse().ok()
}

/// After the sizes are settled: ext4 that is larger than 32 bits can count gets the feature that counts further.
///
/// # Errors
/// ALT-326 where the file system's format has no such feature.
pub fn count_blocks(layout: &mut Layout) -> Result<()> {
    for v in &mut layout.volumes {
        let (size, what) = (v.size, v.what().to_owned());
        let Some(fs) = v.fs.as_mut().filter(|f| f.fs_vfs.starts_with("ext")) else { continue };
        let Some(features) = fs.fs_mkfs_options.iter().position(|o| o == "-O").map(|i| i + 1) else { continue };
        let block = block_size(fs).unwrap_or(4096);
        let has = |name: &str| fs.fs_mkfs_options.get(features).is_some_and(|list| list.split(',').any(|f| f == name));
        if size / block < u64::from(u32::MAX) || has("64bit") {
            continue;
        }
        if fs.fs_vfs != "ext4" || !has("extent") {
            let cause = format!("{what} would be {} large, and {} without extents ends at {}", human(size), fs.fs_vfs, human(block << 32));
            return Err(error::TOO_LARGE.because(cause));
        }
        if let Some(list) = fs.fs_mkfs_options.get_mut(features) {
            list.push_str(",64bit");
        }
        layout
            .notes
            .push(format!("{what} is larger than {}: its copy has the feature 64bit, which the original has not", human(block << 32)));
    }
    Ok(())
}

/// What phase 3 needs beside what is copied: one more initramfs. `sizes`: bytes of those that are there.
pub fn room_for_initramfs(at: &str, free: u64, sizes: &[u64]) -> Need {
    let largest = sizes.iter().max().copied().unwrap_or(0);
    Need {
        fs_name: at.to_owned(),
        free_mb: free / MIB,
        // A new one may be larger than the last.
        wanted_mb: (largest + largest / 4).div_ceil(MIB) + 1,
        why: "there must be room for one more initramfs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::layout::VolumeLayout;
    use crate::engine::sizing::Outcome;
    use crate::image::data::{Lv, LvType};

    fn options(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn image(vfs: &str, size_mb: u64, mkfs: &str) -> ImageData {
        let lv = |kind| Lv { logical_volume: "p2".into(), volume_group: None, kind, size_mb, lv_source_disk_list: vec![], label: None };
        let fs = Fs {
            fs_name: "/boot".into(),
            fs_lv: "p2".into(),
            fs_vfs: vfs.into(),
            fs_min_size_mb: 100,
            fs_mkfs_options: options(mkfs),
            ..Fs::default()
        };
        ImageData { lv_data: vec![lv(LvType::Fs)], fs_data: vec![fs], ..ImageData::default() }
    }

    #[test]
    fn blocks_are_no_smaller_than_sectors() {
        for (vfs, sector, old, new) in [
            ("ext4", 4096, "-O none,extent -I 128 -b 1024 -i 2048", "-O none,extent -I 128 -b 4096 -i 4096"),
            ("ext2", 4096, "-b 2048 -i 16384", "-b 4096 -i 16384"),
            ("ext4", 512, "-b 1024 -i 2048", "-b 1024 -i 2048"),
            ("ext4", 4096, "-b 4096 -i 8192", "-b 4096 -i 8192"),
            ("xfs", 4096, "-m crc=1 -b size=1024 -n size=2048 -n ftype=1", "-m crc=1 -b size=4096 -n size=4096 -n ftype=1"),
            ("btrfs", 4096, "-n 16384 -s 4096", "-n 16384 -s 4096"),
            ("ext4", 4096, "", ""),
        ] {
            let mut notes = vec![];
            let done = fit(&image(vfs, 400, old), sector, &[], &mut notes);
            assert_eq!(done.fs_data[0].fs_mkfs_options, options(new), "{vfs} {old}");
            assert_eq!(notes.len(), usize::from(old != new), "{notes:?}");
        }
    }

    #[test]
    fn sizes_that_a_copy_needs() {
        let sizes = |vfs: &str, size: u64, needs: &[Need]| {
            let mut notes = vec![];
            let done = fit(&image(vfs, size, ""), 512, needs, &mut notes);
            (done.lv_data[0].size_mb, done.fs_data[0].fs_min_size_mb, notes.len())
        };
        assert_eq!(sizes("xfs", 256, &[]), (300, 300, 1));
        assert_eq!(sizes("xfs", 301, &[]), (301, 300, 0));
        assert_eq!(sizes("ext4", 64, &[]), (64, 100, 0));
        let need = room_for_initramfs("/boot", 3 * MIB, &[20 * MIB, 40 * MIB]);
        assert_eq!((need.free_mb, need.wanted_mb), (3, 51));
        assert_eq!(sizes("ext4", 200, std::slice::from_ref(&need)), (264, 100, 1));
        assert_eq!(sizes("ext4", 200, &[Need { free_mb: 60, ..need.clone() }]), (200, 100, 0));
        assert_eq!(sizes("xfs", 200, &[Need { free_mb: 50, ..need }]), (300, 300, 1), "the larger of two reasons");
        let full = |used: u64| {
            let mut image = image("xfs", 256, "");
            image.fs_data[0].fs_used_mb = used;
            fit(&image, 512, &[], &mut vec![]).lv_data[0].size_mb
        };
        assert_eq!((full(100), full(240)), (300, 352), "the log of a new one is larger");
    }

    #[test]
    fn ext4_that_32_bits_do_not_count() {
        let layout = |vfs: &str, size: u64, mkfs: &str| {
            let fs = image(vfs, 0, mkfs).fs_data.remove(0);
            let volume = VolumeLayout {
                lv: "p2".into(),
                old_vg: None,
                vg: None,
                kind: LvType::Fs,
                device: "/dev/vdb1".into(),
                size,
                uuid: String::new(),
                label: None,
                partuuid: None,
                fs: Some(fs),
            };
            let mut layout =
                Layout { disks: vec![], vgs: vec![], volumes: vec![volume], swap_files: vec![], outcome: Outcome::AsSource, notes: vec![] };
            let done = count_blocks(&mut layout).map_err(|e| error::of(&e).unwrap().entry.id);
            (done, layout.volumes[0].fs.as_ref().unwrap().fs_mkfs_options.join(" "), layout.notes.len())
        };
        const TIB: u64 = 1 << 40;
        assert_eq!(layout("ext4", 17 * TIB, "-O none,extent -b 4096"), (Ok(()), "-O none,extent,64bit -b 4096".into(), 1));
        assert_eq!(layout("ext4", 15 * TIB, "-O none,extent -b 4096"), (Ok(()), "-O none,extent -b 4096".into(), 0));
        assert_eq!(layout("ext4", 5 * TIB, "-O none,extent -b 1024").1, "-O none,extent,64bit -b 1024");
        assert_eq!(layout("ext4", 17 * TIB, "-O none,extent,64bit -b 4096").2, 0);
        assert_eq!(layout("ext4", 17 * TIB, "").2, 0, "mke2fs chooses for itself");
        assert_eq!(layout("ext3", 17 * TIB, "-O none,has_journal -b 4096").0, Err("ALT-326"));
        assert_eq!(layout("xfs", 17 * TIB, "-b size=4096").2, 0);
    }
}
