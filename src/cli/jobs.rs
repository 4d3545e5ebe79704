//! `altdisk jobs`: what runs and what has run, for people without a screen and for the panel that
//! lists jobs.

use std::ffi::OsString;
use std::sync::mpsc;

use anyhow::Result;
use serde_json::json;

use crate::cli::getopt;
use crate::cli::output::{print_raw, print_text};
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::JOBS;
use crate::host::clock::minute;
use crate::host::sys;
use crate::job::follow::{self, Batch};
use crate::job::index::{Class, Filter};
use crate::job::log::Log;
use crate::job::{self, Id, Spec, State, Summary, directory};
use crate::text::shell::quoted;
use crate::text::{clock, printable};

/// Lines of a log that are read and printed at once.
const AT_ONCE: usize = 500;

/// Runs `altdisk jobs`.
///
/// # Errors
/// ALT-955 for a wrong command line, and those of [`crate::job`].
pub fn run(args: &[OsString], _events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&JOBS, args)?;
    let words: Vec<String> =
        parsed.operands.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let form = words.first().map_or(Some(0), |word| JOBS.form_of_word(word));
    if let Some(flag) = form.and_then(|form| parsed.flag_outside(form)) {
        let place = words.first().map_or("this list".to_owned(), |w| format!("`{w}`"));
        return Err(
            error::JOBS_USAGE.with_cause(format!("{} does not go with {place}", flag.typed()))
        );
    }
    match words.as_slice() {
        [] if parsed.has("json") => Ok(print_raw(
            &(serde_json::to_string_pretty(&as_json(&job::list()?))? + "\n"),
            Exit::Done,
        )),
        [] => Ok(print_text(&table(&job::list()?, parsed.has("list"), sys::now().0), Exit::Done)),
        ["start"] => Err(error::JOBS_USAGE.with_cause("start needs a command")),
        ["start", command @ ..] => {
            let argv: Vec<String> = command.iter().map(|w| (*w).to_owned()).collect();
            let title = parsed
                .value("title")
                .map_or_else(|| quoted(&argv), |t| t.to_string_lossy().into_owned());
            Ok(print_text(&format!("{}\n", job::start(&Spec::new(argv, title))?), Exit::Done))
        }
        ["follow", id] => follow_to_the_end(number(id)?),
        ["stop", id] => {
            let id = number(id)?;
            if parsed.has("kill") { job::kill(id) } else { job::stop(id) }?;
            Ok(print_text(
                &format!(
                    "Job {id} was asked to end. `altdisk jobs follow {id}` shows how it does.\n"
                ),
                Exit::Done,
            ))
        }
        ["follow" | "stop", ..] => {
            Err(error::JOBS_USAGE.with_cause(format!("{} needs one id", words[0])))
        }
        [word, ..] => Err(error::JOBS_USAGE.with_cause(format!("`{word}` is not known here"))),
    }
}

fn number(word: &str) -> Result<Id> {
    word.parse()
        .map(Id)
        .map_err(|_| error::NO_SUCH_JOB.with_cause(format!("`{word}` is not the number of a job")))
}

fn as_json(jobs: &[Summary]) -> serde_json::Value {
    let one = |j: &Summary| {
        let (state, ended) = match j.state {
            State::Running => ("running", None),
            State::Ended(e) => ("ended", Some(e)),
            State::Lost { .. } => ("lost", None),
        };
        json!({
            "id": j.id, "title": j.spec.title, "fastpath": j.spec.fastpath, "command": j.spec.command(), "started": j.started,
            "state": state, "stopped": j.stopped, "exit": ended.map(|e| e.status()), "ended": ended.map(|e| e.time), "ms": ended.map(|e| e.ms),
        })
    };
    json!({ "version": 1, "jobs": jobs.iter().map(one).collect::<Vec<_>>() })
}

/// One line a job. `for_menu`: the heading begins with `#`, and there is nothing but the list.
fn table(jobs: &[Summary], for_menu: bool, now: u64) -> String {
    if jobs.is_empty() && !for_menu {
        return nothing(nix::unistd::geteuid().is_root());
    }
    let head = if for_menu { "# ID" } else { "  ID" };
    let mut text =
        format!("{head:<6} {:<16} {:<13} {:>8}  {}\n", "STARTED", "STATE", "TIME", "WHAT");
    for j in jobs {
        let (state, took) = (j.state_word(), j.took(now).map_or_else(|| "-".to_owned(), clock));
        let what = printable(&j.spec.title, false);
        text.push_str(&format!(
            "  {:<4} {:<16} {state:<13} {took:>8}  {what}\n",
            j.id.to_string(),
            minute(j.started)
        ));
    }
    text
}

/// Jobs belong to a user, and others cannot see them.
fn nothing(root: bool) -> String {
    if root {
        "There are no jobs.\n"
    } else {
        "You have no jobs. Those that root started are shown only to root.\n"
    }
    .to_owned()
}

/// Prints what the job has said and says; standard error goes to standard error.
fn follow_to_the_end(id: Id) -> Result<Exit> {
    job::find(id)?;
    let (sender, batches) = mpsc::sync_channel::<Batch>(1);
    let mut log = Log::open(&directory::event_file(id)?)?;
    let _follower = follow::spawn(id, move |batch| drop(sender.send(batch)))?;
    let mut next = 0;
    let mut state = State::Running;
    for batch in batches {
        log.grow(batch.growth);
        state = batch.state;
        while next < log.count(Filter::Own) {
            let lines = log.lines(Filter::Own, next, AT_ONCE)?;
            next += lines.len().max(1) as u64;
            for line in lines {
                if !print(line.class, &line.text) {
                    return Ok(Exit::Done);
                }
            }
        }
    }
    match state {
        State::Ended(e) if e.success() => Ok(Exit::Done),
        State::Ended(e) => {
            let exits = [Exit::Failed, Exit::Usage, Exit::Refused, Exit::Unfinished];
            Ok(exits.into_iter().find(|x| *x as i32 == e.status()).unwrap_or(Exit::Failed))
        }
        State::Lost { .. } => {
            Err(error::JOB_LOST.with_cause(format!("job {id} has no supervisor any more")))
        }
        State::Running => Ok(Exit::Failed),
    }
}

/// Whether there is still somebody who reads.
fn print(class: Class, text: &str) -> bool {
    use std::io::Write;
    let text = format!("{text}\n");
    if class.is_stderr() || matches!(class, Class::Warning | Class::Error) {
        std::io::stderr().write_all(text.as_bytes()).is_ok()
    } else {
        std::io::stdout().write_all(text.as_bytes()).is_ok()
    }
}
