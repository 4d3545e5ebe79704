//! A partition table as data, and as the script that sfdisk reads.
//!
//! Every partition's place is computed here, in bytes that work with any sector size, so that what
//! will be written is known (and can be shown) before anything is written, and can be compared
//! afterwards.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::disk::probe::OnDisk;
use crate::error;

/// Partitions begin at multiples of this; bytes.
pub const ALIGN: u64 = 1 << 20;
/// GPT partition type GUIDs.
pub mod types {
    /// Where GRUB keeps its image on a GPT disk for BIOS.
    pub const BIOS_BOOT: &str = "21686148-6449-6E6F-744E-656564454649";
    /// EFI system partition.
    pub const ESP: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
    /// Linux file system.
    pub const LINUX: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
    /// Linux swap space.
    pub const SWAP: &str = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F";
    /// LVM physical volume.
    pub const LVM: &str = "E6D6D379-F507-44C2-A23C-238F2A3DF928";
}

/// A partition to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionPlan {
    pub number: u32,
    /// First sector; None: the next aligned place after the partition before it in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_sector: Option<u64>,
    /// Rounded up to whole sectors.
    pub size_bytes: u64,
    pub type_guid: String,
    /// PARTUUID.
    pub uuid: String,
    /// GPT name, at most 36 characters; letters, digits, blank and `._-/`.
    pub name: String,
}

/// A whole GPT to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Disk GUID.
    pub disk_guid: String,
    pub partitions: Vec<PartitionPlan>,
}

/// Where a partition will lie, in sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionExtent {
    pub number: u32,
    pub start: u64,
    pub size: u64,
}

/// Bytes that partitions can have on a disk of `size` bytes: what is between the first MiB and the
/// second copy of the table, in whole MiB.
pub fn usable(size: u64, sector: u32) -> u64 {
    (last(size, sector) * u64::from(sector)).saturating_sub(ALIGN) / ALIGN * ALIGN
}

/// The first sector that the second GPT takes: 128 entries of 128 bytes, and its header.
fn last(size: u64, sector: u32) -> u64 {
    let sector = u64::from(sector.max(1));
    (size / sector).saturating_sub((128 * 128u64).div_ceil(sector) + 1)
}

impl Layout {
    /// Where each partition will lie on a disk of `size` bytes with sectors of `sector` bytes, in
    /// the order of the list.
    ///
    /// # Errors
    /// ALT-240 where they do not fit or overlap; ALT-222 for a sector size that GPT tools cannot
    /// do.
    pub fn extents(&self, size: u64, sector: u32) -> Result<Vec<PartitionExtent>> {
        if sector < 512 || !sector.is_power_of_two() {
            return Err(error::DISK_SECTOR.with_cause(format!("sectors of {sector} bytes")));
        }
        let bytes = u64::from(sector);
        let (mut next, end, mut all) =
            (ALIGN / bytes, last(size, sector), Vec::<PartitionExtent>::new());
        for p in &self.partitions {
            let start = p.start_sector.unwrap_or(next);
            let place =
                PartitionExtent { number: p.number, start, size: p.size_bytes.div_ceil(bytes) };
            let overlaps = all.iter().any(|o| {
                o.number == p.number
                    || (start < o.start + o.size && o.start < start.saturating_add(place.size))
            });
            if place.size == 0 || start < ALIGN / bytes || overlaps {
                return Err(error::LAYOUT_DOES_NOT_FIT.with_cause(format!(
                    "partition {} ({}) has no size, or overlaps another",
                    p.number, p.name
                )));
            }
            if start.saturating_add(place.size) > end {
                let (need, has) =
                    (start.saturating_add(place.size).saturating_mul(bytes), end * bytes);
                let cause = format!(
                    "partition {} ({}) would end at byte {need}, but the disk's usable part ends at {has}",
                    p.number, p.name
                );
                return Err(error::LAYOUT_DOES_NOT_FIT.with_cause(cause));
            }
            next = ((start + place.size) * bytes).div_ceil(ALIGN) * ALIGN / bytes;
            all.push(place);
        }
        Ok(all)
    }

    /// The script for sfdisk's standard input.
    ///
    /// # Errors
    /// As [`Layout::place`].
    pub fn script(&self, size: u64, sector: u32) -> Result<String> {
        let mut text = format!(
            "label: gpt\nlabel-id: {}\nunit: sectors\nsector-size: {sector}\nfirst-lba: {}\n\n",
            self.disk_guid.to_uppercase(),
            ALIGN / u64::from(sector.max(1))
        );
        for (p, place) in self.partitions.iter().zip(self.extents(size, sector)?) {
            let line = format!(
                "{}: start={}, size={}, type={}, uuid={}, name=\"{}\"\n",
                p.number,
                place.start,
                place.size,
                p.type_guid.to_uppercase(),
                p.uuid.to_uppercase(),
                plain(&p.name)
            );
            text.push_str(&line);
        }
        Ok(text)
    }

