//! The place where screens draw: ratatui's widgets in the roles of a theme, clipped to an area,
//! without anything that a terminal would obey.
//!
//! Columns and rows count from the area's own corner. Boxes, gauges and marks use the theme's
//! glyphs, so that a screen need not know which they are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{
    Block, Borders, Clear, HighlightSpacing, LineGauge, List, ListItem, ListState, Paragraph,
    StatefulWidget, Widget,
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::printable;
use crate::theme::{Glyphs, Highlight, Role, Theme};

/// Columns between the stops of a tab.
const TAB_WIDTH: usize = 8;
const ASCII_BORDER: border::Set<'_> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The state of a phase or a step, as a mark of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Waiting,
    Running,
    Done,
    Skipped,
    Failed,
}

/// A line of a list.
#[derive(Clone, Debug)]
pub struct ListLine {
    /// Blanks before the text.
    pub indent: usize,
    pub text: String,
    pub role: Role,
}

/// An area to draw on.
pub struct Canvas<'a> {
    pub buf: &'a mut Buffer,
    pub theme: &'a Theme,
    pub area: Rect,
    /// The position of the terminal's cursor, in columns and rows of the buffer; None: hidden.
    pub cursor: Option<(u16, u16)>,
}

impl<'a> Canvas<'a> {
    /// The whole of `buf`, in the styles of `theme`.
    pub fn new(buf: &'a mut Buffer, theme: &'a Theme) -> Self {
        let area = buf.area;
        Self { buf, theme, area, cursor: None }
    }

    /// Columns of the area.
    pub fn width(&self) -> u16 {
        self.area.width
    }

    /// Rows of the area.
    pub fn height(&self) -> u16 {
        self.area.height
    }

    /// Draws on a part of the area. The cursor moves to where that puts it.
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

    /// Draws one line; returns the columns that it took.
    pub fn draw_text(&mut self, x: u16, y: u16, text: &str, role: Role) -> u16 {
        self.draw_text_within(x, y, self.width().saturating_sub(x), text, role)
    }

