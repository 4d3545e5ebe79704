//! What the terminal shows, its pen and its cursor, and the bytes that change them.
//!
//! Every change is made here, to the screen as it is remembered and to the bytes that go out, so
//! that the two cannot part. Attributes are only ever switched off all at once (`ESC [ m`): a VT100
//! has no other way.

use crossterm::cursor;
use crossterm::event::EnableBracketedPaste;
use crossterm::terminal::EnterAlternateScreen;

use crate::term::capabilities::{Capabilities, LineDrawing, ansi};
use crate::term::paint::grid::{BLANK, Cell, FLAGS, Glyph, Look};

#[derive(Clone, Debug)]
pub(super) struct Screen {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) cells: Vec<Cell>,
    pub(super) state: State,
    pub(super) out: Vec<u8>,
    capabilities: Capabilities,
}

/// Everything but the cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pen: Look,
    /// The line-drawing set is on.
    lines: bool,
    /// The terminal knows that SO means the line-drawing set.
    designated: bool,
    /// Column and row of the cursor; None: where it is depends on the terminal (the last column was
    /// written).
    pub(super) at: Option<(usize, usize)>,
    shown: Option<bool>,
}

impl Screen {
    /// An empty screen, and the bytes that make it so whatever was there.
    pub(super) fn cleared(capabilities: &Capabilities, width: usize, height: usize) -> Self {
        let state = State {
            pen: Look::default(),
            lines: false,
            designated: false,
            at: Some((0, 0)),
            shown: None,
        };
        let mut it = Self {
            width,
            height,
            cells: vec![BLANK; width * height],
            state,
            out: vec![],
            capabilities: capabilities.clone(),
        };
        if capabilities.alternate_screen {
            it.send(&ansi(EnterAlternateScreen));
        }
        if capabilities.bracketed_paste {
            it.send(&ansi(EnableBracketedPaste));
        }
        it.send(b"\x1b[m");
        match capabilities.drawing {
            LineDrawing::None => {}
            LineDrawing::Shift => it.out.push(0x0f),
            LineDrawing::Designate => it.send(b"\x1b(B"),
        }
        if capabilities.scroll_regions {
            it.send(b"\x1b[r");
        }
        it.send(b"\x1b[H\x1b[J");
        it
    }

