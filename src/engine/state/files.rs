//! How the records lie on disk, and when they are believed.
//!
//! `altinst/plan.json` can be read by everybody and holds no secret; `secrets.json` beside it holds
//! those, for root alone; `plan.json.old` is a second copy of the plan, used where the first is
//! damaged. Each is a small regular file of root's that nobody else can write: anything else is not
//! read at all, so that neither a fifo nor a link stops or misleads a command.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secrets::{self, Secrets};
use super::{Alternate, Record, Stored};
use crate::engine::plan::{Base, Plan};
use crate::error;
use crate::host::files;
use crate::host::own_file::{self, Refused};
use crate::secret;
use crate::text;

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
/// Largest plan or journal that is read. A plan has some 200 KiB where a disk holds a hundred file
/// systems.
const MAX_BYTES: u64 = 64 << 20;

/// A plan as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub run: u32,
    pub base: Base,
    pub plan: Plan,
}

/// The whole record of the alternate in `dir`.
///
/// # Errors
/// ALT-717 where somebody else can have changed it.
pub(super) fn load(dir: &Path) -> Result<Stored> {
    let journal = match read(&dir.join(JOURNAL)) {
        Err(e) if is_unsafe(&e) => return Err(e),
        // A journal that one may not read is not lost.
        Err(e) if is_denied(&e) => return Err(error::NOT_ROOT.with_cause(format!("{e:#}"))),
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

/// The plan in `dir`, or the copy beside it where the plan cannot be read. That a newer version
/// made it is no damage.
///
/// # Errors
/// ALT-717 where somebody else can have changed it.
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
    let damaged =
        |e: serde_json::Error| error::BAD_STATE.with_cause(format!("{}: {e}", path.display()));
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
/// Where a file cannot be written.
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
        secrets::forget(dir)?
    }
    // A crash before the run's record leaves a run with nothing done: the number tells.
    files::write_own(&dir.join(PLAN), &text, 0o644)?;
    files::write_own(&dir.join(OLD_PLAN), &text, 0o644)
}

fn has_secrets(plan: &[u8]) -> bool {
    let plan = serde_json::from_slice::<Value>(plan);
    plan.is_ok_and(|mut plan| !Secrets::take_from(&mut plan, 0).is_empty())
}

/// Stores a plan anew that 0.1.0 stored with its secrets where everybody reads them. A full file
/// system leaves it as it is.
pub(super) fn hide_secrets(dir: &Path, a: &Alternate) {
    let open = read(&dir.join(PLAN)).ok().flatten().is_some_and(|text| has_secrets(&text));
    if open {
        let kept = Kept { run: a.run, base: a.base.clone(), plan: a.plan.clone() };
        let _ = store(dir, &kept, super::needs_secrets(&a.plan) && !a.phases_of_run().contains(&2));
    }
}

/// Removes everything in `dir`. plan.json goes last: while it is there, -X can be repeated.
///
/// # Errors
/// Where files cannot be removed.
pub(super) fn forget(dir: &Path) -> Result<()> {
    // Something else in its place is not gone into.
    if dir.symlink_metadata().is_ok_and(|m| !m.is_dir()) {
        return files::remove(dir);
    }
    secrets::forget(dir)?;
    for path in [IMAGE, FINISHED, JOURNAL, OLD_PLAN, PLAN].map(|name| dir.join(name)) {
        // Something else may stand in its place.
        if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
            remove_directory(&path)
        } else {
            files::remove(&path)
        }?;
    }
    remove_directory(dir)
}

fn remove_directory(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("removing {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Gives up what only people read, for a record that a full file system has no room for.
pub(super) fn make_room(dir: &Path) {
    for name in [IMAGE, OLD_PLAN] {
        // What cannot be removed takes room as before, which is told then.
        let _ = files::remove(&dir.join(name));
    }
}

/// Prepares the journal for another record: a last line that a power cut tore, whose step has not
/// acted, is taken away, or the new record would become a part of it.
///
/// # Errors
/// Where it cannot be read or written.
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

/// A small file of root's own; None where it does not exist.
///
/// # Errors
/// ALT-717 where somebody else can have changed it, ALT-702 where it is something else.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    own_file::read(path, MAX_BYTES).map_err(refused)
}

/// The error for a record or a directory that cannot be used as it is.
pub(super) fn refused(no: Refused) -> anyhow::Error {
    match (no.remedy(), &no) {
        (Some(remedy), _) => error::UNSAFE_STATE.with_remedy(no.to_string(), remedy),
        (None, Refused::Odd { .. }) => error::BAD_STATE.with_cause(no.to_string()),
        (None, Refused::Io { .. }) | (None, Refused::Unsafe { .. }) => {
            no_room(anyhow::Error::new(no))
        }
    }
}

/// The same for a directory: one that is something else is not made anew, for nobody knows who put
/// it there.
pub(super) fn refused_directory(no: Refused) -> anyhow::Error {
    match &no {
        Refused::Odd { path, .. } => {
            let remedy = format!(
                "see who put it there, and move it away: altdisk makes {} itself",
                path.display()
            );
            error::UNSAFE_STATE.with_remedy(no.to_string(), remedy)
        }
        _ => refused(no),
    }
}

/// Whether somebody else can have changed what could not be read.
pub(super) fn is_unsafe(e: &anyhow::Error) -> bool {
    error::find(e).is_some_and(|alt| alt.entry.id == error::UNSAFE_STATE.id)
}

/// Whether who asks may not read it.
fn is_denied(e: &anyhow::Error) -> bool {
    let io = e.chain().find_map(|c| c.downcast_ref::<std::io::Error>());
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
}

/// Whether the file system took nothing, because it is full or read-only.
pub(super) fn is_no_room(e: &anyhow::Error) -> bool {
    error::find(e).is_some_and(|alt| {
        [error::STATE_FULL.id, error::STATE_READ_ONLY.id].contains(&alt.entry.id)
    })
}

/// A file system that is full or read-only has an error of its own; every other error stays what it
/// is.
pub(super) fn no_room(e: anyhow::Error) -> anyhow::Error {
    use std::io::ErrorKind;
    let kind = e.chain().find_map(|c| c.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let cause = format!("{e:#}");
    match kind {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            error::STATE_FULL.with_cause(format!("{cause}{}", room()))
        }
        Some(ErrorKind::ReadOnlyFilesystem) => error::STATE_READ_ONLY.with_cause(cause),
        _ => e,
    }
}

/// How much room there is, for an error.
fn room() -> String {
    let above = Path::new(super::DIR).ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let Ok(space) = nix::sys::statvfs::statvfs(above) else { return String::new() };
    let free = space.blocks_available() * space.fragment_size();
    format!(
        "; the file system of {} has {} free and {} unused inodes",
        above.display(),
        text::size::format_size(free),
        space.files_available()
    )
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
