//! Room that a copy takes beyond what its original does: files that share their blocks have blocks
//! of their own in a copy (cp --reflink, deduplication), what was compressed and will not be is
//! larger, and phase 3 makes an initramfs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;

use super::boot_fs;
use crate::disk::fs::Sharing;
use crate::engine::facts::{Facts, esp, snapshots, subvolume, trees, usage};
use crate::engine::plan::fitting;
use crate::event::Events;
use crate::image::create;
use crate::image::data::{Fs, ImageData, Lv};
use crate::image::needs::{Need, Reason};
use crate::software::space::is_initramfs;
use crate::tree::exclude::{Excludes, PatternUse};

const MIB: u64 = 1 << 20;
/// What journal, descriptors and inode tables take more in larger blocks, bytes: mke2fs sizes them
/// by the number of blocks.
const LARGER_BLOCKS_OWN: u64 = 32 << 20;

/// Counts of the running system, made once: the needs of every layout follow from them.
pub struct Counted {
    all: Vec<Count>,
    /// Bytes of each initramfs.
    initramfs: Vec<u64>,
    /// What each pattern of the exclude list leaves out.
    pub excluded: Vec<PatternUse>,
    is_all: bool,
}

/// The file systems whose files are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Those where files may share blocks.
    Sharing,
    /// With an exclude list all of them, so that the user sees what it leaves out.
    Excluded,
    /// As `Sharing`, and only until then.
    Until(Instant),
}

struct Count {
    fs_name: String,
    /// Of its volume now, MiB.
    size_mb: u64,
    /// Bytes.
    used: u64,
    free: u64,
    files: u64,
    /// The top of each tree that was counted, and the bytes of its files; `whole`: that is all of
    /// the file system, not only snapshots.
    trees: Vec<(PathBuf, u64)>,
    whole: bool,
}

/// Counts what the needs of `image` follow from. Where files may share blocks that is a walk, as
/// nothing else knows: xfs and btrfs tell only extent by extent what is shared.
///
/// # Errors
/// If a file system cannot be asked.
pub fn count(
    image: &ImageData,
    facts: &Facts,
    excludes: &Excludes,
    walk: Walk,
    events: &Events,
) -> Result<Counted> {
    let (mut all, mut is_all) = (vec![], true);
    let excludes = &excludes.with_zero_counts();
    for fs in image.fs_data.iter().filter(|f| !esp::is_esp(image, f)) {
        let counts = usage::counts(&facts.mount_of(fs)?)?;
        let size_mb =
            volume(&facts.source.image, fs).or(volume(image, fs)).map_or(0, |l| l.size_mb);
        let whole = may_grow(fs);
        let trees = match walk {
            Walk::Until(until) if Instant::now() >= until => {
                is_all &= !whole;
                vec![]
            }
            _ => {
                let (trees, counted) = files(fs, whole, facts, excludes, walk, events)?;
                is_all &= counted;
                trees
            }
        };
        all.push(Count {
            fs_name: fs.fs_name.clone(),
            size_mb,
            used: counts.used,
            free: counts.free,
            files: counts.files,
            trees,
            whole,
        });
    }
    Ok(Counted { all, initramfs: initramfs_sizes(), excluded: excludes.report(), is_all })
}

fn volume<'i>(image: &'i ImageData, fs: &Fs) -> Option<&'i Lv> {
    image.lv_data.iter().find(|l| l.holds(fs))
}

/// Every file's own size, without those that are left out, tree by tree. Of a compressed file
/// system only the writable snapshots are counted, as the copy of the rest is compressed too.
/// True: all of it was counted.
fn files(
    fs: &Fs,
    whole: bool,
    facts: &Facts,
    excludes: &Excludes,
    walk: Walk,
    events: &Events,
) -> Result<(Vec<(PathBuf, u64)>, bool)> {
    let shows = walk == Walk::Excluded && !excludes.is_empty();
    let snapshots = snapshots::writable_snapshots(fs, &facts.source.snapshots);
    let why = if whole || !snapshots.is_empty() {
        "files that share blocks take more room in a copy"
    } else if shows {
        "to show what the exclude list leaves out"
    } else {
        return Ok((vec![], true));
    };
    events.note(format!("Counting the files of {}: {why}. This can take minutes.", fs.fs_name));
    let snapshots: Vec<_> = fs
        .subvolume
        .iter()
        .filter(|s| snapshots.contains(&s.path))
        .map(|s| subvolume::prefix(fs, s))
        .collect();
    let until = if let Walk::Until(until) = walk { Some(until) } else { None };
    let (mut counted, mut is_all) = (vec![], true);
    for tree in trees::open_file_system(fs, facts)? {
        let matters = whole || snapshots.contains(&tree.prefix);
        if matters || shows {
            let (totals, counted_all) =
                create::count_until(std::slice::from_ref(&tree), excludes, until)?;
            is_all &= counted_all;
            counted.extend(matters.then_some((tree.prefix, totals.bytes)));
        }
    }
    Ok((counted, is_all))
}

impl Counted {
    /// Everything was counted; else the needs can be larger.
    pub fn is_all(&self) -> bool {
        self.is_all
    }

