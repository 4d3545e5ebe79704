//! What is on a disk where nothing is recognised: blocks read at places that are spread over it.
//!
//! No signature does not mean no data: dm-crypt without a header, LUKS with its header elsewhere,
//! raw databases, a disk whose start is damaged. So a disk counts as empty only if every block that
//! is looked at is zeros, or every one is 0xFF, which is how some flash reads where it was erased:
//! the same byte at hundreds of places says nothing. Zeros in one place and 0xFF in another are
//! data.
//!
//! The places are the first and the last MiB, the powers of two with 64 KiB behind each
//! (superblocks and backups lie there), the starts of partitions, and one place in each of
//! [`SPREAD`] equal stretches, at a distance that looks random: a run of data that is longer than
//! two stretches cannot be missed. They are the same for every disk of a size, so that two looks at
//! a disk can be compared block by block, and so that erasing a disk can make exactly these blocks
//! zeros.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use serde::{Deserialize, Serialize};

use crate::disk::model::{Disk, Sight, Signature};
use crate::host::make::{next_data, next_hole};

/// Bytes that are looked at in one place.
pub const BLOCK: u64 = 4096;
/// Stretches of a disk with one place each.
const SPREAD: u64 = 240;
const MIB: u64 = 1 << 20;
/// A partition's own signature is in its first block, or 64 KiB behind it (btrfs, reiserfs).
const SECOND_SUPERBLOCK: u64 = 64 << 10;
/// Places in the data of a sparse file, beside those that every disk has.
const MAX_IN_FILE: u64 = 4096;

const ZEROS: u32 = 0;
const ONES: u32 = u32::MAX;

/// What was on a disk before a run wrote to it; kept with the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRecord {
    pub table_id: Option<String>,
    /// On the whole disk and on its partitions.
    pub signatures: Vec<Signature>,
    /// Where its partitions began; bytes.
    pub starts: Vec<u64>,
    /// Eight hexadecimal digits for the block at each of [`places`].
    pub blocks: String,
}

/// How a disk compares with what was on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentChange {
    /// Nothing has changed where it was looked at.
    Same,
    /// Some blocks are zeros now, and the others are as they were: what an interrupted wipe leaves.
    Zeroed,
    Changed,
}

/// Where a disk of `size` bytes, with partitions that begin at `starts`, is looked at: offsets of
/// blocks, ascending.
pub fn places(size: u64, starts: &[u64]) -> Vec<u64> {
    let mut all: Vec<u64> = (0..MIB / BLOCK).map(|n| n * BLOCK).collect();
    let last = size.saturating_sub(MIB);
    all.extend((0..=MIB / BLOCK).map(|n| last + n * BLOCK));
    let powers = (20..63).map(|n| 1u64 << n).take_while(|at| *at < size);
    for at in powers.chain(starts.iter().copied()) {
        all.extend([at, at.saturating_add(SECOND_SUPERBLOCK)]);
    }
    let stretch = size / SPREAD;
    all.extend((0..SPREAD).filter(|_| stretch > 0).map(|n| n * stretch + scatter(n) % stretch));
    all.iter_mut().for_each(|at| *at -= *at % BLOCK);
    all.retain(|at| *at < size);
    all.sort_unstable();
    all.dedup();
    all
}

