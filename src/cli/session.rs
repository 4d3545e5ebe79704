//! A command's connection to the outside: the console, the log, and the list of jobs.

use std::path::Path;

use crate::cli::console::Console;
use crate::cli::{in_job, logfile};
use crate::error::Exit;
use crate::event::{Event, Events, VERSION};
use crate::flags::Command;
use crate::host::sys;
use crate::job;
use crate::secret;
use crate::text::shell::quoted;

/// Says which command begins, and adds the log (its path, and whether every file is named there).
/// Every run in the log begins with its date and command, so that people and programs can tell when
/// a clone was made: a job's too, whose beginning was told before. What is logged is long work too:
/// run from a shell, it enters the list of jobs, which [`end`] is then owed.
pub fn begin(
    events: &Events,
    log: Option<(&str, bool)>,
    argv: Vec<String>,
) -> Option<job::Registered> {
    // Whoever is not root is refused, and that is no event of this machine.
    let log = log.filter(|_| nix::unistd::geteuid().is_root());
    let start = Event::Start {
        version: VERSION,
        argv: argv.clone(),
        time: sys::now().0,
        pid: std::process::id(),
    };
    if let Some((path, verbose)) = log {
        logfile::add(
            events,
            Path::new(path),
            verbose,
            &argv,
            in_job::is_active().then_some(&start),
        );
    }
    if in_job::is_active() {
        return None;
    }
    let in_a_job = std::env::var_os(job::EVENTS_VARIABLE).is_some();
    let registered = log.filter(|_| !in_a_job).and_then(|_| {
        job::register(&job::Spec::new(argv.clone(), quoted(&secret::masked_words(&argv)))).ok()
    });
    let registered = registered.map(|(job, sink)| {
        events.add(Box::new(sink));
        job
    });
    events.emit(start);
    registered
}

/// The work that [`begin`] began is over.
pub fn end(job: Option<job::Registered>, exit: Exit) {
    // Where it cannot be written down, the list says that the result is unknown.
    let _ = job.map(|job| job.end(exit as i32));
}

/// Shows what happens on the console, unless it is told to a job that shows it.
pub fn attach_console(
    events: &Events,
    command: &'static Command,
    debug: bool,
    verbose: bool,
    preview: bool,
) {
    if !in_job::is_active() {
        events.add(Box::new(Console::standard(command.invocation(), debug, verbose, preview)));
    }
}
