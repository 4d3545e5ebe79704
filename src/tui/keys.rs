//! The legend: which keys work now, in the form that this terminal can send, in SMIT's columns.

use ratatui::layout::Rect;

use crate::term::key::Key;
use crate::theme::Role;
use crate::tui::canvas::Canvas;

/// What works now, in the order in which it is shown; where nothing is said, a place stays empty so that the others do not move.
pub type Legend = Vec<(Key, &'static str)>;

/// How far apart the entries of a screen's legend stand, and those of a pop-up's.
pub const WIDE: u16 = 20;
pub const POPUP: u16 = 24;

/// How the function keys are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sends {
    /// `F1`.
    #[default]
    Function,
    /// `Esc+1`: the terminal has no (or not all) function keys.
    Escape,
}

/// A key's name: `F1`, `Esc+1`, `Enter`, `/`.
pub fn name(key: Key, sends: Sends) -> String {
    match (key, sends) {
        (Key::F(n), Sends::Function) => format!("F{n}"),
        (Key::F(n), Sends::Escape) => format!("Esc+{}", n % 10),
        (Key::Char(' '), _) => "Space".into(),
        (Key::Char(c), _) => c.to_string(),
        (Key::Ctrl(c), _) => format!("Ctrl-{}", c.to_ascii_uppercase()),
        (Key::Esc, _) => "Esc Esc".into(),
        (Key::BackTab, _) => "Backtab".into(),
        (Key::PageUp, _) => "PageUp".into(),
        (Key::PageDown, _) => "PageDown".into(),
        (other, _) => format!("{other:?}"),
    }
}

/// How many rows a legend takes.
pub fn rows(legend: &Legend, width: u16, apart: u16) -> u16 {
    u16::try_from(legend.len()).unwrap_or(u16::MAX).div_ceil(a_row(width, apart))
}

/// Draws the legend from row `top` on.
pub fn draw(c: &mut Canvas<'_>, top: u16, legend: &Legend, sends: Sends, apart: u16) {
    let columns = usize::from(a_row(c.width(), apart));
    for (n, (key, what)) in legend.iter().enumerate().filter(|(_, (_, what))| !what.is_empty()) {
        let (x, y) = ((n % columns) as u16 * apart, top + (n / columns) as u16);
        let cell = Rect::new(x, y, apart.saturating_sub(1), 1);
        c.within(cell, |c| {
            let took = c.put(0, 0, &name(*key, sends), Role::Key);
            c.put(took, 0, &format!("={what}"), Role::KeyText);
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
        assert_eq!(name(Key::F(1), Sends::Function), "F1");
        assert_eq!(name(Key::F(10), Sends::Escape), "Esc+0");
        assert_eq!(name(Key::Enter, Sends::Escape), "Enter");
        assert_eq!(name(Key::Ctrl('l'), Sends::Function), "Ctrl-L");
    }

    #[test]
    fn columns_as_smit() {
        let legend: Legend =
            vec![(Key::F(1), "Help"), (Key::F(2), "Refresh"), (Key::F(3), "Cancel"), (Key::F(8), "Image"), (Key::F(9), "Shell")];
        assert_eq!((rows(&legend, 80, WIDE), rows(&legend, 132, WIDE), rows(&legend, 72, POPUP)), (2, 1, 2));
        let text = crate::tui::golden::drawn(80, 2, |c| draw(c, 0, &legend, Sends::Function, WIDE));
        assert!(
            text.starts_with("F1=Help             F2=Refresh          F3=Cancel           F8=Image\nF9=Shell\n=== roles\nKKkkkkk  "),
            "{text}"
        );
    }
}
