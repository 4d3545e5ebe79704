//! The keys of a form: they edit the field under the cursor, or move the cursor.

use std::rc::Rc;

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::{Input, InputRequest, StateChanged};

use crate::menu::model::{Field, Kind};
use crate::menu::rules;
use crate::tui::find::edit;
use crate::tui::popup::follow;
use crate::tui::screens::form::Form;
use crate::tui::screens::form_rows::{Row, area, rows};
use crate::tui::screens::{Insertion, Outcome};

/// Why a key does nothing in a field that is not typed.
fn not_typed(field: &Field) -> String {
    if field.kind == Kind::Ring {
        "This value is not typed: Tab changes it, F4 shows the choices."
    } else {
        "This value is not typed: F4 shows the choices."
    }
    .to_owned()
}

impl Form {
    /// Edits the field under the cursor, moves the cursor, or asks for something.
    pub fn key(&mut self, key: KeyEvent, size: (u16, u16)) -> Outcome {
        self.hint = None;
        let page = usize::from(area(size, self).rows).saturating_sub(1).max(1);
        let stops = self.stops();
        let here = stops.iter().position(|n| *n == self.at).unwrap_or(0);
        let last = stops.len().saturating_sub(1);
        let ring = self.field().is_some_and(|f| f.kind == Kind::Ring);
        match key.code {
            KeyCode::Enter => return Outcome::Commit,
            KeyCode::F(4) if self.field().is_some_and(Self::has_list) => return Outcome::List,
            KeyCode::F(5) => {
                self.values.reset(self.at);
                self.load();
            }
            KeyCode::F(6) if self.selector.is_none() => return Outcome::Command,
            KeyCode::F(7)
                if self.field().is_some_and(|f| Self::typeable(f) || f.kind == Kind::List) =>
            {
                return Outcome::Edit;
            }
            KeyCode::Tab | KeyCode::BackTab if ring => self.turn_ring(key.code == KeyCode::BackTab),
            KeyCode::Up | KeyCode::BackTab => self.move_to(&stops, here.saturating_sub(1)),
            KeyCode::Down | KeyCode::Tab => self.move_to(&stops, (here + 1).min(last)),
            KeyCode::PageUp => self.move_to(&stops, here.saturating_sub(page)),
            KeyCode::PageDown => self.move_to(&stops, (here + page).min(last)),
            // In a text that is typed they move in it.
            KeyCode::Home if !self.field().is_some_and(Self::typeable) => self.move_to(&stops, 0),
            KeyCode::End if !self.field().is_some_and(Self::typeable) => self.move_to(&stops, last),
            _ => return self.edit_text(key),
        }
        Outcome::Stay
    }

    fn turn_ring(&mut self, back: bool) {
        let dialog = Rc::clone(&self.dialog);
        if let Some(field) = dialog.fields.get(self.at) {
            self.values.cycle_choice(self.at, field, back);
        }
    }

    fn move_to(&mut self, stops: &[usize], to: usize) {
        if let Some(n) = stops.get(to)
            && *n != self.at
        {
            self.at = *n;
            self.load();
        }
    }

    fn edit_text(&mut self, key: KeyEvent) -> Outcome {
        let dialog = Rc::clone(&self.dialog);
        let Some(field) = self.field().and(dialog.fields.get(self.at)) else {
            return Outcome::Bell;
        };
        if !Self::typeable(field) {
            if matches!(key.code, KeyCode::Char(_)) {
                self.hint = Some(not_typed(field));
            }
            return Outcome::Bell;
        }
        match type_key(&mut self.input, field, key) {
            Ok(None) => Outcome::Bell,
            Ok(Some(changed)) => {
                if changed.value {
                    self.typed = true;
                    self.values.set(self.at, self.input.value());
                }
                Outcome::Stay
            }
            Err(why) => {
                self.hint = Some(why);
                Outcome::Bell
            }
        }
    }

    /// Takes a line of pasted text into the field under the cursor.
    pub fn insert_text(&mut self, text: &str) -> Insertion {
        self.hint = None;
        let dialog = Rc::clone(&self.dialog);
        let Some(field) = self.field().and(dialog.fields.get(self.at)) else {
            return Insertion::NoField;
        };
        if !Self::typeable(field) {
            self.hint = Some(not_typed(field));
            return Insertion::Refused;
        }
        match insert_typed(&mut self.input, field, text) {
            Ok(()) => {
                self.typed = true;
                self.values.set(self.at, self.input.value());
                Insertion::Done
            }
            Err(why) => {
                self.hint = Some(why);
                Insertion::Refused
            }
        }
    }

    /// After a key or another size: the cursor's field is shown.
    pub fn settle(&mut self, size: (u16, u16)) {
        if !self.stops().contains(&self.at) {
            // It is not shown any more: the nearest one before it.
            let stops = self.stops();
            self.at =
                stops.iter().rev().find(|n| **n < self.at).or(stops.first()).copied().unwrap_or(0);
            self.load();
        }
        let area = area(size, self);
        let rows = rows(self, &area);
        let mine = |row: &Row| row.field == self.at;
        let (first, last) =
            (rows.iter().position(mine).unwrap_or(0), rows.iter().rposition(mine).unwrap_or(0));
        let shown = usize::from(area.shown(rows.len()));
        self.top = follow(self.top, last, shown, rows.len());
        self.top = follow(self.top, first, shown, rows.len());
        // Headings above the first field are shown with it.
        if rows[..first].iter().all(|r| self.dialog.fields[r.field].kind == Kind::Heading)
            && last < shown
        {
            self.top = 0;
        }
    }
}

/// Applies a key to a field's text. The error is the reason why the field refuses it; None: the key
/// does not edit.
pub fn type_key(
    input: &mut Input,
    field: &Field,
    key: KeyEvent,
) -> Result<Option<StateChanged>, String> {
    let Some(request) = edit(key) else { return Ok(None) };
    if let InputRequest::InsertChar(c) = request {
        if !rules::accepts_char(field.kind, c) {
            let reason = match field.kind {
                Kind::Number => "Only digits, + and - can be typed here.",
                Kind::Hex => "Only hexadecimal digits can be typed here.",
                _ => "This cannot be typed here.",
            };
            return Err(reason.into());
        }
        if field.size > 0 && input.value().chars().count() >= field.size {
            return Err(format!("No more than {} characters can be typed here.", field.size));
        }
    }
    Ok(input.handle(request))
}

/// Puts a line of pasted text into a field's text, all of it or nothing.
///
/// # Errors
/// The reason why the field refuses it.
pub fn insert_typed(input: &mut Input, field: &Field, text: &str) -> Result<(), String> {
    let before = input.clone();
    for c in text.chars() {
        if let Err(why) = type_key(input, field, KeyCode::Char(c).into()) {
            *input = before;
            return Err(why);
        }
    }
    Ok(())
}
