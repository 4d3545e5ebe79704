//! How the records lie on disk, and when they are believed.
//!
//! `altinst/plan.json` is readable by all users and holds no secret; `secrets.json` beside it holds
//! those, for root alone; `plan.json.old` is a second copy of the plan, used where the first is
//! damaged. Each must be a small regular file that only root can write: anything else is not read
//! at all, so that neither a fifo nor a link stops or misleads a command.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secrets::{self, Secrets};
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::Plan;
use crate::engine::plan::step_id::StepId;
use crate::engine::state::alternate::{Alternate, Stored};
use crate::engine::state::errors::{is_denied, is_unsafe, read};
use crate::engine::state::journal::Record;
use crate::host::files;
use crate::{error, secret};

const PLAN: &str = "plan.json";

/// A second copy of the plan.
const OLD_PLAN: &str = "plan.json.old";
pub(super) const JOURNAL: &str = "journal.jsonl";

/// There, and empty, once phase 3 is complete: a journal that lost its end, at the end of a line,
/// looks whole.
const FINISHED: &str = "finished";

const IMAGE: &str = "image.data";

/// Of the stored form. A plan of another version is not believed.
const VERSION: u64 = 1;

/// A plan as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub run: u32,
    pub base: AlternateSpec,
    pub plan: Plan,
}

/// The whole record of the alternate in `dir`.
///
/// # Errors
/// ALT-717 if somebody else can have changed it.
pub(super) fn load(dir: &Path) -> Result<Stored> {
    let journal = match read(&dir.join(JOURNAL)) {
        Err(e) if is_unsafe(&e) => return Err(e),
        // A journal that one may not read is not lost.
        Err(e) if is_denied(&e) => return Err(error::NOT_ROOT.with_cause(error::chain_of(&e))),
        other => other,
    };
    let kept = match load_plan(dir)? {
        Stored::Known(kept) => kept,
        // A plan is stored before the journal is begun, and removed after it.
        Stored::None if !matches!(journal, Ok(None)) => {
            let cause = format!(
                "{} is missing, and there is a journal beside it",
                dir.join(PLAN).display()
            );
            return Ok(Stored::Unreadable(error::BAD_STATE.with_cause(cause)));
        }
        Stored::None => return Ok(Stored::None),
        Stored::Unreadable(why) => return Ok(Stored::Unreadable(why)),
    };
    let (journal, damaged) =
        journal.ok().flatten().map_or((vec![], true), |text| parse_journal(&text));
    // A crash between the plan and the record of its run leaves a whole journal, of the runs
    // before.
    let begun = journal.iter().any(|r| matches!(r, Record::Run { .. }));
    let cut = dir.join(FINISHED).symlink_metadata().is_ok()
        && !journal.contains(&Record::Phase { phase: 3 });
    let journal_damaged = damaged || !begun || cut;
    Ok(Stored::Known(Alternate {
        base: kept.base,
        plan: kept.plan,
        run: kept.run,
        journal,
        journal_damaged,
    }))
}

/// Notes that phase 3 is complete, apart from the journal. Where that cannot be written (a full
/// file system), the journal alone says so.
pub(super) fn note_finished(dir: &Path) {
    let _ = files::write_own(&dir.join(FINISHED), b"", 0o644);
}

/// The plan in `dir`, or the copy beside it where the plan cannot be read. A plan of a newer
/// version is not damaged.
///
/// # Errors
/// ALT-717 if somebody else can have changed it.
pub(super) fn load_plan(dir: &Path) -> Result<Stored<Kept>> {
    let secrets = Secrets::load(dir)?;
    let first = read_plan(&dir.join(PLAN), &secrets)?;
    let damaged = match &first {
        Stored::Known(_) => false,
        Stored::None => true,
        Stored::Unreadable(why) => {
            error::find(why).is_some_and(|alt| alt.entry.id == error::BAD_STATE.id)
        }
    };
    Ok(match damaged.then(|| read_plan(&dir.join(OLD_PLAN), &secrets)).transpose()? {
        Some(Stored::Known(copy)) => Stored::Known(copy),
        _ => first,
    })
}

fn read_plan(path: &Path, secrets: &Secrets) -> Result<Stored<Kept>> {
    match read(path).and_then(|text| text.map(|t| parse_plan(&t, path, secrets)).transpose()) {
        Ok(None) => Ok(Stored::None),
        Ok(Some(plan)) => Ok(Stored::Known(plan)),
        Err(why) if is_unsafe(&why) => Err(why),
        Err(why) => Ok(Stored::Unreadable(why)),
    }
}