/// A number that looks random (splitmix64), the same at each call.
fn scatter(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Offsets where the partitions of a disk begin.
pub fn starts(disk: &Disk) -> Vec<u64> {
    disk.partitions.iter().map(|p| p.start).collect()
}

/// The blocks at `places`, each as a number: [`ZEROS`], [`ONES`], or the beginning of a hash. Reads
/// the medium, not what the kernel remembers of it: a partition's own writes do not show in the
/// memory of the whole disk.
///
/// # Errors
/// If a place cannot be read.
pub fn read(device: &File, size: u64, places: &[u64]) -> io::Result<Vec<u32>> {
    forget_cache(device)?;
    // All at once, so that a disk can read them in its own order.
    for at in places {
        advise(device, *at, BLOCK, PosixFadviseAdvice::POSIX_FADV_WILLNEED)?;
    }
    let all = places.iter().map(|at| block(device, size, *at)).collect();
    forget_cache(device)?;
    all
}

/// The first of `places` whose block belongs to data; None where all are zeros, or all 0xFF.
fn first_data(device: &File, size: u64, places: &[u64]) -> io::Result<Option<u64>> {
    let all = read(device, size, places)?;
    Ok(if blank(&all) {
        None
    } else {
        places.iter().zip(&all).find(|(_, b)| **b != ZEROS).map(|(at, _)| *at)
    })
}

/// Whether blocks say nothing: all zeros, or all 0xFF.
pub fn blank(blocks: &[u32]) -> bool {
    blocks.iter().all(|b| *b == ZEROS) || blocks.iter().all(|b| *b == ONES)
}

fn block(device: &File, size: u64, at: u64) -> io::Result<u32> {
    let mut buffer = [0u8; BLOCK as usize];
    let length = usize::try_from((size - at).min(BLOCK)).unwrap_or(0);
    device.read_exact_at(&mut buffer[..length], at)?;
    Ok(number(&buffer[..length]))
}

fn number(bytes: &[u8]) -> u32 {
    if bytes.iter().all(|b| *b == 0) {
        return ZEROS;
    }
    if bytes.iter().all(|b| *b == 0xff) {
        return ONES;
    }
    let hash = blake3::hash(bytes);
    let [a, b, c, d, ..] = *hash.as_bytes();
    u32::from_be_bytes([a, b, c, d]).clamp(ZEROS + 1, ONES - 1)
}

/// Drops the clean pages of the device (posix_fadvise(2), POSIX_FADV_DONTNEED): a whole disk and
/// its partitions have pages of their own, and whoever reads through the disk would see what a
/// partition held before it was written. Dirty pages stay.
///
/// # Errors
/// The kernel's.
pub fn forget_cache(device: &File) -> io::Result<()> {
    advise(device, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
}

fn advise(device: &File, at: u64, length: u64, advice: PosixFadviseAdvice) -> io::Result<()> {
    let number = |n: u64| i64::try_from(n).map_err(io::Error::other);
    Ok(posix_fadvise(device.as_fd(), number(at)?, number(length)?, advice)?)
}

/// Whether there is anything on the disk, recognised or not.
///
/// # Errors
/// If it cannot be read.
pub fn look(disk: &Disk) -> io::Result<Sight> {
    let device = File::open(&disk.path)?;
    let mut all = places(disk.size, &starts(disk));
    // A sparse file says where its data is: then nothing can be missed.
    if let Some(file) = &disk.practice {
        all.extend(in_file(file, disk.size)?);
        all.sort_unstable();
        all.dedup();
    }
    Ok(first_data(&device, disk.size, &all)?.map_or(Sight::Blank, Sight::Data))
}

/// Places in every stretch of data that a sparse file has.
fn in_file(file: &Path, size: u64) -> io::Result<Vec<u64>> {
    let file = File::open(file)?;
    let (mut stretches, mut at) = (vec![], 0);
    while let Some(from) = next_data(&file, at)?.filter(|from| *from < size) {
        at = next_hole(&file, from)?.min(size);
        stretches.push((from, at));
        if at <= from {
            break;
        }
    }
    let total: u64 = stretches.iter().map(|(from, to)| to - from).sum();
    let step = (total / MAX_IN_FILE).max(BLOCK).next_multiple_of(BLOCK);
    Ok(stretches
        .into_iter()
        .flat_map(|(from, to)| {
            (from - from % BLOCK..to).step_by(usize::try_from(step).unwrap_or(usize::MAX))
        })
        .collect())
}

impl ContentRecord {
    /// Looks at a disk that is about to become a target.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(disk: &Disk) -> io::Result<Self> {
        let starts = starts(disk);
        let blocks = read(&File::open(&disk.path)?, disk.size, &places(disk.size, &starts))?;
        Ok(Self {
            table_id: disk.table.as_ref().map(|t| t.id.clone()),
            signatures: signatures(disk).cloned().collect(),
            starts,
            blocks: blocks.iter().map(|b| format!("{b:08x}")).collect(),
        })
    }

    /// What has happened to the disk since; `device`: the disk, `size` in bytes.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn compare_with(&self, device: &File, size: u64) -> io::Result<ContentChange> {
        Ok(self.compare(&read(device, size, &places(size, &self.starts))?))
    }

    fn compare(&self, now: &[u32]) -> ContentChange {
        let was: Vec<Option<u32>> = self
            .blocks
            .as_bytes()
            .chunks(8)
            .map(|c| u32::from_str_radix(std::str::from_utf8(c).ok()?, 16).ok())
            .collect();
        if was.len() != now.len() {
            return ContentChange::Changed;
        }
        let mut pairs = was.iter().zip(now);
        if pairs.clone().all(|(was, now)| *was == Some(*now)) {
            ContentChange::Same
        } else if pairs.all(|(was, now)| *now == ZEROS || *was == Some(*now)) {
            ContentChange::Zeroed
        } else {
            ContentChange::Changed
        }
    }
}

