//! How pacman is run in the alternate, and what it printed.

use anyhow::{Context, Result};

use super::conf;
use crate::host::cmd::{Cmd, Finished};
use crate::software::formats::arch::{db, entry::Entry};
use crate::software::managers::manager::Job;
use crate::software::source::PackageSource;
use crate::text::printable;

/// In every call: nobody can answer questions, and there is no terminal.
const PLAIN: [&str; 4] = ["--noconfirm", "--noprogressbar", "--color", "never"];
/// An error quotes this many lines of pacman's output.
const MAX_QUOTED: usize = 10;

/// pacman with our configuration, or its own.
///
/// # Errors
/// If the copy's configuration cannot be read.
pub fn call(job: &Job, sentence: &str) -> Result<Cmd> {
    let cmd = Cmd::new("pacman", sentence);
    if *job.source == PackageSource::Configured {
        return Ok(cmd.in_sandbox(job.inside).args(PLAIN));
    }
    let mut inside = job.inside.clone();
    inside.overlays.push((job.work.join(conf::SYNC), conf::database(job.root)?.join("sync")));
    Ok(cmd.in_sandbox(&inside).arg("--config").arg(job.work.join(conf::FILE)).args(PLAIN))
}

/// The packages in the lists that pacman fetched.
///
/// # Errors
/// If a list cannot be read.
pub fn read_lists(job: &Job) -> Result<Vec<Entry>> {
    let sync = match job.source {
        PackageSource::Configured => conf::database(job.root)?.join("sync"),
        _ => job.work.join(conf::SYNC),
    };
    let copy = job.copy()?;
    let mut all = vec![];
    for list in copy
        .read_dir(&sync)?
        .iter()
        .map(|e| sync.join(&e.name))
        .filter(|p| p.extension().is_some_and(|e| e == "db"))
    {
        let file = copy.open_file(&list).with_context(|| format!("reading {}", list.display()))?;
        all.extend(db::read(file, &list)?);
    }
    Ok(all)
}

/// The last lines that pacman printed, for an error, each after a line break. The reason of a
/// failure is on standard output (which files conflict), the failure itself on standard error.
pub fn last_lines(done: &Finished) -> String {
    const NOISE: [&str; 12] = [
        "warning: ",
        "resolving ",
        "looking for ",
        "checking ",
        "loading ",
        "downloading",
        "Packages (",
        "Total ",
        "Net Upgrade",
        ":: Proceed",
        ":: Starting",
        ":: Retrieving",
    ];
    let text = [done.stdout.as_slice(), b"\n", done.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    let says = |l: &&str| {
        !l.is_empty()
            && !NOISE.iter().any(|n| l.starts_with(n))
            && !l.starts_with('(')
            && !l.ends_with(" downloading...")
    };
    let lines: Vec<String> =
        text.lines().map(str::trim).filter(says).map(|l| printable(l, false)).collect();
    lines[lines.len().saturating_sub(MAX_QUOTED)..].iter().map(|l| format!("\n  {l}")).collect()
}
