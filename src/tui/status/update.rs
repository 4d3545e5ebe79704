//! Messages applied to the screen.

use anyhow::Result;

use crate::error;
use crate::event::Event;
use crate::host::clock;
use crate::job::follow::Batch;
use crate::job::log::Log;
use crate::job::{State, Summary, directory};
use crate::tui::status::layout::Layout;
use crate::tui::status::model::{Action, Focus, Msg, Overlay, Status};
use crate::tui::status::pane::{MIN_REFRESH_INTERVAL, Pane};
use crate::tui::status::words;
use crate::tui::status::work::Work;

impl Status {
    /// The status of a job; the interface follows it with [`crate::job::follow::spawn`] and hands
    /// the batches on.
    ///
    /// # Errors
    /// If its event file cannot be opened.
    pub fn new(job: Summary, width: u16, height: u16) -> Result<Self> {
        let log = Log::open(&directory::event_file(job.id)?)?;
        let began = clock::stamp(job.started);
        Ok(Self { began, ..Self::with_log(job, log, width, height) })
    }

    pub(super) fn with_log(job: Summary, log: Log, width: u16, height: u16) -> Self {
        let asked_to_stop = job.stopped;
        // How it ended is known when its events are.
        let job = Summary { state: State::Running, ..job };
        let mut status = Self {
            job,
            began: String::new(),
            work: Work::default(),
            progress: None,
            shown_at: None,
            pane: Pane::new(log),
            focus: Focus::Log,
            steps_top: None,
            overlay: None,
            message: String::new(),
            asked_to_stop,
            size: (width, height),
        };
        let placed = status.place();
        status.show_error(placed);
        status
    }

    /// Nothing scrolls by itself: the first screenful stays (execution mode n).
    pub fn still(mut self) -> Self {
        self.pane.stand_still();
        self
    }

    /// Applies a message; returns what the interface has to do.
    pub fn update(&mut self, msg: Msg) -> Vec<Action> {
        match msg {
            Msg::Key(key) => self.handle_key(key),
            Msg::Batch(batch) => {
                let done = self.take_batch(batch);
                self.show_error(done);
                vec![]
            }
            Msg::Continue => self.continue_search(),
            Msg::Size { width, height } => {
                self.size = (width, height);
                let placed = self.place();
                self.show_error(placed);
                vec![]
            }
            Msg::Tell(text) => {
                self.message = text;
                vec![]
            }
        }
    }

    fn take_batch(&mut self, batch: Batch) -> Result<()> {
        let mut turned = self.shown_at.is_none();
        for event in batch.events {
            turned |= matches!(event, Event::Phase { .. } | Event::Step { .. });
            self.work.take(event);
        }
        if batch.state != State::Running {
            self.job.state = batch.state;
            self.work.end(self.ended() == Some(0));
            if matches!(self.overlay, Some(Overlay::Stop(_))) {
                self.overlay = None;
            }
            if [words::asked(false), words::asked(true)].contains(&self.message) {
                self.message.clear();
            }
        }
        let due = self
            .shown_at
            .is_none_or(|at| batch.at.saturating_duration_since(at) >= MIN_REFRESH_INTERVAL);
        if (due || turned || !self.runs()) && self.progress != self.work.progress {
            self.progress = self.work.progress.clone();
            self.shown_at = Some(batch.at);
        }
        self.place()?;
        self.pane.grow(batch.growth, batch.at)
    }

    /// Lets the panes have the room that there is for them now.
    pub(super) fn place(&mut self) -> Result<()> {
        let layout = Layout::for_status(self);
        self.pane.leave_out(layout.elsewhere)?;
        let log = layout.log;
        self.pane.resize(usize::from(log.width), usize::from(log.height))
    }

    /// Shows a message in the last row, until the next key.
    pub fn show_message(&mut self, text: &str) {
        text.clone_into(&mut self.message);
    }

    pub(super) fn show_error(&mut self, done: Result<()>) {
        if let Err(e) = done {
            self.message = format!("The log cannot be read: {}", error::chain_of(&e));
        }
    }
}