fn parse_plan(text: &[u8], path: &Path, secrets: &Secrets) -> Result<Kept> {
    let damaged = |e: serde_json::Error| error::BAD_STATE.with_path(path, &e);
    let mut plan: Value = serde_json::from_slice(text).map_err(damaged)?;
    if let Some(other) = plan.pointer("/base/version").filter(|v| v.as_u64() != Some(VERSION)) {
        let cause =
            format!("{} has version {other}; this altdisk knows version {VERSION}", path.display());
        return Err(error::NEWER_STATE.with_cause(cause));
    }
    let run = plan.get("run").and_then(Value::as_u64).unwrap_or_default();
    secrets.put_into(&mut plan, run);
    let kept: Kept = serde_json::from_value(plan).map_err(damaged)?;
    // From now on they are masked wherever they turn up.
    secret::learn(kept.plan.request.argv.iter().map(String::as_str));
    Ok(kept)
}

/// Stores a plan, masked; its secrets go to a file of their own where `keep_secrets`, and nowhere
/// else.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn store(dir: &Path, kept: &Kept, keep_secrets: bool) -> Result<()> {
    let mut plan = serde_json::to_value(kept)?;
    let secrets = Secrets::take_from(&mut plan, kept.run);
    let text = serde_json::to_vec_pretty(&plan)?;
    files::write_own(
        &dir.join(IMAGE),
        crate::image::parse::write(&kept.base.image)?.as_bytes(),
        0o644,
    )?;
    if keep_secrets {
        secrets.store(dir)?
    } else {
        secrets::remove_secrets(dir)?
    }
    // A crash before the run's record leaves a run with nothing done, as the run's number shows.
    files::write_own(&dir.join(PLAN), &text, 0o644)?;
    files::write_own(&dir.join(OLD_PLAN), &text, 0o644)
}

/// Only phase 2 needs passwords: for the location of packages, and for proxies.
pub(super) fn needs_secrets(plan: &Plan) -> bool {
    plan.steps.iter().any(|s| s.id == StepId::Software)
}

fn has_secrets(plan: &[u8]) -> bool {
    let plan = serde_json::from_slice::<Value>(plan);
    plan.is_ok_and(|mut plan| !Secrets::take_from(&mut plan, 0).is_empty())
}

/// Rewrites a plan that version 0.1.0 stored with its secrets in a file that all users can read. On
/// a full file system it stays as it is.
pub(super) fn hide_secrets(dir: &Path, a: &Alternate) {
    let open = read(&dir.join(PLAN)).ok().flatten().is_some_and(|text| has_secrets(&text));
    if open {
        let kept = Kept { run: a.run, base: a.base.clone(), plan: a.plan.clone() };
        let _ = store(dir, &kept, needs_secrets(&a.plan) && !a.phases_of_run().contains(&2));
    }
}

/// Removes everything in `dir`. plan.json goes last: while it is there, -X can be repeated.
///
/// # Errors
/// If files cannot be removed.
pub(super) fn remove_all(dir: &Path) -> Result<()> {
    // Something else in its place is not gone into.
    if dir.symlink_metadata().is_ok_and(|m| !m.is_dir()) {
        return files::remove(dir);
    }
    secrets::remove_secrets(dir)?;
    for path in [IMAGE, FINISHED, JOURNAL, OLD_PLAN, PLAN].map(|name| dir.join(name)) {
        // Something else may stand in its place.
        files::remove_whatever(&path)?;
    }
    files::remove_whatever(dir)
}

/// Gives up what only people read, for a record that a full file system has no room for.
pub(super) fn make_room(dir: &Path) {
    for name in [IMAGE, OLD_PLAN] {
        // If one cannot be removed, the next write reports that there is no room.
        let _ = files::remove(&dir.join(name));
    }
}

/// Prepares the journal for another record: a last line that a power cut tore, whose step has not
/// acted, is taken away, or the new record would become a part of it.
///
/// # Errors
/// If it cannot be read or written.
pub(super) fn end_line(path: &Path, journal: &mut File) -> Result<()> {
    let text = read(path)?.unwrap_or_default();
    let begin = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let last = &text[begin..];
    if last.is_empty() {
        return Ok(());
    }
    // Only its end may be missing.
    let whole = serde_json::from_slice::<Record>(last).is_ok();
    let ended = if whole { journal.write_all(b"\n") } else { journal.set_len(begin as u64) };
    ended.with_context(|| format!("writing {}", path.display()))
}

/// Reads the journal, and whether lines of it are damaged; a last line that a power cut tore is
/// none of those.
fn parse_journal(text: &[u8]) -> (Vec<Record>, bool) {
    let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
    let (mut records, mut damaged) = (vec![], false);
    for (n, line) in lines.iter().enumerate() {
        match serde_json::from_slice(line) {
            Ok(record) => records.push(record),
            Err(_) => damaged |= n + 1 < lines.len(),
        }
    }
    (records, damaged)
}

#[cfg(test)]
mod tests;
