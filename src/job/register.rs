//! A long command that a shell runs is in the list of jobs too: after a hang-up it is found again, followed and stopped as one that
//! a panel started.
//!
//! It has no supervisor: it is its own, writes its events and its end down itself, and is stopped by a signal to it alone. Its process
//! group may be that of a script or a service, which nobody has asked to stop.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::host::procs::Process;
use crate::host::sys;
use crate::job::append::Appender;
use crate::job::files::{self, Asked, Run};
use crate::job::start::without_secrets;
use crate::job::{Ended, Spec};

/// This process as a job.
#[derive(Debug)]
pub struct Registered {
    dir: PathBuf,
    begun: Instant,
}

/// Puts this process into the list of jobs; returns where its events are to go.
///
/// # Errors
/// ALT-951 where the directory of the jobs cannot be used.
pub fn register(spec: &Spec) -> Result<(Registered, Appender<File>)> {
    let begun = Instant::now();
    let (_, dir) = files::make(&Asked { spec: without_secrets(spec), started: sys::now().0 })?;
    let events = OpenOptions::new().create(true).append(true).mode(0o600).open(dir.join("events.jsonl"))?;
    let this = Process::this().context("reading /proc")?;
    files::write(&dir.join("run.json"), &Run { supervisor: this.clone(), command: this, alone: true })?;
    Ok((Registered { dir, begun }, Appender::new(events)))
}

impl Registered {
    /// It is about to exit with this code.
    ///
    /// # Errors
    /// Where that cannot be written down: the list then says that its result is unknown.
    pub fn end(self, code: i32) -> Result<()> {
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        files::write(&self.dir.join("exit.json"), &Ended { code: Some(code), signal: None, time: sys::now().0, ms })
    }
}
