//! Cells as this terminal can show them.
//!
//! A drawn screen is turned into characters, line-drawing letters and looks that the terminal has,
//! before anything is compared: what looks the same is the same. A blank has no look but what can
//! be seen of it.

use ratatui::buffer::{Buffer, Cell as Drawn};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthChar;

use crate::term::capabilities::{Capabilities, LineDrawing};

/// How characters look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) fg: Option<u8>,
    pub(super) bg: Option<u8>,
    pub(super) flags: u8,
}

/// The parameters of SGR that switch each flag of a [`Look`] on: bold, dim, underlined, reversed.
/// Nothing blinks.
pub(super) const FLAGS: [u8; 4] = [1, 2, 4, 7];
const BOLD: u8 = 1;
const DIM: u8 = 2;
const UNDERLINED: u8 = 4;
const REVERSED: u8 = 8;

impl Look {
    /// What can be seen of it where there is no character.
    pub(super) fn visible_on_blank(self) -> Self {
        if self.flags & (REVERSED | UNDERLINED) == 0 {
            Self { fg: None, bg: self.bg, flags: 0 }
        } else {
            self
        }
    }
}

/// What stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    Char(char),
    /// A character of which the other half is in the cell to the right.
    Wide(char),
    /// That cell.
    Half,
    /// A letter of the line-drawing set.
    Line(u8),
    /// Nobody knows.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) glyph: Glyph,
    /// An accent that is put over it, or NUL.
    pub(super) mark: char,
    pub(super) look: Look,
}

pub(super) const BLANK: Cell =
    Cell { glyph: Glyph::Char(' '), mark: '\0', look: Look { fg: None, bg: None, flags: 0 } };
pub(super) const UNKNOWN: Cell = Cell { glyph: Glyph::Unknown, ..BLANK };

impl Cell {
    /// A character of one byte, after which it is certain where the cursor is.
    pub(super) fn byte(self) -> Option<u8> {
        match self.glyph {
            Glyph::Char(c) if self.mark == '\0' && c.is_ascii() => u8::try_from(c).ok(),
            Glyph::Line(letter) => Some(letter),
            _ => None,
        }
    }
}

/// The cells of `drawn`, row by row.
pub(super) fn cells(drawn: &Buffer, capabilities: &Capabilities, utf8: bool) -> Vec<Cell> {
    let width = usize::from(drawn.area.width).max(1);
    let mut cells = Vec::with_capacity(drawn.content.len());
    for row in drawn.content.chunks(width) {
        let mut x = 0;
        while x < row.len() {
            let cell = cell(&row[x], capabilities, utf8);
            match cell.glyph {
                // Half a character cannot be shown.
                Glyph::Wide(_) if x + 1 == row.len() => {
                    cells.push(Cell { look: cell.look.visible_on_blank(), ..BLANK })
                }
                Glyph::Wide(_) => {
                    cells.push(cell);
                    cells.push(Cell { glyph: Glyph::Half, mark: '\0', look: cell.look });
                    x += 1;
                }
                _ => cells.push(cell),
            }
            x += 1;
        }
    }
    cells
}

fn cell(drawn: &Drawn, capabilities: &Capabilities, utf8: bool) -> Cell {
    let mut chars = drawn.symbol().chars();
    let first = chars.next().unwrap_or(' ');
    let glyph = if utf8 { shown(first) } else { translated(first, capabilities.drawing) };
    let accent = |c: &char| {
        utf8 && c.width() == Some(0)
            && ('\u{300}'..'\u{fe00}').contains(c)
            && !matches!(*c, '\u{200b}'..='\u{206f}')
    };
    let mark = chars.next().filter(accent).unwrap_or('\0');
    let look = look(drawn, capabilities);
    let blank = glyph == Glyph::Char(' ') && mark == '\0';
    Cell { glyph, mark, look: if blank { look.visible_on_blank() } else { look } }
}

fn shown(c: char) -> Glyph {
    match c.width() {
        Some(1) => Glyph::Char(c),
        Some(2) => Glyph::Wide(c),
        _ => Glyph::Char('?'),
    }
}

/// For terminals that know ASCII and perhaps a line-drawing set.
fn translated(c: char, drawing: LineDrawing) -> Glyph {
    if (' '..='~').contains(&c) {
        return Glyph::Char(c);
    }
    if let Some((_, letter, ascii)) = LINES.iter().find(|(chars, ..)| chars.contains(c)) {
        return if drawing == LineDrawing::None {
            Glyph::Char(*ascii)
        } else {
            Glyph::Line(*letter)
        };
    }
    let like = LIKE.iter().find(|(chars, _)| chars.contains(c)).map_or('?', |(_, ascii)| *ascii);
    if c.width() == Some(2) { Glyph::Wide(like) } else { Glyph::Char(like) }
}

