//! Where screens draw: text in the roles of a theme, clipped to an area, with nothing in it that a
//! terminal would obey.
//!
//! Columns and rows count from the area's own corner. What does not fit is cut; a wide character
//! that would be cut in half becomes a blank. Frames, bars and marks come in the theme's glyphs, so
//! that a screen never asks which they are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::printable;
use crate::theme::{Glyphs, Highlight, Role, Theme};

/// Where a tab goes to.
const TAB: u16 = 8;

/// How a phase or a step stands, as a mark of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Waiting,
    Running,
    Done,
    Skipped,
    Failed,
}

/// An area to draw on.
pub struct Canvas<'a> {
    pub buf: &'a mut Buffer,
    pub theme: &'a Theme,
    pub area: Rect,
    /// Where the terminal's cursor is to stand, in columns and rows of the buffer; hidden if None.
    pub cursor: Option<(u16, u16)>,
}

impl<'a> Canvas<'a> {
    pub fn new(buf: &'a mut Buffer, theme: &'a Theme) -> Self {
        let area = buf.area;
        Self { buf, theme, area, cursor: None }
    }

    pub fn width(&self) -> u16 {
        self.area.width
    }

    pub fn height(&self) -> u16 {
        self.area.height
    }

    /// Draws on a part of the area; where that puts the cursor counts.
    pub fn within(&mut self, part: Rect, draw: impl FnOnce(&mut Canvas<'_>)) {
        let moved = Rect {
            x: self.area.x.saturating_add(part.x),
            y: self.area.y.saturating_add(part.y),
            ..part
        };
        let mut inner = Canvas {
            buf: &mut *self.buf,
            theme: self.theme,
            area: moved.intersection(self.area),
            cursor: None,
        };
        draw(&mut inner);
        let cursor = inner.cursor;
        self.cursor = cursor.or(self.cursor);
    }

    /// Writes one line; returns the columns that it took.
    pub fn draw_text(&mut self, x: u16, y: u16, text: &str, role: Role) -> u16 {
        self.draw_text_within(x, y, self.width().saturating_sub(x), text, role)
    }

    /// Writes one line that may be at most `most` columns wide.
    pub fn draw_text_within(&mut self, x: u16, y: u16, most: u16, text: &str, role: Role) -> u16 {
        let style = self.theme.style(role);
        let clean = printable(text, false);
        let end = x.saturating_add(most).min(self.width());
        let mut at = x;
        for c in clean.chars() {
            let wide = u16::try_from(c.width().unwrap_or(0)).unwrap_or(0);
            match (c, wide) {
                ('\t', _) => {
                    let stop = (x + ((at - x) / TAB + 1) * TAB).min(end);
                    while at < stop {
                        self.cell(at, y, ' ', style);
                        at += 1;
                    }
                }
                (_, 0) if at > x => self.combine(at - 1, y, c),
                (_, 0) => {}
                (_, wide) if at + wide > end => {
                    while at < end {
                        self.cell(at, y, ' ', style);
                        at += 1;
                    }
                    break;
                }
                _ => {
                    self.cell(at, y, c, style);
                    for beside in 1..wide {
                        // The second half belongs to the character before it, whatever stood there.
                        self.cell(at + beside, y, ' ', style);
                    }
                    at += wide;
                }
            }
        }
        at.saturating_sub(x)
    }

    /// Writes one line in the middle.
    pub fn draw_centred(&mut self, y: u16, text: &str, role: Role) {
        let wide = columns(text);
        self.draw_text(self.width().saturating_sub(wide) / 2, y, text, role);
    }

    /// Blanks in the look of `role`.
    pub fn fill(&mut self, part: Rect, role: Role) {
        let style = self.theme.style(role);
        for y in part.top()..part.bottom().min(self.height()) {
            for x in part.left()..part.right().min(self.width()) {
                self.cell(x, y, ' ', style);
            }
        }
    }

    /// Gives cells that are drawn already another look.
    pub fn restyle(&mut self, part: Rect, role: Role) {
        let style = self.theme.style(role);
        for y in part.top()..part.bottom().min(self.height()) {
            for x in part.left()..part.right().min(self.width()) {
                if let Some(cell) = self.buf.cell_mut((self.area.x + x, self.area.y + y)) {
                    let symbol = cell.symbol().to_owned();
                    cell.reset();
                    cell.set_symbol(&symbol).set_style(style);
                }
            }
        }
    }

    /// A box with a blank inside and its title in the first line inside, or none.
    pub fn draw_box(&mut self, part: Rect, title: &str) {
        if part.width < 2 || part.height < 2 {
            return;
        }
        self.fill(part, Role::Text);
        let [corner, horizontal, vertical] = match self.theme.glyphs {
            Glyphs::Ascii => ["++++", "-", "|"],
            Glyphs::Line | Glyphs::Unicode => {
                ["\u{250c}\u{2510}\u{2514}\u{2518}", "\u{2500}", "\u{2502}"]
            }
        };
        let corner: Vec<String> = corner.chars().map(String::from).collect();
        let (right, bottom) = (part.right() - 1, part.bottom() - 1);
        let edge = horizontal.repeat(usize::from(part.width) - 2);
        self.draw_text(part.x, part.y, &format!("{}{edge}{}", corner[0], corner[1]), Role::Border);
        self.draw_text(part.x, bottom, &format!("{}{edge}{}", corner[2], corner[3]), Role::Border);
        for y in part.y + 1..bottom {
            self.draw_text(part.x, y, vertical, Role::Border);
            self.draw_text(right, y, vertical, Role::Border);
        }
        if !title.is_empty() {
            let inside = Rect { x: part.x + 2, width: part.width.saturating_sub(4), ..part };
            self.within(inside, |c| c.draw_centred(1, title, Role::Title));
        }
    }

    /// A vertical line that parts two panes.
    pub fn draw_divider(&mut self, x: u16, top: u16, bottom: u16) {
        let line = if self.theme.glyphs == Glyphs::Ascii { "|" } else { "\u{2502}" };
        for y in top..bottom {
            self.draw_text(x, y, line, Role::Border);
        }
    }

    /// A bar of `width` columns, `percent` of it full: `[####....]`.
    pub fn draw_gauge(&mut self, x: u16, y: u16, width: u16, percent: u64) {
        let inside = width.saturating_sub(2);
        let full = usize::from(inside) * usize::try_from(percent.min(100)).unwrap_or(100) / 100;
        let (filled, empty) = match self.theme.glyphs {
            Glyphs::Unicode => ("\u{2588}", "\u{2591}"),
            Glyphs::Line | Glyphs::Ascii => ("#", "."),
        };
        self.draw_text(x, y, "[", Role::Border);
        let took = self.draw_text(x + 1, y, &filled.repeat(full), Role::Running);
        self.draw_text(x + 1 + took, y, &empty.repeat(usize::from(inside) - full), Role::Note);
        self.draw_text(x + 1 + inside, y, "]", Role::Border);
    }

    /// The mark for a state: a glyph, and the role that goes with it.
    pub fn mark(&self, mark: Mark) -> (&'static str, Role) {
        let unicode = self.theme.glyphs == Glyphs::Unicode;
        match mark {
            Mark::Waiting => (if unicode { "\u{b7}" } else { "." }, Role::Note),
            Mark::Running => (if unicode { "\u{25b6}" } else { ">" }, Role::Running),
            Mark::Done => (if unicode { "\u{2713}" } else { "*" }, Role::Ok),
            Mark::Skipped => ("-", Role::Note),
            Mark::Failed => (if unicode { "\u{2717}" } else { "X" }, Role::Error),
        }
    }

    /// The line that the cursor is on, told apart as the theme wants it: the label, the row, or a
    /// `>` in column `marker`. `x` is where the text begins.
    pub fn draw_selected(&mut self, marker: u16, x: u16, y: u16, text: &str, role: Role) {
        match self.theme.highlight {
            Highlight::Marker => {
                self.draw_text(x, y, text, role);
                self.draw_text(marker, y, ">", Role::Selected);
            }
            Highlight::Label => {
                self.draw_text(x, y, text, Role::Selected);
            }
            Highlight::Row => {
                let row = Rect {
                    x: x.saturating_sub(1),
                    y,
                    width: self.width().saturating_sub(x.saturating_sub(1) + 1),
                    height: 1,
                };
                self.fill(row, Role::Selected);
                self.draw_text(x, y, text, Role::Selected);
            }
        }
    }

    /// Lets the terminal's cursor stand here.
    pub fn place_cursor(&mut self, x: u16, y: u16) {
        if x < self.width() && y < self.height() {
            self.cursor = Some((self.area.x + x, self.area.y + y));
        }
    }

    fn cell(&mut self, x: u16, y: u16, c: char, style: Style) {
        if x >= self.width() || y >= self.height() {
            return;
        }
        if let Some(cell) = self.buf.cell_mut((self.area.x + x, self.area.y + y)) {
            cell.reset();
            cell.set_char(c).set_style(style);
        }
    }

    fn combine(&mut self, x: u16, y: u16, c: char) {
        if x >= self.width() || y >= self.height() {
            return;
        }
        if let Some(cell) = self.buf.cell_mut((self.area.x + x, self.area.y + y)) {
            let mut symbol = cell.symbol().to_owned();
            symbol.push(c);
            cell.set_symbol(&symbol);
        }
    }
}

/// How many columns a text takes on a canvas (without tabs).
pub fn columns(text: &str) -> u16 {
    u16::try_from(printable(text, false).width()).unwrap_or(u16::MAX)
}

/// What stands at the two ends of something that scrolls: `[TOP]` or `[MORE...n]` above,
/// `[MORE...n]` or `[BOTTOM]` below; nothing if all of it fits. `first` is the first line that is
/// shown, of `all`, `rows` of them.
pub fn scroll_markers(first: usize, rows: usize, all: usize) -> Option<(String, String)> {
    if all <= rows {
        return None;
    }
    let (above, below) = (first, all.saturating_sub(first + rows));
    let top = if above == 0 { "[TOP]".to_owned() } else { format!("[MORE...{above}]") };
    let bottom = if below == 0 { "[BOTTOM]".to_owned() } else { format!("[MORE...{below}]") };
    Some((top, bottom))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: u16, height: u16, draw: impl FnOnce(&mut Canvas<'_>)) -> Vec<String> {
        let (mut buf, theme) = (Buffer::empty(Rect::new(0, 0, width, height)), Theme::mono());
        draw(&mut Canvas::new(&mut buf, &theme));
        buf.content()
            .chunks(usize::from(width))
            .map(|row| row.iter().map(|c| c.symbol()).collect::<String>())
            .collect()
    }

    #[test]
    fn clips_and_cleans() {
        assert_eq!(
            drawn(6, 1, |c| assert_eq!(c.draw_text(2, 0, "abcdef", Role::Text), 4)),
            ["  abcd"]
        );
        assert_eq!(drawn(8, 1, |c| _ = c.draw_text(0, 0, "a\x1b[m", Role::Text)), ["a\\x1b[m "]);
        assert_eq!(drawn(12, 1, |c| _ = c.draw_text(1, 0, "a\tb", Role::Text)), [" a       b  "]);
        assert_eq!(drawn(4, 1, |c| _ = c.draw_text(9, 7, "x", Role::Text)), ["    "]);
        assert_eq!(
            drawn(4, 1, |c| _ = c.draw_text(0, 0, "e\u{301}x", Role::Text)),
            ["e\u{301}x  "]
        );
    }

    #[test]
    fn wide_characters_are_whole_or_not_there() {
        let row =
            &drawn(5, 1, |c| _ = c.draw_text(0, 0, "\u{4e00}\u{4e01}\u{4e02}", Role::Text))[0];
        assert_eq!(row, "\u{4e00} \u{4e01}  ");
    }

    #[test]
    fn frames_and_parts() {
        let rows = drawn(12, 4, |c| {
            c.draw_box(Rect::new(1, 0, 10, 4), "Hi");
            c.within(Rect::new(3, 2, 20, 1), |c| {
                assert_eq!(c.width(), 9);
                c.draw_text(0, 0, "in", Role::Text);
                c.place_cursor(2, 0);
            });
            assert_eq!(c.cursor, Some((5, 2)));
        });
        assert_eq!(rows, [" +--------+ ", " |   Hi   | ", " | in     | ", " +--------+ "]);
    }

    #[test]
    fn markers() {
        assert_eq!(scroll_markers(0, 5, 5), None);
        assert_eq!(scroll_markers(0, 5, 9), Some(("[TOP]".into(), "[MORE...4]".into())));
        assert_eq!(scroll_markers(3, 5, 9), Some(("[MORE...3]".into(), "[MORE...1]".into())));
        assert_eq!(scroll_markers(4, 5, 9), Some(("[MORE...4]".into(), "[BOTTOM]".into())));
    }

    #[test]
    fn bars() {
        assert_eq!(drawn(12, 1, |c| c.draw_gauge(0, 0, 12, 42)), ["[####......]"]);
        assert_eq!(drawn(6, 1, |c| c.draw_gauge(0, 0, 6, 900)), ["[####]"]);
    }
}
