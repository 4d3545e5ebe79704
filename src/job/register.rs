//! A long command that a shell runs is in the list of jobs too: after a hang-up it is found again,
//! followed and stopped as one that a panel started.
//!
//! It has no supervisor: it is its own, writes its events and its end down itself, and is stopped
//! by a signal to it alone. Its process group may be that of a script or a service, which nobody
//! has asked to stop.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::error::Exit;
use crate::event::{Event, Sink};
use crate::host::procs::Process;
use crate::host::sys;
use crate::job::append::Appender;
use crate::job::files::{self, JobRecord, RunRecord};
use crate::job::model::{Ended, Spec};
use crate::job::start::without_secrets;

/// This process as a job.
#[derive(Debug)]
pub struct Registered {
    dir: PathBuf,
    begun: Instant,
}

/// Takes all but the name of every file, which -V asks for on the console: of ten million files
/// they would fill the state directory.
#[derive(Debug)]
pub struct WithoutFiles(Appender<File>);

impl Sink for WithoutFiles {
    fn take(&mut self, event: &Event) -> std::io::Result<()> {
        if matches!(event, Event::File { .. }) { Ok(()) } else { self.0.take(event) }
    }
}

/// Puts this process into the list of jobs; returns where its events are to go.
///
/// # Errors
/// ALT-951 where the directory of the jobs cannot be used.
pub fn register(spec: &Spec) -> Result<(Registered, WithoutFiles)> {
    let begun = Instant::now();
    let (_, dir) =
        files::create(&JobRecord { spec: without_secrets(spec), started: sys::now().0 })?;
    let events =
        OpenOptions::new().create(true).append(true).mode(0o600).open(dir.join("events.jsonl"))?;
    let this = Process::this().context("reading /proc")?;
    files::write(
        &dir.join("run.json"),
        &RunRecord { supervisor: this.clone(), command: this, alone: true },
    )?;
    Ok((Registered { dir, begun }, WithoutFiles(Appender::new(events))))
}

impl Registered {
    /// It is about to exit with this code. What was refused before it did anything leaves the list
    /// again: nobody looks for it, and it would push out what was done.
    ///
    /// # Errors
    /// Where that cannot be written down: the list then says that its result is unknown.
    pub fn end(self, code: i32) -> Result<()> {
        if [Exit::Usage as i32, Exit::Refused as i32].contains(&code) {
            return std::fs::remove_dir_all(&self.dir)
                .with_context(|| format!("removing {}", self.dir.display()));
        }
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        files::write(
            &self.dir.join("exit.json"),
            &Ended { code: Some(code), signal: None, time: sys::now().0, ms },
        )
    }
}
