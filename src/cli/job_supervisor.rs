//! `altdisk job-supervisor DIR`: what [`crate::job::start`] runs. Not for people, so it is in no
//! list of commands.

use std::ffi::OsString;
use std::path::Path;

use crate::cli::commands::find_command;
use crate::error::Exit;
use crate::job::{start, supervise};

/// The job's directory, if these words call the supervisor.
pub fn parse_directory(words: &[OsString]) -> Option<&Path> {
    match words {
        [command, dir] if command == start::SUPERVISOR => Some(Path::new(dir)),
        _ => None,
    }
}

/// Watches over the job in `dir` until it has ended.
pub fn run(dir: &Path) -> Exit {
    let own = |name: &str| name == "altdisk" || find_command(name).is_some();
    // Nobody reads an error here; a missing exit.json shows that it failed.
    supervise::run(dir, own).map_or(Exit::Failed, |()| Exit::Done)
}
