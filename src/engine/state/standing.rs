//! How much the record of the copy says: all, not what was done, or nothing that can be read.
//!
//! What builds on a copy (a later phase, `--resume`) needs the whole record, and refuses without
//! it. `-X` and the lists do not: they go by what is there.

use anyhow::Result;

use crate::disk::eligibility::Verdict;
use crate::disk::model::{Disk, Role, World};
use crate::engine::plan::Base;
use crate::engine::state::relocate;
use crate::engine::state::{Alternate, Record, State, Stored};
use crate::error;

/// The record of the copy.
pub enum Standing {
    None,
    Known(Box<Alternate>),
    /// The plan says which disks the copy is on; the journal, which says what was done with them,
    /// is lost.
    NoJournal(Box<Alternate>),
    /// With the ALT-702 that says why.
    Unreadable(anyhow::Error),
}

impl Standing {
    /// What loading the state came to.
    pub fn of(stored: Stored) -> Self {
        match stored {
            Stored::None => Self::None,
            Stored::Known(a) if journal_is_lost(&a) => Self::NoJournal(Box::new(a)),
            Stored::Known(a) => Self::Known(Box::new(a)),
            Stored::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

/// What is looked at only: for lists, a record that somebody else can have changed is one that
/// cannot be read.
///
/// # Errors
/// Those that do not speak of the record itself: no permission to read it, for example.
pub fn seen<T>(peeked: Result<Stored<T>>) -> Result<Stored<T>> {
    match peeked {
        Err(e) if error::find(&e).is_some_and(|a| a.entry.id == error::UNSAFE_STATE.id) => {
            Ok(Stored::Unreadable(e))
        }
        other => other,
    }
}

/// Every run writes one record before it does anything.
fn journal_is_lost(a: &Alternate) -> bool {
    !a.journal.iter().any(|r| matches!(r, Record::Run { .. }))
}

/// The stored copy, for what needs its whole record.
///
/// # Errors
/// ALT-702 where the journal is lost; what [`Stored::known`] says.
pub fn whole(stored: Stored) -> Result<Option<Alternate>> {
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

/// What phase 1 settled for the stored copy, for lists: a record that cannot be read is none.
/// Anyone may ask.
///
/// # Errors
/// Those that do not speak of the record itself.
pub fn readable_base() -> Result<Option<Base>> {
    Ok(match seen(State::peek_base())? {
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
    /// The journal is lost, or so damaged that phase 3 may have stood there.
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

/// What the record adds to the gate's word about a disk.
#[derive(Debug, Default)]
pub struct Marks {
    /// Names of the disks of a copy that is not finished. Who may not read the journal gets none.
    unfinished: Vec<String>,
    pub unreadable: Option<Unreadable>,
}

/// Why the record cannot be read, and what helps.
#[derive(Debug)]
pub struct Unreadable {
    pub why: String,
    pub remedy: String,
}

impl Unreadable {
    fn of(why: &anyhow::Error) -> Self {
        let remedy = error::find(why).map_or(error::BAD_STATE.remedy, |alt| alt.remedy.as_str());
        Self { why: why.to_string(), remedy: remedy.to_owned() }
    }
}

impl Marks {
    /// Asks the record.
    pub fn read(world: &World) -> Self {
        match seen(State::peek()).map(Standing::of) {
            Ok(Standing::Known(a)) if stage(&a) == Stage::Unfinished => {
                let disks = a.base.layout.disks.iter().filter_map(|d| relocate::find(d, world));
                Self { unfinished: disks.map(|d| d.name.clone()).collect(), unreadable: None }
            }
            Ok(Standing::NoJournal(a)) => {
                Self { unreadable: Some(Unreadable::of(&no_journal(&a))), ..Self::default() }
            }
            Ok(Standing::Unreadable(e)) => {
                Self { unreadable: Some(Unreadable::of(&e)), ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// The disk of a copy that a run would refuse to touch is no target, whatever is typed.
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
            seen::<Base>(Err(error::UNSAFE_STATE.with_cause("x").context("y"))),
            Ok(Stored::Unreadable(_))
        ));
        assert!(seen::<Base>(Err(anyhow::anyhow!("permission denied"))).is_err());
        assert!(matches!(
            Standing::of(Stored::Unreadable(error::BAD_STATE.with_cause("x"))),
            Standing::Unreadable(_)
        ));
        // -X does nothing about what others can write, so nobody is told to run it.
        let seen = Unreadable::of(&error::UNSAFE_STATE.with_remedy("x", "`chown root: x`"));
        assert_eq!((seen.why.as_str(), seen.remedy.as_str()), ("ALT-717: x", "`chown root: x`"));
    }
}
