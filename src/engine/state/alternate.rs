//! The stored alternate, and what its journal says of it.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::boot::bootlist::BootListSnapshot;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::Plan;
use crate::engine::plan::step_id::StepId;
use crate::engine::state::journal::Record;

/// The stored alternate.
#[derive(Clone, Debug)]
pub struct Alternate {
    /// The description from phase 1.
    pub base: AlternateSpec,
    /// Of the last run, which has this number.
    pub plan: Plan,
    /// The number of the last run.
    pub run: u32,
    /// Its journal, of all runs.
    pub journal: Vec<Record>,
    /// Lines of the journal are lost or damaged: it does not tell all that was done.
    pub journal_damaged: bool,
}

/// The stored alternate, if there is one.
#[derive(Debug)]
pub enum Stored<T = Alternate> {
    /// There is none.
    None,
    Known(T),
    /// Something is stored and cannot be believed: ALT-702 where it is damaged, ALT-716 where a
    /// newer altdisk stored it.
    Unreadable(anyhow::Error),
}

impl<T> Stored<T> {
    /// For those who can do nothing without it: what is stored, or None where there is nothing.
    ///
    /// # Errors
    /// ALT-702 or ALT-716 if it cannot be read.
    pub fn known(self) -> Result<Option<T>> {
        match self {
            Self::None => Ok(None),
            Self::Known(stored) => Ok(Some(stored)),
            Self::Unreadable(why) => Err(why),
        }
    }

    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> Stored<U> {
        match self {
            Self::None => Stored::None,
            Self::Known(stored) => Stored::Known(f(stored)),
            Self::Unreadable(why) => Stored::Unreadable(why),
        }
    }
}

impl Alternate {
    /// The kernel's names of its disks, as commands take them; for display names see
    /// [`Layout::disk_names`](super::layout::Layout::disk_names).
    pub fn disks(&self) -> String {
        self.base.layout.disks.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Phases that are complete.
    pub fn phases_done(&self) -> BTreeSet<u8> {
        self.journal
            .iter()
            .filter_map(|r| if let Record::Phase { phase } = r { Some(*phase) } else { None })
            .collect()
    }

    /// The journal of the last run.
    fn of_run(&self) -> &[Record] {
        let last = self
            .journal
            .iter()
            .position(|r| matches!(r, Record::Run { run, .. } if *run == self.run));
        &self.journal[last.unwrap_or(self.journal.len())..]
    }

    /// Phases that the last run completed.
    pub fn phases_of_run(&self) -> BTreeSet<u8> {
        self.of_run()
            .iter()
            .filter_map(|r| if let Record::Phase { phase } = r { Some(*phase) } else { None })
            .collect()
    }

    /// Steps of the last run that are done.
    pub fn steps_done(&self) -> BTreeSet<&StepId> {
        self.of_run()
            .iter()
            .filter_map(|r| if let Record::Done { id } = r { Some(id) } else { None })
            .collect()
    }

    /// True if the last run completed all its steps and its phases.
    pub fn run_complete(&self) -> bool {
        let (done, phases) = (self.steps_done(), self.phases_of_run());
        let complete = self.plan.request.phases.list().iter().all(|p| phases.contains(p));
        !self.cleaning() && complete && self.plan.steps.iter().all(|s| done.contains(&s.id))
    }

    /// True if a step was ever begun.
    pub fn begun(&self, id: &StepId) -> bool {
        self.journal.iter().any(|r| matches!(r, Record::Begin { id: i } if i == id))
    }

    /// True if a step was ever done.
    pub fn done(&self, id: &StepId) -> bool {
        self.journal.iter().any(|r| matches!(r, Record::Done { id: i } if i == id))
    }

    /// The command line that phase 1 was given.
    pub fn made_by(&self) -> &[String] {
        let first = self.journal.iter().find_map(|r| {
            if let Record::Run { argv, .. } = r { Some(argv.as_slice()) } else { None }
        });
        first.unwrap_or(&self.plan.request.argv)
    }

    /// True if installing packages was begun and did not end well, and no phase 2 came to its end
    /// since.
    pub fn half_updated(&self) -> bool {
        let of_update = |id: &StepId| *id == StepId::Software;
        let begun =
            self.journal.iter().rposition(|r| matches!(r, Record::Begin { id } if of_update(id)));
        let ended = |r: &Record| {
            matches!(r, Record::Phase { phase: 2 })
                || matches!(r, Record::Done { id } if of_update(id))
        };
        begun.is_some_and(|at| !self.journal[at..].iter().any(ended))
    }

    /// True if `-X` has begun to remove it.
    pub fn cleaning(&self) -> bool {
        self.journal.contains(&Record::CleanUp)
    }

    /// The boot list before we changed it, if we did.
    pub fn before(&self) -> Option<&BootListSnapshot> {
        self.journal
            .iter()
            .find_map(|r| if let Record::Before { before } = r { Some(before) } else { None })
    }
}
