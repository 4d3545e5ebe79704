//! Pop-ups: a frame at the bottom of the screen with a title, what to do, a body that scrolls, and
//! a legend of its own.

use ratatui::layout::Rect;

use crate::theme::Role;
use crate::tui::canvas::{Canvas, columns, scroll_markers};
use crate::tui::keys::{self, KeyNames, Legend};

/// Wider than this no line of text is pleasant to read.
const MAX_POPUP_WIDTH: u16 = 116;

/// Where the parts of a pop-up stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PopupLayout {
    pub outer: Rect,
    /// Where the body is, in columns and rows of the screen.
    pub body: Rect,
    legend: u16,
}

/// The text inside a pop-up is this wide.
pub fn inner(screen: (u16, u16)) -> u16 {
    (screen.0.saturating_sub(4)).min(MAX_POPUP_WIDTH).saturating_sub(4)
}

/// A pop-up as tall as `wanted` rows of body need, if the screen has them.
pub fn layout(
    screen: (u16, u16),
    instructions: usize,
    wanted: usize,
    legend: &Legend,
) -> PopupLayout {
    let (width, height) = screen;
    let wide = width.saturating_sub(4).min(MAX_POPUP_WIDTH);
    let legend = keys::rows(legend, wide.saturating_sub(4), keys::POPUP);
    let head = 3 + if instructions > 0 { instructions as u16 + 1 } else { 0 };
    let most = height.saturating_sub(1 + head + 1 + legend + 1);
    let body = u16::try_from(wanted).unwrap_or(u16::MAX).clamp(1, most.max(1));
    let tall = head + body + 1 + legend + 1;
    let outer = Rect::new(1, height.saturating_sub(tall), wide, tall);
    PopupLayout {
        outer,
        body: Rect::new(outer.x + 2, outer.y + head, wide.saturating_sub(4), body),
        legend: outer.y + head + body + 1,
    }
}

/// Draws frame, title, instructions (keys with their names on this terminal), markers of what
/// scrolls (`first` line of `all`) and the legend.
pub fn draw(
    c: &mut Canvas<'_>,
    place: PopupLayout,
    title: &str,
    instructions: &[&str],
    scroll: (usize, usize),
    legend: &Legend,
    key_names: KeyNames,
) {
    // Nothing of the screen below stays beside it.
    let width = c.width();
    c.fill(Rect { x: 0, width, ..place.outer }, Role::Text);
    c.draw_box(place.outer, title);
    let inside =
        Rect { x: place.outer.x + 2, width: place.outer.width.saturating_sub(4), ..place.outer };
    c.within(inside, |c| {
        let rows = Rect::new(0, 3, c.width(), instructions.len() as u16);
        let lines: Vec<String> =
            instructions.iter().map(|line| keys::with_key_names(line, key_names)).collect();
        c.draw_lines(rows, lines.iter().map(|line| (line.as_str(), Role::Instruction)));
    });
    if let Some((top, bottom)) = scroll_markers(scroll.0, usize::from(place.body.height), scroll.1)
    {
        c.draw_text(place.body.x, place.body.y - 1, &top, Role::Note);
        c.draw_text(place.body.x, place.body.bottom(), &bottom, Role::Note);
    }
    let below = Rect {
        y: place.legend,
        height: place.outer.bottom().saturating_sub(place.legend + 1),
        ..inside
    };
    c.within(below, |c| keys::draw(c, 0, legend, key_names, keys::POPUP));
}

/// The first line to show so that `line` is among the `rows` that are shown, moving as little as
/// possible.
pub fn follow(top: usize, line: usize, rows: usize, all: usize) -> usize {
    let rows = rows.max(1);
    let top = top.min(all.saturating_sub(rows));
    if line < top { line } else { top.max((line + 1).saturating_sub(rows)) }
}

/// Text in lines of at most `width` columns: broken at blanks, and within words that are longer.
/// What is indented goes on indented.
pub fn fold(text: &str, width: u16) -> Vec<String> {
    let width = usize::from(width.max(1));
    let mut out = vec![];
    for line in crate::text::printable_lines(text, false).split('\n') {
        let words = line.trim_start_matches(' ');
        let indent = (line.len() - words.len()).min(width / 2);
        let blanks = " ".repeat(indent);
        let broken = if columns(line) > width as u16 {
            crate::text::wrap(words, width, indent, indent)
        } else {
            words.to_owned()
        };
        for part in format!("{blanks}{broken}").split('\n') {
            cut(part, width, &mut out);
        }
    }
    out
}

/// One line, cut wherever it is too long.
pub fn cut(line: &str, width: usize, out: &mut Vec<String>) {
    let (mut rest, mut wide) = (String::new(), 0);
    for ch in line.chars() {
        let w = unicode_width::UnicodeWidthChar::width(ch).unwrap_or(0);
        if wide + w > width {
            out.push(std::mem::take(&mut rest));
            wide = 0;
        }
        rest.push(ch);
        wide += w;
    }
    out.push(rest);
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;

    #[test]
    fn smits_columns() {
        let legend: Legend = vec![(KeyCode::F(1).into(), "Help"); 7];
        let p = layout((80, 24), 3, 4, &legend);
        assert_eq!((p.outer.x, p.outer.width, p.outer.bottom()), (1, 76, 24));
        assert_eq!((p.body.x, p.body.width, p.body.height), (3, 72, 4));
        let p = layout((80, 24), 3, 400, &legend);
        assert_eq!((p.outer.y, p.outer.height, p.body.height), (1, 23, 11));
    }

    #[test]
    fn scrolls_no_more_than_needed() {
        assert_eq!(follow(0, 4, 5, 9), 0);
        assert_eq!(follow(0, 5, 5, 9), 1);
        assert_eq!(follow(4, 5, 5, 9), 4);
        assert_eq!(follow(4, 2, 5, 9), 2);
        assert_eq!(follow(8, 8, 5, 9), 4);
        assert_eq!(follow(3, 0, 0, 0), 0);
    }

    #[test]
    fn folds_long_words() {
        assert_eq!(fold("ab cd efghijk", 5), ["ab cd", "efghi", "jk"]);
        assert_eq!(fold("  one two three", 9), ["  one two", "  three"]);
        assert_eq!(fold("a\n\nb\x07", 9), ["a", "", "b\\x07"]);
        assert_eq!(fold("", 5), [""]);
    }
}
