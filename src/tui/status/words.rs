//! What the status screen says in sentences.

use crate::job::{Ended, STOPPED, State, Summary};
use crate::text::{clock, one_line};

/// What the screen has from SMIT.
pub const INSTRUCTION: &str =
    "Before command completion, additional instructions may appear below.";

/// For the user who leaves the screen while the job runs.
pub fn leaving(job: &Summary) -> String {
    format!(
        "Job {} is still running: {}. To see it again, use the list of jobs in the menu, or `altdisk jobs`.",
        job.id, job.spec.title
    )
}

/// Whether [`ending`] has the command's last words in it. That a job was stopped is said in words
/// of its own.
pub fn shows_last_words(state: State, words: &str) -> bool {
    matches!(state, State::Ended(_)) && !words.is_empty() && words != STOPPED
}

/// What the end means.
pub fn ending(state: State, words: &str, on_alternate: bool, stopped: bool) -> String {
    match state {
        State::Running => String::new(),
        State::Ended(ended) => {
            let mut text = how(ended, stopped && !ended.success());
            if shows_last_words(state, words) {
                text = format!("{text} {words}");
            }
            text
        }
        State::Lost { alive } => {
            let still =
                if alive { "The command itself is still running; Ctrl-C stops it. " } else { "" };
            let left = if on_alternate {
                "alt_disk_install --resume continues, alt_disk_install -X removes the copy."
            } else {
                ""
            };
            format!("The process that supervised this job is gone, so its result is unknown. {still}{left}").trim_end().to_owned()
        }
    }
}

fn how(ended: Ended, stopped: bool) -> String {
    let took =
        if ended.ms < 1000 { "less than a second".to_owned() } else { clock(ended.ms / 1000) };
    match ended.code {
        Some(0) => format!("Exit code 0 after {took}."),
        Some(code) => {
            format!("{} code {code} after {took}.", if stopped { "Stopped: exit" } else { "Exit" })
        }
        None if stopped => format!("It was stopped after {took}."),
        None => format!("Ended by signal {} after {took}.", ended.signal.unwrap_or(0)),
    }
}

/// Which job it is: there may be others, and it may have been started in another session.
pub fn name(job: &Summary, began: &str) -> String {
    let title = one_line(&job.spec.title);
    let began = if began.is_empty() { String::new() } else { format!(", started {began}") };
    format!("Job {}{began}: {title}", job.id)
}

/// ARE YOU SURE??, in paragraphs.
pub fn stop(job: &Summary, force: bool) -> Vec<String> {
    if force {
        return vec![
            format!("It was asked to end, but is still running: {}", job.spec.command()),
            "You can end it by force. It then cannot clean up.".to_owned(),
            describe_leftovers(job).to_owned(),
        ];
    }
    vec![
        format!("Stop this command and everything it started? {}", job.spec.command()),
        describe_leftovers(job).to_owned(),
    ]
}

fn describe_leftovers(job: &Summary) -> &'static str {
    if job.spec.on_alternate() {
        "That leaves an unfinished copy (exit code 4), which cannot boot. `alt_disk_install --resume` continues it; \
`alt_disk_install -X` removes it and frees the disk. The running system is not changed."
    } else {
        "What it has done so far is not undone."
    }
}

/// What was done after ARE YOU SURE??.
pub fn asked(force: bool) -> String {
    if force { "It was ended." } else { "It was asked to end; that may take a moment." }.to_owned()
}
