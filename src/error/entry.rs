//! One entry of the catalogue, and an error made from it.

use std::fmt;

use crate::text::printable::{Message, join_lines};

/// How the command ends. The numbers are documented in `--help` and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Success.
    Done = 0,
    /// It failed, and nothing of an alternate is left behind.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Refused before anything was changed.
    Refused = 3,
    /// It failed halfway: an unfinished alternate is left for `-X` or `--resume`.
    Unfinished = 4,
}

/// One line of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// Stable id, `ALT-nnn`.
    pub id: &'static str,
    /// The meaning of the number; an error's cause describes the case at hand.
    pub title: &'static str,
    /// The remedy, unless the case has a better one.
    pub remedy: &'static str,
    /// How a command that fails with this error exits.
    pub exit: Exit,
}

/// An error as a user meets it: catalogue entry, the cause in this case, the remedy.
#[derive(Debug)]
pub struct AltError {
    /// Number, meaning and exit code.
    pub entry: &'static Entry,
    /// The case at hand: the text of a [`Message`].
    pub cause: String,
    /// The remedy for this case: the text of a [`Message`].
    pub remedy: String,
}

impl AltError {
    /// The same error with another remedy; the cause stays as it is, with its lines.
    pub fn with_remedy(&self, remedy: impl Into<Message>) -> anyhow::Error {
        anyhow::Error::new(Self {
            entry: self.entry,
            cause: self.cause.clone(),
            remedy: remedy.into().into_text(),
        })
    }
}

/// As a part of another text: in one line.
impl fmt::Display for AltError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry.id, join_lines(&self.cause))
    }
}

impl std::error::Error for AltError {}

/// The words of a remedy for "repeat this command".
pub(super) const RUN_AGAIN: &str = "run the command again";

impl AltError {
    /// Adapts the remedy to a copy that has been started: the same command would be refused now, so
    /// the run continues with `--resume`.
    pub fn advise_to_resume(&mut self) {
        self.remedy = self.remedy.replace(RUN_AGAIN, "continue with `alt_disk_install --resume`");
    }
}

impl Entry {
    /// This error, with the cause in this case and the catalogue's remedy.
    pub fn with_cause(&'static self, cause: impl Into<Message>) -> anyhow::Error {
        self.with_remedy(cause, self.remedy)
    }

    /// This error, with the cause and a remedy for this case.
    pub fn with_remedy(
        &'static self,
        cause: impl Into<Message>,
        remedy: impl Into<Message>,
    ) -> anyhow::Error {
        anyhow::Error::new(AltError {
            entry: self,
            cause: cause.into().into_text(),
            remedy: remedy.into().into_text(),
        })
    }
}

/// The entries of one file: `NAME = "ALT-nnn", Exit, "meaning", "remedy";`.
macro_rules! catalogue {
    ($($name:ident = $id:literal, $exit:ident, $title:literal, $remedy:literal;)*) => {
        $(#[doc = $title] pub static $name: Entry = Entry { id: $id, title: $title, remedy: $remedy, exit: Exit::$exit };)*
        /// The entries of this part, in the order of the ids.
        pub(super) static PART: &[&Entry] = &[$(&$name),*];
    };
}
