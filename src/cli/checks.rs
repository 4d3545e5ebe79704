//! `altdisk checks`: the health checks of this system, listed or run.

use std::ffi::OsString;

use anyhow::Result;

use crate::cli::getopt;
use crate::cli::output::{print_raw, print_text, wrap_paragraph};
use crate::cli::session::attach_console;
use crate::engine::privilege;
use crate::error::Exit;
use crate::event::Events;
use crate::flags::CHECKS;
use crate::text::printable::{printable, printable_lines};
use crate::trial::checks::{self, Checked, DIRECTORIES, HealthCheck};

/// Runs the command.
///
/// # Errors
/// ALT-803 without root.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&CHECKS, args)?;
    attach_console(events, &CHECKS, false, false, false);
    privilege::require_root()?;
    let found = checks::find();
    if parsed.has("list") {
        return Ok(if parsed.has("json") {
            print_raw(&(serde_json::to_string_pretty(&found)? + "\n"), Exit::Done)
        } else {
            print_text(&describe_checks(&found), Exit::Done)
        });
    }
    let done = checks::run(&found, events);
    let exit = if checks::are_healthy(&done) { Exit::Done } else { Exit::Failed };
    Ok(if parsed.has("json") {
        print_raw(&(serde_json::to_string_pretty(&done)? + "\n"), exit)
    } else {
        print_text(&describe_results(&found, &done), exit)
    })
}

fn kind(check: &HealthCheck) -> &'static str {
    if check.required { "required" } else { "wanted" }
}

fn describe_none() -> String {
    let places = DIRECTORIES.map(|d| format!("{d}/required.d")).join(", ");
    wrap_paragraph(
        "",
        "",
        &format!(
            "This system has no health checks. A check is a program whose name ends with .sh, in {places}, or in wanted.d beside them."
        ),
    )
}

fn describe_checks(found: &[HealthCheck]) -> String {
    if found.is_empty() {
        return describe_none();
    }
    let line = |c: &HealthCheck| {
        let refused = c.refused.as_ref().map(|why| format!("  ({why})")).unwrap_or_default();
        printable(&format!("{:<9} {}{refused}", kind(c), c.path.display()), false) + "\n"
    };
    found.iter().map(line).collect()
}

fn describe_results(found: &[HealthCheck], done: &[Checked]) -> String {
    if found.is_empty() {
        return describe_none();
    }
    let mut text = String::new();
    for c in done {
        let result = if c.passed { "passed" } else { "FAILED" };
        let how = if c.passed { String::new() } else { format!("  ({})", c.how) };
        let path = c.check.path.display();
        let line = format!("{result:<7} {:<9} {path}{how}", kind(&c.check));
        text.push_str(&printable(&line, false));
        text.push('\n');
        if !c.passed && !c.output.is_empty() {
            for line in printable_lines(&c.output, false).lines() {
                text.push_str(&format!("    {}\n", line.trim()));
            }
        }
    }
    for c in &found[done.len()..] {
        text.push_str(&printable(
            &format!("{:<7} {:<9} {}", "-", kind(c), c.path.display()),
            false,
        ));
        text.push('\n');
    }
    text.push_str(if checks::are_healthy(done) {
        "\nThe system is healthy.\n"
    } else {
        "\nThe system is not healthy: a required check failed.\n"
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_what_was_not_run() {
        let check =
            |path: &str, required| HealthCheck { path: path.into(), required, refused: None };
        let found = [check("/c/a.sh", true), check("/c/b.sh", true), check("/c/c.sh", false)];
        let of = |n: usize, passed, output: &str| Checked {
            check: found[n].clone(),
            passed,
            how: "exit code 1".into(),
            output: output.into(),
        };
        let text =
            describe_results(&found, &[of(0, true, "x"), of(1, false, "port 22\n\u{1b}[2J")]);
        assert!(
            text.starts_with(
                "passed  required  /c/a.sh\nFAILED  required  /c/b.sh  (exit code 1)\n    port 22\n"
            ),
            "{text}"
        );
        assert!(
            text.contains("-       wanted    /c/c.sh\n")
                && text.ends_with("a required check failed.\n")
        );
        assert!(!text.contains('\u{1b}'));
        assert!(describe_results(&[], &[]).contains("no health checks"));
        assert_eq!(describe_checks(&found[2..]), "wanted    /c/c.sh\n");
    }
}
