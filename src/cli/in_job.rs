//! Commands that run in a job: they write events into the job's file, in place of text for a
//! console.
//!
//! The supervisor names the descriptor, and which file it is, in `ALTDISK_EVENTS`. It is taken only
//! if it is that very file, appended to, so that a stale variable does no harm; and not with
//! `--events`, whose caller wants both. The programs that the command runs get neither.

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::getopt;
use crate::event::Events;
use crate::flags::{self, Command};
use crate::job;
use crate::job::append::{self, Appender};

static IN_JOB: AtomicBool = AtomicBool::new(false);

/// Whether this command's events go to a job.
pub fn is_active() -> bool {
    IN_JOB.load(Ordering::Relaxed)
}

/// Adds the job's event file to `events`, where there is one; returns whether there is.
pub fn attach_events(command: &'static Command, args: &[OsString], events: &Events) -> bool {
    let both = getopt::parse(command, args).is_ok_and(|p| p.has_any("events"));
    // `altdisk jobs` shows other jobs; its own output is text.
    if both || std::ptr::eq(command, &flags::JOBS) {
        return false;
    }
    let Some(file) =
        std::env::var(job::EVENTS_VARIABLE).ok().and_then(|value| append::open_named(&value))
    else {
        return false;
    };
    events.add(Box::new(Appender::new(file)));
    IN_JOB.store(true, Ordering::Relaxed);
    true
}

/// The words of the whole command line; `invocation` is how the command is called.
pub fn command_words(invocation: &str, args: &[OsString]) -> Vec<String> {
    invocation
        .split(' ')
        .map(str::to_owned)
        .chain(args.iter().map(|a| a.to_string_lossy().into_owned()))
        .collect()
}
