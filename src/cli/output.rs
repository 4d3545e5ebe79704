//! Writing to standard output: without secrets, and without control characters for the terminal.

use std::io::Write;

use anyhow::Result;

use crate::cli::help;
use crate::engine;
use crate::error::Exit;
use crate::secret;
use crate::text::{one_line, printable_lines, wrap};

/// Writes the page that a panel shows before its command runs.
pub fn print_review(page: &engine::review::Review) -> Result<Exit> {
    Ok(print_text(&(serde_json::to_string_pretty(page)? + "\n"), Exit::Done))
}

/// Writes text to standard output, without secrets, and so that nothing in it commands the
/// terminal.
pub fn print_text(text: &str, exit: Exit) -> Exit {
    let end = if text.ends_with('\n') { "\n" } else { "" };
    print(&(printable_lines(&secret::masked(text), false) + end), exit)
}

/// Writes JSON, without secrets, or a file as it is, to standard output.
pub fn print_raw(text: &str, exit: Exit) -> Exit {
    if text.starts_with(['{', '[']) {
        print(&secret::masked_json(text), exit)
    } else {
        print(text, exit)
    }
}

/// A reader that closed standard output has seen enough.
fn print(text: &str, exit: Exit) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Exit::Failed,
        _ => exit,
    }
}

/// Lines that a terminal would break somewhere, broken at blanks and indented below where they
/// begin.
pub fn wrap_lines(text: &str) -> String {
    let line = |l: &str| {
        let indent = l.len() - l.trim_start().len();
        wrap(l.trim_start(), help::WIDTH, indent, indent + 4)
    };
    text.lines().map(|l| format!("{}{}\n", &l[..l.len() - l.trim_start().len()], line(l))).collect()
}

/// A paragraph of at most 80 columns, its first line begun with `first`, the others with `hang`.
pub fn wrap_paragraph(first: &str, hang: &str, text: &str) -> String {
    let text = one_line(text);
    format!("{first}{}\n", wrap(&text, help::WIDTH, first.chars().count(), hang.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_narrow_on_a_terminal() {
        let text = format!("short\n    {}\n\n  as it   is\n", "word ".repeat(30).trim_end());
        let narrow = wrap_lines(&text);
        assert!(narrow.lines().all(|l| l.len() <= help::WIDTH), "{narrow}");
        assert!(
            narrow.starts_with("short\n    word ")
                && narrow.contains("word\n        word")
                && narrow.ends_with("\n\n  as it   is\n")
        );
    }
}
