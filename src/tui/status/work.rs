//! What is known of the work: phases, steps, progress, errors, last words. Made from the events
//! alone.

use crate::event::{Event, State};

/// How a phase or a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepStatus {
    Waiting,
    Running,
    Done,
    Failed,
    Skipped,
}

impl From<State> for StepStatus {
    fn from(state: State) -> Self {
        match state {
            State::Begin => Self::Running,
            State::Done => Self::Done,
            State::Failed => Self::Failed,
            State::Skipped => Self::Skipped,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    pub number: u8,
    pub title: String,
    pub status: StepStatus,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub id: String,
    pub phase: u8,
    pub title: String,
    pub status: StepStatus,
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
                        status: StepStatus::Waiting,
                        ms: None,
                    });
                }
                self.at = (0, self.steps.len());
            }
            Event::Phase { phase, title, state } => {
                if state != State::Begin {
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
                    Phase { number, title: String::new(), status: StepStatus::Waiting },
                );
                at
            }
        };
        &mut self.phases[at]
    }

    /// The command has ended: what it was at has failed, unless all went well.
    pub fn end(&mut self, well: bool) {
        let left = if well { StepStatus::Done } else { StepStatus::Failed };
        self.phases
            .iter_mut()
            .map(|p| &mut p.status)
            .chain(self.steps.iter_mut().map(|s| &mut s.status))
            .for_each(|s| {
                if *s == StepStatus::Running {
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
        self.steps.iter().rev().find(|s| s.status == StepStatus::Running)
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
    pub fn status(&self) -> StepStatus {
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

    fn step(id: &str, phase: u8, index: usize, state: State) -> Event {
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
                step("a", 1, 1, State::Begin),
                step("a", 1, 1, State::Done),
                step("b", 1, 2, State::Begin),
            ] {
                work.take(event);
            }
            assert_eq!((work.at, work.current().unwrap().title.as_str()), ((2, 3), "B"));
            let stands: Vec<StepStatus> = work.list().iter().map(Entry::status).collect();
            let want = [
                StepStatus::Waiting,
                StepStatus::Done,
                StepStatus::Running,
                StepStatus::Waiting,
                StepStatus::Waiting,
            ];
            assert_eq!(stands, want[..if planned { 5 } else { 3 }]);
            work.end(false);
            assert_eq!(work.steps[1].status, StepStatus::Failed);
        }
    }
}
