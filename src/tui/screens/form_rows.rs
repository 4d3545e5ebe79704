//! Where the fields of a form stand: SMIT's columns at 80x24, wider labels and values where there
//! is room. A label that is too long continues in the next row; its value stands in its last row.

use crossterm::event::KeyCode;

use crate::menu::command;
use crate::menu::model::{Field, Kind};
use crate::menu::rules;
use crate::tui::keys::{self, Legend};
use crate::tui::popup::fold;
use crate::tui::screens::form::Form;

/// The first row of the fields.
pub const FIRST: u16 = 6;
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
    pub bracket: u16,
    pub marks: u16,
    pub legend: u16,
    pub preview: bool,
}

impl Area {
    /// How many rows of fields are seen of `all`.
    pub fn shown(&self, all: usize) -> u16 {
        if all > usize::from(self.rows) { self.rows.saturating_sub(1).max(1) } else { self.rows }
    }

    /// Columns between the brackets.
    pub fn room(&self) -> u16 {
        self.marks.saturating_sub(self.bracket + 2)
    }
}

/// One row of the form.
#[derive(Clone, Debug)]
pub struct Row {
    pub field: usize,
    pub label: String,
    pub first: bool,
    pub last: bool,
}

/// Where the parts of a form are on a screen of this size.
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

/// The column of a label.
pub fn indent(field: &Field) -> u16 {
    LABEL + INDENT * u16::from(field.indent)
}

impl Form {
    /// Where a key means nothing for the field under the cursor, its place stays empty.
    pub fn legend(&self) -> Legend {
        let field = self.field();
        let can = |yes: bool, text: &'static str| if yes { text } else { "" };
        let dialog = self.selector.is_none();
        let mut legend = keys::entries([
            (KeyCode::F(1), "Help"),
            (KeyCode::F(2), "Refresh"),
            (KeyCode::F(3), "Cancel"),
            (KeyCode::F(4), can(field.is_some_and(Self::has_list), "List")),
            (KeyCode::F(5), can(field.is_some(), "Reset")),
        ]);
        if dialog {
            legend.push((KeyCode::F(6).into(), "Command"));
        }
        legend.extend(keys::entries([
            (
                KeyCode::F(7),
                can(field.is_some_and(|f| Self::typeable(f) || f.kind == Kind::List), "Edit"),
            ),
            (KeyCode::F(8), "Image"),
            (KeyCode::F(9), "Shell"),
            (KeyCode::F(10), "Exit"),
            (KeyCode::Enter, "Do"),
            (KeyCode::Tab, can(field.is_some_and(|f| f.kind == Kind::Ring), "Next Value")),
        ]));
        legend
    }
}

/// What is shown of a password.
pub fn hidden(value: &str) -> &'static str {
    if value.is_empty() { "" } else { command::HIDDEN }
}
