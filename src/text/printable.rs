//! Text that is safe to show. Names of files, packages and disks, labels, what programs say: none
//! of it may command a terminal, or begin a line of its own in a message.

use std::fmt;

/// `text` with control characters and direction marks written out (`\x1b`), so that no name and no
/// program's output can command the terminal. A tab stays; `ascii_only` writes out everything
/// beyond ASCII too.
pub fn printable(text: &str, ascii_only: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii() && c.is_control() => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)))
            }
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c if ascii_only && !c.is_ascii() => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// [`printable`], but line breaks stay: for texts that are made of lines.
pub fn printable_lines(text: &str, ascii_only: bool) -> String {
    text.lines().map(|l| printable(l, ascii_only)).collect::<Vec<_>>().join("\n")
}

/// The lines of a message as one, for the middle of a sentence: `rpm -qa: no; yes`.
pub fn join_lines(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for line in message.lines().map(|l| l.trim()).filter(|l| !l.is_empty()) {
        let line = line.strip_prefix("- ").filter(|_| !out.is_empty()).unwrap_or(line);
        out.push_str(match out.chars().next_back() {
            None => "",
            Some(':') => " ",
            Some(_) => "; ",
        });
        out.push_str(line);
    }
    out
}

/// `text` without the numbers that the standard library adds to the descriptions of system errors:
/// `Permission denied (os error 13)` becomes `Permission denied`.
pub fn without_error_numbers(text: &str) -> String {
    const BEFORE: &str = " (os error ";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEFORE) {
        out.push_str(before);
        let number = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        match after[number..].strip_prefix(')') {
            Some(next) if number > 0 => rest = next,
            _ => {
                out.push_str(BEFORE);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The text of an error, a warning or a note: one line, in which whatever it names is written out
/// by [`printable`] and system errors have no numbers. Lines may follow it (the last words of a
/// program, a list of files): a pair of the line and of these, each begun with a line break and
/// indented, makes such a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }

    /// A text that was such a message before, with its lines.
    pub fn with_lines(text: &str) -> Self {
        Self(printable_lines(text, false))
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Message {
    fn from(line: &str) -> Self {
        Self(printable(&without_error_numbers(line), false))
    }
}

impl From<String> for Message {
    fn from(line: String) -> Self {
        line.as_str().into()
    }
}

impl From<&String> for Message {
    fn from(line: &String) -> Self {
        line.as_str().into()
    }
}

impl<L: AsRef<str>> From<(L, String)> for Message {
    fn from((line, more): (L, String)) -> Self {
        let more = more.strip_prefix('\n').unwrap_or(&more);
        let first = printable(&without_error_numbers(line.as_ref()), false);
        let more = printable_lines(&without_error_numbers(more), false);
        Self(match (first.is_empty(), more.is_empty()) {
            (_, true) => first,
            (true, false) => more,
            (false, false) => first + "\n" + &more,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(
            printable("a\x1b[2Jb\u{9b}1m\tc\n\r\x7f\u{202e}\u{e9}", false),
            "a\\x1b[2Jb\\u{9b}1m\tc\\n\\r\\x7f\\u{202e}\u{e9}"
        );
        assert_eq!(printable("\u{e9}\u{2028}", true), "\\u{e9}\\u{2028}");
        assert_eq!(printable_lines("a\x07\nb", false), "a\\x07\nb");
    }

    #[test]
    fn system_errors_have_no_numbers() {
        let e = std::io::Error::from_raw_os_error(13);
        assert!(e.to_string().ends_with(" (os error 13)"), "{e}");
        let text = Message::from(format!("/x: {e}; /y: {e} (again)")).into_text();
        assert_eq!(text, "/x: Permission denied; /y: Permission denied (again)");
        let more = format!("\n  /x: {e}\n  /y: {e}");
        let text = Message::from((format!("two files: {e}"), more)).into_text();
        let denied = "Permission denied";
        assert_eq!(text, format!("two files: {denied}\n  /x: {denied}\n  /y: {denied}"));
        for kept in ["a (os error x)", "b (os error )", "c (os error 1", "d (os error 1 2)"] {
            assert_eq!(without_error_numbers(kept), kept);
        }
    }

    #[test]
    fn lines_are_joined_in_a_sentence() {
        for (lines, one) in [
            ("two things:\n  - one\n  - two", "two things: one; two"),
            ("it failed\n  why\n\n", "it failed; why"),
            ("- x", "- x"),
            ("", ""),
        ] {
            assert_eq!(join_lines(lines), one);
        }
    }

    #[test]
    fn no_name_begins_a_line() {
        let name = "vdb\n  what to do: \x1b[31m";
        assert_eq!(
            Message::from(format!("{name}: no")).into_text(),
            "vdb\\n  what to do: \\x1b[31m: no"
        );
        let more = Message::from((format!("{name}:"), "\n  one\x07\n  two".to_owned())).into_text();
        assert_eq!(more, "vdb\\n  what to do: \\x1b[31m:\n  one\\x07\n  two");
        assert_eq!(Message::from(("x", String::new())).into_text(), "x");
        // Twice is once.
        let once = Message::from(name).into_text();
        assert_eq!(Message::from(once.as_str()).into_text(), once);
    }
}
