//! Errors as users see them.

use std::io::{IsTerminal, Write};

use crate::cli::{console, help};
use crate::error::{self, AltError, Exit, LeftUnfinished};
use crate::flags::Command;
use crate::secret;
use crate::text::printable::Message;

/// The sentence about the state after a failure.
pub fn outcome_sentence(exit: Exit, cleaning: bool) -> &'static str {
    match exit {
        Exit::Unfinished if cleaning => {
            "Not everything is cleaned up: give the same command again when that is mended."
        }
        Exit::Unfinished => {
            "An unfinished copy is left: alt_disk_install --resume goes on, alt_disk_install -X removes it."
        }
        Exit::Refused => "Nothing was changed.",
        _ => "",
    }
}

/// The error as users are told it: the catalogued one with the context around it, or ALT-899 with
/// the whole chain.
pub fn user_message(err: &anyhow::Error) -> AltError {
    let mut told = match error::find(err) {
        Some(alt) => {
            let around = err
                .chain()
                .take_while(|e| e.downcast_ref::<AltError>().is_none())
                .map(ToString::to_string);
            let around: String = around
                .filter(|c| *c != LeftUnfinished.to_string())
                .map(|c| Message::from(c).into_text() + ": ")
                .collect();
            AltError { entry: alt.entry, cause: around + &alt.cause, remedy: alt.remedy.clone() }
        }
        None => AltError {
            entry: &error::OTHER,
            cause: Message::from(format!("{err:#}")).into_text(),
            remedy: error::OTHER.remedy.to_owned(),
        },
    };
    (told.cause, told.remedy) = (secret::masked(&told.cause), secret::masked(&told.remedy));
    told
}

pub fn print_error(name: &str, err: &anyhow::Error, command: Option<&Command>) -> Exit {
    let (told, exit) = (user_message(err), error::exit_for(err));
    let mut text = console::error_text(
        name,
        told.entry.id,
        &told.cause,
        &told.remedy,
        std::io::stderr().is_terminal(),
        false,
    );
    // How the command is called says nothing about a file that is wrong.
    let words_are_wrong =
        exit == Exit::Usage && told.entry.id < error::SCRIPT_MISSING.id && !names_help(&told);
    if let (true, Some(command)) = (words_are_wrong, command) {
        text.push_str(&help::usage(command));
    }
    // Nobody is left to tell where standard error is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
    exit
}

/// An error that leads to the help needs no usage below it.
pub fn names_help(told: &AltError) -> bool {
    told.remedy.contains("--help`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_shown_and_the_mark_is_not() {
        let err = error::NOT_ROOT.with_cause("uid 7").context("making /").context(LeftUnfinished);
        assert_eq!(user_message(&err).to_string(), "ALT-803: making /: uid 7");
        assert_eq!(error::exit_for(&err), Exit::Unfinished);
        let other = anyhow::anyhow!("inner").context("outer");
        assert_eq!(user_message(&other).to_string(), "ALT-899: outer: inner");
    }
}
