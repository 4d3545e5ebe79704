//! Which disk is meant: everything by which one is known, and how much of it another one shares.
//!
//! Kernel names change over a reboot, and what is on a disk can be copied to another one (`dd`),
//! with the id of its table. So a serial number, WWN, model or size that is known on both sides and
//! differs makes it another disk, whatever is on it. For the same disk speak, the strongest first:
//! the kernel's sequence number, which it never gives twice until the machine restarts (Linux 5.15
//! and later); the serial number or the WWN; the id of the partition table. Disks of virtual
//! machines often have none of the first three. What nothing speaks for or against is
//! [`Likeness::Unknown`]: then what is on the disk must decide.

use std::path::PathBuf;

use crate::disk::model::Disk;
use crate::host::files;
use crate::text::size::format_size;

/// Everything known of a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskIdentity {
    /// Where it was at last.
    pub path: PathBuf,
    pub serial: Option<String>,
    pub wwn: Option<String>,
    pub model: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Logical sector, bytes.
    pub sector: u32,
    /// Of the partition table that it has, or will have.
    pub table_id: Option<String>,
    /// See [`seen`].
    pub seen: Option<String>,
}

/// What speaks for the same disk, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The id of its partition table.
    Table,
    /// Its serial number or WWN.
    Serial,
    /// The kernel's sequence number.
    Sequence,
}

/// How a disk compares with a known one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Likeness {
    Match(Basis),
    /// What differs, for people.
    Differs(String),
    /// Nothing tells.
    Unknown,
}

/// What tells this very disk from any other until the machine restarts: the kernel never uses a
/// sequence number twice.
pub fn seen(disk: &Disk) -> Option<String> {
    disk.diskseq.and_then(sequence)
}

/// The id of this boot, and a sequence number in it.
pub fn sequence(number: u64) -> Option<String> {
    let boot = files::line("/proc/sys/kernel/random/boot_id")?;
    Some(format!("{}/{number}", boot.trim()))
}

impl DiskIdentity {
    /// What is known of a disk that is there.
    pub fn from_disk(disk: &Disk) -> Self {
        Self {
            path: disk.path.clone(),
            serial: disk.serial.clone(),
            wwn: disk.wwn.clone(),
            model: disk.model.clone(),
            size: disk.size,
            sector: disk.logical_sector,
            table_id: disk.table.as_ref().map(|t| t.id.clone()).filter(|id| !id.is_empty()),
            seen: seen(disk),
        }
    }

    /// Whether `disk` is the known one.
    pub fn compare(&self, disk: &Disk) -> Likeness {
        self.compare_with(&Self::from_disk(disk))
    }

    /// Whether what is known of two disks can be of one.
    pub fn compare_with(&self, now: &Self) -> Likeness {
        if let Some(what) = self.difference(now) {
            return Likeness::Differs(what);
        }
        let shared = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        if shared(&self.seen, &now.seen) {
            return Likeness::Match(Basis::Sequence);
        }
        if shared(&self.serial, &now.serial) || shared(&self.wwn, &now.wwn) {
            return Likeness::Match(Basis::Serial);
        }
        // A copy of the disk has the same table: it is not the disk if that had something better to
        // be known by.
        if let Some(better) = self.serial.as_ref().or(self.wwn.as_ref()) {
            return Likeness::Differs(format!(
                "it does not show {better}, the serial number or WWN that the disk had"
            ));
        }
        let same_table = self
            .table_id
            .as_ref()
            .zip(now.table_id.as_ref())
            .is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
        if same_table { Likeness::Match(Basis::Table) } else { Likeness::Unknown }
    }

    /// What is known on both sides and differs.
    fn difference(&self, now: &Self) -> Option<String> {
        let texts = [
            ("serial number", &self.serial, &now.serial),
            ("WWN", &self.wwn, &now.wwn),
            ("model", &self.model, &now.model),
        ];
        let text = texts.into_iter().find_map(|(what, a, b)| match (a, b) {
            (Some(a), Some(b)) if a != b => Some(format!("its {what} is {b}, not {a}")),
            _ => None,
        });
        let size = (self.size != now.size).then(|| {
            format!(
                "it has {} ({} bytes), not {}",
                format_size(now.size),
                now.size,
                format_size(self.size)
            )
        });
        let sector = (self.sector != now.sector)
            .then(|| format!("its sectors have {} bytes, not {}", now.sector, self.sector));
        text.or(size).or(sector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> DiskIdentity {
        DiskIdentity {
            path: "/dev/vdb".into(),
            serial: Some("S1".into()),
            wwn: Some("naa.1".into()),
            model: Some("M".into()),
            size: 1 << 30,
            sector: 512,
            table_id: Some("aa".into()),
            seen: Some("boot/4".into()),
        }
    }

    #[test]
    fn what_is_known_and_differs_makes_another_disk() {
        type Change = fn(&mut DiskIdentity);
        let changes: [(Change, &str); 5] = [
            (|d| d.serial = Some("S2".into()), "its serial number is S2, not S1"),
            (|d| d.wwn = Some("naa.2".into()), "its WWN is naa.2, not naa.1"),
            (|d| d.model = Some("N".into()), "its model is N, not M"),
            (|d| d.size += 512, "not 1 GiB"),
            (|d| d.sector = 4096, "its sectors have 4096 bytes, not 512"),
        ];
        for (change, says) in changes {
            let mut now = known();
            change(&mut now);
            let Likeness::Differs(what) = known().compare_with(&now) else { panic!("{says}") };
            assert!(what.contains(says), "{what}");
        }
    }

    #[test]
    fn the_strongest_evidence_counts() {
        let like = |change: fn(&mut DiskIdentity, &mut DiskIdentity)| {
            let (mut a, mut b) = (known(), known());
            change(&mut a, &mut b);
            a.compare_with(&b)
        };
        assert_eq!(like(|_, _| {}), Likeness::Match(Basis::Sequence));
        // After a reboot, or plugged in again.
        assert_eq!(like(|_, b| b.seen = Some("other/4".into())), Likeness::Match(Basis::Serial));
        let bare = |a: &mut DiskIdentity, b: &mut DiskIdentity| {
            for d in [a, b] {
                (d.serial, d.wwn, d.seen) = (None, None, None);
            }
        };
        let (mut a, mut b) = (known(), known());
        bare(&mut a, &mut b);
        assert_eq!(a.compare_with(&b), Likeness::Match(Basis::Table));
        b.table_id = None;
        assert_eq!(a.compare_with(&b), Likeness::Unknown);
        // A copy of a disk whose serial is known is not that disk, though the copy shows no serial.
        assert!(
            matches!(like(|_, b| (b.serial, b.wwn, b.seen) = (None, None, None)), Likeness::Differs(w) if w.contains("S1"))
        );
        assert!(Basis::Table < Basis::Serial && Basis::Serial < Basis::Sequence);
    }
}
