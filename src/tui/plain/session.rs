//! The state of a session, and what all of its prompts share.

use std::io::Write;

use anyhow::Result;

use crate::menu::model::Set;
use crate::tui::ask::Query;
use crate::tui::plain::talk::Talk;
use crate::tui::record::Record;

/// Where to go when a panel is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Back,
    /// To the nearest menu (modes P, N, I).
    Menu,
    Quit,
}

/// How a question about one field ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// The value was given, or kept.
    Answered,
    Back,
    Quit,
}

/// How commands are run, and who is told.
pub struct Run<'a> {
    /// Beside the environment.
    pub env: Vec<(String, String)>,
    pub root: bool,
    /// `-x`: nothing is run, only recorded.
    pub dry: bool,
    /// `-X`: nothing at all is run, not even to fill lists.
    pub nothing: bool,
    /// `-t` and `-v`: questions to programs, and their answers, are recorded too.
    pub trace: bool,
    pub verbose: bool,
    pub record: &'a mut dyn FnMut(Record),
}

/// The panels, asked line by line.
pub struct Plain<'a, W: Write> {
    pub(super) talk: Talk<W>,
    pub(super) set: &'a Set,
    /// How commands are run and recorded.
    pub(super) run: Run<'a>,
    pub(super) depth: usize,
    /// What was just said (help, the lines of a command) is to stay in sight: the panel is not
    /// shown again before the next prompt, which on 24 lines would move it away.
    pub(super) stays: bool,
}

impl<'a, W: Write> Plain<'a, W> {
    /// A session in which no panel is open yet.
    pub fn new(talk: Talk<W>, set: &'a Set, run: Run<'a>) -> Self {
        Self { talk, set, run, depth: 0, stays: false }
    }

    /// Whether a panel is shown before its prompt.
    pub(super) fn shows_panel(&mut self) -> bool {
        !std::mem::take(&mut self.stays)
    }

    /// Says something that stays in sight.
    pub(super) fn tell(&mut self, text: &str) {
        self.talk.say(text);
        self.stays = true;
    }

    /// An error that stays in sight.
    pub(super) fn tell_error(&mut self, err: &anyhow::Error) {
        self.talk.error(err);
        self.stays = true;
    }

    /// Asks a program, and records that.
    pub(super) fn question(&mut self, query: Query, seconds: u64) -> Result<Option<String>> {
        let Query { argv, shown } = query;
        if self.run.trace {
            (self.run.record)(Record::Question { command: shown.clone() });
        }
        let text = self.talk.question(argv, shown, &self.run.env, seconds)?;
        if let (true, Some(text)) = (self.run.verbose, &text) {
            (self.run.record)(Record::Answer { text: text.clone() });
        }
        Ok(text)
    }
}

/// What was typed at a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    Back,
    Quit,
    Help(Option<usize>),
    Number(usize),
    Other,
}

pub(super) fn answer(word: &str) -> Answer {
    match word {
        "" => Answer::Nothing,
        "b" | "back" => Answer::Back,
        "q" | "quit" | "exit" => Answer::Quit,
        "?" | "h" | "help" => Answer::Help(None),
        _ => match (word.strip_prefix('?').and_then(|n| n.trim().parse().ok()), word.parse()) {
            (Some(n), _) => Answer::Help(Some(n)),
            (None, Ok(n)) => Answer::Number(n),
            _ => Answer::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        for (word, want) in [
            ("", Answer::Nothing),
            ("b", Answer::Back),
            ("q", Answer::Quit),
            ("?", Answer::Help(None)),
            ("?12", Answer::Help(Some(12))),
            ("3", Answer::Number(3)),
            ("vdb", Answer::Other),
            ("-1", Answer::Other),
        ] {
            assert_eq!(answer(word), want, "{word}");
        }
    }
}