/// Every signature on a disk and its partitions but those of tables.
pub fn signatures(disk: &Disk) -> impl Iterator<Item = &Signature> {
    disk.content
        .iter()
        .chain(disk.partitions.iter().flat_map(|p| &p.content))
        .filter(|s| s.usage != "partition-table")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(size: u64, writes: &[(u64, &[u8])]) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        writes.iter().for_each(|(at, bytes)| file.write_all_at(bytes, *at).unwrap());
        file.sync_all().unwrap();
        file
    }

    fn found(size: u64, writes: &[(u64, &[u8])]) -> Option<u64> {
        first_data(&file(size, writes), size, &places(size, &[])).unwrap()
    }

    const GIB: u64 = 1 << 30;

    #[test]
    fn the_typical_places_are_looked_at() {
        let all = places(8 * GIB, &[2048 * 512, 300 * MIB]);
        for at in [
            0,
            4096,
            64 << 10,
            MIB,
            2 * MIB,
            64 * MIB,
            300 * MIB,
            (300 << 20) + (64 << 10),
            8 * GIB - MIB,
            8 * GIB - 4096,
        ] {
            assert!(all.contains(&at), "{at}");
        }
        assert!(
            all.is_sorted()
                && all.iter().all(|at| at % BLOCK == 0 && *at < 8 * GIB)
                && all.len() < 1000,
            "{}",
            all.len()
        );
        // In each stretch one: what is two stretches long is seen wherever it lies.
        let (size, run) = (2000 * GIB, 2 * 2000 * GIB / SPREAD);
        let spread = places(size, &[]);
        for from in (0..97).map(|n| n * (size - run) / 97) {
            assert!(spread.iter().any(|at| (from..from + run).contains(at)), "{from}");
        }
        // A disk that ends in half a block.
        assert_eq!(places(3 * MIB + 512, &[]).last(), Some(&(3 * MIB)));
        assert_eq!(places(512, &[]), [0]);
    }

    #[test]
    fn data_is_found_though_nothing_is_recognised() {
        let noise: Vec<u8> = (0..64 * MIB).map(|n| scatter(n).to_be_bytes()[0]).collect();
        assert_eq!(found(64 * MIB, &[]), None);
        assert_eq!(found(64 * MIB, &[(0, &noise)]), Some(0));
        // From 2 MiB on.
        assert_eq!(found(66 * MIB, &[(2 * MIB, &noise)]), Some(2 * MIB));
        assert_eq!(found(GIB, &[(700 * MIB + 12345, &noise)]).map(|at| at > 700 * MIB), Some(true));
        assert_eq!(found(GIB, &[(GIB - 1, b"x")]), Some(GIB - 4096));
        assert_eq!(found(4 * MIB, &[(0, &vec![0xff; 4 * MIB as usize])]), None);
        // Not the same everywhere.
        assert_eq!(found(4 * MIB, &[(MIB, &vec![0xff; MIB as usize])]), Some(MIB));
    }

    #[test]
    fn a_sparse_file_says_where_its_data_is() {
        let mut named = tempfile::NamedTempFile::new().unwrap();
        named.as_file().set_len(8 * GIB).unwrap();
        assert_eq!(in_file(named.path(), 8 * GIB).unwrap(), [0; 0]);
        let at = 5 * GIB + 123 * 4096;
        named.as_file().write_all_at(b"x", at).unwrap();
        named.flush().unwrap();
        assert!(
            !places(8 * GIB, &[]).contains(&at),
            "the test is about a place that is not looked at otherwise"
        );
        assert!(in_file(named.path(), 8 * GIB).unwrap().contains(&at));
    }

    #[test]
    fn what_changed_since() {
        let size = 16 * MIB;
        let was = file(size, &[(0, b"one"), (2 * MIB, b"two")]);
        let blocks = |f: &File| read(f, size, &places(size, &[])).unwrap();
        let before = ContentRecord {
            blocks: blocks(&was).iter().map(|b| format!("{b:08x}")).collect(),
            ..ContentRecord::default()
        };
        let since =
            |writes: &[(u64, &[u8])]| before.compare_with(&file(size, writes), size).unwrap();
        assert_eq!(since(&[(0, b"one"), (2 * MIB, b"two")]), ContentChange::Same);
        assert_eq!(since(&[(2 * MIB, b"two")]), ContentChange::Zeroed);
        assert_eq!(since(&[]), ContentChange::Zeroed);
        assert_eq!(since(&[(0, b"one"), (2 * MIB, b"new")]), ContentChange::Changed);
        assert_eq!(
            since(&[(0, b"one"), (2 * MIB, b"two"), (4 * MIB, b"x")]),
            ContentChange::Changed
        );
        assert_eq!(
            ContentRecord::default().compare_with(&was, size).unwrap(),
            ContentChange::Changed
        );
        let json = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<ContentRecord>(&json).unwrap(), before);
    }
}