    fn send(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn row(&self, y: usize) -> &[Cell] {
        &self.cells[y * self.width..(y + 1) * self.width]
    }

    pub(super) fn row_mut(&mut self, y: usize) -> &mut [Cell] {
        &mut self.cells[y * self.width..(y + 1) * self.width]
    }

    pub(super) fn pen(&self) -> Look {
        self.state.pen
    }

    /// Moves the cursor.
    pub(super) fn move_to(&mut self, x: usize, y: usize) {
        let way = self.path_to(x, y);
        self.send(&way);
        self.state.at = Some((x, y));
    }

    /// The cheapest way there; writing again what stands in between is one.
    fn path_to(&self, x: usize, y: usize) -> Vec<u8> {
        let direct = match (x, y) {
            _ if self.state.at == Some((x, y)) => return vec![],
            (0, 0) => b"\x1b[H".to_vec(),
            (0, _) => format!("\x1b[{}H", y + 1).into_bytes(),
            _ => format!("\x1b[{};{}H", y + 1, x + 1).into_bytes(),
        };
        let Some((from, row)) = self.state.at else { return direct };
        let vertical = self.vertically(row, y);
        let straight = self.sideways(from, x, y);
        let returning = [b"\r".as_slice(), &self.sideways(0, x, y)].concat();
        let sideways = if returning.len() < straight.len() { returning } else { straight };
        if vertical.len() + sideways.len() < direct.len() {
            [vertical, sideways].concat()
        } else {
            direct
        }
    }

    fn vertically(&self, from: usize, to: usize) -> Vec<u8> {
        let (distance, up) = (from.abs_diff(to), to < from);
        if distance == 0 {
            return vec![];
        }
        let steps = match up {
            false if self.capabilities.control_motion => Some(b"\n".repeat(distance)),
            true if self.capabilities.scroll_regions => Some(b"\x1bM".repeat(distance)),
            _ => None,
        };
        let jump = cursor_sequence(distance, if up { 'A' } else { 'B' });
        steps.filter(|s| s.len() <= jump.len()).unwrap_or(jump)
    }

    fn sideways(&self, from: usize, to: usize, y: usize) -> Vec<u8> {
        let distance = from.abs_diff(to);
        match to.cmp(&from) {
            std::cmp::Ordering::Equal => vec![],
            std::cmp::Ordering::Less => {
                let jump = cursor_sequence(distance, 'D');
                if self.capabilities.control_motion && distance <= jump.len() {
                    vec![8; distance]
                } else {
                    jump
                }
            }
            std::cmp::Ordering::Greater => {
                let jump = cursor_sequence(distance, 'C');
                let again: Option<Vec<u8>> =
                    self.row(y)[from..to].iter().map(|c| self.rewrite_byte(*c)).collect();
                again.filter(|bytes| bytes.len() <= jump.len()).unwrap_or(jump)
            }
        }
    }

    /// The byte that writes this cell with the pen and the set that are on now.
    fn rewrite_byte(&self, cell: Cell) -> Option<u8> {
        let byte = cell.byte()?;
        let set = match cell.glyph {
            Glyph::Line(_) => self.state.lines,
            // Only the small letters and what follows them are lines in the other set.
            _ => !self.state.lines || byte < 0x5f,
        };
        (set && self.pen_matches(cell)).then_some(byte)
    }

    /// Whether the pen writes this cell as it is to look.
    fn pen_matches(&self, cell: Cell) -> bool {
        let pen = if cell.glyph == BLANK.glyph && cell.mark == '\0' {
            self.state.pen.visible_on_blank()
        } else {
            self.state.pen
        };
        pen == cell.look
    }

    pub(super) fn set_pen(&mut self, look: Look) {
        let now = self.state.pen;
        if now == look {
            return;
        }
        let takes_away = now.flags & !look.flags != 0
            || (now.fg.is_some() && look.fg.is_none())
            || (now.bg.is_some() && look.bg.is_none());
        let anew = parameters(Look::default(), look);
        let mut best =
            if anew.is_empty() { "\x1b[m".to_owned() } else { format!("\x1b[0;{anew}m") };
        if !takes_away {
            let more = format!("\x1b[{}m", parameters(now, look));
            if more.len() <= best.len() {
                best = more;
            }
        }
        self.send(best.as_bytes());
        self.state.pen = look;
    }

    fn set_lines(&mut self, on: bool) {
        if on == self.state.lines {
            return;
        }
        let shift = self.capabilities.drawing == LineDrawing::Shift;
        if shift && on && !self.state.designated {
            self.send(b"\x1b)0");
            self.state.designated = true;
        }
        let bytes: &[u8] = match (shift, on) {
            (true, true) => b"\x0e",
            (true, false) => b"\x0f",
            (false, true) => b"\x1b(0",
            (false, false) => b"\x1b(B",
        };
        self.send(bytes);
        self.state.lines = on;
    }

    /// Writes a cell where it belongs.
    pub(super) fn write_cell(&mut self, x: usize, y: usize, cell: Cell) {
        if !self.pen_matches(cell) {
            // What lies in between may be written again with this pen or with the next.
            let (pen, now) = (self.state.pen, self.path_to(x, y).len());
            self.state.pen = cell.look;
            let then = self.path_to(x, y).len();
            self.state.pen = pen;
            if now <= then {
                self.move_to(x, y);
            }
            self.set_pen(cell.look);
        }
        self.move_to(x, y);
        let mut bytes = [0; 4];
        let width = match cell.glyph {
            Glyph::Line(letter) => {
                self.set_lines(true);
                self.out.push(letter);
                1
            }
            Glyph::Char(c) | Glyph::Wide(c) => {
                if self.state.lines && !(' '..'_').contains(&c) {
                    self.set_lines(false);
                }
                self.send(c.encode_utf8(&mut bytes).as_bytes());
                if cell.mark != '\0' {
                    self.send(cell.mark.encode_utf8(&mut bytes).as_bytes());
                }
                if c.is_ascii() && matches!(cell.glyph, Glyph::Wide(_)) {
                    // It stands for a wide one.
                    self.send(c.encode_utf8(&mut bytes).as_bytes());
                }
                if matches!(cell.glyph, Glyph::Wide(_)) { 2 } else { 1 }
            }
            Glyph::Half | Glyph::Unknown => return,
        };
        self.row_mut(y)[x] = cell;
        if width == 2 {
            self.row_mut(y)[x + 1] = Cell { glyph: Glyph::Half, mark: '\0', look: cell.look };
        }
        // Terminals do not agree how wide some characters are, nor where the cursor is after the
        // last column.
        let certain =
            x + width < self.width && ((width == 1 && cell.mark == '\0') || cell.byte().is_some());
        self.state.at = certain.then_some((x + width, y));
    }

    /// Empties the row from `x` on.
    pub(super) fn erase_line(&mut self, x: usize, y: usize) {
        self.set_pen(Look::default());
        self.move_to(x, y);
        self.send(b"\x1b[K");
        self.row_mut(y)[x..].fill(BLANK);
    }

    /// Empties the screen from the beginning of row `y` on.
    pub(super) fn erase_below(&mut self, y: usize) {
        self.set_pen(Look::default());
        self.move_to(0, y);
        self.send(b"\x1b[J");
        let from = y * self.width;
        self.cells[from..].fill(BLANK);
    }

    /// From now on rows `top` to `bottom` scroll; [`Screen::reset_region`] ends it.
    pub(super) fn set_region(&mut self, top: usize, bottom: usize) {
        self.set_pen(Look::default());
        self.send(format!("\x1b[{};{}r", top + 1, bottom + 1).as_bytes());
        // In the corner of the screen or of the region.
        self.state.at = None;
    }

    pub(super) fn reset_region(&mut self) {
        self.send(b"\x1b[r");
        self.state.at = Some((0, 0));
    }

    /// Moves the rows of the region up by one; an empty one comes in at its end, and the cursor is
    /// there.
    pub(super) fn scroll_up(&mut self, top: usize, bottom: usize) {
        self.set_pen(Look::default());
        if self.state.at.is_none_or(|(_, y)| y != bottom) {
            self.move_to(0, bottom);
        }
        self.send(b"\n");
        let width = self.width;
        self.cells.copy_within((top + 1) * width..(bottom + 1) * width, top * width);
        self.row_mut(bottom).fill(BLANK);
    }

    /// Moves them down by one.
    pub(super) fn scroll_down(&mut self, top: usize, bottom: usize) {
        self.set_pen(Look::default());
        if self.state.at.is_none_or(|(_, y)| y != top) {
            self.move_to(0, top);
        }
        self.send(b"\x1bM");
        let width = self.width;
        self.cells.copy_within(top * width..bottom * width, (top + 1) * width);
        self.row_mut(top).fill(BLANK);
    }

    /// Puts the cursor where it is to be seen, or hides it where that can be done.
    pub(super) fn place_cursor(&mut self, cursor: Option<(usize, usize)>) {
        if let Some((x, y)) = cursor {
            self.move_to(x.min(self.width - 1), y.min(self.height - 1));
        }
        let show = cursor.is_some();
        if self.capabilities.cursor_hiding && self.state.shown != Some(show) {
            let command = if show { ansi(cursor::Show) } else { ansi(cursor::Hide) };
            self.send(&command);
            self.state.shown = Some(show);
        }
    }
}

fn cursor_sequence(n: usize, letter: char) -> Vec<u8> {
    if n == 1 {
        format!("\x1b[{letter}").into_bytes()
    } else {
        format!("\x1b[{n}{letter}").into_bytes()
    }
}

/// What must be added to `now` to have `look`.
fn parameters(now: Look, look: Look) -> String {
    let flags = FLAGS
        .iter()
        .enumerate()
        .filter(|(n, _)| look.flags & !now.flags & (1 << n) != 0)
        .map(|(_, p)| p.to_string());
    let color = |was: Option<u8>, is: Option<u8>, base: u8| match is.filter(|_| was != is)? {
        n @ 0..8 => Some((base + n).to_string()),
        n @ 8..16 => Some((base + 60 + n - 8).to_string()),
        n => Some(format!("{};5;{n}", base + 8)),
    };
    let all: Vec<String> =
        flags.chain(color(now.fg, look.fg, 30)).chain(color(now.bg, look.bg, 40)).collect();
    all.join(";")
}
