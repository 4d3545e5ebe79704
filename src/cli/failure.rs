//! Errors as users see them.

use std::io::{IsTerminal, Write};

use crate::cli::{console, help};
use crate::error::{self, AltError, Exit};
use crate::event::{Event, Events};
use crate::flags::Command;
use crate::secret;

/// The sentence about the state after a failure.
pub fn outcome_sentence(exit: Exit, cleaning: bool) -> &'static str {
    match exit {
        Exit::Unfinished if cleaning => {
            "Not everything is cleaned up: fix the cause, then run the same command again."
        }
        Exit::Unfinished => {
            "An unfinished copy is left: alt_disk_install --resume continues, alt_disk_install -X removes it."
        }
        Exit::Refused => "Nothing was changed.",
        _ => "",
    }
}

/// The error for the user, without secrets.
pub fn user_message(err: &anyhow::Error) -> AltError {
    let mut message = error::describe(err);
    (message.cause, message.remedy) =
        (secret::masked(&message.cause), secret::masked(&message.remedy));
    message
}

/// Emits the error as an event; returns it as it was reported, and the exit code for it.
pub fn emit_error(events: &Events, err: &anyhow::Error) -> (AltError, Exit) {
    let told = user_message(err);
    events.emit(Event::Error {
        id: told.entry.id.to_owned(),
        cause: told.cause.clone(),
        remedy: told.remedy.clone(),
    });
    (told, error::exit_for(err))
}

/// Prints the error on standard error, with the usage of `command` if its words are wrong; returns
/// the exit code.
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
