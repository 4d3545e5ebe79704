//! `altdisk restart`: restarts the machine, for people in the panels, where no shell is at hand.
//!
//! Before it does, `--review` says what will boot and who is disconnected. A clone or a job at work
//! is not ended: that is refused.

use std::ffi::OsString;

use anyhow::Result;

use crate::cli::output::{print_review, print_text};
use crate::cli::session::attach_console;
use crate::cli::{bootlist, getopt};
use crate::engine::privilege;
use crate::engine::review::{Page, Review};
use crate::engine::state::State;
use crate::engine::steps::finish;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::RESTART;
use crate::host::logins;
use crate::job::{self, State as JobState, Summary};

/// Runs the command.
///
/// # Errors
/// ALT-130 without a flag where no panel can ask, ALT-803 without root, ALT-701 while a run or a
/// job is at work, ALT-802 where the restart is refused.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&RESTART, args)?;
    attach_console(events, &RESTART, false, false, false);
    privilege::require_root()?;
    if !parsed.has("review") && !parsed.has("yes") {
        return Err(error::RESTART_UNCONFIRMED.with_cause("neither --yes nor a terminal"));
    }
    State::not_busy()?;
    check_no_job(&job::list()?)?;
    if parsed.has("review") {
        let page = review_page(&bootlist::describe_next_boot(events), logins::list());
        return print_review(&page);
    }
    finish::reboot(events)?;
    Ok(print_text("The machine restarts now.\n", Exit::Done))
}

/// Refuses while a job is at work that a restart would end. Those that only look something up are
/// no loss, and the panel's own is one too.
fn check_no_job(jobs: &[Summary]) -> Result<()> {
    let is_restart = |j: &Summary| j.spec.argv.get(1).is_some_and(|word| word == RESTART.name);
    let runs = |j: &Summary| matches!(j.state, JobState::Running | JobState::Lost { alive: true });
    match jobs.iter().find(|j| runs(j) && !j.spec.look && !is_restart(j)) {
        Some(j) => Err(error::BUSY.with_cause(format!(
            "job {} (\"{}\") is at work, and a restart would end it",
            j.id, j.spec.title
        ))),
        None => Ok(()),
    }
}

/// The page about a restart: what boots, and who is disconnected.
fn review_page(next: &str, logins: Option<Vec<String>>) -> Review {
    let mut page = Page::default();
    page.part("WHAT BOOTS", &[next.to_owned()]);
    match logins {
        None => page.part(
            "WHO IS LOGGED IN",
            &["That cannot be found out here: the program `who` is missing or failed.".to_owned()],
        ),
        Some(all) if all.is_empty() => {
            page.part("WHO IS LOGGED IN", &["Nobody, according to `who`.".to_owned()])
        }
        Some(all) => page.list("WHO IS LOGGED IN, AND WILL BE DISCONNECTED", &all),
    }
    page.part(
        "WHEN",
        &["As soon as you press Enter. Cancel goes back, and nothing happens.".to_owned()],
    );
    Review {
        version: 1,
        title: "Restart the machine".to_owned(),
        text: page.lines,
        ..Review::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_restart_means_is_said() {
        let job = |argv: &[&str]| Summary {
            id: job::Id(7),
            spec: job::Spec::new(argv.iter().map(|w| (*w).to_owned()).collect(), "Nightly backup"),
            started: 0,
            state: JobState::Running,
            group: None,
            stopped: false,
        };
        let refused = check_no_job(&[job(&["altdisk", "mksysb"])]).unwrap_err();
        assert!(refused.to_string().contains("job 7 (\"Nightly backup\") is at work"), "{refused}");
        check_no_job(&[
            job(&["altdisk", "restart", "--yes"]),
            Summary { state: JobState::Lost { alive: false }, ..job(&["altdisk", "mksysb"]) },
        ])
        .unwrap();
        let text = review_page("It boots vdb.", Some(vec!["anna on pts/0".into()])).text.join("\n");
        for part in ["WHAT BOOTS\n  It boots vdb.", "DISCONNECTED\n  - anna on pts/0", "WHEN\n"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = review_page("x", None).text.join("\n");
        assert!(text.contains("cannot be found out"), "{text}");
        assert!(review_page("x", Some(vec![])).text.join("\n").contains("Nobody"));
    }
}
