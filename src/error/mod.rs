//! The one catalogue of errors: a stable id, what it means, what to do about it, how the command
//! exits.
//!
//! Code returns `anyhow::Result`; a failure that a user can meet is made from an [`Entry`] here:
//! `return Err(error::NO_SUCH_DISK.with_cause(format!("{name}: ...")))`. The command line finds it
//! again with [`find`], whatever context was put around it. Ids are never reused; a test keeps them
//! unique and in order. Ranges: 1xx usage, 2xx target disks, 3xx the source, 4xx copying, 5xx
//! booting, 6xx image.data (from 630: system images), 7xx phases and state, 8xx programs and the
//! kernel, 9xx menus, themes, terminals and jobs. The entries themselves: `images.rs` (630 to 699),
//! `screens.rs` (9xx), `software.rs` (730 to 759), `engine.rs` (the rest).

use std::fmt;

use crate::text::printable::Message;

pub use engine::*;
pub use images::*;
pub use screens::*;
pub use software::*;

/// How the command ends. The numbers are documented in `--help` and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// It failed, and nothing of an alternate is left behind.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Refused before anything was touched.
    Refused = 3,
    /// It failed on the way: an unfinished alternate is left for `-X` (or `--resume`).
    Unfinished = 4,
}

/// One line of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// Stable id, `ALT-nnn`.
    pub id: &'static str,
    /// What is wrong, in general; the cause says it for this case.
    pub title: &'static str,
    /// What to do about it, unless the case has a better remedy.
    pub remedy: &'static str,
    pub exit: Exit,
}

/// An error as a user meets it: catalogue entry, the cause in this case, the remedy.
#[derive(Debug)]
pub struct AltError {
    pub entry: &'static Entry,
    /// A [`Message`]'s text.
    pub cause: String,
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

impl fmt::Display for AltError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry.id, self.cause)
    }
}

impl std::error::Error for AltError {}

/// What a remedy says where the same command is the way on.
const AGAIN: &str = "run the command again";

impl AltError {
    /// Where a copy was begun, the same command would be refused: the run goes on with `--resume`.
    pub fn after_a_copy_was_begun(&mut self) {
        self.remedy = self.remedy.replace(AGAIN, "go on with `alt_disk_install --resume`");
    }
}

impl Entry {
    /// This error, with what is wrong in this case and the catalogue's remedy.
    pub fn with_cause(&'static self, cause: impl Into<Message>) -> anyhow::Error {
        self.with_remedy(cause, self.remedy)
    }

    /// The same with a remedy for this very case.
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

/// What is wrong, without number and remedy: the cause of the catalogued error in a chain, or the
/// whole chain where there is none.
pub fn cause(e: &anyhow::Error) -> String {
    find(e).map_or_else(|| Message::from(format!("{e:#}")).into_text(), |alt| alt.cause.clone())
}

/// The catalogued error inside `err`, if there is one.
pub fn find(err: &anyhow::Error) -> Option<&AltError> {
    err.chain().find_map(|e| e.downcast_ref::<AltError>())
}

/// Put around an error (`err.context(LeftUnfinished)`) where an unfinished alternate stays behind:
/// exit code 4.
#[derive(Debug)]
pub struct LeftUnfinished;

impl fmt::Display for LeftUnfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an unfinished copy is left")
    }
}

/// How a command that failed with `err` exits.
pub fn exit_for(err: &anyhow::Error) -> Exit {
    if err.downcast_ref::<LeftUnfinished>().is_some() {
        return Exit::Unfinished;
    }
    find(err).map_or(Exit::Failed, |alt| alt.entry.exit)
}

macro_rules! catalogue {
    ($($name:ident = $id:literal, $exit:ident, $title:literal, $remedy:literal;)*) => {
        $(#[doc = $title] pub static $name: Entry = Entry { id: $id, title: $title, remedy: $remedy, exit: Exit::$exit };)*
        /// The entries of this part, in the order of the ids.
        pub(super) static PART: &[&Entry] = &[$(&$name),*];
    };
}

pub mod details;
mod engine;
mod images;
mod screens;
mod software;

/// Every entry, in the order of the ids.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    let mut all: Vec<&Entry> = [engine::PART, images::PART, screens::PART, software::PART]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    all.sort_by_key(|e| e.id);
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_in_order() {
        let all: Vec<&Entry> = all().collect();
        for pair in all.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
        for e in all {
            assert!(e.id.len() == 7 && e.id.starts_with("ALT-"), "{}", e.id);
            assert!(!e.title.is_empty() && !e.remedy.is_empty(), "{}", e.id);
        }
    }

    /// No remedy sends anybody round in a circle: phase 1 of a copy that was begun is not run
    /// again, it is gone on with.
    #[test]
    fn the_way_on_is_true() {
        for e in all() {
            assert!(!e.remedy.contains("phase again"), "{}", e.id);
            let mut alt = AltError { entry: e, cause: String::new(), remedy: e.remedy.to_owned() };
            alt.after_a_copy_was_begun();
            assert!(!alt.remedy.contains("command again"), "{}", e.id);
            assert_eq!(alt.remedy != e.remedy, e.remedy.contains(AGAIN), "{}: {}", e.id, e.remedy);
        }
    }

    #[test]
    fn found_below_context() {
        let err = NOT_ROOT.with_cause("uid 1000").context("while cloning");
        assert_eq!(find(&err).unwrap().entry.id, "ALT-803");
        assert_eq!(exit_for(&err), Exit::Refused);
        assert_eq!(exit_for(&err.context(LeftUnfinished).context("outer")), Exit::Unfinished);
    }
}
