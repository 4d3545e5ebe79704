//! Draws a form:
//!
//!     * Target Disk(s) to install                          [vdb]                   +
//!
//! A value that is too long scrolls, with `<` and `>` in place of the brackets.

use crate::menu::command;
use crate::menu::model::{Field, Kind, Required};
use crate::theme::{Highlight, Role};
use crate::tui::canvas::{Canvas, columns, scroll_markers};
use crate::tui::keys::{self, KeyNames};
use crate::tui::screens::form::Form;
use crate::tui::screens::form_rows::{Area, FIRST, Row, area, hidden, indent, rows};

impl Form {
    /// Draws the form; `focused`: nothing is on top of it.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames, focused: bool) {
        c.draw_centred(0, &self.dialog.title, Role::Title);
        let what = if self.selector.is_some() {
            "Type or select a value for the entry field."
        } else {
            "Type or select values in entry fields."
        };
        c.draw_text(0, 2, what, Role::Instruction);
        c.draw_text(0, 3, "Press Enter AFTER making all desired changes.", Role::Instruction);
        let area = area((c.width(), c.height()), self);
        let rows = rows(self, &area);
        let shown = usize::from(area.shown(rows.len()));
        c.draw_text(area.bracket + 3, FIRST - 1, "[Entry Fields]", Role::Heading);
        for (y, row) in rows.iter().skip(self.top).take(shown).enumerate() {
            self.row(c, FIRST + y as u16, row, &area, focused);
        }
        if let Some((above, under)) = scroll_markers(self.top, shown, rows.len()) {
            c.draw_text(0, FIRST - 1, &above, Role::Note);
            c.draw_text(0, FIRST + shown as u16, &under, Role::Note);
        }
        if area.preview {
            let line = command::build_line(&self.dialog, &self.values, &self.context).shown();
            let took = c.draw_text(0, area.legend.saturating_sub(2), "Command: ", Role::Label);
            let room = c.width().saturating_sub(took + 1);
            c.draw_text(
                took,
                area.legend.saturating_sub(2),
                &shortened(&line, room),
                Role::Command,
            );
        }
        if let Some(hint) = &self.hint {
            c.draw_text(
                0,
                area.legend.saturating_sub(1),
                &keys::with_key_names(hint, key_names),
                Role::Warning,
            );
        }
        if focused {
            keys::draw(c, area.legend, &self.legend(), key_names, keys::WIDE);
        }
    }

    fn row(&self, c: &mut Canvas<'_>, y: u16, row: &Row, area: &Area, focused: bool) {
        let field = &self.dialog.fields[row.field];
        let x = indent(field);
        if field.kind == Kind::Heading {
            c.draw_text(x, y, &row.label, Role::Heading);
            return;
        }
        let here = row.field == self.at;
        if row.first && field.required == Required::Filled {
            c.draw_text(0, y, "*", Role::Mark);
        }
        match (here, c.theme.highlight) {
            (false, _) => _ = c.draw_text(x, y, &row.label, Role::Label),
            (true, Highlight::Marker) if !row.first => {
                _ = c.draw_text(x, y, &row.label, Role::Label)
            }
            (true, _) => self.selected(c, y, row, x, area),
        }
        if row.last {
            self.value(c, y, row.field, field, area, here && focused);
            c.draw_text(area.marks, y, marks(field), Role::Mark);
        }
    }

    /// Under [`Highlight::Row`] the look reaches to the value, which must stay legible.
    fn selected(&self, c: &mut Canvas<'_>, y: u16, row: &Row, x: u16, area: &Area) {
        let part =
            ratatui::layout::Rect { x: 0, y, width: area.bracket.saturating_sub(1), height: 1 };
        c.within(part, |c| c.draw_selected(1, x, 0, &row.label, Role::Label));
        if c.theme.highlight == Highlight::Row
            && row.first
            && self.dialog.fields[row.field].required == Required::Filled
        {
            c.draw_text(0, y, "*", Role::Mark);
        }
    }

    fn value(&self, c: &mut Canvas<'_>, y: u16, n: usize, field: &Field, area: &Area, here: bool) {
        let room = area.room();
        let typeable = Self::typeable(field);
        let text = if field.kind == Kind::Password {
            hidden(self.values.get(n))
        } else {
            self.values.get(n)
        };
        let text = crate::text::printable(text, false);
        let cursor = if here && typeable { Some(self.cursor(field)) } else { None };
        let seen = window(&text, cursor, room);
        c.draw_text(area.bracket + 1, y, &seen.text, Role::Value);
        let (open, close) = if typeable { ("[", "]") } else { (" ", " ") };
        let left = if seen.before { "<" } else { open };
        if left != " " {
            c.draw_text(area.bracket, y, left, Role::Mark);
        }
        let end = area.bracket + 1 + columns(&seen.text);
        if seen.after {
            c.draw_text(area.bracket + 1 + room, y, ">", Role::Mark);
        } else if close != " " && !(here && self.typed) {
            // While it is typed into, the field is open: a character costs one byte then.
            c.draw_text(end, y, close, Role::Mark);
        }
        if here {
            c.place_cursor(area.bracket + 1 + seen.cursor, y);
        }
    }

    /// The columns before the cursor.
    fn cursor(&self, field: &Field) -> u16 {
        if field.kind == Kind::Password {
            return columns(hidden(self.input.value()));
        }
        let before: String = self.input.value().chars().take(self.input.cursor()).collect();
        columns(&before)
    }
}

struct Window {
    text: String,
    before: bool,
    after: bool,
    cursor: u16,
}

/// The part of a text that fits into `room` columns, with the cursor in it; without one, its
/// beginning.
fn window(text: &str, cursor: Option<u16>, room: u16) -> Window {
    let at = cursor.unwrap_or(0);
    // The cursor stands after the last character; where the text fills the room, that is on the
    // bracket.
    let skip = at.saturating_sub(room);
    let (mut seen, mut column, mut first) = (String::new(), 0, None);
    let mut after = false;
    for ch in text.chars() {
        let wide =
            u16::try_from(unicode_width::UnicodeWidthChar::width(ch).unwrap_or(0)).unwrap_or(0);
        if column >= skip {
            let begin = *first.get_or_insert(column);
            if column + wide > begin + room {
                after = true;
                break;
            }
            seen.push(ch);
        }
        column += wide;
    }
    let begin = first.unwrap_or(column);
    Window { text: seen, before: skip > 0, after, cursor: at.saturating_sub(begin) }
}

/// SMIT's marks for what can be done with a field.
fn marks(field: &Field) -> &'static str {
    let list = Form::has_list(field) || matches!(field.kind, Kind::List | Kind::Ring);
    match (list, field.kind) {
        (false, Kind::Number) => " #",
        (true, Kind::Number) => "+#",
        (false, Kind::Hex) => " X",
        (true, Kind::Hex) => "+X",
        (false, Kind::Path) => " /",
        (true, Kind::Path) => "+/",
        (_, Kind::Password) => " ?",
        (true, _) => "+",
        (false, _) => "",
    }
}

fn shortened(line: &str, room: u16) -> String {
    if columns(line) <= room {
        return line.to_owned();
    }
    let mut text: String = line.chars().take(usize::from(room.saturating_sub(3))).collect();
    text.push_str("...");
    text
}
