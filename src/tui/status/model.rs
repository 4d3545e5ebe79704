//! The state of the screen, and what follows from it.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent};

use crate::event::Event;
use crate::job::follow::Batch;
use crate::job::index::Class;
use crate::job::{Id, State, Summary};
use crate::tui::keys::{self, Legend};
use crate::tui::status::pane::Pane;
use crate::tui::status::words;
use crate::tui::status::work::Work;

/// A message to the screen.
#[derive(Debug)]
pub enum Msg {
    Key(KeyEvent),
    Batch(Batch),
    /// The answer to [`Action::Continue`].
    Continue,
    /// The terminal has this size.
    Size {
        width: u16,
        height: u16,
    },
    /// A message for the user, for example about a stop that failed.
    Tell(String),
}

/// A request of the screen to the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Back to the screen before; the job goes on, if it runs ([`Status::leaving`] says so).
    Leave,
    /// F1, F2, F8, F9, F10: the interface's own.
    Help,
    Refresh,
    Image,
    Shell,
    Exit,
    /// F6: SHOW COMMAND STRING with this.
    ShowCommand(String),
    /// Ask the job to end ([`crate::job::stop`]), or end it ([`crate::job::kill`]); an error comes
    /// back as [`Msg::Tell`].
    Stop(Id),
    Kill(Id),
    /// Send [`Msg::Continue`] after the keys that are waiting.
    Continue,
}

/// Which pane the keys move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    #[default]
    Log,
    Steps,
}

/// A prompt that takes the keys.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The text to find is being typed.
    Find(tui_input::Input),
    /// ARE YOU SURE?? `true`: to end it by force.
    Stop(bool),
}

/// The screen.
#[derive(Debug)]
pub struct Status {
    pub(super) job: Summary,
    /// When it was started, in local time.
    pub(super) began: String,
    pub(super) work: Work,
    /// As it is shown: changes slowly.
    pub(super) progress: Option<Event>,
    pub(super) shown_at: Option<Instant>,
    pub(super) pane: Pane,
    pub(super) focus: Focus,
    /// The first entry of the list of steps that is shown; None: where the work is.
    pub(super) steps_top: Option<usize>,
    pub(super) overlay: Option<Overlay>,
    /// The line above the legend.
    pub(super) message: String,
    pub(super) asked_to_stop: bool,
    pub(super) size: (u16, u16),
}

impl Status {
    /// The job that is shown.
    pub fn job(&self) -> Id {
        self.job.id
    }

    /// Whether the command has ended, and if so, its exit code (128 and the signal where one ended
    /// it, 255 where it is not known).
    pub fn ended(&self) -> Option<i32> {
        match self.job.state {
            State::Running => None,
            State::Ended(ended) => Some(ended.status()),
            State::Lost { .. } => Some(255),
        }
    }

    /// Whether it asks ARE YOU SURE?? to end the job; `true`: by force.
    pub fn asks(&self) -> Option<bool> {
        if let Some(Overlay::Stop(force)) = self.overlay { Some(force) } else { None }
    }

    pub(super) fn runs(&self) -> bool {
        self.job.state == State::Running
    }

    /// Whether there is something to stop.
    pub(super) fn stoppable(&self) -> bool {
        matches!(self.job.state, State::Running | State::Lost { alive: true })
    }

    /// What to tell who leaves the screen while the job runs.
    pub fn leaving(&self) -> Option<String> {
        self.runs().then(|| words::leaving(&self.job))
    }

    /// Whether the command has said something on standard output and on standard error.
    pub(super) fn streams(&self) -> (bool, bool) {
        let counts = self.pane.log().counts();
        let err =
            [Class::Stderr, Class::Warning, Class::Error].iter().any(|c| counts.count(*c) > 0);
        let out = [Class::Stdout, Class::Step, Class::Note, Class::File, Class::End]
            .iter()
            .any(|c| counts.count(*c) > 0);
        (out, err)
    }

    /// The keys that mean something now, in order.
    pub fn legend(&self) -> Legend {
        match &self.overlay {
            Some(Overlay::Find(_)) => keys::entries([
                (KeyCode::F(3), "Cancel"),
                (KeyCode::F(10), "Exit"),
                (KeyCode::Enter, "Find"),
            ]),
            Some(Overlay::Stop(_)) => keys::entries([
                (KeyCode::F(1), "Help"),
                (KeyCode::F(3), "Cancel"),
                (KeyCode::F(10), "Exit"),
                (KeyCode::Enter, "Do"),
            ]),
            None => self.screen_legend(),
        }
    }

    fn screen_legend(&self) -> Legend {
        let steps = match (self.work.has_steps(), self.focus) {
            (false, _) => "",
            (true, Focus::Log) => "Steps",
            (true, Focus::Steps) => "Output",
        };
        let mut legend = keys::entries([
            (KeyCode::F(1), "Help"),
            (KeyCode::F(2), "Refresh"),
            (KeyCode::F(3), if self.runs() { "Leave running" } else { "Cancel" }),
            (KeyCode::F(6), "Command"),
            (KeyCode::F(8), "Image"),
            (KeyCode::F(9), "Shell"),
            (KeyCode::F(10), "Exit"),
            (KeyCode::Char('/'), "Find"),
            (KeyCode::Char('n'), "Find Next"),
            (KeyCode::Tab, steps),
            (KeyCode::Char('f'), "Filter"),
            (KeyCode::Char('w'), if self.pane.wrap { "Cut lines" } else { "Wrap lines" }),
        ]);
        if self.stoppable() {
            let stop = if self.asked_to_stop { "End by force" } else { "Stop" };
            legend.push((keys::ctrl('c'), stop));
        }
        legend
    }

    /// Rows that the legend of the screen itself takes; the same while something stands before it.
    pub(super) fn legend_rows(&self) -> u16 {
        keys::rows(&self.screen_legend(), self.size.0, keys::WIDE)
    }
}
