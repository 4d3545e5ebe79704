//! Bytes of a pipe, cut into lines.
//!
//! A line without an end is given out after a moment (a question, a last word); one that is too
//! long is cut. Of what a program overwrites with carriage returns its last state counts, and while
//! it is overwritten it is given out now and then only.

use std::time::{Duration, Instant};

/// The longest line.
pub const LONGEST: usize = 64 << 10;
/// How long a line may be unfinished.
const MOMENT: Duration = Duration::from_millis(300);
/// Between two states of a line that is overwritten.
const OVERWRITTEN: Duration = Duration::from_secs(10);

/// Cuts one stream.
#[derive(Debug, Default)]
pub struct Cutter {
    rest: Vec<u8>,
    heard: Option<Instant>,
    told: Option<Instant>,
}

impl Cutter {
    /// Takes what was read; gives every whole line out.
    pub fn feed(&mut self, mut bytes: &[u8], now: Instant, out: &mut dyn FnMut(String)) {
        while let Some(at) = bytes.iter().position(|b| *b == b'\n') {
            let (head, rest) = bytes.split_at(at);
            bytes = &rest[1..];
            if self.rest.is_empty() && head.len() <= LONGEST {
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

    /// When [`Cutter::expire`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let heard = self.heard? + MOMENT;
        Some(
            self.told
                .filter(|_| self.rest.contains(&b'\r'))
                .map_or(heard, |told| heard.max(told + OVERWRITTEN)),
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
        while self.rest.len() > LONGEST {
            if let Some(at) = self.rest.iter().rposition(|b| *b == b'\r').filter(|at| *at > 0) {
                self.rest.drain(..at);
                continue;
            }
            // Not within a character.
            let at = (LONGEST - 3..=LONGEST)
                .rev()
                .find(|at| self.rest[*at] & 0xc0 != 0x80)
                .unwrap_or(LONGEST);
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
        let (mut cutter, mut got) = (Cutter::default(), vec![]);
        for piece in pieces {
            cutter.feed(piece, Instant::now(), &mut |l| got.push(l));
        }
        cutter.finish(&mut |l| got.push(l));
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
        assert!(got.iter().all(|l| l.len() <= LONGEST && !l.contains('\u{fffd}')));
        assert_eq!(got.concat(), format!("x{text}next"));
        let bar = [b"\r".as_slice(), &[b'#'; 70]].concat().repeat(5000);
        assert_eq!(lines(&[&bar]), ["#".repeat(70)]);
    }

    #[test]
    fn an_unfinished_line_waits_a_moment() {
        let (mut cutter, mut got, now) = (Cutter::default(), vec![], Instant::now());
        cutter.feed(b"Continue? ", now, &mut |l| got.push(l));
        cutter.expire(now, &mut |l| got.push(l));
        assert!(got.is_empty());
        assert_eq!(cutter.deadline(), Some(now + MOMENT));
        cutter.expire(now + MOMENT, &mut |l| got.push(l));
        assert_eq!(
            (got.as_slice(), cutter.deadline()),
            (["Continue? ".to_owned()].as_slice(), None)
        );
    }

    #[test]
    fn what_is_overwritten_is_told_now_and_then() {
        let (mut cutter, mut got, now) = (Cutter::default(), vec![], Instant::now());
        for second in 0..25 {
            let at = now + Duration::from_secs(second);
            cutter.feed(format!("\r{second}%").as_bytes(), at, &mut |l| got.push(l));
            cutter.expire(at + MOMENT, &mut |l| got.push(l));
        }
        cutter.feed(b"\rdone\n", now, &mut |l| got.push(l));
        assert_eq!(got, ["0%", "10%", "20%", "done"]);
    }
}
