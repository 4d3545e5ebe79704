//! COMMAND STATUS: how a job goes, live. A model, a pure update, a view.
//!
//! [`Status::update`] takes keys and what the follower reads, and says what the interface has to do
//! ([`Wish`]); [`Status::view`] draws. Nothing here is on a timer: the screen changes when a key
//! comes or when the job says something, and a line of the log alone changes nothing but the log.
//! `work` is what is known of phases and steps, `pane` the window on the log, `rows` its lines,
//! `layout` where everything stands, `view` draws it, `words` is what is said.

pub mod layout;
pub mod pane;
pub mod rows;
#[cfg(test)]
pub mod tests;
pub mod view;
pub mod words;
pub mod work;

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::event::Event;
use crate::host::clock;
use crate::job::follow::Batch;
use crate::job::index::Class;
use crate::job::log::{Hit, Log};
use crate::job::{Id, State, Summary, directory};
use crate::term::key::Key;
use crate::tui::find;
use crate::tui::keys::{self, Legend};
use crate::tui::status::layout::Layout;
use crate::tui::status::pane::Pane;
use crate::tui::status::work::Work;

/// Figures change no more often than this.
const SLOWLY: Duration = Duration::from_secs(1);

/// What the screen is told.
#[derive(Debug)]
pub enum Msg {
    Key(Key),
    Batch(Batch),
    /// The answer to [`Wish::Continue`].
    Continue,
    /// The terminal has this size.
    Size {
        width: u16,
        height: u16,
    },
    /// Something to tell: a stop that failed, say.
    Tell(String),
}

/// What the screen wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
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

/// What stands before the rest and takes the keys.
#[derive(Clone, Debug)]
enum Over {
    /// What to find is being typed.
    Find(tui_input::Input),
    /// ARE YOU SURE?? `true`: to end it by force.
    Stop(bool),
}

/// The screen.
#[derive(Debug)]
pub struct Status {
    job: Summary,
    /// When it was started, in local time.
    began: String,
    work: Work,
    /// As it is shown: changes slowly.
    progress: Option<Event>,
    shown_at: Option<Instant>,
    pane: Pane,
    focus: Focus,
    /// The first entry of the list of steps that is shown; None: where the work is.
    steps_top: Option<usize>,
    over: Option<Over>,
    /// The line above the legend.
    told: String,
    asked_to_stop: bool,
    size: (u16, u16),
}

impl Status {
    /// The status of a job; the interface follows it with [`crate::job::follow::spawn`] and hands
    /// the batches on.
    ///
    /// # Errors
    /// If its event file cannot be opened.
    pub fn new(job: Summary, width: u16, height: u16) -> Result<Self> {
        let log = Log::open(&directory::event_file(job.id)?)?;
        let began = clock::stamp(job.started);
        Ok(Self { began, ..Self::on(job, log, width, height) })
    }

