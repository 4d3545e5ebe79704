//! Which sequence is which key.
//!
//! Keys that altdisk has no use for yield None and are swallowed. Shift, Ctrl and Alt do not change
//! the keys that move the cursor; a function key with one of them is another key, which altdisk
//! does not use.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::term::capabilities::Keyboard;

/// 0x01 to 0x1f except BS, TAB, LF, CR and ESC. Some move the cursor: Ctrl-V as in SMIT, the others
/// as in emacs.
pub(super) fn control(b: u8) -> KeyEvent {
    match b | 0x40 {
        b'V' | b'F' => KeyCode::PageDown.into(),
        b'B' => KeyCode::PageUp.into(),
        b'P' => KeyCode::Up.into(),
        b'N' => KeyCode::Down.into(),
        letter => KeyEvent::new(
            KeyCode::Char(char::from(letter.to_ascii_lowercase())),
            KeyModifiers::CONTROL,
        ),
    }
}

/// Esc and a printable character, as in SMIT, for keyboards without the key.
pub(super) fn prefixed(b: u8) -> Option<KeyCode> {
    match b {
        b'1'..=b'9' => Some(KeyCode::F(b - b'0')),
        b'0' => Some(KeyCode::F(10)),
        b'v' => Some(KeyCode::PageUp),
        b'<' => Some(KeyCode::Home),
        b'>' => Some(KeyCode::End),
        _ => None,
    }
}

/// `ESC O` and `b`.
pub(super) fn ss3(b: u8, modified: bool, keyboard: Keyboard) -> Option<KeyCode> {
    match b {
        b'P'..=b'S' => (!modified).then(|| KeyCode::F(b - b'P' + 1)),
        b'M' => Some(KeyCode::Enter),
        b'I' => Some(KeyCode::Tab),
        // A VT100 has F5 to F10 on the upper keys of its keypad, as in terminfo; other terminals
        // have them elsewhere.
        b't' | b'u' | b'v' if keyboard == Keyboard::Vt100 => Some(KeyCode::F(b - b't' + 5)),
        b'l' if keyboard == Keyboard::Vt100 => Some(KeyCode::F(8)),
        b'w' | b'x' if keyboard == Keyboard::Vt100 => Some(KeyCode::F(b - b'w' + 9)),
        b'p'..=b'y' => Some(KeyCode::Char(char::from(b - b'p' + b'0'))),
        b'j'..=b'o' => Some(KeyCode::Char(char::from(b - b'j' + b'*'))),
        b'X' => Some(KeyCode::Char('=')),
        _ => cursor_key(b),
    }
}

/// `ESC [`, parameters, and `b`.
pub(super) fn csi(parameters: &[u8], b: u8, keyboard: Keyboard) -> Option<KeyCode> {
    // Other parameters belong to answers of a terminal to a question.
    let text = std::str::from_utf8(parameters)
        .ok()
        .filter(|t| t.bytes().all(|c| c.is_ascii_digit() || c == b';'))?;
    let (first, modifier) = text.split_once(';').unwrap_or((text, ""));
    let modified = !modifier.is_empty() && modifier != "1";
    match b {
        b'~' => editing_key(first.parse().ok()?)
            .or_else(|| function_key(first.parse().ok()?, keyboard).filter(|_| !modified)),
        b'M'..=b'V' if keyboard == Keyboard::Sco => {
            parameters.is_empty().then(|| KeyCode::F(b - b'M' + 1))
        }
        b'P' | b'Q' | b'S' if !modified => Some(KeyCode::F(b - b'P' + 1)),
        // With numbers it reports the position of the cursor.
        b'R' if parameters.is_empty() => Some(KeyCode::F(3)),
        // The keys of the SCO and FreeBSD consoles, where the sequence has no other meaning.
        b'M'..=b'O' | b'T'..=b'V' if parameters.is_empty() => Some(KeyCode::F(b - b'M' + 1)),
        b'Z' => Some(KeyCode::BackTab),
        b'q' => aix_key(first.parse().ok()?),
        _ => cursor_key(b),
    }
}

fn cursor_key(b: u8) -> Option<KeyCode> {
    Some(match b {
        b'A' | b'a' => KeyCode::Up,
        b'B' | b'b' => KeyCode::Down,
        b'C' | b'c' => KeyCode::Right,
        b'D' | b'd' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        _ => return None,
    })
}

fn editing_key(n: u16) -> Option<KeyCode> {
    Some(match n {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        _ => return None,
    })
}

fn function_key(n: u16, keyboard: Keyboard) -> Option<KeyCode> {
    let n = u8::try_from(n).ok()?;
    match n {
        11..=15 => Some(KeyCode::F(n - 10)),
        17..=21 => Some(KeyCode::F(n - 11)),
        // F12 and F13 of a VT220 are BS and LF; Help and Do.
        24 if keyboard == Keyboard::Vt220 => Some(KeyCode::Backspace),
        25 | 29 if keyboard == Keyboard::Vt220 => Some(KeyCode::Enter),
        28 if keyboard == Keyboard::Vt220 => Some(KeyCode::F(1)),
        _ => None,
    }
}

/// aixterm and the AIX consoles.
fn aix_key(n: u16) -> Option<KeyCode> {
    Some(match n {
        1..=10 => KeyCode::F(u8::try_from(n).ok()?),
        139 => KeyCode::Insert,
        146 => KeyCode::End,
        150 => KeyCode::PageUp,
        154 => KeyCode::PageDown,
        _ => return None,
    })
}
