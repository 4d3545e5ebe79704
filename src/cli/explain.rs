//! `altdisk errors` and `altdisk explain ALT-nnn`: the error catalogue for people.

use std::ffi::OsString;

use anyhow::Result;

use crate::cli::getopt;
use crate::cli::help::WIDTH;
use crate::cli::output::print_text;
use crate::error::{self, Entry, Exit, all};
use crate::event::Events;
use crate::flags::{ERRORS, EXPLAIN};
use crate::text::wrap;

/// `altdisk errors`.
///
/// # Errors
/// Wrong usage.
pub fn errors(args: &[OsString], _events: &Events) -> Result<Exit> {
    getopt::parse(&ERRORS, args)?;
    Ok(print_text(&all().map(format_entry).collect::<String>(), Exit::Done))
}

/// `altdisk explain ALT-nnn ...`; the number alone will do.
///
/// # Errors
/// ALT-129 if there is no such id.
pub fn explain(args: &[OsString], _events: &Events) -> Result<Exit> {
    let ids = getopt::parse(&EXPLAIN, args)?.operands;
    if ids.is_empty() {
        return Err(error::UNKNOWN_ERROR_ID.with_cause("no error is named"));
    }
    let mut text = String::new();
    for id in &ids {
        let id = id.to_string_lossy();
        let entry = find_entry(&id).ok_or_else(|| {
            error::UNKNOWN_ERROR_ID.with_cause(format!("there is no error `{id}`"))
        })?;
        text.push_str(&(format_entry(entry) + &format_exit_code(entry) + &format_details(entry)));
    }
    Ok(print_text(&text, Exit::Done))
}

fn find_entry(id: &str) -> Option<&'static Entry> {
    let number = id.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-');
    all().find(|e| e.id.trim_start_matches("ALT-") == number)
}

fn format_entry(entry: &Entry) -> String {
    format!(
        "{} {}\n        {}\n",
        entry.id,
        wrap(entry.title, WIDTH, 8, 8),
        wrap(entry.remedy, WIDTH, 8, 8)
    )
}

fn format_exit_code(entry: &Entry) -> String {
    let meaning = match entry.exit {
        Exit::Done => "all is done",
        Exit::Failed => "it failed; if an unfinished copy is left, the code is 4 and -X removes it",
        Exit::Usage => "the command line is wrong; nothing was touched",
        Exit::Refused => "refused before anything was touched",
        Exit::Unfinished => "an unfinished copy is left for -X or --resume",
    };
    format!(
        "        {}\n",
        wrap(&format!("exit code {}: {meaning}", entry.exit as u8), WIDTH, 8, 8)
    )
}

/// Details that the one-line message leaves out.
fn format_details(entry: &Entry) -> String {
    error::details::find(entry.id)
        .map(|text| format!("        {}\n", wrap(text, WIDTH, 8, 8)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_id_or_number() {
        for id in ["ALT-114", "alt-114", "114"] {
            assert_eq!(find_entry(id).unwrap().id, "ALT-114");
        }
        assert!(find_entry("ALT-1").is_none() && find_entry("").is_none());
    }

    #[test]
    fn lists_are_narrow() {
        for entry in all() {
            let text = format_entry(entry) + &format_exit_code(entry) + &format_details(entry);
            assert!(text.lines().all(|l| l.len() <= WIDTH), "{text}");
        }
    }
}
