//! The target disks of a run, open as long as it works.
//!
//! While a disk is open, the kernel gives its number to no other; so what a name leads to can be
//! compared with it before and after each step. From the moment the table is written, its id is
//! looked at as well.

use std::path::Path;

use anyhow::Result;

use crate::disk::content;
use crate::disk::held::Held;
use crate::disk::identity::sequence;
use crate::disk::probe;
use crate::engine::plan::layout::DiskLayout;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::Action;
use crate::error;
use crate::host::serial;

/// The disks, in the order of the layout.
#[derive(Debug)]
pub struct Targets(Vec<Held>);

impl Targets {
    /// Opens every target of `base`, whose names are those of today.
    ///
    /// # Errors
    /// ALT-714 if another disk has a target's name; ALT-218 if one cannot be opened.
    pub fn take(base: &AlternateSpec) -> Result<Self> {
        Ok(Self(base.layout.disks.iter().map(open_target).collect::<Result<_>>()?))
    }

    /// Checks that every name still leads to its disk and, where `action` comes after the partition
    /// table, that this is the copy's.
    ///
    /// # Errors
    /// ALT-714 if it leads to another; ALT-715 if the disk has another table.
    pub fn check(&self, base: &AlternateSpec, action: &Action) -> Result<()> {
        self.0.iter().try_for_each(Held::check)?;
        if matches!(action, Action::Gate | Action::Wipe { .. } | Action::Partition { .. }) {
            return Ok(());
        }
        base.layout
            .disks
            .iter()
            .zip(&self.0)
            .try_for_each(|(layout, held)| check_own_table(layout, held))
    }

    /// Has everybody who reads a whole disk from now on see what was written through its
    /// partitions: the kernel keeps pages of a disk apart from those of its partitions. Drops the
    /// clean pages of the disk (posix_fadvise(2), POSIX_FADV_DONTNEED), and only those.
    ///
    /// # Errors
    /// ALT-218 if a disk does not answer.
    pub fn forget_cache(&self) -> Result<()> {
        let forget = |held: &Held| content::forget_cache(held.file());
        self.0.iter().try_for_each(|h| {
            forget(h).map_err(|e| {
                error::DISK_UNREADABLE.with_cause(format!(
                    "{}: {}",
                    h.name().display(),
                    error::text_of(&e)
                ))
            })
        })
    }

    /// Lets the disks go, after a last comparison.
    ///
    /// # Errors
    /// ALT-714 if another disk has a target's name by now.
    pub fn close(self) -> Result<()> {
        self.0.into_iter().try_for_each(Held::close)
    }
}

/// Opens a target by its name of today.
///
/// # Errors
/// ALT-714 if it is another disk; ALT-218 if it cannot be opened.
pub fn open_target(layout: &DiskLayout) -> Result<Held> {
    let held = Held::open(&layout.path)?;
    let other = |what: String| {
        Err(error::DISK_EXCHANGED.with_cause(format!("{}: {what}", layout.path.display())))
    };
    let facts = held.facts();
    if facts.size != layout.size {
        return other(format!("it has {} bytes, and the target has {}", facts.size, layout.size));
    }
    let boot = |seen: &str| seen.split('/').next().map(str::to_owned);
    if let (Some(was), Some(now)) = (&layout.seen, facts.diskseq.and_then(sequence))
        && boot(was) == boot(&now)
        && *was != now
    {
        return other(
            "another disk was attached under this name since it was looked at".to_owned(),
        );
    }
    let serial = serial::of_disk(&Path::new("/sys/dev/block").join(&facts.dev));
    match (&layout.serial, serial) {
        (Some(was), Some(now)) if *was != now => {
            other(format!("its serial number is {now}, and that of the target {was}"))
        }
        _ => Ok(held),
    }
}

/// Checks that a target still has the table that was written for the copy.
///
/// # Errors
/// ALT-715 with what it has.
pub fn check_own_table(layout: &DiskLayout, held: &Held) -> Result<()> {
    let found = probe::gpt_ids(held.file(), layout.size, layout.sector)?;
    if [&found.first, &found.last]
        .into_iter()
        .flatten()
        .any(|id| id.eq_ignore_ascii_case(&layout.table_id))
    {
        return Ok(());
    }
    let has = found
        .first
        .or(found.last)
        .map_or("no partition table of the copy".to_owned(), |id| format!("partition table {id}"));
    Err(error::DISK_USED_AGAIN.with_cause(format!(
        "{} has {has}, not {}",
        layout.path.display(),
        layout.table_id
    )))
}
