//! How complete the record of the copy is: whole, without its journal, or unreadable.
//!
//! Later phases and `--resume` need the whole record, and fail without it. `-X` and the lists do
//! not: they look at the disks.

use anyhow::Result;

use crate::disk::eligibility::Verdict;
use crate::disk::model::{Disk, Inventory, Role};
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::state::{Alternate, Record, State, Stored, relocate};
use crate::error;

/// The record of the copy.
pub enum RecordState {
    None,
    Known(Box<Alternate>),
    /// The plan says which disks the copy is on; the journal, which says what was done with them,
    /// is lost.
    NoJournal(Box<Alternate>),
    /// With the ALT-702 that says why.
    Unreadable(anyhow::Error),
}

impl RecordState {
    /// The state of the record that was loaded.
    pub fn from_stored(stored: Stored) -> Self {
        match stored {
            Stored::None => Self::None,
            Stored::Known(a) if journal_is_lost(&a) => Self::NoJournal(Box::new(a)),
            Stored::Known(a) => Self::Known(Box::new(a)),
            Stored::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

/// For lists: a record that somebody else could have changed counts as unreadable.
///
/// # Errors
/// Those that do not speak of the record itself: no permission to read it, for example.
pub fn unsafe_as_unreadable<T>(peeked: Result<Stored<T>>) -> Result<Stored<T>> {
    match peeked {
        Err(e) if error::find(&e).is_some_and(|a| a.entry.id == error::UNSAFE_STATE.id) => {
            Ok(Stored::Unreadable(e))
        }
        other => other,
    }
}

/// Every run begins by writing one record.
fn journal_is_lost(a: &Alternate) -> bool {
    !a.journal.iter().any(|r| matches!(r, Record::Run { .. }))
}

/// The stored copy, for what needs its whole record.
///
/// # Errors
/// ALT-702 if the journal is lost; what [`Stored::known`] says.
pub fn require_whole(stored: Stored) -> Result<Option<Alternate>> {
    match stored.known()? {
        Some(a) if journal_is_lost(&a) => Err(no_journal(&a)),
        other => Ok(other),
    }
}

fn no_journal(a: &Alternate) -> anyhow::Error {
    error::BAD_STATE.with_cause(format!(
        "the journal of the copy on {} is lost: what was done so far is not known",
        a.base.layout.disk_names()
    ))
}

/// The description of the stored copy, for lists: an unreadable record counts as none. Any user may
/// read it.
///
/// # Errors
/// Those that do not speak of the record itself.
pub fn readable_base() -> Result<Option<AlternateSpec>> {
    Ok(match unsafe_as_unreadable(State::read_base_unlocked())? {
        Stored::Known(base) => Some(base),
        Stored::None | Stored::Unreadable(_) => None,
    })
}

/// How far a copy came, as far as `-X` must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Unfinished,
    /// Phase 3 is complete.
    Finished,
    /// The journal is lost, or so damaged that the record of phase 3 may be missing.
    NotKnown,
}

/// How far this one came.
pub fn stage(a: &Alternate) -> Stage {
    match a.phases_done().contains(&3) {
        _ if journal_is_lost(a) => Stage::NotKnown,
        true => Stage::Finished,
        false if a.journal_damaged => Stage::NotKnown,
        false => Stage::Unfinished,
    }
}

/// The record's additions to the checks of a disk.
#[derive(Debug, Default)]
pub struct Marks {
    /// Names of the disks of a copy that is not finished. Who may not read the journal gets none.
    unfinished: Vec<String>,
    /// Why the record cannot be read, if it cannot.
    pub unreadable: Option<Unreadable>,
}

/// Why the record cannot be read, and what helps.
#[derive(Debug)]
pub struct Unreadable {
    /// The cause.
    pub why: String,
    /// The remedy.
    pub remedy: String,
}

impl Unreadable {
    fn from_error(why: &anyhow::Error) -> Self {
        let remedy = error::find(why).map_or(error::BAD_STATE.remedy, |alt| alt.remedy.as_str());
        Self { why: why.to_string(), remedy: remedy.to_owned() }
    }
}

impl Marks {
    /// Asks the record.
    pub fn read(inventory: &Inventory) -> Self {
        match unsafe_as_unreadable(State::read_unlocked()).map(RecordState::from_stored) {
            Ok(RecordState::Known(a)) if stage(&a) == Stage::Unfinished => {
                let disks =
                    a.base.layout.disks.iter().filter_map(|d| relocate::find_target(d, inventory));
                Self { unfinished: disks.map(|d| d.name.clone()).collect(), unreadable: None }
            }
            Ok(RecordState::NoJournal(a)) => Self {
                unreadable: Some(Unreadable::from_error(&no_journal(&a))),
                ..Self::default()
            },
            Ok(RecordState::Unreadable(e)) => {
                Self { unreadable: Some(Unreadable::from_error(&e)), ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// A disk of a copy that a run would refuse to touch is not a target, even with --erase.
    pub fn add_to(&self, verdict: &mut Verdict, disk: &Disk, role: Role) {
        if self.unfinished.contains(&disk.name) {
            let remedy =
                "`alt_disk_install --resume` finishes it; `alt_disk_install -X` removes it"
                    .to_owned();
            verdict.refuse(
                &error::ALTERNATE_EXISTS,
                "it holds a copy that is not finished".to_owned(),
                remedy,
            );
        } else if let (Some(unreadable), Role::AltinstRootvg) = (&self.unreadable, role) {
            let evidence = "it holds a copy whose record cannot be read".to_owned();
            verdict.refuse(&error::BAD_STATE, evidence, unreadable.remedy.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_write_is_seen_as_unreadable() {
        assert!(matches!(
            unsafe_as_unreadable::<AlternateSpec>(Err(error::UNSAFE_STATE
                .with_cause("x")
                .context("y"))),
            Ok(Stored::Unreadable(_))
        ));
        assert!(
            unsafe_as_unreadable::<AlternateSpec>(Err(anyhow::anyhow!("permission denied")))
                .is_err()
        );
        assert!(matches!(
            RecordState::from_stored(Stored::Unreadable(error::BAD_STATE.with_cause("x"))),
            RecordState::Unreadable(_)
        ));
        // -X does nothing about what others can write, so nobody is told to run it.
        let seen = Unreadable::from_error(&error::UNSAFE_STATE.with_remedy("x", "`chown root: x`"));
        assert_eq!((seen.why.as_str(), seen.remedy.as_str()), ("ALT-717: x", "`chown root: x`"));
    }
}
