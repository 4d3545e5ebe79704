//! Bytes to crossterm events.
//!
//! A state machine without a clock of its own. [`Decoder::feed`] takes the bytes of a read,
//! wherever that read cut a key. [`Decoder::deadline`] is the time until which the rest of a key
//! may still come; [`Decoder::expire`] gives it up. A lone Esc is not a key here, it begins one:
//! Esc and a digit typed by hand are F1 to F10, Esc Esc cancels. So a key that arrives in pieces,
//! as on a 9600-baud line, is never taken apart, because it never has to be told from a lone Esc.
//! An unfinished key, and every sequence that is not in the tables of `names`, is dropped whole.
//!
//! Text that the terminal marks as pasted becomes one [`Event::Paste`].

mod names;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent};

use crate::term::capabilities::Keyboard;

/// How long the rest of a key may take: enough for Esc and a digit typed by hand.
const KEY_TIMEOUT: Duration = Duration::from_secs(1);
/// The same after a lone Esc on a terminal without function keys: there a person looks for the
/// digit, and the screen shows that Esc waits.
const ESC_DIGIT_TIMEOUT: Duration = Duration::from_secs(5);
/// The same after Esc Esc: a terminal that sends Esc before a key for Alt goes on at once, a person
/// does not.
const ESC_ESC_TIMEOUT: Duration = Duration::from_millis(100);
/// How long a pasted text may pause before its end.
const PASTE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer sequences are noise.
const MAX_SEQUENCE: usize = 24;
/// Bytes of a pasted text that are kept.
const MAX_PASTE: usize = 64 * 1024;
const PASTE_END: &[u8] = b"\x1b[201~";

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
    /// Within pasted text: its bytes so far.
    Paste(Vec<u8>),
}

/// Collects bytes until they form an event.
#[derive(Clone, Debug)]
pub struct Decoder {
    keyboard: Keyboard,
    utf8: bool,
    key_timeout: Duration,
    esc_timeout: Duration,
    state: State,
    deadline: Option<Instant>,
    /// The last byte was CR: a LF after it belongs to the same key.
    after_cr: bool,
    /// The last pasted text was marked from its beginning to its end.
    marks_pastes: bool,
}

impl Decoder {
    /// `utf8`: the terminal sends UTF-8 (otherwise Latin-1). `$ESCDELAY`, in milliseconds, changes
    /// how long the rest of a key may take.
    pub fn new(keyboard: Keyboard, utf8: bool) -> Self {
        let delay = std::env::var("ESCDELAY").ok().and_then(|v| v.parse().ok());
        Self::with_timeout(keyboard, utf8, delay.map(Duration::from_millis))
    }

    /// The same with another timeout for the rest of a key (within reason) than a second.
    pub fn with_timeout(keyboard: Keyboard, utf8: bool, timeout: Option<Duration>) -> Self {
        let timeout = timeout.unwrap_or(KEY_TIMEOUT).clamp(ESC_ESC_TIMEOUT / 10, KEY_TIMEOUT * 5);
        Self {
            keyboard,
            utf8,
            key_timeout: timeout,
            esc_timeout: timeout,
            state: State::Ground,
            deadline: None,
            after_cr: false,
            marks_pastes: false,
        }
    }

    /// For a terminal without function keys: people type Esc and a digit by hand and need time.
    #[must_use]
    pub fn wait_for_digit(mut self) -> Self {
        self.esc_timeout = self.esc_timeout.max(ESC_DIGIT_TIMEOUT);
        self
    }

    /// Whether a lone Esc waits for its digit.
    pub fn is_escape_pending(&self) -> bool {
        self.state == State::Esc
    }

    /// Whether this terminal has shown that it marks pasted text.
    pub fn marks_pastes(&self) -> bool {
        self.marks_pastes
    }

