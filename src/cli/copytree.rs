//! `altdisk copytree FROM TO [-e exclude_list] [-x path] [-V]`: the copier by itself, for tests,
//! benchmarks and the curious.
//!
//! Copies the tree at FROM (a mount point or a directory, without what is mounted in it) into the
//! existing directory TO. `-x` leaves out one path, relative to FROM, as often as it is given.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::getopt;
use crate::cli::session::attach_console;
use crate::copy::{Job, copy};
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::COPYTREE;
use crate::tree::{Excludes, Progress, Source};

/// Parses the arguments and copies.
///
/// # Errors
/// The copier's; wrong arguments.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&COPYTREE, args)?;
    let [from, to] = parsed.operands.as_slice() else {
        return Err(error::OPERANDS.with_remedy("FROM and TO are needed", "name two directories"));
    };
    let verbose = parsed.has("V");
    attach_console(events, &COPYTREE, false, verbose, false);
    let leave_out: Vec<PathBuf> = parsed.values("x").map(PathBuf::from).collect();
    let excludes = match parsed.value("e") {
        Some(list) => Excludes::parse(
            &std::fs::read(list)
                .with_context(|| format!("reading {}", Path::new(list).display()))?,
            Path::new(list),
        )?,
        None => Excludes::default(),
    };
    let (from, to) = (Path::new(from), Path::new(to));
    if let Some(at) = [from, to].into_iter().find(|p| !p.is_dir()) {
        return Err(
            error::NOT_A_DIRECTORY.with_cause(format!("{} is not a directory", at.display()))
        );
    }
    if from.canonicalize()? == to.canonicalize()? {
        return Err(error::SAME_DIRECTORY.with_cause("FROM and TO are the same directory"));
    }
    let source = Source::open_directory(from)?;
    let progress = Progress::new(1, source.measure(&leave_out)?);
    let job = Job {
        from: &source,
        to,
        prefix: Path::new("/"),
        excludes: &excludes,
        leave_out: &leave_out,
        apart: &[],
        verbose,
    };
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
