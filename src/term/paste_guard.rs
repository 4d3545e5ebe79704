//! Recognises a pasted line break by its timing, on terminals that do not mark pasted text.
//!
//! People copy a serial number from a list and usually take the line break along. If that counted
//! as Enter, it would run a command that was only meant to be typed. Without bracketed paste only
//! the time tells them apart: nobody presses Enter that soon after a character. On a 9600-baud
//! line characters arrive a millisecond apart, one or a few in each read.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// Keys further apart than this were typed: a fast typist needs 100 ms for each.
const MAX_PASTE_GAP: Duration = Duration::from_millis(33);
/// After this many characters at that pace, a line break may come later.
const MIN_RUN_FOR_LATE_BREAK: usize = 4;
const MAX_LATE_BREAK_GAP: Duration = Duration::from_millis(100);

/// Follows the events of one terminal, read by read.
#[derive(Clone, Debug, Default)]
pub struct PasteGuard {
    /// The number of characters that came right after one another, and when the last one came.
    run: usize,
    last: Option<Instant>,
    /// A line break was among them: further characters belong to the next line of that text.
    after_break: bool,
}

impl PasteGuard {
    /// Replaces pasted line breaks, and the characters that follow them, among the events of one
    /// read by [`Event::Paste`]. Such a paste always begins with a line break, so that no reader
    /// takes the second line of a text for its first.
    pub fn filter(&mut self, events: Vec<Event>, now: Instant) -> Vec<Event> {
        let has_text = events.iter().any(|event| typed_char(event).is_some());
        let gap = self.last.map_or(Duration::MAX, |last| now.saturating_duration_since(last));
        if gap > MAX_LATE_BREAK_GAP || gap > MAX_PASTE_GAP && self.run < MIN_RUN_FOR_LATE_BREAK {
            self.reset();
        }
        let mut filtered = Vec::with_capacity(events.len());
        for event in events {
            if let Some(c) = typed_char(&event) {
                // Only a line break may come a little later.
                if self.last.is_none_or(|last| now.saturating_duration_since(last) > MAX_PASTE_GAP)
                {
                    self.reset();
                }
                self.run += 1;
                if self.after_break {
                    push_pasted(&mut filtered, c);
                } else {
                    filtered.push(event);
                }
            } else if is_enter(&event) && (has_text || self.after_break || self.run > 1) {
                self.after_break = true;
                push_pasted(&mut filtered, '\n');
            } else {
                self.reset();
                filtered.push(event);
                continue;
            }
            self.last = Some(now);
        }
        filtered
    }

    fn reset(&mut self) {
        (self.run, self.after_break) = (0, false);
    }
}

fn typed_char(event: &Event) -> Option<char> {
    match event {
        Event::Key(KeyEvent { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE, .. }) => {
            Some(*c)
        }
        _ => None,
    }
}

fn is_enter(event: &Event) -> bool {
    matches!(event, Event::Key(KeyEvent { code: KeyCode::Enter, .. }))
}

/// Adds a character to the paste at the end of `events`, or begins one.
fn push_pasted(events: &mut Vec<Event>, c: char) {
    if let Some(Event::Paste(text)) = events.last_mut() {
        text.push(c);
    } else if c == '\n' {
        events.push(Event::Paste("\n".to_owned()));
    } else {
        events.push(Event::Paste(format!("\n{c}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<Event> {
        let code = |c| if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        text.chars().map(|c| Event::Key(code(c).into())).collect()
    }

    /// `text` in reads of `read` characters, `apart` milliseconds apart: typed characters as they
    /// are, `!` for Enter, `~` and the text for a paste.
    fn filtered(text: &str, read: usize, apart: u64) -> String {
        let (mut guard, begun) = (PasteGuard::default(), Instant::now());
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::new();
        for (n, part) in chars.chunks(read).enumerate() {
            let now = begun + Duration::from_millis(apart) * u32::try_from(n).unwrap();
            for event in guard.filter(events(&part.iter().collect::<String>()), now) {
                match &event {
                    Event::Paste(text) => out.push_str(&text.replace('\n', "~")),
                    event => out.push(typed_char(event).unwrap_or('!')),
                }
            }
        }
        out
    }

    #[test]
    fn a_pasted_line_break_is_not_enter() {
        // At once, and over lines of 9600 and 1200 baud, whatever a read takes.
        for (read, apart) in [(1024, 0), (1, 1), (3, 3), (8, 12), (1, 8), (5, 5)] {
            assert_eq!(filtered("PRACTICE-1\n", read, apart), "PRACTICE-1~", "{read} {apart}");
            assert_eq!(filtered("vdb\n", read, apart), "vdb~", "{read} {apart}");
        }
        assert_eq!(filtered("vdb\nvdc\n", 99, 0), "vdb~vdc~");
        // Every character of the second line comes with a line break before it.
        assert_eq!(filtered("vdb\nvdc\n", 1, 1), "vdb~~v~d~c~");
        assert_eq!(filtered("\nvdb", 9, 0), "~vdb");
    }

    #[test]
    fn a_pressed_enter_is() {
        assert_eq!(filtered("vdb\n", 1, 60), "vdb!");
        assert_eq!(filtered("\n\n\n", 1, 0), "!!!");
        assert_eq!(filtered("\n\n\n", 9, 0), "!!!");
        let (mut guard, t) = (PasteGuard::default(), Instant::now());
        let after = |ms| t + Duration::from_millis(ms);
        // Pasted without a line break; then Enter is pressed.
        guard.filter(events("PRACTICE-1"), t);
        assert_eq!(guard.filter(events("\n"), after(90)), [Event::Paste("\n".into())]);
        assert_eq!(guard.filter(events("\n"), after(300)), events("\n"));
        assert_eq!(guard.filter(events("x"), after(310)), events("x"));
        // Typed ahead: arrows and Enter, in one read.
        let ahead = [KeyCode::Down, KeyCode::Down, KeyCode::Enter].map(|c| Event::Key(c.into()));
        assert_eq!(guard.filter(ahead.to_vec(), after(900)), ahead);
    }
}
