//! How a form looks: SMIT's columns at 80x24, wider labels and values where there is room.
//!
//!     * Target Disk(s) to install                          [vdb]                   +
//!
//! A label that is too long goes on in the next row; its value stands in its last row. A value that
//! is too long scrolls, with `<` and `>` in place of the brackets.

use crate::menu::command;
use crate::menu::model::{Field, Kind, Required};
use crate::menu::rules;
use crate::term::key::Key;
use crate::theme::{Highlight, Role};
use crate::tui::canvas::{Canvas, columns, more};
use crate::tui::keys::{self, Legend, Sends};
use crate::tui::popup::fold;
use crate::tui::screens::form::Form;

/// The first row of the fields.
const FIRST: u16 = 6;
const LABEL: u16 = 2;
const INDENT: u16 = 4;
/// At 80 columns: the opening bracket, and the marks, counted from the right.
const BRACKET: u16 = 53;
const MARKS: u16 = 3;
/// From this height on a line shows the command that Enter runs.
const PREVIEW: u16 = 26;

/// Where things are.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Rows for fields; one less if they scroll.
    pub rows: u16,
    /// The column of the opening bracket.
    bracket: u16,
    marks: u16,
    legend: u16,
    preview: bool,
}

impl Area {
    /// How many rows of fields are seen of `all`.
    pub fn shown(&self, all: usize) -> u16 {
        if all > usize::from(self.rows) { self.rows.saturating_sub(1).max(1) } else { self.rows }
    }

    /// Columns between the brackets.
    fn room(&self) -> u16 {
        self.marks.saturating_sub(self.bracket + 2)
    }
}

/// One row of the form.
#[derive(Clone, Debug)]
pub struct Row {
    pub field: usize,
    label: String,
    first: bool,
    last: bool,
}

pub fn area(size: (u16, u16), form: &Form) -> Area {
    let (width, height) = size;
    let legend = height.saturating_sub(keys::rows(&form.legend(), width, keys::WIDE));
    let preview = height >= PREVIEW && form.selector.is_none();
    let below = if preview { 3 } else { 1 };
    Area {
        rows: legend.saturating_sub(FIRST + below),
        bracket: BRACKET + width.saturating_sub(80) / 3,
        marks: width.saturating_sub(MARKS),
        legend,
        preview,
    }
}

/// The rows of all fields that are shown now.
pub fn rows(form: &Form, area: &Area) -> Vec<Row> {
    let mut rows = vec![];
    for n in rules::visible(&form.dialog, &form.values) {
        let field = &form.dialog.fields[n];
        let room = if field.kind == Kind::Heading { area.marks } else { area.bracket - 1 };
        let lines = fold(&field.label, room.saturating_sub(indent(field)).max(8));
        let last = lines.len() - 1;
        rows.extend(lines.into_iter().enumerate().map(|(i, label)| Row {
            field: n,
            label,
            first: i == 0,
            last: i == last,
        }));
    }
    rows
}

fn indent(field: &Field) -> u16 {
    LABEL + INDENT * u16::from(field.indent)
}

impl Form {
    /// Where a key means nothing for the field under the cursor, its place stays empty.
    pub fn legend(&self) -> Legend {
        let field = self.field();
        let can = |yes: bool, text: &'static str| if yes { text } else { "" };
        let dialog = self.selector.is_none();
        let mut legend: Legend = vec![
            (Key::F(1), "Help"),
            (Key::F(2), "Refresh"),
            (Key::F(3), "Cancel"),
            (Key::F(4), can(field.is_some_and(Self::has_list), "List")),
            (Key::F(5), can(field.is_some(), "Reset")),
        ];
        if dialog {
            legend.push((Key::F(6), "Command"));
        }
        legend.extend([
            (
                Key::F(7),
                can(field.is_some_and(|f| Self::typeable(f) || f.kind == Kind::List), "Edit"),
            ),
            (Key::F(8), "Image"),
            (Key::F(9), "Shell"),
            (Key::F(10), "Exit"),
            (Key::Enter, "Do"),
            (Key::Tab, can(field.is_some_and(|f| f.kind == Kind::Ring), "Next Value")),
        ]);
        legend
    }

