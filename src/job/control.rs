//! Stopping: first by request (SIGTERM), which lets a command tidy up; then, asked for again, by
//! force (SIGKILL).
//!
//! A number is a process only until that is reaped, then it may be anybody's. So the supervisor
//! reaps under a lock ([`lock_job`]), and whoever signals looks and signals under the same lock.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::libc::O_NOFOLLOW;
use nix::sys::signal::Signal;

use crate::error;
use crate::host::procs;
use crate::job::model::Id;
use crate::job::{directory, files};

/// How long the other side of the lock may take.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// The content of the file `stop` for a kill.
const FORCE: &str = "force\n";

/// Asks the command, with everything it started in its process group, to end. How it takes that is
/// seen in its events.
///
/// # Errors
/// ALT-953 where there is no such job, ALT-954 where it does not run (any more).
pub fn stop(id: Id) -> Result<()> {
    send(id, Signal::SIGTERM)
}

/// Ends the command, and everything that it started, without asking it.
///
/// # Errors
/// As [`stop`].
pub fn kill(id: Id) -> Result<()> {
    send(id, Signal::SIGKILL)
}

fn send(id: Id, signal: Signal) -> Result<()> {
    let dir = directory::of_job(id)?;
    let _held = lock_job(&dir);
    let job = files::find(id)?;
    let gone = |why: &str| {
        error::JOB_NOT_RUNNING.with_cause(format!("job {id} ({}): {why}", job.spec.title))
    };
    let group = job.group.ok_or_else(|| gone("it has ended"))?;
    // The supervisor reads this: what is left afterwards goes too.
    let note = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(O_NOFOLLOW)
        .open(dir.join("stop"));
    if let (Signal::SIGKILL, Ok(mut note)) = (signal, note) {
        // Where this cannot be written, the group still ends.
        let _ = note.write_all(FORCE.as_bytes());
    }
    let alone = files::read_run(&dir).is_some_and(|run| run.alone);
    let sent = if alone {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(group), signal)
    } else {
        procs::signal_group(group, signal)
    };
    match sent {
        Ok(()) => Ok(()),
        Err(nix::errno::Errno::ESRCH) => Err(gone("it has just ended")),
        Err(e) => {
            Err(error::KERNEL
                .with_cause(format!("signal to process {group}: {}", error::text_of(&e))))
        }
    }
}

/// The requested stop: none, by request (false), or by force (true).
pub(super) fn requested_stop(dir: &Path) -> Option<bool> {
    std::fs::read(dir.join("stop")).ok().map(|text| text.starts_with(FORCE.as_bytes()))
}

/// Nobody else signals or reaps this job's command while it is held. None where the other side
/// takes too long: it is then stuck, and must not hold up everything.
pub(super) fn lock_job(dir: &Path) -> Option<File> {
    let file = File::open(dir).ok()?;
    let begun = Instant::now();
    while file.try_lock().is_err() {
        if begun.elapsed() > LOCK_TIMEOUT {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Some(file)
}
