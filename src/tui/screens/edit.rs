//! F7 on a field: its whole value in a wide pop-up, over several rows if it is long.

use tui_input::Input;

use crate::menu::model::{Field, Kind};
use crate::term::key::Key;
use crate::theme::Role;
use crate::tui::canvas::{Canvas, columns};
use crate::tui::keys::{Legend, Sends};
use crate::tui::popup;
use crate::tui::screens::Step;
use crate::tui::screens::form::{Form, typed};
use crate::tui::screens::form_view::hidden;

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
    pub fn new(field: Field, value: &str) -> Self {
        Self { field, input: Input::new(value.to_owned()), hint: None }
    }

    pub fn key(&mut self, key: Key) -> Step {
        self.hint = None;
        let can = Form::typeable(&self.field);
        match key {
            Key::Enter if can => return Step::Edited(self.input.value().to_owned()),
            Key::Enter => return Step::Back,
            _ if !can => return Step::Bell,
            Key::F(5) => _ = self.input.handle(tui_input::InputRequest::DeleteLine),
            Key::Home => _ = self.input.handle(tui_input::InputRequest::GoToStart),
            Key::End => _ = self.input.handle(tui_input::InputRequest::GoToEnd),
            _ => match typed(&mut self.input, &self.field, key) {
                Ok(Some(_)) => {}
                Ok(None) => return Step::Bell,
                Err(why) => {
                    self.hint = Some(why);
                    return Step::Bell;
                }
            },
        }
        Step::Stay
    }

    pub fn field(&self) -> &Field {
        &self.field
    }

    pub fn legend(&self) -> Legend {
        let mut legend: Legend =
            vec![(Key::F(1), "Help"), (Key::F(2), "Refresh"), (Key::F(3), "Cancel")];
        if Form::typeable(&self.field) {
            legend.push((Key::F(5), "Empty"));
        }
        legend.extend([(Key::F(8), "Image"), (Key::F(10), "Exit"), (Key::Enter, "Do")]);
        legend
    }

    pub fn view(&self, c: &mut Canvas<'_>, sends: Sends) {
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
        let place = popup::place(size, 2, rows, &self.legend());
        let label = self.field.title();
        let top = popup::follow(0, usize::from(cursor.1), usize::from(place.body.height), rows);
        popup::draw(
            c,
            place,
            &label,
            if can { TYPE } else { READ },
            (top, rows),
            &self.legend(),
            sends,
        );
        c.within(place.body, |c| {
            for (y, line) in lines.iter().skip(top).enumerate() {
                c.put(0, y as u16, line, Role::Value);
            }
            if can {
                c.place_cursor(cursor.0, cursor.1.saturating_sub(top as u16));
            }
        });
        if let Some(hint) = &self.hint {
            c.put(place.body.x, place.body.bottom(), hint, Role::Warning);
        }
    }
}