    pub fn view(&self, c: &mut Canvas<'_>, sends: Sends, focused: bool) {
        c.centred(0, &self.dialog.title, Role::Title);
        let what = if self.selector.is_some() {
            "Type or select a value for the entry field."
        } else {
            "Type or select values in entry fields."
        };
        c.put(0, 2, what, Role::Instruction);
        c.put(0, 3, "Press Enter AFTER making all desired changes.", Role::Instruction);
        let area = area((c.width(), c.height()), self);
        let rows = rows(self, &area);
        let shown = usize::from(area.shown(rows.len()));
        c.put(area.bracket + 3, FIRST - 1, "[Entry Fields]", Role::Heading);
        for (y, row) in rows.iter().skip(self.top).take(shown).enumerate() {
            self.row(c, FIRST + y as u16, row, &area, focused);
        }
        if let Some((above, under)) = more(self.top, shown, rows.len()) {
            c.put(0, FIRST - 1, &above, Role::Note);
            c.put(0, FIRST + shown as u16, &under, Role::Note);
        }
        if area.preview {
            let line = command::build_line(&self.dialog, &self.values, &self.context).shown();
            let took = c.put(0, area.legend.saturating_sub(2), "Command: ", Role::Label);
            let room = c.width().saturating_sub(took + 1);
            c.put(took, area.legend.saturating_sub(2), &shortened(&line, room), Role::Command);
        }
        if let Some(hint) = &self.hint {
            c.put(0, area.legend.saturating_sub(1), &keys::spoken(hint, sends), Role::Warning);
        }
        if focused {
            keys::draw(c, area.legend, &self.legend(), sends, keys::WIDE);
        }
    }

    fn row(&self, c: &mut Canvas<'_>, y: u16, row: &Row, area: &Area, focused: bool) {
        let field = &self.dialog.fields[row.field];
        let x = indent(field);
        if field.kind == Kind::Heading {
            c.put(x, y, &row.label, Role::Heading);
            return;
        }
        let here = row.field == self.at;
        if row.first && field.required == Required::Filled {
            c.put(0, y, "*", Role::Mark);
        }
        match (here, c.theme.highlight) {
            (false, _) => _ = c.put(x, y, &row.label, Role::Label),
            (true, Highlight::Marker) if !row.first => _ = c.put(x, y, &row.label, Role::Label),
            (true, _) => self.selected(c, y, row, x, area),
        }
        if row.last {
            self.value(c, y, row.field, field, area, here && focused);
            c.put(area.marks, y, marks(field), Role::Mark);
        }
    }

    /// Under [`Highlight::Row`] the look reaches to the value, which must stay legible.
    fn selected(&self, c: &mut Canvas<'_>, y: u16, row: &Row, x: u16, area: &Area) {
        let part =
            ratatui::layout::Rect { x: 0, y, width: area.bracket.saturating_sub(1), height: 1 };
        c.within(part, |c| c.selected(1, x, 0, &row.label, Role::Label));
        if c.theme.highlight == Highlight::Row
            && row.first
            && self.dialog.fields[row.field].required == Required::Filled
        {
            c.put(0, y, "*", Role::Mark);
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
        c.put(area.bracket + 1, y, &seen.text, Role::Value);
        let (open, close) = if typeable { ("[", "]") } else { (" ", " ") };
        let left = if seen.before { "<" } else { open };
        if left != " " {
            c.put(area.bracket, y, left, Role::Mark);
        }
        let end = area.bracket + 1 + columns(&seen.text);
        if seen.after {
            c.put(area.bracket + 1 + room, y, ">", Role::Mark);
        } else if close != " " && !(here && self.typed) {
            // While it is typed into, the field is open: a character costs one byte then.
            c.put(end, y, close, Role::Mark);
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

/// What is shown of a password.
pub fn hidden(value: &str) -> &'static str {
    if value.is_empty() { "" } else { command::HIDDEN }
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
