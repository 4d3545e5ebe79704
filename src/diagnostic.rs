//! Diagnostics of files that people write (menus, themes): `file:line:column`, the line itself, the
//! problem, and a hint.

pub mod reader;
pub mod suggest;

use std::ops::Range;

/// A problem at one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// As the user knows the file: a path, or `built in: menus/alt_clone.toml`.
    pub file: String,
    /// From 1; 0: the file as a whole.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line's text.
    pub text: String,
    /// The problem, in one sentence.
    pub message: String,
    /// How to fix it: the allowed values, a similar name. May be empty.
    pub hint: String,
}

impl Diagnostic {
    /// The place where byte range `span` of `source` begins.
    pub fn at_span(
        file: &str,
        source: &str,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let mut start = span.start.min(source.len());
        while !source.is_char_boundary(start) {
            start -= 1;
        }
        let before = &source[..start];
        let begin = before.rfind('\n').map_or(0, |n| n + 1);
        let text = source[begin..].lines().next().unwrap_or_default().to_owned();
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: source[begin..start].chars().count() + 1,
            text,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A problem of the file as a whole.
    pub fn for_file(
        file: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            text: String::new(),
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// The longest part of a line that is shown, in characters.
const MAX_SHOWN: usize = 160;

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, line, column, text, message, hint } = self;
        // Texts of the file are quoted in it: nothing of them may command the terminal.
        let safe = |text: &str| {
            text.chars()
                .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() })
                .collect::<String>()
        };
        let at = column;
        let (file, message, hint) = (safe(file), safe(message), safe(hint));
        if *line == 0 {
            write!(f, "{file}: {message}")?;
        } else {
            // A tab would move the caret, and nothing that stands in a file may command the
            // terminal. Of a very long line, what is around the place.
            let skip = if text.chars().count() > MAX_SHOWN {
                column.saturating_sub(MAX_SHOWN / 2)
            } else {
                0
            };
            let shown: String = text
                .chars()
                .skip(skip)
                .take(MAX_SHOWN)
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            let column = column - skip;
            write!(f, "{file}:{line}:{at}: {message}\n    {shown}\n    {:>column$}", "^")?;
        }
        if hint.is_empty() { Ok(()) } else { write!(f, "\n    {hint}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place() {
        let source = "a = 1\nb\u{e9} = 2\n";
        let diagnostic = Diagnostic::at_span("x.toml", source, 9..10, "no `b`", "write `a`");
        assert_eq!(
            diagnostic.to_string(),
            "x.toml:2:3: no `b`\n    b\u{e9} = 2\n      ^\n    write `a`"
        );
        assert_eq!(Diagnostic::for_file("x", "gone", "").to_string(), "x: gone");
        assert_eq!(
            Diagnostic::at_span("x", "\ta\x1bb", 1..2, "w", "").to_string(),
            "x:1:2: w\n     a b\n     ^"
        );
        assert_eq!(
            Diagnostic::at_span("x", "", 7..9, "empty", "").to_string(),
            "x:1:1: empty\n    \n    ^"
        );
    }
}
