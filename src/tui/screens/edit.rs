//! F7 on a field: its whole value in a wide pop-up, over several rows if it is long.

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input;

use crate::menu::model::{Field, Kind};
use crate::theme::Role;
use crate::tui::canvas::{Canvas, columns};
use crate::tui::keys::{self, KeyNames, Legend};
use crate::tui::popup;
use crate::tui::screens::form::Form;
use crate::tui::screens::form_keys::{insert_typed, type_key};
use crate::tui::screens::form_rows::hidden;
use crate::tui::screens::{Insertion, Outcome};

const TYPE: &[&str] = &["Type the value, then press Enter.", "Press Cancel to leave it as it was."];
const READ: &[&str] = &[
    "This value is not typed; F4 in the form shows what can be chosen.",
    "Press Enter or Cancel to return to the form.",
];

/// The editor.
#[derive(Clone, Debug)]
pub struct Edit {
    field: Field,
    input: Input,
    pub hint: Option<String>,
}

impl Edit {
    /// The editor with this value, the cursor at its end.
    pub fn new(field: Field, value: &str) -> Self {
        Self { field, input: Input::new(value.to_owned()), hint: None }
    }

    /// Edits the text, or ends the editor.
    pub fn key(&mut self, key: KeyEvent) -> Outcome {
        self.hint = None;
        let can = Form::typeable(&self.field);
        match key.code {
            KeyCode::Enter if can => return Outcome::Edited(self.input.value().to_owned()),
            KeyCode::Enter => return Outcome::Back,
            _ if !can => return Outcome::Bell,
            KeyCode::F(5) => _ = self.input.handle(tui_input::InputRequest::DeleteLine),
            KeyCode::Home => _ = self.input.handle(tui_input::InputRequest::GoToStart),
            KeyCode::End => _ = self.input.handle(tui_input::InputRequest::GoToEnd),
            _ => match type_key(&mut self.input, &self.field, key) {
                Ok(Some(_)) => {}
                Ok(None) => return Outcome::Bell,
                Err(why) => {
                    self.hint = Some(why);
                    return Outcome::Bell;
                }
            },
        }
        Outcome::Stay
    }

    /// Takes a line of pasted text.
    pub fn insert_text(&mut self, text: &str) -> Insertion {
        self.hint = None;
        if !Form::typeable(&self.field) {
            return Insertion::NoField;
        }
        match insert_typed(&mut self.input, &self.field, text) {
            Ok(()) => Insertion::Done,
            Err(why) => {
                self.hint = Some(why);
                Insertion::Refused
            }
        }
    }

    /// The field that is edited.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// The keys that work here.
    pub fn legend(&self) -> Legend {
        let mut legend = keys::entries([
            (KeyCode::F(1), "Help"),
            (KeyCode::F(2), "Refresh"),
            (KeyCode::F(3), "Cancel"),
        ]);
        if Form::typeable(&self.field) {
            legend.push((KeyCode::F(5).into(), "Empty"));
        }
        legend.extend(keys::entries([
            (KeyCode::F(8), "Image"),
            (KeyCode::F(10), "Exit"),
            (KeyCode::Enter, "Do"),
        ]));
        legend
    }

    /// Draws the pop-up.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames) {
        let size = (c.width(), c.height());
        let secret = self.field.kind == Kind::Password;
        let text = if secret {
            hidden(self.input.value()).to_owned()
        } else {
            self.input.value().to_owned()
        };
        let before: String = self.input.value().chars().take(self.input.cursor()).collect();
        let at = if secret { columns(&text) } else { columns(&before) };
        let width = popup::inner(size).max(1);
        let mut lines = vec![];
        popup::cut(&crate::text::printable(&text, false), usize::from(width), &mut lines);
        let cursor = (at % width, at / width);
        let rows = lines.len().max(usize::from(cursor.1) + 1).max(3);
        let can = Form::typeable(&self.field);
        let place = popup::layout(size, 2, rows, &self.legend());
        let label = self.field.title();
        let top = popup::follow(0, usize::from(cursor.1), usize::from(place.body.height), rows);
        popup::draw(
            c,
            place,
            &label,
            if can { TYPE } else { READ },
            (top, rows),
            &self.legend(),
            key_names,
        );
        c.within(place.body, |c| {
            for (y, line) in lines.iter().skip(top).enumerate() {
                c.draw_text(0, y as u16, line, Role::Value);
            }
            if can {
                c.place_cursor(cursor.0, cursor.1.saturating_sub(top as u16));
            }
        });
        if let Some(hint) = &self.hint {
            c.draw_text(place.body.x, place.body.bottom(), hint, Role::Warning);
        }
    }
}
