//! `altdisk restart`: restarts the machine, for people in the panels, where no shell is at hand.
//!
//! Before it does, `--review` says what will boot, who is disconnected and what is ended. A clone at work is not ended: that is refused.

use std::ffi::OsString;

use anyhow::Result;

use crate::cli::flags::RESTART;
use crate::cli::{bootlist, console, getopt, say};
use crate::engine::review::{Page, Review};
use crate::engine::state::State;
use crate::engine::{run as engine_run, steps};
use crate::error::Exit;
use crate::event::Events;
use crate::host::logins;
use crate::job::{self, State as JobState, Summary};

/// Runs the command.
///
/// # Errors
/// ALT-803 without root, ALT-701 while a run is at work, ALT-802 where the restart is refused.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&RESTART, args)?;
    console(events, &RESTART, false, false, false);
    engine_run::require_root()?;
    State::not_busy()?;
    if parsed.has("review") {
        let jobs: Vec<Summary> = job::list()?.into_iter().filter(|j| j.state == JobState::Running && !j.spec.look).collect();
        let page = page(&bootlist::next(events), logins::list(), &jobs);
        return Ok(say(&(serde_json::to_string_pretty(&page)? + "\n"), Exit::Done));
    }
    steps::reboot(events)?;
    Ok(say("The machine restarts now.\n", Exit::Done))
}

/// What a restart means now.
fn page(next: &str, logins: Option<Vec<String>>, jobs: &[Summary]) -> Review {
    let mut page = Page::default();
    page.part("WHAT BOOTS", &[next.to_owned()]);
    match logins {
        None => page.part("WHO IS LOGGED IN", &["That cannot be found out here: the program `who` is missing or failed.".to_owned()]),
        Some(all) if all.is_empty() => page.part("WHO IS LOGGED IN", &["Nobody, according to `who`.".to_owned()]),
        Some(all) => page.list("WHO IS LOGGED IN, AND WILL BE DISCONNECTED", &all),
    }
    let jobs: Vec<String> = jobs.iter().map(|j| format!("Job {}: {}", j.id, j.spec.title)).collect();
    page.list("WHAT RUNS, AND WILL BE ENDED", &jobs);
    page.part("WHEN", &["As soon as you press Enter. Cancel goes back, and nothing happens.".to_owned()]);
    Review { version: 1, title: "Restart the machine".to_owned(), text: page.lines, ..Review::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_restart_means_is_said() {
        let job = Summary {
            id: job::Id(7),
            spec: job::Spec::new(vec!["sleep".into()], "Nightly backup"),
            started: 0,
            state: JobState::Running,
            group: None,
            stopped: false,
        };
        let text = page("It boots vdb.", Some(vec!["anna on pts/0".into()]), &[job]).text.join("\n");
        for part in ["WHAT BOOTS\n  It boots vdb.", "DISCONNECTED\n  - anna on pts/0", "ENDED\n  - Job 7: Nightly backup", "WHEN\n"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = page("x", None, &[]).text.join("\n");
        assert!(text.contains("cannot be found out") && !text.contains("ENDED"), "{text}");
        assert!(page("x", Some(vec![]), &[]).text.join("\n").contains("Nobody"));
    }
}
