//! A terminal that is stricter than real ones: for tests of what is sent to terminals.
//!
//! It shows text, looks, the line-drawing set, regions and the second screen as the terminal of
//! that `TERM` does: a VT100 has no way to switch one attribute off, nor colours, nor a hidden
//! cursor. What it does not know, or what terminals do not agree about, is noted in `complaints`.
//! Used by the painter's own tests and by the tests that run altdisk on a pty.

/// One cell: its character and how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// NUL: the right half of a wide character.
    pub text: char,
    pub mark: char,
    pub look: Look,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    pub fg: Option<u8>,
    pub bg: Option<u8>,
    pub bold: bool,
    pub dim: bool,
    pub underlined: bool,
    pub blinking: bool,
    pub reversed: bool,
}

const BLANK: Cell = Cell {
    text: ' ',
    mark: '\0',
    look: Look {
        fg: None,
        bg: None,
        bold: false,
        dim: false,
        underlined: false,
        blinking: false,
        reversed: false,
    },
};

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Ground,
    Esc,
    Csi(String),
    /// After `ESC (` or `ESC )`.
    Set(char),
    Osc,
}

/// The terminal.
#[derive(Clone, Debug)]
pub struct Emulator {
    pub columns: usize,
    pub rows: usize,
    pub cells: Vec<Cell>,
    /// Column and row.
    pub cursor: (usize, usize),
    pub visible: bool,
    pub alternate: bool,
    pub complaints: Vec<String>,
    /// After a resize, until the whole screen is cleared: what arrives was drawn for the old size,
    /// and may touch the new corner.
    pub resized: bool,
    look: Look,
    other: Vec<Cell>,
    saved: (usize, usize),
    region: (usize, usize),
    /// G0 and G1 are line-drawing sets.
    drawing: [bool; 2],
    shifted: bool,
    /// The last column was written; the next character goes to the next row.
    pending: bool,
    state: State,
    partial: Vec<u8>,
    old: bool,
    utf8: bool,
    colors: bool,
    /// It knows bracketed paste and synchronised updates.
    newer: bool,
    /// Bracketed paste is on.
    pub marks_pastes: bool,
}

impl Emulator {
    pub fn new(columns: usize, rows: usize, term: &str, utf8: bool) -> Self {
        let old = term.starts_with("vt1");
        let cells = vec![BLANK; columns * rows];
        Self {
            columns,
            rows,
            other: cells.clone(),
            cells,
            cursor: (0, 0),
            visible: true,
            alternate: false,
            complaints: vec![],
            resized: false,
            look: Look::default(),
            saved: (0, 0),
            region: (0, rows - 1),
            drawing: [false, false],
            shifted: false,
            pending: false,
            state: State::Ground,
            partial: vec![],
            old,
            utf8,
            colors: !old && !term.starts_with("vt2"),
            newer: ["xterm", "tmux", "foot", "kitty"].iter().any(|name| term.starts_with(name)),
            marks_pastes: false,
        }
    }

    /// The text of a row, blanks at its end cut off.
    pub fn row(&self, y: usize) -> String {
        let row = &self.cells[y * self.columns..(y + 1) * self.columns];
        let text: String =
            row.iter().flat_map(|c| [c.text, c.mark]).filter(|c| *c != '\0').collect();
        text.trim_end().to_owned()
    }

    /// All rows, with a line feed after each.
    pub fn text(&self) -> String {
        (0..self.rows).map(|y| self.row(y) + "\n").collect()
    }

    pub fn cell(&self, x: usize, y: usize) -> Cell {
        self.cells[y * self.columns + x]
    }

    pub fn resize(&mut self, columns: usize, rows: usize) {
        let old = self.clone();
        let put = |from: &[Cell]| {
            let at = |x, y| {
                if x < old.columns && y < old.rows { from[y * old.columns + x] } else { BLANK }
            };
            (0..rows)
                .flat_map(|y| (0..columns).map(move |x| (x, y)))
                .map(|(x, y)| at(x, y))
                .collect()
        };
        (self.cells, self.other) = (put(&old.cells), put(&old.other));
        (self.columns, self.rows, self.region) = (columns, rows, (0, rows - 1));
        self.cursor = (self.cursor.0.min(columns - 1), self.cursor.1.min(rows - 1));
        self.resized = true;
    }

