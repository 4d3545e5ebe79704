//! Tells Enter that was pressed from a line break that was pasted.
//!
//! Copying a serial number out of a list mostly takes the line break along, and a line break that
//! passes for Enter would then run what was only to be typed. A terminal without bracketed paste
//! does not say what was pasted, so the time decides: nobody presses Enter that soon after
//! characters. On a 9600-baud line characters are a millisecond apart, and every read has one or a
//! few.

use std::time::{Duration, Instant};

use crate::term::key::Key;

/// Keys further apart than this are typed: a fast typist needs 100 ms for each.
const GAP: Duration = Duration::from_millis(33);
/// After so many characters that came that fast, Enter may take longer to come.
const MANY: usize = 4;
const LATE: Duration = Duration::from_millis(100);

/// Marks what was pasted, read by read.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Characters that came one right after the other, and when the last one came.
    run: usize,
    last: Option<Instant>,
    /// A line break was part of them: what comes is the next line of the same text.
    broken: bool,
}

impl Guard {
    /// The keys of one read: an Enter that was pasted becomes [`Key::LineBreak`], what follows it
    /// [`Key::Pasted`].
    pub fn mark(&mut self, mut keys: Vec<Key>, now: Instant) -> Vec<Key> {
        let text = keys.iter().any(|k| matches!(k, Key::Char(_)));
        let gap = self.last.map_or(Duration::MAX, |last| now.saturating_duration_since(last));
        if gap > LATE || gap > GAP && self.run < MANY {
            (self.run, self.broken) = (0, false);
        }
        for key in &mut keys {
            match *key {
                Key::Char(c) => {
                    // Only Enter may come a little later.
                    if self.last.is_none_or(|last| now.saturating_duration_since(last) > GAP) {
                        (self.run, self.broken) = (0, false);
                    }
                    self.run += 1;
                    if self.broken {
                        *key = Key::Pasted(c);
                    }
                }
                Key::Enter if text || self.broken || self.run > 1 => {
                    self.broken = true;
                    *key = Key::LineBreak;
                }
                _ => {
                    (self.run, self.broken) = (0, false);
                    continue;
                }
            }
            self.last = Some(now);
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text`, so many bytes in a read, so many milliseconds apart; as its keys are marked.
    fn marked(text: &str, read: usize, apart: u64) -> String {
        let (mut guard, begun) = (Guard::default(), Instant::now());
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::new();
        for (n, part) in chars.chunks(read).enumerate() {
            let keys =
                part.iter().map(|c| if *c == '\n' { Key::Enter } else { Key::Char(*c) }).collect();
            for key in
                guard.mark(keys, begun + Duration::from_millis(apart) * u32::try_from(n).unwrap())
            {
                out.push(match key {
                    Key::Char(c) => c,
                    Key::Enter => '!',
                    Key::LineBreak => '~',
                    Key::Pasted(_) => '.',
                    _ => '?',
                });
            }
        }
        out
    }

    #[test]
    fn a_pasted_line_break_is_not_enter() {
        // At once, and over lines of 9600 and 1200 baud, whatever a read takes.
        for (read, apart) in [(1024, 0), (1, 1), (3, 3), (8, 12), (1, 8), (5, 5)] {
            assert_eq!(marked("PRACTICE-1\n", read, apart), "PRACTICE-1~", "{read} {apart}");
            assert_eq!(marked("vdb\n", read, apart), "vdb~", "{read} {apart}");
            assert_eq!(marked("vdb\nvdc\n", read, apart), "vdb~...~", "{read} {apart}");
        }
        assert_eq!(marked("\nvdb", 9, 0), "~...");
    }

    #[test]
    fn a_pressed_enter_is() {
        assert_eq!(marked("vdb\n", 1, 60), "vdb!");
        assert_eq!(marked("\n\n\n", 1, 0), "!!!");
        assert_eq!(marked("\n\n\n", 9, 0), "!!!");
        let (mut guard, t) = (Guard::default(), Instant::now());
        let after = |ms| t + Duration::from_millis(ms);
        // Pasted without a line break; then Enter is pressed.
        guard.mark("PRACTICE-1".chars().map(Key::Char).collect(), t);
        assert_eq!(guard.mark(vec![Key::Enter], after(90)), [Key::LineBreak]);
        assert_eq!(guard.mark(vec![Key::Enter], after(300)), [Key::Enter]);
        assert_eq!(guard.mark(vec![Key::Char('x')], after(310)), [Key::Char('x')]);
        // Typed ahead: arrows and Enter, in one read.
        assert_eq!(
            guard.mark(vec![Key::Down, Key::Down, Key::Enter], after(900)),
            [Key::Down, Key::Down, Key::Enter]
        );
    }
}
