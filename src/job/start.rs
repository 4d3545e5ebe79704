//! Starting a job: a directory, and this program once more as the supervisor.
//!
//! The supervisor reads the order on standard input (an argv may hold a password: it stands in no
//! file), leaves this session, starts the command, and answers on standard output. Then nothing
//! ties it to this process.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::error;
use crate::host::sys;
use crate::job::files::{self, JobRecord};
use crate::job::model::{Id, Spec};
use crate::secret;

/// The hidden command that is the supervisor: `altdisk job-supervisor DIR`.
pub const SUPERVISOR: &str = "job-supervisor";

/// The supervisor's answer.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    Runs,
    /// It could not be started, because of this; what to do.
    Failed(String, String),
}

/// Starts a job that does not depend on this process any more; returns when its command runs.
///
/// # Errors
/// ALT-951 where its directory cannot be made, ALT-952 where the command could not be started, with
/// the reason.
pub fn start(spec: &Spec) -> Result<Id> {
    let kept = without_secrets(spec);
    let (id, dir) = files::create(&JobRecord { spec: kept, started: sys::now().0 })?;
    let answer = ask(spec, &dir);
    let failed = |cause: String, remedy: &str| {
        let _ = fs::remove_dir_all(&dir);
        Err(error::JOB_NOT_STARTED.with_remedy(cause, remedy))
    };
    match answer {
        Ok(Answer::Runs) => Ok(id),
        Ok(Answer::Failed(cause, remedy)) => failed(cause, &remedy),
        Err(e) => failed(
            format!("the supervisor did not start: {}", error::chain_of(&e)),
            error::JOB_NOT_STARTED.remedy,
        ),
    }
}

/// The stored part of the order. Nothing runs it again, and so it needs no password. What a panel
/// hides cannot be told from the words alone: only the names of the programs are kept of those.
pub(super) fn without_secrets(spec: &Spec) -> Spec {
    let hides = !spec.shown.is_empty() && spec.shown != Spec::new(spec.argv.clone(), "").command();
    let mut kept = spec.clone();
    if hides {
        kept.argv.truncate(if spec.on_alternate() { 2 } else { 1 });
        kept.env = vec![];
    }
    kept.argv = secret::masked_words(&kept.argv);
    kept.shown = secret::masked(&kept.shown);
    kept.title = secret::masked(&kept.title);
    kept.env.iter_mut().for_each(|(_, value)| *value = secret::masked(value));
    kept
}

fn ask(spec: &Spec, dir: &std::path::Path) -> Result<Answer> {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("altdisk")
        .arg(SUPERVISOR)
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().context("running /proc/self/exe")?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not read says nothing either, which is found below.
        let _ = input.write_all(&serde_json::to_vec(spec)?);
    }
    let mut answer = Vec::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_end(&mut answer)?;
    }
    child.wait()?;
    serde_json::from_slice(&answer).context("no answer")
}