    /// Takes the bytes of a read and returns the events that are complete now.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<Event> {
        let mut events = Events::default();
        for b in bytes {
            self.take_byte(*b, &mut events);
        }
        self.deadline = match self.state {
            State::Ground => None,
            State::EscEsc => Some(now + ESC_ESC_TIMEOUT.min(self.key_timeout)),
            State::Esc => Some(now + self.esc_timeout),
            State::Paste(_) => Some(now + PASTE_TIMEOUT),
            _ => Some(now + self.key_timeout),
        };
        events.0
    }

    /// When to call [`Decoder::expire`] if nothing comes before; None: no key is unfinished.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Gives up a key that was not finished in time. A paste without an end yields the text that
    /// came.
    pub fn expire(&mut self, now: Instant) -> Vec<Event> {
        if self.deadline.is_none_or(|d| now < d) {
            return vec![];
        }
        self.deadline = None;
        match std::mem::replace(&mut self.state, State::Ground) {
            State::EscEsc => vec![Event::Key(KeyCode::Esc.into())],
            State::Paste(text) => {
                // The rest may still come, without a mark.
                self.marks_pastes = false;
                vec![Event::Paste(self.pasted_text(&text))]
            }
            _ => vec![],
        }
    }

    fn take_byte(&mut self, b: u8, keys: &mut Events) {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => self.ground(b, keys),
            State::Esc => self.esc(b, keys),
            State::EscEsc if b == b'[' || b == b'O' => self.esc(b, keys),
            State::EscEsc => {
                keys.push(KeyCode::Esc);
                self.ground(b, keys);
            }
            State::Ss3(_) if b.is_ascii_digit() || b == b';' => self.state = State::Ss3(true),
            State::Ss3(modified) => {
                self.final_byte(b, keys, |keyboard| names::ss3(b, modified, keyboard))
            }
            State::Linux => self.final_byte(b, keys, |_| {
                (b'A'..=b'E').contains(&b).then(|| KeyCode::F(b - b'A' + 1))
            }),
            State::Csi(seen) => self.csi(seen, b, keys),
            State::Utf8(seen, missing) => self.utf8(seen, missing, b, keys),
            State::Paste(text) => self.paste(text, b, keys),
        }
    }

    fn ground(&mut self, b: u8, keys: &mut Events) {
        let after_cr = std::mem::replace(&mut self.after_cr, b == b'\r');
        match b {
            0x1b => self.state = State::Esc,
            b'\n' if after_cr => {}
            b'\r' | b'\n' => keys.push(KeyCode::Enter),
            b'\t' => keys.push(KeyCode::Tab),
            0x08 | 0x7f => keys.push(KeyCode::Backspace),
            // telnet pads CR with it; a LF may still follow.
            0 => self.after_cr = after_cr,
            0x01..=0x1f => keys.push(names::control(b)),
            0x20..=0x7e => keys.push(KeyCode::Char(char::from(b))),
            0x9b => self.state = State::Csi(vec![]),
            0x8f => self.state = State::Ss3(false),
            0xc2..=0xdf if self.utf8 => self.state = State::Utf8(vec![b], 1),
            0xe0..=0xef if self.utf8 => self.state = State::Utf8(vec![b], 2),
            0xf0..=0xf4 if self.utf8 => self.state = State::Utf8(vec![b], 3),
            // 0xff is typical noise on a line.
            0xa0..=0xfe if !self.utf8 => keys.push(KeyCode::Char(char::from(b))),
            _ => {}
        }
    }

    fn esc(&mut self, b: u8, keys: &mut Events) {
        match b {
            0x1b => self.state = State::EscEsc,
            b'[' => self.state = State::Csi(vec![]),
            b'O' => self.state = State::Ss3(false),
            0x20..=0x7e => keys.push_all(names::prefixed(b)),
            b'\t' => keys.push(KeyCode::BackTab),
            // Esc was pressed for nothing; this is a key of its own.
            _ => self.ground(b, keys),
        }
    }

    fn csi(&mut self, mut seen: Vec<u8>, b: u8, keys: &mut Events) {
        match b {
            b'[' if seen.is_empty() => self.state = State::Linux,
            // rxvt ends Shift and a key with a dollar sign.
            b'$' if seen.last().is_some_and(u8::is_ascii_digit) && seen.first() != Some(&b'?') => {}
            0x20..=0x3f => {
                seen.push(b);
                if seen.len() <= MAX_SEQUENCE {
                    self.state = State::Csi(seen);
                }
            }
            b'~' if seen == b"200" => self.state = State::Paste(vec![]),
            // F11 of a VT220 is its Esc key.
            b'~' if self.keyboard == Keyboard::Vt220 && seen == b"23" => self.state = State::Esc,
            _ => self.final_byte(b, keys, |keyboard| names::csi(&seen, b, keyboard)),
        }
    }

    /// The byte that ends a sequence. A byte that cannot end one is a key of its own: the sequence
    /// was cut off.
    fn final_byte(&mut self, b: u8, keys: &mut Events, name: impl Fn(Keyboard) -> Option<KeyCode>) {
        if (0x20..=0x7e).contains(&b) {
            keys.push_all(name(self.keyboard))
        } else {
            self.ground(b, keys)
        }
    }

    fn utf8(&mut self, mut seen: Vec<u8>, missing: usize, b: u8, keys: &mut Events) {
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
            keys.push(KeyCode::Char(c));
        }
    }

    fn paste(&mut self, mut text: Vec<u8>, b: u8, keys: &mut Events) {
        text.push(b);
        if text.ends_with(PASTE_END) {
            text.truncate(text.len() - PASTE_END.len());
            self.marks_pastes = true;
            keys.0.push(Event::Paste(self.pasted_text(&text)));
            return;
        }
        // Of a text that is too long the last bytes are kept apart, to find its end.
        if text.len() > MAX_PASTE + PASTE_END.len() {
            text.remove(MAX_PASTE);
        }
        self.state = State::Paste(text);
    }

    /// Pasted bytes as text; every line break is LF.
    fn pasted_text(&self, bytes: &[u8]) -> String {
        let text = if self.utf8 {
            String::from_utf8_lossy(bytes).into_owned()
        } else {
            bytes.iter().map(|b| char::from(*b)).collect()
        };
        text.replace("\r\n", "\n").replace('\r', "\n")
    }
}

/// The events of one read.
#[derive(Default)]
struct Events(Vec<Event>);

impl Events {
    fn push(&mut self, key: impl Into<KeyEvent>) {
        self.0.push(Event::Key(key.into()));
    }

    fn push_all(&mut self, keys: Option<KeyCode>) {
        keys.into_iter().for_each(|key| self.push(key));
    }
}
