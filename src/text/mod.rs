//! Text for terminals and pipes: wrapped, and with nothing in it that a terminal would obey; paths,
//! sizes, and words for a shell.

pub mod path;
pub mod printable;
pub mod shell;
pub mod size;

pub use printable::{printable, printable_lines};

/// `text` with each of its lines broken at blanks so that none is wider than `width` columns. The
/// first line begins after `first` columns that stand there already; the others are indented by
/// `indent`. Lines that begin with a blank stay whole.
pub fn wrap(text: &str, width: usize, first: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut column = first;
    for (n, line) in text.lines().enumerate() {
        if n > 0 {
            out.push('\n');
            column = 0;
        }
        if line.starts_with(' ') {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let mut fresh = n == 0;
        if n > 0 {
            out.push_str(&" ".repeat(indent));
            column = indent;
            fresh = true;
        }
        for word in line.split(' ') {
            let wide = word.chars().count();
            if fresh {
                fresh = false;
            } else if column + 1 + wide > width {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                column = indent;
            } else {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += wide;
        }
    }
    out
}

/// A text in one line: labels are written over several, and shown in one.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Seconds for people: `0:07`, `12:34`, `1:02:03`.
pub fn clock(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_at_blanks() {
        assert_eq!(wrap("one two three four", 10, 0, 2), "one two\n  three\n  four");
        assert_eq!(wrap("one two", 10, 8, 2), "one\n  two");
        assert_eq!(
            wrap("a\n  kept   as it is and long\n\nb c", 8, 0, 0),
            "a\n  kept   as it is and long\n\nb c"
        );
        assert_eq!(wrap("two  blanks", 20, 0, 0), "two  blanks");
        assert_eq!(wrap("unbreakablelongword x", 8, 0, 0), "unbreakablelongword\nx");
    }

    #[test]
    fn seconds_for_people() {
        assert_eq!(
            (clock(7), clock(754), clock(3723)),
            ("0:07".into(), "12:34".into(), "1:02:03".into())
        );
    }

    proptest! {
        #[test]
        fn wrapped_words_stay(text in "[a-z ]{0,60}", width in 8usize..40) {
            let text = text.trim_start();
            let wrapped = wrap(text, width, 0, 2);
            let words = |t: &str| t.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&wrapped), words(text));
            for line in wrapped.lines() {
                prop_assert!(line.len() <= width || !line.trim().contains(' '), "{:?}", line);
            }
        }
    }
}
