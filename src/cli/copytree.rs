//! `altdisk copytree FROM TO [-e exclude_list] [-x path] [-V]`: the copier by itself, for tests, benchmarks and the curious.
//!
//! Copies the tree at FROM (a mount point or a directory, without what is mounted in it) into the existing directory TO. `-x`
//! leaves out one path, relative to FROM, as often as it is given.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::copy::{Excludes, Job, LeaveOut, Progress, Source, copy, measure};
use crate::error::{self, Exit};
use crate::event::{Event, Events, Sink};

/// The command with plain text on standard error and files' names on standard output.
pub fn main(args: &[OsString]) -> ExitCode {
    let events = Events::new();
    events.add(Box::new(Plain));
    match run(args, &events) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(e) => {
            let alt = error::of(&e);
            drop(writeln!(std::io::stderr(), "altdisk: {e:#}"));
            if let Some(alt) = alt {
                drop(writeln!(std::io::stderr(), "  {}", alt.remedy));
            }
            ExitCode::from(alt.map_or(Exit::Failed, |a| a.entry.exit) as u8)
        }
    }
}

struct Plain;

impl Sink for Plain {
    fn take(&mut self, event: &Event) -> std::io::Result<()> {
        match event {
            Event::File { path } => writeln!(std::io::stdout(), "{path}"),
            Event::Warning { text } => writeln!(std::io::stderr(), "warning: {text}"),
            Event::Note { text } => writeln!(std::io::stderr(), "{text}"),
            Event::Progress { bytes, bytes_total, files, files_total, rate, eta, .. } => {
                let left = eta.map_or(String::new(), |s| format!(", {s} s left"));
                let mb = |n: &u64| n >> 20;
                writeln!(std::io::stderr(), "{}/{} MiB, {files}/{files_total} files, {} MiB/s{left}", mb(bytes), mb(bytes_total), mb(rate))
            }
            _ => Ok(()),
        }
    }
}

/// Parses the arguments and copies.
///
/// # Errors
/// The copier's; wrong arguments.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let (mut places, mut list, mut leave_out, mut verbose) = (vec![], None, vec![], false);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("-V") => verbose = true,
            Some("-e") => list = Some(PathBuf::from(args.next().context("-e needs a file")?)),
            Some("-x") => leave_out.push(LeaveOut::Path(PathBuf::from(args.next().context("-x needs a path")?))),
            _ => places.push(PathBuf::from(arg)),
        }
    }
    let [from, to] = places.as_slice() else { bail!("usage: altdisk copytree FROM TO [-e exclude_list] [-x path] [-V]") };
    let excludes = match list {
        Some(list) => Excludes::parse(&std::fs::read(&list).with_context(|| format!("reading {}", list.display()))?, &list)?,
        None => Excludes::default(),
    };
    let source = Source::of_mount(from)?;
    let progress = Progress::new(1, measure(&source, &leave_out)?);
    let job = Job { from: &source, to, prefix: Path::new("/"), excludes: &excludes, leave_out: &leave_out, verbose };
    let report = copy(&job, events, &progress)?;
    for used in excludes.report() {
        events.note(format!("{} matched {} time(s)", used.text, used.matches));
        if let Some(warning) = used.warning {
            events.warn(format!("line {} `{}`: {warning}", used.line, used.text));
        }
    }
    events.note(format!(
        "{} files, {} bytes; {} excluded, {} left out, {} copied again",
        report.files, report.bytes, report.excluded, report.left_out, report.recopied
    ));
    Ok(Exit::Done)
}
