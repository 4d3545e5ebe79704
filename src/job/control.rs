//! Stopping: first by request (SIGTERM), which lets a command tidy up; then, asked for again, by force (SIGKILL).

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Result;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::error;
use crate::job::{Id, files};

/// What became of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The signal was sent; how the command takes it is seen in its events.
    Sent,
}

/// Asks the command, with everything it started in its process group, to end.
///
/// # Errors
/// ALT-953 where there is no such job, ALT-954 where it does not run (any more).
pub fn stop(id: Id) -> Result<Asked> {
    send(id, Signal::SIGTERM)
}

/// Ends the command without asking it.
///
/// # Errors
/// As [`stop`].
pub fn kill(id: Id) -> Result<Asked> {
    send(id, Signal::SIGKILL)
}

fn send(id: Id, signal: Signal) -> Result<Asked> {
    let job = files::find(id)?;
    let gone = |why: &str| error::JOB_NOT_RUNNING.because(format!("job {id} ({}): {why}", job.spec.title));
    let group = job.group.ok_or_else(|| gone("it has ended"))?;
    // The supervisor reads this as: whatever is left of the group afterwards goes too.
    let _ = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(files::of(id)?.join("stop"));
    match killpg(Pid::from_raw(group), signal) {
        Ok(()) => Ok(Asked::Sent),
        Err(nix::errno::Errno::ESRCH) => Err(gone("it has just ended")),
        Err(e) => Err(error::KERNEL.because(format!("signal to process group {group}: {e}"))),
    }
}
