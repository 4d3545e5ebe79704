//! Starts one command: `--help` and `--version`, a job's events, or the command itself.

use std::ffi::OsString;

use anyhow::Result;

use crate::cli::failure::{emit_error, names_help, outcome_sentence, print_error};
use crate::cli::output::print_text;
use crate::cli::{getopt, help, in_job};
use crate::error::Exit;
use crate::event::{Event, Events, Stream, VERSION};
use crate::flags::{self, Command};
use crate::host::sys;

/// The function of a command: it gets the words after its name, and reports to the event stream.
pub type Run = fn(&[OsString], &Events) -> Result<Exit>;

/// Runs the command with these words; an error is printed.
pub fn start(command: &'static Command, run: Run, args: &[OsString]) -> Exit {
    // Files of altdisk and its programs get exactly the modes in the code. Panels and jobs run
    // commands of the user's, with the user's umask; an altdisk among those comes here itself.
    if ![&flags::UI, &flags::JOBS].iter().any(|c| std::ptr::eq(*c, command)) {
        sys::fix_umask();
    }
    let mut usage = true;
    if let Ok(parsed) = getopt::parse(command, args) {
        if parsed.has_any("help") {
            return print_text(&help::help(command), Exit::Done);
        }
        if parsed.has_any("version") {
            return print_text(&version(), Exit::Done);
        }
        usage = !parsed.has_any("review");
    }
    let events = Events::new();
    if in_job::attach_events(command, args, &events) {
        return run_in_job(command, run, args, &events);
    }
    // A review is shown in a panel, where the usage of the command line is of no use.
    run(args, &events)
        .unwrap_or_else(|err| print_error(&command.invocation(), &err, usage.then_some(command)))
}

/// Runs a command whose beginning, errors and end are events.
fn run_in_job(command: &'static Command, run: Run, args: &[OsString], events: &Events) -> Exit {
    let argv = in_job::command_words(&command.invocation(), args);
    events.emit(Event::Start {
        version: VERSION,
        argv,
        time: sys::now().0,
        pid: std::process::id(),
    });
    match run(args, events) {
        // The last word is the supervisor's: what was printed is still on its way to it.
        Ok(exit) => exit,
        Err(err) => {
            let (told, exit) = emit_error(events, &err);
            if exit == Exit::Usage && !names_help(&told) {
                for line in help::usage(command).lines() {
                    events.emit(Event::Output { stream: Stream::Stderr, line: line.to_owned() });
                }
            }
            events.emit(Event::Done {
                exit: exit as u8,
                text: outcome_sentence(exit, false).to_owned(),
            });
            exit
        }
    }
}

/// The line that `--version` prints.
pub fn version() -> String {
    format!("altdisk {}\n", env!("CARGO_PKG_VERSION"))
}
