//! The legend: which keys work now, in the form that this terminal can send, in SMIT's columns.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use crate::theme::Role;
use crate::tui::canvas::Canvas;

/// The keys that work now, in the order in which they are shown. An empty text keeps a place free,
/// so that the others do not move.
pub type Legend = Vec<(KeyEvent, &'static str)>;

/// How far apart the entries of a screen's legend stand.
pub const WIDE: u16 = 20;
/// The same in a pop-up.
pub const POPUP: u16 = 24;

/// How the function keys are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyNames {
    /// `F1`.
    #[default]
    Function,
    /// `Esc 1`, one after the other: the terminal has no (or not all) function keys.
    Escape,
}

/// Ctrl and a letter.
pub const fn ctrl(letter: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)
}

/// Entries of a legend.
pub fn entries<const N: usize>(keys: [(KeyCode, &'static str); N]) -> Legend {
    keys.into_iter().map(|(code, text)| (code.into(), text)).collect()
}

/// A key's name: `F1`, `Esc 1`, `Enter`, `/`.
pub fn name(key: impl Into<KeyEvent>, key_names: KeyNames) -> String {
    let key = key.into();
    if let (KeyCode::Char(c), KeyModifiers::CONTROL) = (key.code, key.modifiers) {
        return format!("Ctrl-{}", c.to_ascii_uppercase());
    }
    match (key.code, key_names) {
        (KeyCode::F(n), KeyNames::Function) => format!("F{n}"),
        (KeyCode::F(n), KeyNames::Escape) => format!("Esc {}", n % 10),
        (KeyCode::Char(' '), _) => "Space".into(),
        (KeyCode::Char(c), _) => c.to_string(),
        (KeyCode::Esc, _) => "Esc Esc".into(),
        (KeyCode::BackTab, _) => "Backtab".into(),
        (KeyCode::PageUp, _) => "PageUp".into(),
        (KeyCode::PageDown, _) => "PageDown".into(),
        (other, _) => format!("{other:?}"),
    }
}

/// A sentence that names keys (`F4`), with their names on this terminal (`Esc 4`).
pub fn with_key_names(text: &str, key_names: KeyNames) -> String {
    if key_names == KeyNames::Function {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let digits = rest[c.len_utf8()..].chars().take_while(char::is_ascii_digit).count();
        let after = rest[c.len_utf8() + digits..].chars().next();
        let number = rest[c.len_utf8()..c.len_utf8() + digits]
            .parse::<u8>()
            .ok()
            .filter(|n| (1..=10).contains(n));
        let alone = !before.is_alphanumeric()
            && !"/.-_".contains(before)
            && after.is_none_or(|a| !a.is_alphanumeric() && a != '_');
        let took = match number {
            Some(n) if c == 'F' && alone => {
                out.push_str(&name(KeyCode::F(n), key_names));
                1 + digits
            }
            _ => {
                out.push(c);
                c.len_utf8()
            }
        };
        before = rest[..took].chars().next_back().unwrap_or(' ');
        rest = &rest[took..];
    }
    out
}

/// How many rows a legend takes.
pub fn rows(legend: &Legend, width: u16, apart: u16) -> u16 {
    u16::try_from(legend.len()).unwrap_or(u16::MAX).div_ceil(a_row(width, apart))
}

/// Draws the legend from row `top` on.
pub fn draw(c: &mut Canvas<'_>, top: u16, legend: &Legend, key_names: KeyNames, apart: u16) {
    let columns = usize::from(a_row(c.width(), apart));
    for (n, (key, what)) in legend.iter().enumerate().filter(|(_, (_, what))| !what.is_empty()) {
        let (x, y) = ((n % columns) as u16 * apart, top + (n / columns) as u16);
        let cell = Rect::new(x, y, apart.saturating_sub(1), 1);
        c.within(cell, |c| {
            let took = c.draw_text(0, 0, &name(*key, key_names), Role::Key);
            c.draw_text(took, 0, &format!("={what}"), Role::KeyText);
        });
    }
}

fn a_row(width: u16, apart: u16) -> u16 {
    ((width + 1) / apart).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_terminal_sends_them() {
        assert_eq!(name(KeyCode::F(1), KeyNames::Function), "F1");
        assert_eq!(name(KeyCode::F(10), KeyNames::Escape), "Esc 0");
        assert_eq!(name(KeyCode::Enter, KeyNames::Escape), "Enter");
        assert_eq!(name(ctrl('l'), KeyNames::Function), "Ctrl-L");
    }

    #[test]
    fn sentences_name_the_keys_that_there_are() {
        let said = "Press F4, then F10. Not /dev/F1, F11, xF2 or F3x; F\u{e9}.";
        assert_eq!(
            with_key_names(said, KeyNames::Escape),
            "Press Esc 4, then Esc 0. Not /dev/F1, F11, xF2 or F3x; F\u{e9}."
        );
        assert_eq!(with_key_names(said, KeyNames::Function), said);
    }

    #[test]
    fn columns_as_smit() {
        let legend = entries([
            (KeyCode::F(1), "Help"),
            (KeyCode::F(2), "Refresh"),
            (KeyCode::F(3), "Cancel"),
            (KeyCode::F(8), "Image"),
            (KeyCode::F(9), "Shell"),
        ]);
        assert_eq!(
            (rows(&legend, 80, WIDE), rows(&legend, 132, WIDE), rows(&legend, 72, POPUP)),
            (2, 1, 2)
        );
        let text =
            crate::testing::golden::drawn(80, 2, |c| draw(c, 0, &legend, KeyNames::Function, WIDE));
        assert!(
            text.starts_with("F1=Help             F2=Refresh          F3=Cancel           F8=Image\nF9=Shell\n=== roles\nKKkkkkk  "),
            "{text}"
        );
    }
}