/// Characters, the letter of the VT100's line-drawing set, and what they are in ASCII.
const LINES: [(&str, u8, char); 17] = [
    ("─━═╌┄┈╴╶", b'q', '-'),
    ("│┃║╎┆┊╵╷", b'x', '|'),
    ("┌┏╔╭╒╓", b'l', '+'),
    ("┐┓╗╮╕╖", b'k', '+'),
    ("└┗╚╰╘╙", b'm', '+'),
    ("┘┛╝╯╛╜", b'j', '+'),
    ("├┣╠╞╟", b't', '+'),
    ("┤┫╣╡╢", b'u', '+'),
    ("┬┳╦╤╥", b'w', '+'),
    ("┴┻╩╧╨", b'v', '+'),
    ("┼╋╬╪╫", b'n', '+'),
    ("◆", b'`', '*'),
    ("▒▓░", b'a', ':'),
    ("°", b'f', 'o'),
    ("±", b'g', '#'),
    ("≤", b'y', '<'),
    ("≥", b'z', '>'),
];
const LIKE: [(&str, char); 33] = [
    ("\u{a0}", ' '),
    ("–—‐‑−", '-'),
    ("…·", '.'),
    ("•●■★▪", '*'),
    ("○", 'o'),
    ("‘’´", '\''),
    ("“”«»", '"'),
    ("█▉▊▋▌▍▎▏▇▆▅▄▃▂▁▀", '#'),
    ("→▶►▸›", '>'),
    ("←◀◄◂‹", '<'),
    ("↑▲▴", '^'),
    ("↓▼▾✓✔", 'v'),
    ("✗✘×", 'x'),
    ("ÀÁÂÃÄÅĀĂĄ", 'A'),
    ("àáâãäåāăą", 'a'),
    ("ÇĆČ", 'C'),
    ("çćč", 'c'),
    ("ÈÉÊËĒĖĘĚ", 'E'),
    ("èéêëēėęě", 'e'),
    ("ÌÍÎÏĪ", 'I'),
    ("ìíîïī", 'i'),
    ("ÑŃŇ", 'N'),
    ("ñńň", 'n'),
    ("ÒÓÔÕÖØŌŐ", 'O'),
    ("òóôõöøōő", 'o'),
    ("ŚŠ", 'S'),
    ("śšß", 's'),
    ("ÙÚÛÜŪŮŰ", 'U'),
    ("ùúûüūůű", 'u'),
    ("ÝŸ", 'Y'),
    ("ýÿ", 'y'),
    ("ŹŻŽ", 'Z'),
    ("źżž", 'z'),
];

fn look(drawn: &Drawn, capabilities: &Capabilities) -> Look {
    let has = |m: Modifier, flag: u8| if drawn.modifier.contains(m) { flag } else { 0 };
    let dim = if capabilities.dim { has(Modifier::DIM, DIM) } else { 0 };
    let underlined = if capabilities.underline { has(Modifier::UNDERLINED, UNDERLINED) } else { 0 };
    Look {
        fg: color(drawn.fg, capabilities.colors),
        bg: color(drawn.bg, capabilities.colors),
        flags: has(Modifier::BOLD, BOLD) | dim | underlined | has(Modifier::REVERSED, REVERSED),
    }
}

/// The nearest that a terminal of so many colours has.
fn color(color: Color, colors: u16) -> Option<u8> {
    let named = |n: u8| Some(if colors < 16 { n % 8 } else { n });
    if colors == 0 {
        return None;
    }
    match color {
        Color::Reset => None,
        // Black on black where there is no grey.
        Color::DarkGray if colors < 16 => None,
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
        Color::Indexed(n) if n < 16 => named(n),
        Color::Indexed(n) if colors == 256 => Some(n),
        Color::Indexed(n) => {
            let (r, g, b) = mixed(n);
            Some(primary(r, g, b))
        }
        Color::Rgb(r, g, b) if colors == 256 => {
            let step = |v: u8| {
                if v < 48 {
                    0
                } else if v < 115 {
                    1
                } else {
                    (v - 35) / 40
                }
            };
            Some(16 + 36 * step(r) + 6 * step(g) + step(b))
        }
        Color::Rgb(r, g, b) => Some(primary(r, g, b)),
    }
}

/// What colour 16 to 255 of xterm is made of.
fn mixed(n: u8) -> (u8, u8, u8) {
    if n >= 232 {
        let grey = 8 + 10 * (n - 232);
        return (grey, grey, grey);
    }
    let part = |v: u8| if v == 0 { 0 } else { 55 + 40 * v };
    let n = n.saturating_sub(16);
    (part(n / 36), part(n / 6 % 6), part(n % 6))
}

fn primary(r: u8, g: u8, b: u8) -> u8 {
    u8::from(r > 127) | u8::from(g > 127) << 1 | u8::from(b > 127) << 2
}
