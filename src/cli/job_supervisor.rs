//! `altdisk job-supervisor DIR`: what [`crate::job::start`] runs. Not for people, so it is in no
//! list of commands.

use std::ffi::OsString;
use std::path::Path;

use crate::cli::COMMANDS;
use crate::error::Exit;
use crate::job::{start, supervise};

/// The directory, where these words call the supervisor.
pub fn called(words: &[OsString]) -> Option<&Path> {
    match words {
        [command, dir] if command == start::SUPERVISOR => Some(Path::new(dir)),
        _ => None,
    }
}

/// Watches over the job in `dir` until it has ended.
pub fn run(dir: &Path) -> Exit {
    let own = |name: &str| name == "altdisk" || COMMANDS.iter().any(|(c, _)| c.name == name);
    // Nobody listens any more; that there is no exit.json says that it went wrong.
    supervise::run(dir, own).map_or(Exit::Failed, |()| Exit::Done)
}
