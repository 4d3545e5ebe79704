//! Jobs in smit.log: what a command said, warnings and errors too, and how it ended.
//!
//! A job outlives the session that started it. Its directory therefore holds a note, `unlogged`, as
//! long as something of it is missing in a log: which log, and up to where its events are there.
//! Whoever sees its end first (this session or a later one with the same log) takes the note away
//! and writes the rest, so that it is written once.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::event::lines::{self, Shown};
use crate::event::{Event, StepStatus};
use crate::host::{clock, files, sys};
use crate::job::{self, Id};
use crate::text::printable_lines;
use crate::tui::record::Record;

#[derive(Serialize, Deserialize)]
struct Note {
    log: PathBuf,
    /// Bytes of the event file whose text is in the log.
    from: u64,
}

fn note(id: Id) -> Option<PathBuf> {
    Some(job::directory::of_job(id).ok()?.join("unlogged"))
}

fn read(path: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The job was started: from now on its result is owed to `log`. Where this cannot be written, the
/// job's own files still have it.
fn begin(id: Id, log: &Path) {
    write_note(id, &Note { log: log.to_owned(), from: 0 });
}

fn write_note(id: Id, what: &Note) {
    if let (Some(path), Ok(text)) = (note(id), serde_json::to_vec(what)) {
        let _ = files::replace(&path, &text, 0o600);
    }
}

/// The job goes on without anybody who watches: what it has said so far, and `text` after it.
fn log_unwatched(id: Id, to: &mut File, text: &str) {
    let Some(Note { log, from }) = note(id).and_then(|p| read(&p)) else { return };
    if let Ok(from) = copy(id, from, to, text) {
        write_note(id, &Note { log, from });
    }
}

/// The job has ended: the rest of what it said, and `text` after it. Nothing where it is in the log
/// already.
fn ended(id: Id, to: &mut File, text: &str) {
    if let Some(note) = claim(id) {
        // What a full disk does not take is still in the job's own file.
        let _ = copy(id, note.from, to, text);
    }
}

/// What happens to a job of this session, in its log.
pub fn record(record: &Record, log: &Path, to: &mut File) {
    let text = record.text(&clock::date(sys::now().0));
    match *record {
        Record::Started { job } => begin(Id(job), log),
        Record::Ended { job, .. } => ended(Id(job), to, &text),
        Record::GoesOn { job } => log_unwatched(Id(job), to, &text),
        _ => {}
    }
}

/// Takes the note away; only one can.
fn claim(id: Id) -> Option<Note> {
    let path = note(id)?;
    let mine = path.with_extension(std::process::id().to_string());
    fs::rename(&path, &mine).ok()?;
    let note = read(&mine);
    let _ = fs::remove_file(&mine);
    note
}

/// Writes into `log` the results of jobs that nobody saw end.
pub fn catch_up(log: &Path, to: &mut File) {
    for job in job::list().unwrap_or_default() {
        let how = match job.state {
            job::State::Running | job::State::Lost { alive: true } => continue,
            job::State::Ended(ended) => ended.shown(),
            job::State::Lost { alive: false } => {
                "its result is unknown: the process that supervised it is gone".to_owned()
            }
        };
        let mine = note(job.id).and_then(|p| read(&p)).is_some_and(|n| n.log == log);
        let Some(note) = mine.then(|| claim(job.id)).flatten() else { continue };
        let date = clock::date(sys::now().0);
        let head = format!(
            "\n[{date}]\n    Job {} has ended: {}\n---- start ----\n",
            job.id,
            printable_lines(&job.spec.command(), false)
        );
        let when = if let job::State::Ended(e) = job.state { clock::date(e.time) } else { date };
        let end = format!("---- end ----\n\n[{when}]\n    {how}\n");
        let _ = to
            .write_all(head.as_bytes())
            .and_then(|()| copy(job.id, note.from, to, &end).map(drop));
    }
}

/// Copies the events of a job from the byte `from` on, as text; returns up to where. A job that
/// goes on does not keep this going on.
fn copy(id: Id, from: u64, to: &mut File, end: &str) -> std::io::Result<u64> {
    let path = job::directory::event_file(id).map_err(std::io::Error::other)?;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(from))?;
    append(&mut BufReader::new(file.take(length.saturating_sub(from))), to, end)?;
    Ok(length)
}

fn append(from: &mut dyn BufRead, to: &mut dyn Write, end: &str) -> std::io::Result<()> {
    let mut to = std::io::BufWriter::new(to);
    for line in from.split(b'\n') {
        if let Some(text) = serde_json::from_str(&String::from_utf8_lossy(&line?))
            .ok()
            .and_then(|event| text(&event))
        {
            writeln!(to, "{text}")?;
        }
    }
    to.write_all(end.as_bytes())?;
    to.flush()
}

/// An event as the log has it: everything but the time that steps took, and progress.
fn text(event: &Event) -> Option<String> {
    let shown = Shown { debug: true, verbose: false, ascii: false };
    match event {
        Event::Step { state: StepStatus::Done | StepStatus::Failed, .. } => None,
        Event::Warning { text } => Some(printable_lines(&format!("warning: {text}"), false)),
        Event::Error { id, cause, remedy } => {
            Some(printable_lines(&format!("{id} {cause}\n  what to do: {remedy}"), false))
        }
        other => lines::line(other, shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_and_errors_and_what_is_no_text() {
        let line = |event: &Event| serde_json::to_vec(event).unwrap();
        let events = [
            line(&Event::Step {
                id: "1.gate".into(),
                phase: 1,
                index: 1,
                of: 2,
                title: "Check".into(),
                state: StepStatus::Begin,
                ms: None,
            }),
            line(&Event::Output {
                stream: crate::event::Stream::Stderr,
                line: "E: Failed to fetch".into(),
            }),
            line(&Event::Step {
                id: "1.gate".into(),
                phase: 1,
                index: 1,
                of: 2,
                title: "Check".into(),
                state: StepStatus::Done,
                ms: Some(9),
            }),
            line(&Event::Warning { text: "slow".into() }),
            b"\xff\xfe torn".to_vec(),
            line(&Event::Error {
                id: "ALT-707".into(),
                cause: "There is no\x1b[2J copy".into(),
                remedy: "make one".into(),
            }),
            line(&Event::Done { exit: 3, text: "Nothing was changed.".into() }),
        ];
        let mut out = vec![];
        append(&mut &events.join(&b'\n')[..], &mut out, "---- end ----\n").unwrap();
        let want = "Check\nE: Failed to fetch\nwarning: slow\nALT-707 There is no\\x1b[2J copy\n  what to do: make one\nNothing was changed.\n---- end ----\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}
