//! Which sequence is which key.
//!
//! Keys that this program has no use for are None: they are swallowed. Shift, Ctrl and Alt do not
//! change the keys that move the cursor; a function key with them is another key, which there is
//! none of.

use crate::term::key::Key;
use crate::term::kind::Keys;

/// 0x01 to 0x1f but BS, TAB, LF, CR and ESC. SMIT's own: Ctrl-V, and those of emacs that move.
pub(super) fn control(b: u8) -> Key {
    match b | 0x40 {
        b'V' | b'F' => Key::PageDown,
        b'B' => Key::PageUp,
        b'P' => Key::Up,
        b'N' => Key::Down,
        letter => Key::Ctrl(char::from(letter.to_ascii_lowercase())),
    }
}

/// Esc and a printable character: SMIT's, for keyboards without the keys.
pub(super) fn prefixed(b: u8) -> Option<Key> {
    match b {
        b'1'..=b'9' => Some(Key::F(b - b'0')),
        b'0' => Some(Key::F(10)),
        b'v' => Some(Key::PageUp),
        b'<' => Some(Key::Home),
        b'>' => Some(Key::End),
        _ => None,
    }
}

/// `ESC O` and `b`.
pub(super) fn ss3(b: u8, modified: bool, keys: Keys) -> Option<Key> {
    match b {
        b'P'..=b'S' => (!modified).then(|| Key::F(b - b'P' + 1)),
        b'M' => Some(Key::Enter),
        b'I' => Some(Key::Tab),
        // The upper keys of a VT100's keypad stand for F5 to F10, as terminfo has it. Others have
        // F5 to F10 elsewhere.
        b't' | b'u' | b'v' if keys == Keys::Vt100 => Some(Key::F(b - b't' + 5)),
        b'l' if keys == Keys::Vt100 => Some(Key::F(8)),
        b'w' | b'x' if keys == Keys::Vt100 => Some(Key::F(b - b'w' + 9)),
        b'p'..=b'y' => Some(Key::Char(char::from(b - b'p' + b'0'))),
        b'j'..=b'o' => Some(Key::Char(char::from(b - b'j' + b'*'))),
        b'X' => Some(Key::Char('=')),
        _ => cursor(b),
    }
}

/// `ESC [`, parameters, and `b`.
pub(super) fn csi(parameters: &[u8], b: u8, keys: Keys) -> Option<Key> {
    // Others are answers of a terminal that was asked something.
    let text = std::str::from_utf8(parameters)
        .ok()
        .filter(|t| t.bytes().all(|c| c.is_ascii_digit() || c == b';'))?;
    let (first, modifier) = text.split_once(';').unwrap_or((text, ""));
    let modified = !modifier.is_empty() && modifier != "1";
    let sco = |n: u8| (keys == Keys::Sco && parameters.is_empty()).then_some(Key::F(n));
    match b {
        b'~' => edited(first.parse().ok()?)
            .or_else(|| numbered(first.parse().ok()?, keys).filter(|_| !modified)),
        b'M'..=b'V' if keys == Keys::Sco => sco(b - b'M' + 1),
        b'P' | b'Q' | b'S' if !modified => Some(Key::F(b - b'P' + 1)),
        // With numbers it tells where the cursor is.
        b'R' if parameters.is_empty() => Some(Key::F(3)),
        // What the SCO and FreeBSD consoles send, where it is nothing else.
        b'M'..=b'O' | b'T'..=b'V' if parameters.is_empty() => Some(Key::F(b - b'M' + 1)),
        b'Z' => Some(Key::BackTab),
        b'q' => aix(first.parse().ok()?),
        _ => cursor(b),
    }
}

fn cursor(b: u8) -> Option<Key> {
    Some(match b {
        b'A' | b'a' => Key::Up,
        b'B' | b'b' => Key::Down,
        b'C' | b'c' => Key::Right,
        b'D' | b'd' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => return None,
    })
}

fn edited(n: u16) -> Option<Key> {
    Some(match n {
        1 | 7 => Key::Home,
        2 => Key::Insert,
        3 => Key::Delete,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        _ => return None,
    })
}

fn numbered(n: u16, keys: Keys) -> Option<Key> {
    let n = u8::try_from(n).ok()?;
    match n {
        11..=15 => Some(Key::F(n - 10)),
        17..=21 => Some(Key::F(n - 11)),
        // F12 and F13 of a VT220 are BS and LF; Help and Do.
        24 if keys == Keys::Vt220 => Some(Key::Backspace),
        25 | 29 if keys == Keys::Vt220 => Some(Key::Enter),
        28 if keys == Keys::Vt220 => Some(Key::F(1)),
        _ => None,
    }
}

/// aixterm and the AIX consoles.
fn aix(n: u16) -> Option<Key> {
    Some(match n {
        1..=10 => Key::F(u8::try_from(n).ok()?),
        139 => Key::Insert,
        146 => Key::End,
        150 => Key::PageUp,
        154 => Key::PageDown,
        _ => return None,
    })
}