    /// Whether characters are written as they are: neither shifted nor reversed, and the whole
    /// screen scrolls.
    pub fn restored(&self) -> bool {
        let set = self.drawing[usize::from(self.shifted)];
        !set && self.look == Look::default()
            && self.region == (0, self.rows - 1)
            && self.visible
            && !self.alternate
            && !self.marks_pastes
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.byte(*b);
        }
    }

    fn complain(&mut self, what: String) {
        if self.complaints.len() < 20 {
            self.complaints.push(what);
        }
    }

    fn byte(&mut self, b: u8) {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground if b < 0x20 || b == 0x7f => self.control(b),
            State::Ground if b < 0x80 && self.partial.is_empty() => self.character(char::from(b)),
            State::Ground if self.utf8 => {
                self.partial.push(b);
                match std::str::from_utf8(&self.partial).ok().and_then(|s| s.chars().next()) {
                    Some(c) => {
                        self.partial.clear();
                        self.character(c);
                    }
                    None if self.partial.len() > 3 => {
                        let bytes = std::mem::take(&mut self.partial);
                        self.complain(format!("no UTF-8: {bytes:x?}"));
                    }
                    None => {}
                }
            }
            State::Ground => self.complain(format!("byte {b:#x}")),
            State::Esc => self.escape(b),
            State::Csi(mut text) => match b {
                0x20..=0x3f => {
                    text.push(char::from(b));
                    self.state = State::Csi(text);
                }
                0x40..=0x7e => self.sequence(&text, char::from(b)),
                _ => self.complain(format!("byte {b:#x} in a sequence")),
            },
            State::Set(which) => self.drawing[usize::from(which == ')')] = b == b'0',
            State::Osc if b == 7 => {}
            State::Osc if b == 0x1b => self.state = State::Esc,
            State::Osc => self.state = State::Osc,
        }
    }

    fn control(&mut self, b: u8) {
        match b {
            0x1b => self.state = State::Esc,
            b'\r' => (self.cursor.0, self.pending) = (0, false),
            b'\n' => {
                self.relative("LF");
                self.down();
            }
            8 => {
                self.relative("BS");
                self.cursor.0 = self.cursor.0.saturating_sub(1);
            }
            9 => self.cursor.0 = ((self.cursor.0 / 8 + 1) * 8).min(self.columns - 1),
            0x0e => self.shifted = true,
            0x0f => self.shifted = false,
            0 | 7 => {}
            _ => self.complain(format!("control {b:#x}")),
        }
    }

    /// Terminals do not agree where the cursor is after the last column was written.
    fn relative(&mut self, what: &str) {
        if std::mem::take(&mut self.pending) && what != "LF" {
            self.complain(format!("{what} after the last column"));
        }
    }

    fn down(&mut self) {
        if self.cursor.1 == self.region.1 {
            self.scroll(true, self.region.0, 1);
        } else {
            self.cursor.1 = (self.cursor.1 + 1).min(self.rows - 1);
        }
    }

    fn empty(&self) -> Cell {
        Cell { look: Look { bg: self.look.bg, ..Look::default() }, ..BLANK }
    }

    fn scroll(&mut self, up: bool, top: usize, n: usize) {
        let (w, from, to) = (self.columns, top * self.columns, (self.region.1 + 1) * self.columns);
        let n = (n * w).min(to - from);
        let empty = self.empty();
        if up {
            self.cells.copy_within(from + n..to, from);
            self.cells[to - n..to].fill(empty);
        } else {
            self.cells.copy_within(from..to - n, from + n);
            self.cells[from..from + n].fill(empty);
        }
    }

    fn character(&mut self, c: char) {
        let wide = is_wide(c);
        if is_mark(c) {
            let at = self.cursor.1 * self.columns + self.cursor.0 + usize::from(self.pending);
            if let Some(cell) = self.cells.get_mut(at.saturating_sub(1)) {
                cell.mark = c;
            }
            return;
        }
        if std::mem::take(&mut self.pending) {
            self.cursor.0 = 0;
            self.down();
        }
        let (x, y) = self.cursor;
        if x + 1 == self.columns
            && y + 1 == self.rows
            && self.region.1 == y
            && c != ' '
            && !self.resized
        {
            self.complain("the bottom-right cell was written".into());
        }
        let text = if self.drawing[usize::from(self.shifted)] { line(c) } else { c };
        let at = y * self.columns + x;
        self.tear(at);
        self.cells[at] = Cell { text, mark: '\0', look: self.look };
        if wide && x + 1 < self.columns {
            self.tear(at + 1);
            self.cells[at + 1] = Cell { text: '\0', mark: '\0', look: self.look };
        }
        let next = x + if wide { 2 } else { 1 };
        self.pending = next >= self.columns;
        self.cursor.0 = next.min(self.columns - 1);
    }

    /// What is left of a wide character when one of its halves is overwritten.
    fn tear(&mut self, at: usize) {
        if self.cells[at].text == '\0' && at > 0 {
            self.cells[at - 1] = BLANK;
        }
        if at + 1 < self.cells.len() && self.cells[at + 1].text == '\0' {
            self.cells[at + 1] = BLANK;
        }
    }

    fn escape(&mut self, b: u8) {
        match b {
            b'[' => self.state = State::Csi(String::new()),
            b']' => self.state = State::Osc,
            b'(' | b')' => self.state = State::Set(char::from(b)),
            b'M' if self.cursor.1 == self.region.0 => self.scroll(false, self.region.0, 1),
            b'M' => {
                self.relative("ESC M");
                self.cursor.1 = self.cursor.1.saturating_sub(1);
            }
            b'7' => self.saved = self.cursor,
            b'8' => self.cursor = self.saved,
            b'=' | b'>' | b'\\' => {}
            _ => self.complain(format!("ESC {}", char::from(b))),
        }
    }

    fn sequence(&mut self, text: &str, last: char) {
        if let Some(mode) = text.strip_prefix('?') {
            return self.mode(mode, last);
        }
        let Ok(given) = text
            .split(';')
            .map(|p| if p.is_empty() { Ok(0) } else { p.parse::<usize>() })
            .collect::<Result<Vec<_>, _>>()
        else {
            return self.complain(format!("CSI {text}{last}"));
        };
        let n = given.first().copied().unwrap_or(0);
        let (count, (x, y)) = (n.max(1), self.cursor);
        if matches!(last, 'A'..='D') {
            self.relative("motion");
        }
        let (start, here, end) = (y * self.columns, y * self.columns + x, (y + 1) * self.columns);
        let empty = self.empty();
        if last == 'J' && (n == 2 || (n == 0 && here == 0)) {
            self.resized = false;
        }
        match last {
            'A' => {
                self.cursor.1 =
                    y.saturating_sub(count).max(if y >= self.region.0 { self.region.0 } else { 0 })
            }
            'B' => {
                self.cursor.1 =
                    (y + count).min(if y <= self.region.1 { self.region.1 } else { self.rows - 1 })
            }
            'C' => self.cursor.0 = (x + count).min(self.columns - 1),
            'D' => self.cursor.0 = x.saturating_sub(count),
            'G' => self.cursor.0 = (count - 1).min(self.columns - 1),
            'd' => self.cursor.1 = (count - 1).min(self.rows - 1),
            'H' | 'f' => {
                let column = given.get(1).copied().unwrap_or(0).max(1);
                self.cursor = ((column - 1).min(self.columns - 1), (count - 1).min(self.rows - 1));
                self.pending = false;
            }
            'J' if n == 0 => self.cells[here..].fill(empty),
            'J' if n == 1 => self.cells[..=here].fill(empty),
            'J' => self.cells.fill(empty),
            'K' => {
                let range = match n {
                    0 => here..end,
                    1 => start..here + 1,
                    _ => start..end,
                };
                self.tear(range.start);
                self.cells[range].fill(empty);
            }
            'X' => self.cells[here..(here + count).min(end)].fill(empty),
            'P' => {
                let count = count.min(end - here);
                self.cells.copy_within(here + count..end, here);
                self.cells[end - count..end].fill(empty);
            }
            '@' => {
                let count = count.min(end - here);
                self.cells.copy_within(here..end - count, here + count);
                self.cells[here..here + count].fill(empty);
            }
            'L' => self.scroll(false, y, count),
            'M' => self.scroll(true, y, count),
            'r' => {
                let bottom = given.get(1).copied().filter(|b| *b > 0).unwrap_or(self.rows);
                self.region = (count - 1, bottom.min(self.rows) - 1);
                (self.cursor, self.pending) = ((0, 0), false);
            }
            'm' => self.attributes(&given),
            'h' | 'l' | 'c' | 'n' | 't' => {}
            _ => self.complain(format!("CSI {text}{last}")),
        }
    }

    fn mode(&mut self, mode: &str, last: char) {
        let on = last == 'h';
        match mode {
            "25" if !self.old => self.visible = on,
            "1049" | "47" | "1047" if self.colors => {
                if on != self.alternate {
                    std::mem::swap(&mut self.cells, &mut self.other);
                    (self.cursor, self.saved) =
                        (if on { self.cursor } else { self.saved }, self.cursor);
                    self.alternate = on;
                    if on {
                        self.cells.fill(BLANK);
                    }
                }
            }
            "2004" if self.newer => self.marks_pastes = on,
            "2026" if self.newer => {}
            "1" | "7" | "12" | "1000" | "1002" | "1006" => {}
            _ => self.complain(format!("CSI ?{mode}{last}")),
        }
    }

    fn attributes(&mut self, given: &[usize]) {
        let mut it = given.iter();
        while let Some(n) = it.next() {
            let look = &mut self.look;
            match *n {
                0 => *look = Look::default(),
                1 => look.bold = true,
                2 if !self.old => look.dim = true,
                4 => look.underlined = true,
                5 => look.blinking = true,
                7 => look.reversed = true,
                22 if !self.old => (look.bold, look.dim) = (false, false),
                24 if !self.old => look.underlined = false,
                25 if !self.old => look.blinking = false,
                27 if !self.old => look.reversed = false,
                n @ 30..=37 if self.colors => look.fg = u8::try_from(n - 30).ok(),
                n @ 40..=47 if self.colors => look.bg = u8::try_from(n - 40).ok(),
                n @ 90..=97 if self.colors => look.fg = u8::try_from(n - 82).ok(),
                n @ 100..=107 if self.colors => look.bg = u8::try_from(n - 92).ok(),
                39 if self.colors => look.fg = None,
                49 if self.colors => look.bg = None,
                n @ (38 | 48) if self.colors && it.next() == Some(&5) => {
                    let color = it.next().and_then(|c| u8::try_from(*c).ok());
                    if n == 38 { self.look.fg = color } else { self.look.bg = color }
                }
                n => self.complain(format!("SGR {n}")),
            }
        }
    }
}

fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0x1f300..=0x1faff | 0x20000..=0x3fffd)
}

fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f)
}

/// What a letter of the VT100's line-drawing set shows.
fn line(c: char) -> char {
    match c {
        'q' => '─',
        'x' => '│',
        'l' => '┌',
        'k' => '┐',
        'm' => '└',
        'j' => '┘',
        't' => '├',
        'u' => '┤',
        'w' => '┬',
        'v' => '┴',
        'n' => '┼',
        '`' => '◆',
        'a' => '▒',
        'f' => '°',
        'g' => '±',
        'y' => '≤',
        'z' => '≥',
        other => other,
    }
}
