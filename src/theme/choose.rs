//! Which theme a terminal gets, reduced to what the terminal can show.

use std::path::PathBuf;

use ratatui::style::{Color, Modifier, Style};

use crate::diagnostic::Diagnostic;
use crate::theme::{Glyphs, Theme, load};

/// What is known about the terminal and the user's wish.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// `--theme`, or what the panel has stored.
    pub name: Option<String>,
    /// `NO_COLOR` is set (and not empty).
    pub no_color: bool,
    /// How many colours the terminal has; 0: none.
    pub colors: u16,
    /// Whether UTF-8 can be sent.
    pub utf8: bool,
    /// Bits a second of a serial line; None: not serial, or not known.
    pub speed: Option<u32>,
    /// Where themes are beside the built-in ones, the last one first.
    pub dirs: Vec<PathBuf>,
}

/// At this speed and below a line is slow.
pub const SLOW: u32 = 19200;

/// The theme that is used, and what is wrong with the one that was asked for.
pub fn choose(wanted: &Wanted) -> (Theme, Vec<Diagnostic>) {
    let by_itself = match wanted.speed {
        Some(speed) if speed <= SLOW => "serial",
        _ if wanted.no_color || wanted.colors == 0 => "mono",
        _ => "classic",
    };
    let mut wrong = vec![];
    let mut find = |name: &str, dirs: &[PathBuf]| {
        load::find(name, dirs).map_err(|mut diagnostics| wrong.append(&mut diagnostics)).ok()
    };
    // In place of a file with mistakes: the built-in theme of the same name, if there is one.
    let built_in =
        |name: &str| load::names().any(|n| n == name).then(|| load::find(name, &[]).ok()).flatten();
    let wished =
        wanted.name.as_deref().and_then(|name| find(name, &wanted.dirs).or_else(|| built_in(name)));
    let theme = wished
        .or_else(|| find(by_itself, &wanted.dirs))
        .or_else(|| find(by_itself, &[]))
        .unwrap_or_else(Theme::mono);
    (fitted(theme, wanted), wrong)
}

/// The theme with no more colours and glyphs than there are.
pub fn fitted(mut theme: Theme, wanted: &Wanted) -> Theme {
    let most = if wanted.no_color { 0 } else { wanted.colors };
    if theme.colors > most {
        theme.styles = theme.styles.into_iter().map(|style| fewer(style, most)).collect();
        theme.colors = match most {
            0..8 => 0,
            8..16 => 8,
            16..256 => 16,
            _ => 256,
        };
    }
    if theme.glyphs == Glyphs::Unicode && !wanted.utf8 {
        theme.glyphs = Glyphs::Line;
    }
    theme
}

fn fewer(style: Style, most: u16) -> Style {
    let down = |color: Option<Color>| match color {
        Some(Color::Indexed(n)) if most >= 8 => Some(Color::Indexed(nearest(n, most))),
        _ => None,
    };
    // What only a background told apart is reversed where there is none.
    let lost = most < 8 && style.bg.is_some_and(|bg| bg != Color::Indexed(0));
    let fewer = Style { fg: down(style.fg), bg: down(style.bg), ..style };
    if lost { fewer.add_modifier(Modifier::REVERSED) } else { fewer }
}

/// The colour of the first 8 or 16 that is most like number `n`.
fn nearest(n: u8, most: u16) -> u8 {
    let (first, most) = (if most < 16 { 8 } else { 16 }, most.min(256));
    if u16::from(n) < most {
        return n;
    }
    if n < 16 {
        return n % 8;
    }
    let wanted = rgb(n);
    let far = |m: u8| {
        let (a, b) = (wanted, rgb(m));
        (0..3).map(|i| (i32::from(a[i]) - i32::from(b[i])).pow(2)).sum::<i32>()
    };
    (0..first).min_by_key(|m| far(*m)).unwrap_or(7)
}

/// A colour of the usual palette.
fn rgb(n: u8) -> [u8; 3] {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match n {
        0..16 => {
            let on = if n < 8 { 205 } else { 255 };
            let off = if n == 8 { 127 } else { 0 };
            let one = |bit: u8| if n & bit != 0 { on } else { off };
            [one(1), one(2), one(4)]
        }
        16..232 => {
            let n = usize::from(n - 16);
            [STEPS[n / 36], STEPS[n / 6 % 6], STEPS[n % 6]]
        }
        232.. => [8 + 10 * (n - 232); 3],
    }
}
