//! A place in a file that a person wrote: `file:line:column`, the line itself, and what is wrong
//! there.

pub mod near;
pub mod reader;

use std::ops::Range;

/// What is wrong at one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// As the user knows the file: a path, or `built in: menus/alt_clone.toml`.
    pub file: String,
    /// From 1; 0: the file as a whole.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line's text.
    pub text: String,
    /// What is wrong, in one sentence.
    pub wrong: String,
    /// What would be right: the allowed values, a near name.
    pub allowed: String,
}

impl Spot {
    /// The place where byte range `span` of `source` begins.
    pub fn at(
        file: &str,
        source: &str,
        span: Range<usize>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
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
            wrong: wrong.into(),
            allowed: allowed.into(),
        }
    }

    /// What is wrong with the file as a whole.
    pub fn whole(
        file: impl Into<String>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            text: String::new(),
            wrong: wrong.into(),
            allowed: allowed.into(),
        }
    }
}

/// Most of a line that is shown.
const LONG: usize = 160;

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, line, column, text, wrong, allowed } = self;
        // Texts of the file are quoted in it: nothing of them may command the terminal.
        let safe = |text: &str| {
            text.chars()
                .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() })
                .collect::<String>()
        };
        let at = column;
        let (file, wrong, allowed) = (safe(file), safe(wrong), safe(allowed));
        if *line == 0 {
            write!(f, "{file}: {wrong}")?;
        } else {
            // A tab would move the caret, and nothing that stands in a file may command the
            // terminal. Of a very long line, what is around the place.
            let skip =
                if text.chars().count() > LONG { column.saturating_sub(LONG / 2) } else { 0 };
            let shown: String = text
                .chars()
                .skip(skip)
                .take(LONG)
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            let column = column - skip;
            write!(f, "{file}:{line}:{at}: {wrong}\n    {shown}\n    {:>column$}", "^")?;
        }
        if allowed.is_empty() { Ok(()) } else { write!(f, "\n    {allowed}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place() {
        let source = "a = 1\nb\u{e9} = 2\n";
        let spot = Spot::at("x.toml", source, 9..10, "no `b`", "write `a`");
        assert_eq!(spot.to_string(), "x.toml:2:3: no `b`\n    b\u{e9} = 2\n      ^\n    write `a`");
        assert_eq!(Spot::whole("x", "gone", "").to_string(), "x: gone");
        assert_eq!(
            Spot::at("x", "\ta\x1bb", 1..2, "w", "").to_string(),
            "x:1:2: w\n     a b\n     ^"
        );
        assert_eq!(Spot::at("x", "", 7..9, "empty", "").to_string(), "x:1:1: empty\n    \n    ^");
    }
}
