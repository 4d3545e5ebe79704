//! Which disks are one: two paths to a LUN where no multipath runs, or two devices on one file.
//!
//! A disk is in use when another path to it is. Paths to one disk show the same WWN, or the same
//! serial number, model and size; a copy made with `dd` has those of its own disk, so that it is
//! told from the original whatever is on it. Disks of virtual machines may show neither. Then only
//! what is on them can tell: two that have the same size and hold the same at every place that is
//! looked at are taken for one disk. A difference counts if it is there twice: what a mounted file
//! system writes between two looks makes one that is not. Empty disks are never taken for one:
//! nobody loses anything there.

use std::fs::File;
use std::io;

use crate::disk::content::{blank, places, read, starts};
use crate::disk::model::{Disk, Inventory};

/// How two devices are known to be one disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    Wwn,
    Serial,
    Content,
}

impl Twin {
    /// For people, after "it has the same".
    pub fn description(self) -> &'static str {
        match self {
            Self::Wwn => "WWN",
            Self::Serial => "serial number, model and size",
            Self::Content => "size and content, and no serial number tells them apart",
        }
    }
}

/// What the identities of two disks say: Some(Some(_)): one disk; Some(None): two; None: nothing.
fn by_identity(a: &Disk, b: &Disk) -> Option<Option<Twin>> {
    if a.size != b.size {
        return Some(None);
    }
    if let (Some(x), Some(y)) = (&a.wwn, &b.wwn) {
        return Some((x == y).then_some(Twin::Wwn));
    }
    if let (Some(x), Some(y)) = (&a.serial, &b.serial) {
        return Some((x == y && a.model == b.model).then_some(Twin::Serial));
    }
    // A file of our own is no LUN.
    (a.practice.is_some() || b.practice.is_some()).then_some(None)
}

/// Other devices that are, or may be, this very disk.
pub fn find_twins<'w>(disk: &Disk, inventory: &'w Inventory) -> Vec<(&'w Disk, Twin)> {
    let alike = |other: &Disk| {
        let pair = |(a, b): &(String, String)| {
            (*a == disk.name && *b == other.name) || (*b == disk.name && *a == other.name)
        };
        by_identity(disk, other)
            .unwrap_or_else(|| inventory.lookalikes.iter().any(pair).then_some(Twin::Content))
    };
    inventory
        .disks
        .iter()
        .filter(|d| d.name != disk.name)
        .filter_map(|d| alike(d).map(|twin| (d, twin)))
        .collect()
}

/// Pairs of disks that nothing tells apart and that hold the same. Reads only what cannot be told
/// otherwise.
pub fn lookalikes(inventory: &Inventory) -> Vec<(String, String)> {
    let mut all = vec![];
    for (n, a) in
        inventory.disks.iter().enumerate().filter(|(_, d)| d.size > 0 && d.unreadable.is_none())
    {
        for b in inventory.disks[n + 1..]
            .iter()
            .filter(|b| b.unreadable.is_none() && by_identity(a, b).is_none())
        {
            let id = |d: &Disk| d.table.as_ref().map(|t| t.id.to_lowercase());
            // Where the tables differ, so does the content. What cannot be read again is not told
            // apart.
            if id(a) == id(b) && !differ(a, b).unwrap_or(false) {
                all.push((a.name.clone(), b.name.clone()));
            }
        }
    }
    all
}

/// Whether two disks hold something different, or nothing at all.
fn differ(a: &Disk, b: &Disk) -> io::Result<bool> {
    let (one, two) = (File::open(&a.path)?, File::open(&b.path)?);
    let all = places(a.size, &starts(a));
    let look = |device: &File, at: &[u64]| read(device, a.size, at);
    let (x, y) = (look(&one, &all)?, look(&two, &all)?);
    if blank(&x) && blank(&y) {
        return Ok(true);
    }
    let at: Vec<u64> =
        all.iter().zip(x.iter().zip(&y)).filter(|(_, (x, y))| x != y).map(|(at, _)| *at).collect();
    let (again_x, again_y) = (look(&one, &at)?, look(&two, &at)?);
    let first = |blocks: &[u32]| -> Vec<u32> {
        all.iter().zip(blocks).filter(|(p, _)| at.contains(p)).map(|(_, b)| *b).collect()
    };
    let (first_x, first_y) = (first(&x), first(&y));
    let mut both = first_x.iter().zip(&again_x).zip(first_y.iter().zip(&again_y));
    Ok(both.any(|((x, x2), (y, y2))| x == x2 && y == y2 && x != y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    #[test]
    fn paths_and_copies() {
        let disk = |name: &str, serial: Option<&str>, wwn: Option<&str>| Disk {
            serial: serial.map(Into::into),
            wwn: wwn.map(Into::into),
            ..sample::disk(name, "8:0")
        };
        let like = |a: Disk, b: Disk| by_identity(&a, &b);
        let (s, w) = (Some("S1"), Some("naa.1"));
        assert_eq!(like(disk("sda", s, w), disk("sdb", s, w)), Some(Some(Twin::Wwn)));
        // LUNs of one array may have its serial number all.
        assert_eq!(like(disk("sda", s, w), disk("sdb", s, Some("naa.2"))), Some(None));
        assert_eq!(like(disk("sda", s, None), disk("sdb", s, None)), Some(Some(Twin::Serial)));
        assert_eq!(like(disk("sda", s, None), disk("sdb", Some("S2"), None)), Some(None));
        assert_eq!(like(disk("sda", None, None), disk("sdb", None, None)), None);
        assert_eq!(like(disk("sda", s, None), disk("sdb", None, None)), None);
        assert_eq!(like(Disk { size: 1, ..disk("sda", s, w) }, disk("sdb", s, w)), Some(None));
        assert_eq!(
            like(
                Disk { practice: Some("/x.img".into()), ..disk("loop1", s, None) },
                disk("sdb", None, None)
            ),
            Some(None)
        );
        let mut inventory = Inventory {
            disks: vec![disk("vda", None, None), disk("vdb", None, None)],
            ..Inventory::default()
        };
        assert!(find_twins(&inventory.disks[1], &inventory).is_empty());
        inventory.lookalikes = vec![("vda".into(), "vdb".into())];
        assert_eq!(
            find_twins(&inventory.disks[1], &inventory)
                .iter()
                .map(|(d, t)| (d.name.as_str(), *t))
                .collect::<Vec<_>>(),
            [("vda", Twin::Content)]
        );
        assert_eq!(find_twins(&inventory.disks[0], &inventory).len(), 1);
    }

    #[test]
    fn content_tells_where_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let disk = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Disk { path, size: bytes.len() as u64, ..sample::disk(name, "8:0") }
        };
        let text = |c: u8| [vec![0; 3 << 20], vec![c; 1 << 20]].concat();
        let inventory = |disks| Inventory { disks, ..Inventory::default() };
        assert_eq!(
            lookalikes(&inventory(vec![disk("a", &text(b'x')), disk("b", &text(b'x'))])),
            [("a".to_owned(), "b".to_owned())]
        );
        assert_eq!(
            lookalikes(&inventory(vec![disk("a", &text(b'x')), disk("b", &text(b'y'))])),
            []
        );
        assert_eq!(lookalikes(&inventory(vec![disk("a", &text(0)), disk("b", &text(0))])), []);
    }
}
