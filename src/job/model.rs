//! The types of jobs: number, order, state, result.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret;
use crate::text::shell::quoted;

/// The last words of a job that was asked to end, where the command itself said none.
pub const STOPPED: &str = "It was stopped.";

/// A job's number; the newest job has the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id(pub u32);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The order: a command line, its title and its environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The command line.
    pub argv: Vec<String>,
    /// The title for people: the panel's title.
    pub title: String,
    /// The panel that it was started from; empty if none.
    #[serde(default)]
    pub fastpath: String,
    /// The command line quoted for a shell, with passwords masked; empty means that `argv` holds no
    /// secret and is shown itself.
    #[serde(default)]
    pub shown: String,
    /// It only looks something up: no list shows it once it has ended, and it makes no room for
    /// itself at the cost of others.
    #[serde(default)]
    pub look: bool,
    /// Added to the environment of the command.
    #[serde(default)]
    pub env: Vec<(String, String)>,
}

impl Spec {
    /// A job with this command line and title.
    pub fn new(argv: Vec<String>, title: impl Into<String>) -> Self {
        Self { argv, title: title.into(), ..Self::default() }
    }

    /// The command line as people may see it.
    pub fn command(&self) -> String {
        if self.shown.is_empty() {
            quoted(&secret::masked_words(&self.argv))
        } else {
            secret::masked(&self.shown)
        }
    }

    /// Whether it is altdisk's own work on the alternate, which can be resumed and cleaned up.
    pub fn on_alternate(&self) -> bool {
        let name = |w: &String| w.rsplit('/').next().unwrap_or_default().to_owned();
        let mut words = self.argv.iter().map(name);
        match words.next().as_deref() {
            Some("alt_disk_install") => true,
            Some("altdisk") => words.next().as_deref() == Some("alt_disk_install"),
            _ => false,
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code; None where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Seconds since the epoch.
    pub time: u64,
    /// How long it ran.
    pub ms: u64,
}

impl Ended {
    /// Whether it ended with exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// One number, as a shell has it: 128 and the signal where one ended it.
    pub fn status(&self) -> i32 {
        self.code.unwrap_or_else(|| 128 + self.signal.unwrap_or(0))
    }

    /// `exit code 3`, `ended by signal 15`.
    pub fn shown(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        }
    }
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its supervisor is alive.
    Running,
    /// It has ended.
    Ended(Ended),
    /// Its supervisor is gone (a reboot, a kill), and the result of the command is unknown.
    Lost {
        /// The command is still running.
        alive: bool,
    },
}

/// One job, as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Its number.
    pub id: Id,
    /// The order.
    pub spec: Spec,
    /// Seconds since the epoch.
    pub started: u64,
    /// Its state now.
    pub state: State,
    /// The command's process group, while it runs.
    pub group: Option<i32>,
    /// Somebody asked to stop it.
    pub stopped: bool,
}

impl Summary {
    /// How it stands in one or two words, the same in every list.
    pub fn state_word(&self) -> String {
        match self.state {
            State::Running if self.stopped => "stopping".to_owned(),
            State::Running => "running".to_owned(),
            State::Ended(ended) if ended.success() => "OK".to_owned(),
            State::Ended(_) if self.stopped => "stopped".to_owned(),
            State::Ended(Ended { code: Some(code), .. }) => format!("failed ({code})"),
            State::Ended(Ended { signal: Some(signal), .. }) => format!("signal {signal}"),
            State::Ended(_) => "failed".to_owned(),
            State::Lost { alive: true } => "unsupervised".to_owned(),
            State::Lost { alive: false } => "unknown".to_owned(),
        }
    }

    /// Seconds that it ran, or has been running at `now`; None where that is not known.
    pub fn took(&self, now: u64) -> Option<u64> {
        match self.state {
            State::Ended(ended) => Some(ended.ms / 1000),
            State::Running | State::Lost { alive: true } => Some(now.saturating_sub(self.started)),
            State::Lost { alive: false } => None,
        }
    }
}
