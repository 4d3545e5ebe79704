//! What is known of the work: phases, steps, progress, errors, last words. Made from the events
//! alone.

use crate::event::{Event, StepStatus};

/// How a phase or a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkStatus {
    Waiting,
    Running,
    Done,
    Failed,
    Skipped,
}

impl From<StepStatus> for WorkStatus {
    fn from(state: StepStatus) -> Self {
        match state {
            StepStatus::Begin => Self::Running,
            StepStatus::Done => Self::Done,
            StepStatus::Failed => Self::Failed,
            StepStatus::Skipped => Self::Skipped,
        }
    }
}

/// A phase of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    pub number: u8,
    pub title: String,
    pub status: WorkStatus,
}

/// A step of a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub id: String,
    pub phase: u8,
    pub title: String,
    pub status: WorkStatus,
    pub ms: Option<u64>,
}

/// An error of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedError {
    pub id: String,
    pub cause: String,
    pub remedy: String,
}

/// The work of a command that tells events; empty for any other command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    pub phases: Vec<Phase>,
    pub steps: Vec<Step>,
    /// The step that was begun last, counted from 1, and how many there are.
    pub at: (usize, usize),
    pub progress: Option<Event>,
    pub errors: Vec<ReportedError>,
    /// The command's last words.
    pub words: String,
}

impl Work {
    /// Takes an event in.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Plan { steps } => {
                for s in steps {
                    self.phase(s.phase);
                    self.steps.push(Step {
                        id: s.id,
                        phase: s.phase,
                        title: s.title,
                        status: WorkStatus::Waiting,
                        ms: None,
                    });
                }
                self.at = (0, self.steps.len());
            }
            Event::Phase { phase, title, state } => {
                if state != StepStatus::Begin {
                    self.progress = None;
                }
                let known = self.phase(phase);
                known.status = state.into();
                if !title.is_empty() {
                    known.title = title;
                }
            }
            Event::Step { id, phase, index, of, title, state, ms } => {
                self.phase(phase);
                self.at = (index, of);
                match self.steps.iter_mut().find(|s| s.id == id) {
                    Some(step) => (step.status, step.ms) = (state.into(), ms),
                    None => self.steps.push(Step { id, phase, title, status: state.into(), ms }),
                }
            }
            Event::Progress { .. } => self.progress = Some(event),
            Event::Error { id, cause, remedy } => {
                self.errors.push(ReportedError { id, cause, remedy })
            }
            Event::Done { text, .. } if !text.is_empty() => self.words = text,
            _ => {}
        }
    }

    fn phase(&mut self, number: u8) -> &mut Phase {
        let at = match self.phases.iter().position(|p| p.number >= number) {
            Some(at) if self.phases[at].number == number => at,
            other => {
                let at = other.unwrap_or(self.phases.len());
                self.phases.insert(
                    at,
                    Phase { number, title: String::new(), status: WorkStatus::Waiting },
                );
                at
            }
        };
        &mut self.phases[at]
    }

    /// The command has ended: what it was at has failed, unless all went well.
    pub fn end(&mut self, well: bool) {
        let left = if well { WorkStatus::Done } else { WorkStatus::Failed };
        self.phases
            .iter_mut()
            .map(|p| &mut p.status)
            .chain(self.steps.iter_mut().map(|s| &mut s.status))
            .for_each(|s| {
                if *s == WorkStatus::Running {
                    *s = left;
                }
            });
        self.progress = None;
    }

    /// Whether there is anything to show beside the log.
    pub fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }

    /// The step that runs.
    pub fn current(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|s| s.status == WorkStatus::Running)
    }

    /// Phases and steps in the order of a list; a phase before its steps.
    pub fn list(&self) -> Vec<Entry<'_>> {
        let of = |p: &Phase| {
            let number = p.number;
            self.steps.iter().filter(move |s| s.phase == number).map(Entry::Step)
        };
        self.phases.iter().flat_map(|p| std::iter::once(Entry::Phase(p)).chain(of(p))).collect()
    }
}

/// A line of the list of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    Phase(&'a Phase),
    Step(&'a Step),
}

impl Entry<'_> {
    /// How the phase or step stands.
    pub fn status(&self) -> WorkStatus {
        match self {
            Entry::Phase(p) => p.status,
            Entry::Step(s) => s.status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Planned;

    fn step(id: &str, phase: u8, index: usize, state: StepStatus) -> Event {
        Event::Step {
            id: id.into(),
            phase,
            index,
            of: 3,
            title: id.to_uppercase(),
            state,
            ms: None,
        }
    }

    #[test]
    fn steps_with_and_without_a_plan() {
        for planned in [true, false] {
            let mut work = Work::default();
            if planned {
                let plan = [("a", 1), ("b", 1), ("c", 3)].map(|(id, phase)| Planned {
                    id: id.into(),
                    phase,
                    title: id.to_uppercase(),
                });
                work.take(Event::Plan { steps: plan.to_vec() });
            }
            for event in [
                step("a", 1, 1, StepStatus::Begin),
                step("a", 1, 1, StepStatus::Done),
                step("b", 1, 2, StepStatus::Begin),
            ] {
                work.take(event);
            }
            assert_eq!((work.at, work.current().unwrap().title.as_str()), ((2, 3), "B"));
            let stands: Vec<WorkStatus> = work.list().iter().map(Entry::status).collect();
            let want = [
                WorkStatus::Waiting,
                WorkStatus::Done,
                WorkStatus::Running,
                WorkStatus::Waiting,
                WorkStatus::Waiting,
            ];
            assert_eq!(stands, want[..if planned { 5 } else { 3 }]);
            work.end(false);
            assert_eq!(work.steps[1].status, WorkStatus::Failed);
        }
    }
}
