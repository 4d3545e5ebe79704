//! Lines of text as rows of a pane: wrapped, or cut to a window of columns.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// Columns that a character takes.
fn wide(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Columns that a text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(wide).sum()
}

/// The pieces of a line, none wider than `width`: broken at a blank if there is one in the second
/// half, else anywhere. At least one.
pub fn wrapped(text: &str, width: usize) -> Vec<Range<usize>> {
    let width = width.max(1);
    let (mut pieces, mut from, mut column, mut blank) = (vec![], 0, 0, None);
    for (at, c) in text.char_indices() {
        if column + wide(c) > width {
            // A blank at the break is not shown again at the beginning of the next piece.
            let (end, next) = match blank {
                _ if c == ' ' => (at, at + 1),
                Some((end, b)) if b >= width / 2 => (end, end + 1),
                _ => (at, at),
            };
            pieces.push(from..end);
            (from, blank) = (next, None);
            column = columns(text.get(next..at).unwrap_or_default());
            if next > at {
                column = 0;
                continue;
            }
        }
        if c == ' ' {
            blank = Some((at, column));
        }
        column += wide(c);
    }
    pieces.push(from..text.len());
    pieces
}

/// What of a line is seen in a window of `width` columns from column `first` on, and whether there
/// is more on the right.
pub fn window(text: &str, first: usize, width: usize) -> (String, bool) {
    let (mut out, mut column) = (String::new(), 0);
    for c in text.chars() {
        let next = column + wide(c);
        if next > first + width {
            return (out, true);
        }
        if column >= first {
            out.push(c);
        } else if next > first {
            // The second half of a wide character.
            out.push(' ');
        }
        column = next;
    }
    (out, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(text: &str, width: usize) -> Vec<&str> {
        wrapped(text, width).into_iter().map(|r| &text[r]).collect()
    }

    #[test]
    fn breaks() {
        assert_eq!(pieces("", 5), [""]);
        assert_eq!(pieces("abcde", 5), ["abcde"]);
        assert_eq!(pieces("abcdef", 5), ["abcde", "f"]);
        assert_eq!(pieces("abc def", 5), ["abc", "def"]);
        assert_eq!(pieces("abcde fgh", 5), ["abcde", "fgh"]);
        assert_eq!(pieces("a bcdefgh", 6), ["a bcde", "fgh"]);
        assert_eq!(pieces("\u{4e00}\u{4e01}\u{4e02}", 5), ["\u{4e00}\u{4e01}", "\u{4e02}"]);
    }

    #[test]
    fn windows() {
        assert_eq!(window("abcdef", 2, 3), ("cde".into(), true));
        assert_eq!(window("abcdef", 2, 4), ("cdef".into(), false));
        assert_eq!(window("abc", 9, 4), (String::new(), false));
        assert_eq!(window("\u{4e00}\u{4e01}x", 1, 3), (" \u{4e01}".into(), true));
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_is_lost(text in "[a-z \u{4e00}]{0,60}", width in 1usize..30) {
            let got = pieces(&text, width);
            prop_assert_eq!(got.concat().replace(' ', ""), text.replace(' ', ""));
            // One that is wider than the pane itself cannot be helped.
            prop_assert!(got.iter().all(|p| columns(p) <= width.max(2)), "{:?}", got);
        }
    }
}