    /// What differs between this and a table that was read back; empty if it is the same.
    ///
    /// # Errors
    /// As [`Layout::place`].
    pub fn differences(&self, size: u64, sector: u32, found: &OnDisk) -> Result<Vec<String>> {
        let mut all = vec![];
        let mut compare = |what: String, want: String, have: String| {
            if want != have {
                all.push(format!("{what} is {have}, should be {want}"));
            }
        };
        compare("the table".into(), "gpt".into(), found.table.kind.clone());
        compare("the disk GUID".into(), self.disk_guid.to_lowercase(), found.table.id.clone());
        compare("the sector size".into(), sector.to_string(), found.sector.to_string());
        compare(
            "the number of partitions".into(),
            self.partitions.len().to_string(),
            found.entries.len().to_string(),
        );
        for (p, place) in self.partitions.iter().zip(self.extents(size, sector)?) {
            let Some(e) = found.entries.iter().find(|e| e.number == p.number) else {
                compare(format!("partition {}", p.number), "there".into(), "missing".into());
                continue;
            };
            let what = |field: &str| format!("partition {}'s {field}", p.number);
            compare(what("start"), place.start.to_string(), e.start.to_string());
            compare(what("size"), place.size.to_string(), e.size.to_string());
            compare(what("type"), p.type_guid.to_uppercase(), e.type_id.clone());
            compare(what("UUID"), p.uuid.to_lowercase(), e.uuid.clone().unwrap_or_default());
            compare(what("name"), plain(&p.name), e.name.clone().unwrap_or_default());
        }
        Ok(all)
    }
}

/// A name that sfdisk's script can carry (it has no escapes), in GPT's 36 characters.
fn plain(name: &str) -> String {
    let kept = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " ._-/".contains(c) { c } else { '_' });
    kept.take(36).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn layout(sizes: &[u64]) -> Layout {
        let part = |(i, size): (usize, &u64)| PartitionPlan {
            number: u32::try_from(i).unwrap() + 1,
            start_sector: None,
            size_bytes: *size,
            type_guid: types::LINUX.into(),
            uuid: format!("00000000-0000-4000-8000-00000000000{i}"),
            name: format!("altinst_rootvg \"{i}\""),
        };
        Layout {
            disk_guid: "11111111-2222-4333-8444-555555555555".into(),
            partitions: sizes.iter().enumerate().map(part).collect(),
        }
    }

    #[test]
    fn script_for_both_sector_sizes() {
        let l = layout(&[1 << 20, (50 << 20) + 1, 100 << 20]);
        let lines = |sector| {
            l.script(300 << 20, sector)
                .unwrap()
                .lines()
                .skip(6)
                .map(|x| x.split(", type").next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines(512),
            [
                "1: start=2048, size=2048",
                "2: start=4096, size=102401",
                "3: start=108544, size=204800"
            ]
        );
        assert_eq!(
            lines(4096),
            ["1: start=256, size=256", "2: start=512, size=12801", "3: start=13568, size=25600"]
        );
        let text = l.script(300 << 20, 4096).unwrap();
        assert!(
            text.starts_with(
                "label: gpt\nlabel-id: 11111111-2222-4333-8444-555555555555\nunit: sectors\nsector-size: 4096\nfirst-lba: 256\n"
            ),
            "{text}"
        );
        assert!(text.contains("name=\"altinst_rootvg _0_\"\n"), "{text}");
    }

    #[test]
    fn what_does_not_fit() {
        assert!(layout(&[usable(300 << 20, 512)]).extents(300 << 20, 512).is_ok());
        for (bad, size) in [
            (layout(&[300 << 20]), 300 << 20),
            (layout(&[0]), 300 << 20),
            (layout(&[1 << 20]), 0),
            (layout(&[usable(300 << 20, 512) + ALIGN]), 300 << 20),
        ] {
            let err = bad.extents(size, 512).unwrap_err();
            assert_eq!(error::find(&err).unwrap().entry.id, "ALT-240");
        }
        let mut twice = layout(&[1 << 20, 1 << 20]);
        twice.partitions[1].start_sector = Some(3000);
        assert!(twice.extents(300 << 20, 512).is_err());
        assert!(layout(&[1]).extents(300 << 20, 520).is_err());
    }

    #[test]
    fn differences_are_named() {
        let found = crate::disk::probe::parse_table(include_str!(
            "../../tests/fixtures/disk/sfdisk-gpt-4kn.json"
        ))
        .unwrap();
        let all =
            layout(&[1 << 20, 1 << 20]).differences(300 << 20, 512, &found).unwrap().join("\n");
        for part in [
            "the sector size is 4096, should be 512",
            "the disk GUID is 0f2e9c0a",
            "partition 2 is missing",
            "partition 1's start is 256, should be 2048",
            "number of partitions is 3, should be 2",
        ] {
            assert!(all.contains(part), "{all}");
        }
    }

    proptest! {
        #[test]
        fn places_are_aligned_and_apart(sizes in proptest::collection::vec(1u64..1 << 33, 1..9), big in 1u64 << 20..1 << 40, sector in prop_oneof![Just(512u32), Just(4096)]) {
            let l = layout(&sizes);
            if let Ok(places) = l.extents(big, sector) {
                let bytes = u64::from(sector);
                for (pair, size) in places.iter().zip(&sizes) {
                    prop_assert!(pair.start * bytes % ALIGN == 0 && pair.size * bytes >= *size && pair.size * bytes < size + bytes);
                    prop_assert!((pair.start + pair.size) * bytes + 33 * 512 <= big);
                }
                for pair in places.windows(2) {
                    prop_assert!(pair[0].start + pair[0].size <= pair[1].start);
                }
            } else {
                let need: u64 = sizes.iter().map(|s| s.div_ceil(ALIGN) * ALIGN).sum();
                prop_assert!(need > usable(big, sector));
            }
        }
    }
}
