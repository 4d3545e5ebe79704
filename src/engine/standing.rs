//! How much the record of the copy says: all, not what was done, or nothing that can be read.
//!
//! What builds on a copy (a later phase, `--resume`) needs the whole record, and refuses without it. `-X` and the lists do not: they go
//! by what is there.

use anyhow::Result;

use crate::disk::gate::Verdict;
use crate::disk::model::{Disk, Role, World};
use crate::engine::plan::Base;
use crate::engine::relocate;
use crate::engine::state::{Alternate, Record, State};
use crate::error;

/// The record of the copy.
pub enum Standing {
    None,
    Known(Box<Alternate>),
    /// The plan says which disks the copy is on; the journal, which says what was done with them, is lost.
    NoJournal(Box<Alternate>),
    /// With the ALT-702 that says why.
    Unreadable(anyhow::Error),
}

impl Standing {
    /// What loading the state came to.
    ///
    /// # Errors
    /// Those that do not speak of the record itself: no permission to read it, for example.
    pub fn of(loaded: Result<Option<Alternate>>) -> Result<Self> {
        match loaded {
            Ok(None) => Ok(Self::None),
            Ok(Some(a)) if journal_is_lost(&a) => Ok(Self::NoJournal(Box::new(a))),
            Ok(Some(a)) => Ok(Self::Known(Box::new(a))),
            Err(e) if is_unreadable(&e) => Ok(Self::Unreadable(e)),
            Err(e) => Err(e),
        }
    }
}

/// Whether this error says that the record is there and cannot be read.
pub fn is_unreadable(e: &anyhow::Error) -> bool {
    error::of(e).is_some_and(|a| a.entry.id == error::BAD_STATE.id)
}

/// Every run writes one record before it does anything.
fn journal_is_lost(a: &Alternate) -> bool {
    !a.journal.iter().any(|r| matches!(r, Record::Run { .. }))
}

/// The stored copy, for what needs its whole record.
///
/// # Errors
/// ALT-702 where the journal is lost.
pub fn whole(stored: Option<Alternate>) -> Result<Option<Alternate>> {
    match stored {
        Some(a) if journal_is_lost(&a) => {
            Err(error::BAD_STATE.because(format!("the journal of the copy on {} is lost: what was done so far is not known", a.disks())))
        }
        other => Ok(other),
    }
}

/// What phase 1 settled for the stored copy, for lists: a record that cannot be read is none. Anyone may ask.
///
/// # Errors
/// Those that do not speak of the record itself.
pub fn readable_base() -> Result<Option<Base>> {
    match State::peek_base() {
        Err(e) if is_unreadable(&e) => Ok(None),
        other => other,
    }
}

/// How far a copy came, as far as `-X` must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Unfinished,
    /// Phase 3 is complete.
    Finished,
    /// The journal is lost.
    NotKnown,
}

/// How far this one came.
pub fn stage(a: &Alternate) -> Stage {
    match (journal_is_lost(a), a.phases_done().contains(&3)) {
        (true, _) => Stage::NotKnown,
        (false, true) => Stage::Finished,
        (false, false) => Stage::Unfinished,
    }
}

/// What the record adds to the gate's word about a disk.
#[derive(Debug, Default)]
pub struct Marks {
    /// Names of the disks of a copy that is not finished. Who may not read the journal gets none.
    unfinished: Vec<String>,
    /// Why the record cannot be read.
    pub unreadable: Option<String>,
}

impl Marks {
    /// Asks the record.
    pub fn read(world: &World) -> Self {
        match State::peek().map_or_else(|e| Standing::of(Err(e)), |a| Standing::of(Ok(a))) {
            Ok(Standing::Known(a)) if stage(&a) == Stage::Unfinished => {
                let disks = a.base.layout.disks.iter().filter_map(|d| relocate::find(d, world));
                Self { unfinished: disks.map(|d| d.name.clone()).collect(), unreadable: None }
            }
            Ok(Standing::NoJournal(a)) => Self { unreadable: whole(Some(*a)).err().map(|e| e.to_string()), ..Self::default() },
            Ok(Standing::Unreadable(e)) => Self { unreadable: Some(e.to_string()), ..Self::default() },
            _ => Self::default(),
        }
    }

    /// The disk of a copy that a run would refuse to touch is no target, whatever is typed.
    pub fn add_to(&self, verdict: &mut Verdict, disk: &Disk, role: Role) {
        if self.unfinished.contains(&disk.name) {
            let remedy = "`alt_disk_install --resume` finishes it; `alt_disk_install -X` removes it".to_owned();
            verdict.refuse(&error::ALTERNATE_EXISTS, "it holds a copy that is not finished".to_owned(), remedy);
        } else if self.unreadable.is_some() && role == Role::AltinstRootvg {
            let remedy = error::BAD_STATE.remedy.to_owned();
            verdict.refuse(&error::BAD_STATE, "it holds a copy whose record cannot be read".to_owned(), remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unreadable_record_is_borne() {
        assert!(matches!(Standing::of(Ok(None)), Ok(Standing::None)));
        assert!(matches!(Standing::of(Err(error::BAD_STATE.because("x").context("y"))), Ok(Standing::Unreadable(_))));
        assert!(Standing::of(Err(anyhow::anyhow!("permission denied"))).is_err());
    }
}
