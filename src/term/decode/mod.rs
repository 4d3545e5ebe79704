//! Bytes to keys.
//!
//! A state machine without a clock of its own: [`Decoder::feed`] takes what a read returned,
//! however a key was cut into reads; [`Decoder::deadline`] says until when the rest of a key is
//! waited for, [`Decoder::expire`] gives it up. A lone Esc is no key here: it begins one. Esc and a
//! digit typed by hand within a second are F1 to F10, Esc Esc cancels. That is why a key that
//! arrives in pieces, as on a 9600-baud line, is never taken apart: nothing has to be told from a
//! lone Esc. What is begun and not finished within a second, and every sequence that is not in the
//! tables of `names`, is dropped whole.

mod names;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::term::key::Key;
use crate::term::kind::Keys;

/// How long the rest of a key is waited for: long enough for Esc and a digit typed by hand.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same after a lone Esc on a terminal without function keys: there a person looks for the
/// digit, and is shown that Esc waits.
const SEARCH: Duration = Duration::from_secs(5);
/// After Esc Esc: a terminal that sends Esc before a key for Alt goes on at once, a person does
/// not.
const MOMENT: Duration = Duration::from_millis(100);
/// Parameters of a longer sequence are noise.
const LONGEST: usize = 24;

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Ground,
    Esc,
    EscEsc,
    /// After `ESC O`; whether parameters (a modifier) came.
    Ss3(bool),
    /// After `ESC [`: what has come since.
    Csi(Vec<u8>),
    /// After `ESC [ [`, the Linux console's F1 to F5.
    Linux,
    /// A character of which so many bytes are missing.
    Utf8(Vec<u8>, usize),
}

/// Collects bytes until they are a key.
#[derive(Clone, Debug)]
pub struct Decoder {
    keys: Keys,
    utf8: bool,
    patience: Duration,
    /// After a lone Esc.
    search: Duration,
    state: State,
    deadline: Option<Instant>,
    /// The last byte was CR: a LF after it belongs to the same key.
    returned: bool,
}

impl Decoder {
    /// `utf8`: whether the terminal sends UTF-8 (else Latin-1). Milliseconds in `$ESCDELAY` change
    /// how long is waited.
    pub fn new(keys: Keys, utf8: bool) -> Self {
        let said = std::env::var("ESCDELAY").ok().and_then(|v| v.parse().ok());
        Self::patient(keys, utf8, said.map(Duration::from_millis))
    }

    /// The same, waiting `patience` for the rest of a key (within reason) instead of a second.
    pub fn patient(keys: Keys, utf8: bool, patience: Option<Duration>) -> Self {
        let patience = patience.unwrap_or(PATIENCE).clamp(MOMENT / 10, PATIENCE * 5);
        Self {
            keys,
            utf8,
            patience,
            search: patience,
            state: State::Ground,
            deadline: None,
            returned: false,
        }
    }

    /// For a terminal that has no function keys: Esc and a digit are typed by hand, in whatever
    /// time that takes.
    #[must_use]
    pub fn by_hand(mut self) -> Self {
        self.search = self.search.max(SEARCH);
        self
    }

    /// A lone Esc waits for its digit.
    pub fn has_escape(&self) -> bool {
        self.state == State::Esc
    }