    fn on(job: Summary, log: Log, width: u16, height: u16) -> Self {
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
            over: None,
            told: String::new(),
            asked_to_stop,
            size: (width, height),
        };
        let placed = status.place();
        status.tell_error(placed);
        status
    }

    /// Nothing scrolls by itself: the first screenful stays (execution mode n).
    pub fn still(mut self) -> Self {
        self.pane.stand_still();
        self
    }

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
        if let Some(Over::Stop(force)) = self.over { Some(force) } else { None }
    }

    fn runs(&self) -> bool {
        self.job.state == State::Running
    }

    /// Whether there is something to stop.
    fn stoppable(&self) -> bool {
        matches!(self.job.state, State::Running | State::Lost { alive: true })
    }

    /// What to tell who leaves the screen while the job runs.
    pub fn leaving(&self) -> Option<String> {
        self.runs().then(|| words::leaving(&self.job))
    }

    pub fn update(&mut self, msg: Msg) -> Vec<Wish> {
        match msg {
            Msg::Key(key) => self.key(key),
            Msg::Batch(batch) => {
                let done = self.batch(batch);
                self.tell_error(done);
                vec![]
            }
            Msg::Continue => self.go_on(),
            Msg::Size { width, height } => {
                self.size = (width, height);
                let placed = self.place();
                self.tell_error(placed);
                vec![]
            }
            Msg::Tell(text) => {
                self.told = text;
                vec![]
            }
        }
    }

    fn batch(&mut self, batch: Batch) -> Result<()> {
        let mut turned = self.shown_at.is_none();
        for event in batch.events {
            turned |= matches!(event, Event::Phase { .. } | Event::Step { .. });
            self.work.take(event);
        }
        if batch.state != State::Running {
            self.job.state = batch.state;
            self.work.end(self.ended() == Some(0));
            if matches!(self.over, Some(Over::Stop(_))) {
                self.over = None;
            }
            if [words::asked(false), words::asked(true)].contains(&self.told) {
                self.told.clear();
            }
        }
        let due = self.shown_at.is_none_or(|at| batch.at.saturating_duration_since(at) >= SLOWLY);
        if (due || turned || !self.runs()) && self.progress != self.work.progress {
            self.progress = self.work.progress.clone();
            self.shown_at = Some(batch.at);
        }
        self.place()?;
        self.pane.grow(batch.growth, batch.at)
    }

    /// Lets the panes have the room that there is for them now.
    fn place(&mut self) -> Result<()> {
        let layout = Layout::of(self);
        self.pane.leave_out_errors(layout.errors_are_whole)?;
        let log = layout.log;
        self.pane.resize(usize::from(log.width), usize::from(log.height))
    }

    /// Says something in the last row, until the next key.
    pub fn tell(&mut self, text: &str) {
        text.clone_into(&mut self.told);
    }

    fn tell_error(&mut self, done: Result<()>) {
        if let Err(e) = done {
            self.told = format!("The log cannot be read: {e:#}");
        }
    }

    fn key(&mut self, key: Key) -> Vec<Wish> {
        match self.over.take() {
            Some(Over::Find(input)) => self.find_key(input, key),
            Some(Over::Stop(force)) => self.stop_key(force, key),
            None => {
                self.told.clear();
                self.screen_key(key)
            }
        }
    }

    fn screen_key(&mut self, key: Key) -> Vec<Wish> {
        let wish = match key {
            Key::Esc if self.pane.searching() => {
                self.pane.stop_searching();
                return vec![];
            }
            Key::F(1) => Wish::Help,
            Key::F(2) | Key::Ctrl('l') => Wish::Refresh,
            Key::F(3) | Key::Esc => Wish::Leave,
            Key::F(6) => Wish::ShowCommand(self.job.spec.command()),
            Key::F(8) => Wish::Image,
            Key::F(9) => Wish::Shell,
            Key::F(10) => Wish::Exit,
            Key::Ctrl('c') => {
                if self.stoppable() {
                    self.over = Some(Over::Stop(self.asked_to_stop));
                }
                return vec![];
            }
            Key::Char('/') => {
                self.over = Some(Over::Find(tui_input::Input::default()));
                return vec![];
            }
            Key::Char('n' | 'N') => return self.find_next(key == Key::Char('n')),
            Key::Tab | Key::BackTab if self.work.has_steps() => {
                self.focus = if self.focus == Focus::Log { Focus::Steps } else { Focus::Log };
                let placed = self.place();
                self.tell_error(placed);
                return vec![];
            }
            other => {
                let moved = if self.focus == Focus::Steps && self.steps_key(other) {
                    Ok(())
                } else {
                    self.log_key(other)
                };
                self.tell_error(moved);
                return vec![];
            }
        };
        vec![wish]
    }

    fn log_key(&mut self, key: Key) -> Result<()> {
        let page = self.pane.page();
        match key {
            Key::Up | Key::Ctrl('p') => self.pane.up(1),
            Key::Down => self.pane.down(1),
            Key::PageUp | Key::Ctrl('b') => self.pane.up(page),
            Key::PageDown | Key::Ctrl('v' | 'f') | Key::Char(' ') => self.pane.down(page),
            Key::Home => self.pane.home(),
            Key::End => self.pane.end(),
            Key::Left => self.pane.side(false),
            Key::Right => self.pane.side(true),
            Key::Char('f') => {
                self.pane.filter_next()?;
                self.place()?;
                self.told = format!("Shown: {}.", self.pane.filter.name());
                Ok(())
            }
            Key::Char('w') => {
                self.pane.toggle_wrap()?;
                self.told = if self.pane.wrap {
                    "Long lines are wrapped."
                } else {
                    "Long lines are cut: Left and Right move."
                }
                .to_owned();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Moves the list of steps; whether that is what the key does.
    fn steps_key(&mut self, key: Key) -> bool {
        let rows = usize::from(Layout::of(self).steps.height);
        let last = self.work.list().len().saturating_sub(rows);
        let (top, page) = (self.first_step(rows), rows.saturating_sub(1).max(1));
        self.steps_top = match key {
            Key::Up | Key::Ctrl('p') => Some(top.saturating_sub(1)),
            Key::Down => Some((top + 1).min(last)),
            Key::PageUp | Key::Ctrl('b') => Some(top.saturating_sub(page)),
            Key::PageDown | Key::Ctrl('v' | 'f') | Key::Char(' ') => Some((top + page).min(last)),
            Key::Home => Some(0),
            // There it goes on with the work.
            Key::End => None,
            _ => return false,
        };
        true
    }

    /// The first entry of the list that is shown in `rows` rows.
    fn first_step(&self, rows: usize) -> usize {
        let list = self.work.list();
        let last = list.len().saturating_sub(rows);
        self.steps_top
            .unwrap_or_else(|| {
                use work::{Entry, Stand};
                // Where the work is stands in the middle; at the end of all the end is seen.
                let at = list.iter().rposition(|e| matches!(e, Entry::Step(s) if matches!(s.stand, Stand::Running | Stand::Failed)));
                let done = list.iter().rposition(|e| e.stand() != Stand::Waiting).unwrap_or(0);
                at.unwrap_or(done).saturating_sub(rows / 2)
            })
            .min(last)
    }

    fn find_key(&mut self, mut input: tui_input::Input, key: Key) -> Vec<Wish> {
        use tui_input::InputRequest as Do;
        let request = match key {
            Key::Enter => {
                let text = input.value().to_owned();
                if !text.is_empty() {
                    self.pane.find_new(&text);
                } else if !self.pane.needle.is_empty() {
                    self.pane.find(true);
                }
                return self.go_on();
            }
            Key::F(3) | Key::Esc | Key::Ctrl('c') => return vec![],
            Key::F(10) => return vec![Wish::Exit],
            Key::Home => Some(Do::GoToStart),
            Key::End => Some(Do::GoToEnd),
            other => find::edit(other),
        };
        if let Some(request) = request {
            input.handle(request);
        }
        self.over = Some(Over::Find(input));
        vec![]
    }

    fn find_next(&mut self, forward: bool) -> Vec<Wish> {
        if self.pane.needle.is_empty() {
            self.told = "Nothing was looked for yet: / finds.".to_owned();
            return vec![];
        }
        self.pane.find(forward);
        self.go_on()
    }

    fn go_on(&mut self) -> Vec<Wish> {
        if !self.pane.searching() {
            return vec![];
        }
        self.focus = if Layout::of(self).wide { self.focus } else { Focus::Log };
        match self.pane.go_on() {
            Ok(Hit::NotYet) => {
                self.told = "Searching ... (Esc Esc ends it)".to_owned();
                return vec![Wish::Continue];
            }
            Ok(Hit::No) => self.told = format!("`{}` was not found.", self.pane.needle),
            Ok(Hit::Line(_)) => self.told.clear(),
            Err(e) => self.tell_error(Err(e)),
        }
        vec![]
    }

    fn stop_key(&mut self, force: bool, key: Key) -> Vec<Wish> {
        match key {
            Key::Enter if self.stoppable() => {
                self.asked_to_stop = true;
                self.told = words::asked(force);
                vec![if force { Wish::Kill(self.job.id) } else { Wish::Stop(self.job.id) }]
            }
            Key::F(3) | Key::Esc | Key::Enter => vec![],
            Key::F(10) => vec![Wish::Exit],
            other => {
                self.over = Some(Over::Stop(force));
                if other == Key::F(1) { vec![Wish::Help] } else { vec![] }
            }
        }
    }

    /// Whether the command has said something on standard output and on standard error.
    fn streams(&self) -> (bool, bool) {
        let counts = self.pane.log().counts();
        let err =
            [Class::Stderr, Class::Warning, Class::Error].iter().any(|c| counts.count(*c) > 0);
        let out = [Class::Stdout, Class::Step, Class::Note, Class::File]
            .iter()
            .any(|c| counts.count(*c) > 0);
        (out, err)
    }

    /// The keys that mean something now, in order.
    pub fn legend(&self) -> Legend {
        match &self.over {
            Some(Over::Find(_)) => {
                vec![(Key::F(3), "Cancel"), (Key::F(10), "Exit"), (Key::Enter, "Find")]
            }
            Some(Over::Stop(_)) => vec![
                (Key::F(1), "Help"),
                (Key::F(3), "Cancel"),
                (Key::F(10), "Exit"),
                (Key::Enter, "Do"),
            ],
            None => self.screen_legend(),
        }
    }

    fn screen_legend(&self) -> Legend {
        let steps = match (self.work.has_steps(), self.focus) {
            (false, _) => "",
            (true, Focus::Log) => "Steps",
            (true, Focus::Steps) => "Output",
        };
        let mut keys = vec![
            (Key::F(1), "Help"),
            (Key::F(2), "Refresh"),
            (Key::F(3), if self.runs() { "Leave running" } else { "Cancel" }),
            (Key::F(6), "Command"),
            (Key::F(8), "Image"),
            (Key::F(9), "Shell"),
            (Key::F(10), "Exit"),
            (Key::Char('/'), "Find"),
            (Key::Char('n'), "Find Next"),
            (Key::Tab, steps),
            (Key::Char('f'), "Filter"),
            (Key::Char('w'), if self.pane.wrap { "Cut lines" } else { "Wrap lines" }),
        ];
        if self.stoppable() {
            keys.push((Key::Ctrl('c'), if self.asked_to_stop { "End by force" } else { "Stop" }));
        }
        keys
    }

    /// Rows that the legend of the screen itself takes; the same while something stands before it.
    fn legend_rows(&self) -> u16 {
        keys::rows(&self.screen_legend(), self.size.0, keys::WIDE)
    }
}