    /// The file systems of `image` that need more space on disks with sectors of at most `sector`
    /// bytes.
    pub fn needs(&self, image: &ImageData, sector: u32) -> Vec<Need> {
        let mut needs = vec![];
        for fs in &image.fs_data {
            let Some(count) = self.all.iter().find(|c| c.fs_name == fs.fs_name) else { continue };
            // An image.data can have made it larger or smaller.
            let size_mb = volume(image, fs).map_or(count.size_mb, |l| l.size_mb);
            let free_mb = (count.free / MIB + size_mb).saturating_sub(count.size_mb);
            if boot_fs::holds_boot(fs, image) {
                needs.push(fitting::room_for_initramfs(&fs.fs_name, free_mb, &self.initramfs));
            }
            // Half of the last block of a file is empty on average; all of it can be.
            let larger = match fitting::larger_blocks(fs, sector) {
                0 => 0,
                bytes => bytes.saturating_mul(count.files).saturating_add(LARGER_BLOCKS_OWN),
            };
            let own = fs.fs_vfs.facts().smallest.map_or(0, |s| s.own_mb) * MIB;
            let grown =
                [(count.growth(fs), Reason::Growth), (larger, Reason::Blocks), (own, Reason::Own)];
            for (wanted_mb, reason) in grown.map(|(bytes, reason)| (bytes / MIB, reason)) {
                if wanted_mb > 0 {
                    needs.push(Need { fs_name: fs.fs_name.clone(), free_mb, wanted_mb, reason });
                }
            }
        }
        needs
    }
}

impl Count {
    /// Bytes that a copy of it takes more than the original. `fs` may have fewer subvolumes than
    /// were counted.
    fn growth(&self, fs: &Fs) -> u64 {
        let is_kept = |top: &Path| {
            fs.subvolume.is_empty() || fs.subvolume.iter().any(|s| subvolume::prefix(fs, s) == top)
        };
        let bytes =
            self.trees.iter().filter(|(top, _)| is_kept(top)).map(|(_, bytes)| bytes).sum::<u64>();
        if self.whole { bytes.saturating_sub(self.used) } else { bytes }
    }
}

/// True if files of it can be larger than the blocks that it has for them. A copy that is
/// compressed as the original stays smaller.
fn may_grow(fs: &Fs) -> bool {
    let compressed =
        || fs.subvolume.iter().any(|s| s.options.split(',').any(|o| o.starts_with("compress")));
    match fs.fs_vfs.facts().sharing {
        Sharing::Never => false,
        Sharing::WithFeature(feature) => {
            fs.fs_mkfs_options.iter().any(|o| o.split(',').any(|o| o == feature))
        }
        Sharing::Always => !compressed(),
    }
}

/// Bytes of each initramfs in /boot that phase 3 rebuilds; empty if /boot cannot be read.
fn initramfs_sizes() -> Vec<u64> {
    let files = std::fs::read_dir("/boot").into_iter().flatten().flatten();
    files
        .filter(|f| f.file_name().to_str().is_some_and(is_initramfs))
        .filter_map(|f| f.metadata().ok())
        .map(|m| m.len())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fs::FsType;
    use crate::image::data::{LvType, Subvolume};

    fn image(fs: Fs, size_mb: u64) -> ImageData {
        let lv = Lv {
            logical_volume: fs.fs_lv.clone(),
            volume_group: None,
            kind: LvType::Fs,
            size_mb,
            lv_source_disk_list: vec![],
            label: None,
        };
        ImageData { lv_data: vec![lv], fs_data: vec![fs], ..ImageData::default() }
    }

    #[test]
    fn counted_once_for_every_layout() {
        let subvolume = |path: &str, at: Option<&str>| Subvolume {
            path: path.into(),
            mount_point: at.map(Into::into),
            ..Subvolume::default()
        };
        let all = vec![subvolume("@", Some("/")), subvolume("@/machines/web", None)];
        let fs = Fs {
            fs_name: "/".into(),
            fs_lv: "p2".into(),
            fs_vfs: FsType::Btrfs,
            subvolume: all,
            ..Fs::default()
        };
        let trees = vec![("/".into(), 900 * MIB), ("/machines/web".into(), 800 * MIB)];
        let mut counted = Counted {
            excluded: vec![],
            is_all: true,
            all: vec![Count {
                fs_name: "/".into(),
                size_mb: 4000,
                used: 1000 * MIB,
                free: 3000 * MIB,
                files: 0,
                trees,
                whole: true,
            }],
            initramfs: vec![40 * MIB],
        };
        let need =
            |reason, free_mb, wanted_mb| Need { fs_name: "/".into(), free_mb, wanted_mb, reason };
        let image = image(fs, 4000);
        assert_eq!(
            counted.needs(&image, 512),
            [need(Reason::Initramfs, 3000, 51), need(Reason::Growth, 3000, 700)]
        );
        let mut less = image.clone();
        less.fs_data[0].subvolume.pop();
        less.lv_data[0].size_mb = 1500;
        assert_eq!(
            counted.needs(&less, 512),
            [need(Reason::Initramfs, 500, 51)],
            "its snapshot left out, and made smaller"
        );
        counted.all[0].whole = false;
        counted.all[0].trees.remove(0);
        assert_eq!(
            counted.needs(&image, 512)[1],
            need(Reason::Growth, 3000, 800),
            "compressed: the snapshot alone"
        );

        // A small file takes a block, and the sectors of the disk are larger.
        let mut small = image.clone();
        (small.fs_data[0].fs_vfs, small.fs_data[0].subvolume) = (FsType::Ext4, vec![]);
        small.fs_data[0].fs_mkfs_options = ["-b", "1024"].map(str::to_owned).into();
        (counted.all[0].trees, counted.all[0].files) = (vec![], 200_000);
        assert_eq!(counted.needs(&small, 512).len(), 1);
        assert_eq!(counted.needs(&small, 4096)[1], need(Reason::Blocks, 3000, 617));
    }
}