    /// Draws one line in at most `max` columns.
    pub fn draw_text_within(&mut self, x: u16, y: u16, max: u16, text: &str, role: Role) -> u16 {
        let text = clean(text);
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX).min(max);
        let place = self.clipped(Rect { x, y, width, height: 1 });
        Clear.render(place, self.buf);
        Span::styled(text, self.theme.style(role)).render(place, self.buf);
        place.width
    }

    /// Draws one line in the middle.
    pub fn draw_centred(&mut self, y: u16, text: &str, role: Role) {
        let x = self.width().saturating_sub(columns(text)) / 2;
        self.draw_text(x, y, text, role);
    }

    /// Draws lines below one another.
    pub fn draw_lines<'l>(&mut self, part: Rect, lines: impl IntoIterator<Item = (&'l str, Role)>) {
        let line = |(text, role)| Line::styled(clean(text), self.theme.style(role));
        let lines: Vec<Line<'_>> =
            lines.into_iter().take(usize::from(part.height)).map(line).collect();
        Paragraph::new(lines).render(self.clipped(part), self.buf);
    }

    /// Draws lines of a list from line `top` on; `selected` is highlighted as the theme does it:
    /// its label, its row, or a `>` in column `marker`. The text begins in column `text`.
    pub fn draw_list(
        &mut self,
        part: Rect,
        (marker, text): (u16, u16),
        lines: &[ListLine],
        (top, selected): (usize, Option<usize>),
    ) {
        let highlight = self.theme.highlight;
        let selected_style = self.theme.style(Role::Selected);
        let item = |(n, line): (usize, &ListLine)| {
            let is_selected = selected == Some(n) && highlight != Highlight::Marker;
            let style = if is_selected { selected_style } else { self.theme.style(line.role) };
            let indent = Span::raw(" ".repeat(line.indent));
            ListItem::new(Line::from(vec![indent, Span::styled(clean(&line.text), style)]))
        };
        let list = List::new(lines.iter().enumerate().map(item))
            .highlight_spacing(HighlightSpacing::Always);
        let blanks = |n: u16| " ".repeat(usize::from(n));
        let (list, part) = match highlight {
            Highlight::Label => (list.highlight_symbol(blanks(text)), part),
            Highlight::Marker => {
                let symbol = Line::from(vec![
                    Span::raw(blanks(marker)),
                    Span::styled(">", selected_style),
                    Span::raw(blanks(text.saturating_sub(marker + 1))),
                ]);
                (list.highlight_symbol(symbol), part)
            }
            Highlight::Row => {
                let (x, width) = (text.saturating_sub(1), part.width.saturating_sub(text));
                let list = list.highlight_symbol(" ").highlight_style(selected_style);
                (list, Rect { x: part.x + x, width, ..part })
            }
        };
        let mut state = ListState::default().with_offset(top).with_selected(selected);
        StatefulWidget::render(list, self.clipped(part), self.buf, &mut state);
    }

    /// Blanks in the style of `role`.
    pub fn fill(&mut self, part: Rect, role: Role) {
        let part = self.clipped(part);
        Clear.render(part, self.buf);
        Block::new().style(self.theme.style(role)).render(part, self.buf);
    }

    /// Gives cells that are drawn already another style.
    pub fn restyle(&mut self, part: Rect, role: Role) {
        let part = self.clipped(part);
        self.buf.set_style(part, Style::reset().patch(self.theme.style(role)));
    }

    /// A box that is blank inside, with its title in the first line inside.
    pub fn draw_box(&mut self, part: Rect, title: &str) {
        if part.width < 2 || part.height < 2 {
            return;
        }
        self.fill(part, Role::Text);
        Block::bordered()
            .border_set(self.border_set())
            .border_style(self.theme.style(Role::Border))
            .render(self.clipped(part), self.buf);
        if !title.is_empty() {
            let inside = Rect { x: part.x + 2, width: part.width.saturating_sub(4), ..part };
            self.within(inside, |c| c.draw_centred(1, title, Role::Title));
        }
    }

    /// A vertical line between two panes.
    pub fn draw_divider(&mut self, x: u16, top: u16, bottom: u16) {
        let place = Rect { x, y: top, width: 1, height: bottom.saturating_sub(top) };
        Block::new()
            .borders(Borders::LEFT)
            .border_set(self.border_set())
            .border_style(self.theme.style(Role::Border))
            .render(self.clipped(place), self.buf);
    }

    fn border_set(&self) -> border::Set<'static> {
        match self.theme.glyphs {
            Glyphs::Ascii => ASCII_BORDER,
            Glyphs::Line | Glyphs::Unicode => border::PLAIN,
        }
    }

    /// A gauge of `width` columns, `percent` of it full: `[####....]`.
    pub fn draw_gauge(&mut self, x: u16, y: u16, width: u16, percent: u64) {
        let (filled, empty) = match self.theme.glyphs {
            Glyphs::Unicode => ("\u{2588}", "\u{2591}"),
            Glyphs::Line | Glyphs::Ascii => ("#", "."),
        };
        // An empty label leaves one column free, which is the one of the bracket.
        let place = Rect { x, y, width: width.saturating_sub(1), height: 1 };
        LineGauge::default()
            .label("")
            .filled_symbol(filled)
            .unfilled_symbol(empty)
            .filled_style(self.theme.style(Role::Running))
            .unfilled_style(self.theme.style(Role::Note))
            .ratio(percent.min(100) as f64 / 100.0)
            .render(self.clipped(place), self.buf);
        self.draw_text(x, y, "[", Role::Border);
        self.draw_text(x + width.saturating_sub(1), y, "]", Role::Border);
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

    /// Draws the line under the cursor, highlighted as the theme does it: its label, its row, or a `>`
    /// in column `marker`. The text begins in column `x`.
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

    /// Puts the terminal's cursor here.
    pub fn place_cursor(&mut self, x: u16, y: u16) {
        if x < self.width() && y < self.height() {
            self.cursor = Some((self.area.x + x, self.area.y + y));
        }
    }

    /// The part as an area of the buffer; what lies outside is cut off.
    fn clipped(&self, part: Rect) -> Rect {
        let x = self.area.x.saturating_add(part.x);
        let y = self.area.y.saturating_add(part.y);
        Rect { x, y, ..part }.intersection(self.area).intersection(self.buf.area)
    }
}

/// How many columns a text takes.
pub fn columns(text: &str) -> u16 {
    u16::try_from(clean(text).width()).unwrap_or(u16::MAX)
}

/// The text with nothing in it that a terminal would obey, and with blanks in place of tabs.
fn clean(text: &str) -> String {
    expand_tabs(&printable(text, false))
}

/// The text with blanks in place of tabs.
pub fn expand_tabs(text: &str) -> String {
    if !text.contains('\t') {
        return text.to_owned();
    }
    let (mut expanded, mut column) = (String::with_capacity(text.len() + TAB_WIDTH), 0);
    for c in text.chars() {
        if c == '\t' {
            let stop = (column / TAB_WIDTH + 1) * TAB_WIDTH;
            expanded.extend(std::iter::repeat_n(' ', stop - column));
            column = stop;
        } else {
            expanded.push(c);
            column += c.width().unwrap_or(0);
        }
    }
    expanded
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
