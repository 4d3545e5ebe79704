//! Everything that the interface knows, and what can happen to it; nothing here touches the world.

use std::rc::Rc;
use std::time::Duration;

use crossterm::event::Event;

use crate::job;
use crate::menu::model::{Dialog, Selector, Set};
use crate::menu::values::Context;
use crate::theme::Theme;
use crate::tui::keys::KeyNames;
use crate::tui::layer::Layer;
use crate::tui::record::Record;
use crate::tui::status::{self, Status};

/// How much is really run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunMode {
    #[default]
    All,
    /// `-x`: lists are asked for, but no command is run; it is logged.
    Questions,
    /// `-X`: nothing at all.
    Nothing,
}

/// What is said about this session, and never changes.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub run_mode: RunMode,
    pub root: bool,
    /// `-v`: more in the log, and the commands' output too. `-t`: the questions too.
    pub verbose: bool,
    pub trace: bool,
    /// Where images are written: the home directory.
    pub home: String,
    /// `-o` and `--menu-dir`: where panels come from that are not built in.
    pub menu_dirs: Vec<String>,
}

impl Options {
    /// The command line that opens a panel in a new session with the same menus. With `ui`, as a
    /// command may have the panel's name.
    pub fn opens(&self, fastpath: &str) -> String {
        let mut words: Vec<String> = ["altdisk", "ui"].map(str::to_owned).to_vec();
        words.extend(self.menu_dirs.iter().flat_map(|d| ["--menu-dir".to_owned(), d.clone()]));
        if !fastpath.is_empty() {
            words.push(fastpath.to_owned());
        }
        crate::text::shell::quoted(&words)
    }
}

/// The model.
pub struct Model {
    pub set: Rc<Set>,
    pub theme: Theme,
    /// What the themes panel offers, once it was opened.
    pub themes: Vec<Theme>,
    pub key_names: KeyNames,
    pub options: Options,
    pub size: (u16, u16),
    /// What is on the screen, the last on top.
    pub stack: Vec<Layer>,
    /// What is waited for.
    pub asked: Option<Asked>,
    /// Keys that were typed while an answer was awaited.
    pub ahead: Vec<Event>,
    /// Whether the question on top, if one is, has stood on the screen as a whole: only then does a
    /// key say yes to it.
    pub seen: bool,
    /// A lone Esc waits for its digit.
    pub escape: bool,
    /// Something to know, said on the first form.
    pub notice: Option<String>,
    /// Messages that came while an answer was awaited; they are shown after it.
    pub deferred: Vec<UserMessage>,
    pub tokens: u64,
    /// The command that is about to run.
    pub pending: Option<Pending>,
    /// How the dialog ends whose job is followed: back to the menu, fields to clear.
    pub started: Option<Started>,
}

/// A question that was asked, and what its answer is for.
pub struct Asked {
    pub token: u64,
    pub kind: QuestionKind,
}

/// What an answer is for.
pub enum QuestionKind {
    /// F4 of the form on top.
    List,
    /// A dialog is about to be shown.
    Discover(Rc<Dialog>, Context),
    /// A selector was answered with this.
    Classify(Rc<Selector>, String, Context),
    Review,
    /// The jobs that there are; the job whose start is waited for.
    Jobs,
    Start,
}

/// A command that was committed and waits for a yes.
#[derive(Clone)]
pub struct Pending {
    pub line: crate::menu::command::Line,
    pub dialog: Rc<Dialog>,
}

/// A job that this session started.
#[derive(Clone)]
pub struct Started {
    pub job: job::Id,
    pub back: bool,
    /// The dialog whose fields may have to be cleared.
    pub dialog: String,
}

/// What happens to the model.
pub enum Msg {
    /// All keys and pastes of one read.
    Input(Vec<Event>),
    Size(u16, u16),
    /// A lone Esc waits for its digit, or does no more.
    Escape(bool),
    /// The answer to a question: what the program printed, or what is wrong.
    Answer(u64, Result<String, UserMessage>),
    /// A question takes long enough to be shown.
    Slow(u64),
    /// Every job, and what time it is (seconds since the epoch).
    Jobs(Result<Vec<job::Summary>, UserMessage>, u64),
    /// A job's COMMAND STATUS can be shown.
    Opened(Result<Box<Status>, UserMessage>),
    Status(status::Msg),
    /// The themes to choose from.
    Themes(Vec<Theme>),
    /// The files of F8, or why there are none.
    Saved(Result<Vec<String>, UserMessage>),
    /// A program that had the terminal has ended.
    Returned(Result<i32, UserMessage>),
    /// Something to say that has nothing to do with what is on the screen.
    Tell(UserMessage),
}

/// An error in words: what is wrong, what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserMessage {
    pub wrong: String,
    pub remedy: String,
}

impl UserMessage {
    /// A message with its remedy, which may be empty.
    pub fn new(wrong: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), remedy: remedy.into() }
    }
}

impl From<&anyhow::Error> for UserMessage {
    fn from(err: &anyhow::Error) -> Self {
        let told = crate::error::describe(err);
        Self::new(format!("{}: {}", told.entry.id, told.cause), told.remedy)
    }
}

/// What the loop has to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask a program; the answer comes as [`Msg::Answer`].
    Ask {
        token: u64,
        argv: Vec<String>,
        /// The same for people: passwords hidden.
        shown: String,
        limit: Duration,
    },
    Cancel(u64),
    /// Send [`Msg::Slow`] after a moment.
    Later(u64),
    /// Start a job, open its status; `still`: its output does not scroll by itself (mode n).
    Start {
        spec: job::Spec,
        still: bool,
    },
    Jobs,
    /// Open a job's status.
    Open(job::Id),
    /// The status on top is gone: nobody follows any more.
    Close,
    Stop(job::Id),
    Kill(job::Id),
    /// Send [`status::Msg::Continue`] after the keys that are waiting.
    Continue,
    Shell,
    /// Run with the terminal.
    Inherit(Vec<String>),
    /// Run in place of altdisk.
    Exec(Vec<String>),
    SaveImage(String),
    /// Read the themes to choose from.
    Themes,
    /// This theme was chosen: keep it for the next time.
    Theme(String),
    Record(Record),
    /// Paint everything anew, and look how large the terminal is.
    Redraw,
    Suspend,
    Bell,
    Quit,
}

impl Model {
    /// A session before its first screen.
    pub fn new(
        set: Rc<Set>,
        theme: Theme,
        key_names: KeyNames,
        options: Options,
        size: (u16, u16),
    ) -> Self {
        Self {
            set,
            theme,
            themes: vec![],
            key_names,
            options,
            size,
            stack: vec![],
            asked: None,
            ahead: vec![],
            seen: true,
            escape: false,
            notice: None,
            deferred: vec![],
            tokens: 0,
            pending: None,
            started: None,
        }
    }

    /// What is on top of the stack.
    pub fn top(&self) -> Option<&Layer> {
        self.stack.last()
    }

    /// The form that a pop-up on top of it belongs to.
    pub fn form(&mut self) -> Option<&mut crate::tui::screens::form::Form> {
        self.stack.iter_mut().rev().find_map(|l| match l {
            Layer::Form(form) => Some(&mut **form),
            _ => None,
        })
    }

    /// The fast path of what is on the screen.
    pub fn fastpath(&self) -> String {
        let path = self.stack.iter().rev().find_map(|l| match l {
            Layer::Menu(menu) => Some(menu.menu.id.clone()),
            Layer::Form(form) => Some(form.dialog.id.clone()),
            _ => None,
        });
        path.unwrap_or_default()
    }
}
