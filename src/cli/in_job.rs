//! Commands that run in a job: they write events into the job's file, in place of text for a
//! console.
//!
//! The supervisor names the descriptor, and which file it is, in `ALTDISK_EVENTS`. It is taken only
//! if it is that very file, appended to, so that a stale variable does no harm; and not with
//! `--events`, whose caller wants both. The programs that the command runs get neither.

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::{Run, as_told, ending, getopt, help, names_help};
use crate::error::{self, Exit};
use crate::event::{Event, Events, Stream, VERSION};
use crate::flags::{self, Command};
use crate::host::sys;
use crate::job;
use crate::job::append::{self, Appender};

static IN_JOB: AtomicBool = AtomicBool::new(false);

/// Whether this command's events are told to a job.
pub fn is() -> bool {
    IN_JOB.load(Ordering::Relaxed)
}

/// Adds the job's event file to `events`, where there is one.
pub fn listens(command: &'static Command, args: &[OsString], events: &Events) -> bool {
    let both = getopt::parse(command, args).is_ok_and(|p| p.has("events"));
    // The one that speaks about jobs is not one of their own kind.
    if both || std::ptr::eq(command, &flags::JOBS) {
        return false;
    }
    let Some(file) =
        std::env::var(job::EVENTS_VARIABLE).ok().and_then(|value| append::named(&value))
    else {
        return false;
    };
    events.add(Box::new(Appender::new(file)));
    IN_JOB.store(true, Ordering::Relaxed);
    true
}

/// The command, as it is called, with its words.
pub fn words(called: &str, args: &[OsString]) -> Vec<String> {
    called
        .split(' ')
        .map(str::to_owned)
        .chain(args.iter().map(|a| a.to_string_lossy().into_owned()))
        .collect()
}

/// Runs a command whose beginning, errors and end are events.
pub fn run(command: &'static Command, run: Run, args: &[OsString], events: &Events) -> Exit {
    let argv = words(&getopt::called(command), args);
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
            let (told, exit) = (as_told(&err), error::exit_for(&err));
            let usage = exit == Exit::Usage && !names_help(&told);
            events.emit(Event::Error {
                id: told.entry.id.to_owned(),
                cause: told.cause,
                remedy: told.remedy,
            });
            if usage {
                for line in help::usage(command).lines() {
                    events.emit(Event::Output { stream: Stream::Stderr, line: line.to_owned() });
                }
            }
            events.emit(Event::Done { exit: exit as u8, text: ending(exit, false).to_owned() });
            exit
        }
    }
}
