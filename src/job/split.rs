//! Splits the bytes of a pipe into lines.
//!
//! A line without an end is passed on after a short time (a question, a last word); one that is too
//! long is cut. A line that a program overwrites with carriage returns is passed on in its last
//! state, and only now and then while it is being overwritten.

use std::time::{Duration, Instant};

/// The longest line, in bytes.
pub const MAX_LINE: usize = 64 << 10;
/// An unfinished line is passed on after this time.
const PARTIAL_LINE_TIMEOUT: Duration = Duration::from_millis(300);
/// The time between two states of a line that is being overwritten.
const OVERWRITE_INTERVAL: Duration = Duration::from_secs(10);

/// Splits one stream.
#[derive(Debug, Default)]
pub struct LineSplitter {
    rest: Vec<u8>,
    heard: Option<Instant>,
    told: Option<Instant>,
}

impl LineSplitter {
    /// Takes the bytes that were read; passes every whole line on.
    pub fn feed(&mut self, mut bytes: &[u8], now: Instant, out: &mut dyn FnMut(String)) {
        while let Some(at) = bytes.iter().position(|b| *b == b'\n') {
            let (head, rest) = bytes.split_at(at);
            bytes = &rest[1..];
            if self.rest.is_empty() && head.len() <= MAX_LINE {
                out(state(head));
                continue;
            }
            self.rest.extend_from_slice(head);
            self.cut(out);
            let line = std::mem::take(&mut self.rest);
            out(state(&line));
        }
        self.rest.extend_from_slice(bytes);
        self.cut(out);
        self.heard = (!self.rest.is_empty()).then_some(now);
    }

    /// When [`LineSplitter::expire`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let heard = self.heard? + PARTIAL_LINE_TIMEOUT;
        Some(
            self.told
                .filter(|_| self.rest.contains(&b'\r'))
                .map_or(heard, |told| heard.max(told + OVERWRITE_INTERVAL)),
        )
    }

    /// Gives out what has waited for its end long enough.
    pub fn expire(&mut self, now: Instant, out: &mut dyn FnMut(String)) {
        if self.deadline().is_some_and(|d| d <= now) {
            if self.rest.contains(&b'\r') {
                self.told = Some(now);
            }
            self.finish(out);
        }
    }

    /// The stream has ended.
    pub fn finish(&mut self, out: &mut dyn FnMut(String)) {
        self.heard = None;
        let line = std::mem::take(&mut self.rest);
        if !line.is_empty() {
            out(state(&line));
        }
    }

    /// Nothing stays that is longer than a line may be.
    fn cut(&mut self, out: &mut dyn FnMut(String)) {
        while self.rest.len() > MAX_LINE {
            if let Some(at) = self.rest.iter().rposition(|b| *b == b'\r').filter(|at| *at > 0) {
                self.rest.drain(..at);
                continue;
            }
            // Not within a character.
            let at = (MAX_LINE - 3..=MAX_LINE)
                .rev()
                .find(|at| self.rest[*at] & 0xc0 != 0x80)
                .unwrap_or(MAX_LINE);
            let line: Vec<u8> = self.rest.drain(..at).collect();
            out(state(&line));
        }
    }
}

/// The last state of a line that was overwritten; invalid UTF-8 is replaced.
fn state(line: &[u8]) -> String {
    let mut states = line.rsplit(|b| *b == b'\r');
    let last = states.find(|s| !s.iter().all(u8::is_ascii_whitespace));
    String::from_utf8_lossy(
        last.unwrap_or_else(|| line.rsplit(|b| *b == b'\r').next().unwrap_or_default()),
    )
    .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut splitter, mut got) = (LineSplitter::default(), vec![]);
        for piece in pieces {
            splitter.feed(piece, Instant::now(), &mut |l| got.push(l));
        }
        splitter.finish(&mut |l| got.push(l));
        got
    }

    #[test]
    fn lines_and_what_was_overwritten() {
        assert_eq!(lines(&[b"a\nb", b"c\n", b"\n", b"end"]), ["a", "bc", "", "end"]);
        assert_eq!(lines(&[b"10%\r20%\r", b"100%\r\nx\r\n"]), ["100%", "x"]);
        assert_eq!(lines(&[b"50%\r    \r\n  two  \n \n"]), ["50%", "  two  ", " "]);
        assert_eq!(lines(&[b"\xff\x1b[1m\n"]), ["\u{fffd}\u{1b}[1m"]);
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let text = "\u{e9}".repeat(50_000);
        let got = lines(&[b"x", text.as_bytes(), b"\nnext\n"]);
        assert_eq!(got.len(), 3);
        assert!(got.iter().all(|l| l.len() <= MAX_LINE && !l.contains('\u{fffd}')));
        assert_eq!(got.concat(), format!("x{text}next"));
        let bar = [b"\r".as_slice(), &[b'#'; 70]].concat().repeat(5000);
        assert_eq!(lines(&[&bar]), ["#".repeat(70)]);
    }

    #[test]
    fn an_unfinished_line_waits_a_moment() {
        let (mut splitter, mut got, now) = (LineSplitter::default(), vec![], Instant::now());
        splitter.feed(b"Continue? ", now, &mut |l| got.push(l));
        splitter.expire(now, &mut |l| got.push(l));
        assert!(got.is_empty());
        assert_eq!(splitter.deadline(), Some(now + PARTIAL_LINE_TIMEOUT));
        splitter.expire(now + PARTIAL_LINE_TIMEOUT, &mut |l| got.push(l));
        assert_eq!(
            (got.as_slice(), splitter.deadline()),
            (["Continue? ".to_owned()].as_slice(), None)
        );
    }

    #[test]
    fn what_is_overwritten_is_told_now_and_then() {
        let (mut splitter, mut got, now) = (LineSplitter::default(), vec![], Instant::now());
        for second in 0..25 {
            let at = now + Duration::from_secs(second);
            splitter.feed(format!("\r{second}%").as_bytes(), at, &mut |l| got.push(l));
            splitter.expire(at + PARTIAL_LINE_TIMEOUT, &mut |l| got.push(l));
        }
        splitter.feed(b"\rdone\n", now, &mut |l| got.push(l));
        assert_eq!(got, ["0%", "10%", "20%", "done"]);
    }
}