    /// Takes bytes as they came, and returns the keys that are whole now.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<Key> {
        let mut keys = vec![];
        for b in bytes {
            self.take(*b, &mut keys);
        }
        self.deadline = match self.state {
            State::Ground => None,
            State::EscEsc => Some(now + MOMENT.min(self.patience)),
            State::Esc => Some(now + self.search),
            _ => Some(now + self.patience),
        };
        keys
    }

    /// When [`Decoder::expire`] is to be called if nothing comes before; None: nothing is waited
    /// for.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Gives up what was not finished in time.
    pub fn expire(&mut self, now: Instant) -> Vec<Key> {
        if self.deadline.is_none_or(|d| now < d) {
            return vec![];
        }
        self.deadline = None;
        match std::mem::replace(&mut self.state, State::Ground) {
            State::EscEsc => vec![Key::Esc],
            _ => vec![],
        }
    }

    fn take(&mut self, b: u8, keys: &mut Vec<Key>) {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => self.ground(b, keys),
            State::Esc => self.esc(b, keys),
            State::EscEsc if b == b'[' || b == b'O' => self.esc(b, keys),
            State::EscEsc => {
                keys.push(Key::Esc);
                self.ground(b, keys);
            }
            State::Ss3(_) if b.is_ascii_digit() || b == b';' => self.state = State::Ss3(true),
            State::Ss3(modified) => self.last(b, keys, |kind| names::ss3(b, modified, kind)),
            State::Linux => {
                self.last(b, keys, |_| (b'A'..=b'E').contains(&b).then(|| Key::F(b - b'A' + 1)))
            }
            State::Csi(seen) => self.csi(seen, b, keys),
            State::Utf8(seen, missing) => self.utf8(seen, missing, b, keys),
        }
    }

    fn ground(&mut self, b: u8, keys: &mut Vec<Key>) {
        let returned = std::mem::replace(&mut self.returned, b == b'\r');
        match b {
            0x1b => self.state = State::Esc,
            b'\n' if returned => {}
            b'\r' | b'\n' => keys.push(Key::Enter),
            b'\t' => keys.push(Key::Tab),
            0x08 | 0x7f => keys.push(Key::Backspace),
            // Padding of a telnet's CR says nothing about a LF after it.
            0 => self.returned = returned,
            0x01..=0x1f => keys.push(names::control(b)),
            0x20..=0x7e => keys.push(Key::Char(char::from(b))),
            0x9b => self.state = State::Csi(vec![]),
            0x8f => self.state = State::Ss3(false),
            0xc2..=0xdf if self.utf8 => self.state = State::Utf8(vec![b], 1),
            0xe0..=0xef if self.utf8 => self.state = State::Utf8(vec![b], 2),
            0xf0..=0xf4 if self.utf8 => self.state = State::Utf8(vec![b], 3),
            // 0xff is what noise on a line looks like.
            0xa0..=0xfe if !self.utf8 => keys.push(Key::Char(char::from(b))),
            _ => {}
        }
    }

    fn esc(&mut self, b: u8, keys: &mut Vec<Key>) {
        match b {
            0x1b => self.state = State::EscEsc,
            b'[' => self.state = State::Csi(vec![]),
            b'O' => self.state = State::Ss3(false),
            0x20..=0x7e => keys.extend(names::prefixed(b)),
            b'\t' => keys.push(Key::BackTab),
            // Esc was pressed for nothing; this is a key of its own.
            _ => self.ground(b, keys),
        }
    }

    fn csi(&mut self, mut seen: Vec<u8>, b: u8, keys: &mut Vec<Key>) {
        match b {
            b'[' if seen.is_empty() => self.state = State::Linux,
            // rxvt ends Shift and a key with a dollar sign.
            b'$' if seen.last().is_some_and(u8::is_ascii_digit) && seen.first() != Some(&b'?') => {}
            0x20..=0x3f => {
                seen.push(b);
                if seen.len() <= LONGEST {
                    self.state = State::Csi(seen);
                }
            }
            // F11 of a VT220 is its Esc key.
            b'~' if self.keys == Keys::Vt220 && seen == b"23" => self.state = State::Esc,
            _ => self.last(b, keys, |kind| names::csi(&seen, b, kind)),
        }
    }

    /// The byte that ends a sequence; one that cannot is a key of its own after a sequence that was
    /// cut off.
    fn last(&mut self, b: u8, keys: &mut Vec<Key>, name: impl Fn(Keys) -> Option<Key>) {
        if (0x20..=0x7e).contains(&b) { keys.extend(name(self.keys)) } else { self.ground(b, keys) }
    }

    fn utf8(&mut self, mut seen: Vec<u8>, missing: usize, b: u8, keys: &mut Vec<Key>) {
        if !(0x80..=0xbf).contains(&b) {
            return self.ground(b, keys);
        }
        seen.push(b);
        if missing > 1 {
            self.state = State::Utf8(seen, missing - 1);
        } else if let Some(c) = std::str::from_utf8(&seen)
            .ok()
            .and_then(|s| s.chars().next())
            .filter(|c| !c.is_control())
        {
            keys.push(Key::Char(c));
        }
    }
}
