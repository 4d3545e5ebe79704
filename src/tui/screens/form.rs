//! A form: a dialog's fields, or a selector's one. Keys edit the field that the cursor is on; how
//! it looks is in `form_view.rs`.

use std::rc::Rc;

use tui_input::{Input, InputRequest, StateChanged};

use crate::menu::model::{Dialog, Field, Kind, Many, Required, Selector};
use crate::menu::rules;
use crate::menu::values::{Context, Values};
use crate::term::key::Key;
use crate::tui::find::edit;
use crate::tui::popup::follow;
use crate::tui::screens::Step;
use crate::tui::screens::form_view::{Row, area, rows};

/// What is said where a key cannot do what its user may expect.
const FROM_LIST: &str = "This value is not typed: F4 shows what can be chosen.";
const BY_TAB: &str = "This value is not typed: Tab changes it, F4 shows what can be chosen.";

/// A form on the screen.
#[derive(Clone, Debug)]
pub struct Form {
    /// The dialog; of a selector, one that has its field alone.
    pub dialog: Rc<Dialog>,
    pub selector: Option<Rc<Selector>>,
    pub values: Values,
    /// What the screens before handed on.
    pub context: Context,
    /// Nothing of it is shown: its list, or its command, stands for it.
    pub ghost: bool,
    /// The number of the field that the cursor is on.
    pub at: usize,
    pub top: usize,
    pub input: Input,
    /// Something was typed since the cursor came here: the bracket waits until it goes.
    pub typed: bool,
    pub hint: Option<String>,
}

impl Form {
    pub fn dialog(dialog: Rc<Dialog>, context: Context) -> Self {
        let values = Values::new(&dialog, &context);
        let ghost = dialog.ghost;
        Self {
            dialog,
            selector: None,
            values,
            context,
            ghost,
            at: 0,
            top: 0,
            input: Input::default(),
            typed: false,
            hint: None,
        }
        .begun()
    }

    pub fn selector(selector: Rc<Selector>, context: Context) -> Self {
        let values = Values::for_fields(std::slice::from_ref(&selector.field), &context);
        let dialog = Rc::new(lone(&selector));
        let ghost = selector.ghost;
        Self {
            dialog,
            selector: Some(selector),
            values,
            context,
            ghost,
            at: 0,
            top: 0,
            input: Input::default(),
            typed: false,
            hint: None,
        }
        .begun()
    }

    fn begun(mut self) -> Self {
        self.at = self.stops().first().copied().unwrap_or(0);
        self.load();
        self
    }

    /// The field that the cursor is on; None if there is none.
    pub fn field(&self) -> Option<&Field> {
        self.dialog.fields.get(self.at).filter(|f| f.kind != Kind::Heading)
    }

    /// The fields that the cursor can be on.
    fn stops(&self) -> Vec<usize> {
        let shown = rules::visible(&self.dialog, &self.values);
        shown.into_iter().filter(|n| self.dialog.fields[*n].kind != Kind::Heading).collect()
    }

    pub fn typeable(field: &Field) -> bool {
        !matches!(field.kind, Kind::List | Kind::Ring | Kind::Heading)
    }

    /// Whether F4 has something to show.
    pub fn has_list(field: &Field) -> bool {
        field.list.is_some() || !field.choices.is_empty()
    }

    /// Goes to the field with this name.
    pub fn go_to(&mut self, name: &str) {
        if let Some(n) = self.dialog.fields.iter().position(|f| f.name == name) {
            self.at = n;
            self.load();
        }
    }

    /// Puts a text into the field under the cursor.
    pub fn fill(&mut self, text: &str) {
        self.values.set(self.at, text);
        self.load();
    }

    /// The editor gets what the field holds.
    pub fn load(&mut self) {
        self.input = Input::new(self.values.get(self.at).to_owned());
        self.typed = false;
    }

    /// What stands in the field under the cursor, choice by choice.
    pub fn chosen(&self) -> Vec<String> {
        let Some(field) = self.field() else { return vec![] };
        let shown = self.values.get(self.at);
        match field.many {
            Many::One => vec![shown.to_owned()],
            Many::Comma => shown.split(',').map(|w| w.trim().to_owned()).collect(),
            Many::Blank | Many::Repeat | Many::Words => {
                shown.split_whitespace().map(str::to_owned).collect()
            }
        }
    }

    pub fn key(&mut self, key: Key, size: (u16, u16)) -> Step {
        self.hint = None;
        let page = usize::from(area(size, self).rows).saturating_sub(1).max(1);
        let stops = self.stops();
        let here = stops.iter().position(|n| *n == self.at).unwrap_or(0);
        let last = stops.len().saturating_sub(1);
        let ring = self.field().is_some_and(|f| f.kind == Kind::Ring);
        match key {
            Key::Enter => return Step::Commit,
            Key::F(4) if self.field().is_some_and(Self::has_list) => return Step::List,
            Key::F(5) => {
                self.values.reset(self.at);
                self.load();
            }
            Key::F(6) if self.selector.is_none() => return Step::Command,
            Key::F(7)
                if self.field().is_some_and(|f| Self::typeable(f) || f.kind == Kind::List) =>
            {
                return Step::Edit;
            }
            Key::Tab | Key::BackTab if ring => self.turn(key == Key::BackTab),
            Key::Up | Key::Ctrl('p') | Key::BackTab => self.go(&stops, here.saturating_sub(1)),
            Key::Down | Key::Ctrl('n') | Key::Tab => self.go(&stops, (here + 1).min(last)),
            Key::PageUp => self.go(&stops, here.saturating_sub(page)),
            Key::PageDown => self.go(&stops, (here + page).min(last)),
            // In a text that is typed they move in it.
            Key::Home if !self.field().is_some_and(Self::typeable) => self.go(&stops, 0),
            Key::End if !self.field().is_some_and(Self::typeable) => self.go(&stops, last),
            _ => return self.edit(key),
        }
        Step::Stay
    }

    fn turn(&mut self, back: bool) {
        let dialog = Rc::clone(&self.dialog);
        if let Some(field) = dialog.fields.get(self.at) {
            self.values.cycle_choice(self.at, field, back);
        }
    }

    fn go(&mut self, stops: &[usize], to: usize) {
        if let Some(n) = stops.get(to)
            && *n != self.at
        {
            self.at = *n;
            self.load();
        }
    }

    fn edit(&mut self, key: Key) -> Step {
        let dialog = Rc::clone(&self.dialog);
        let Some(field) = self.field().and(dialog.fields.get(self.at)) else { return Step::Bell };
        if !Self::typeable(field) {
            if matches!(key, Key::Char(_)) {
                self.hint =
                    Some(if field.kind == Kind::Ring { BY_TAB } else { FROM_LIST }.to_owned());
            }
            return Step::Bell;
        }
        match typed(&mut self.input, field, key) {
            Ok(None) => Step::Bell,
            Ok(Some(changed)) => {
                if changed.value {
                    self.typed = true;
                    self.values.set(self.at, self.input.value());
                }
                Step::Stay
            }
            Err(why) => {
                self.hint = Some(why);
                Step::Bell
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

/// What a key does to a field's text; Err says why it does nothing.
pub fn typed(input: &mut Input, field: &Field, key: Key) -> Result<Option<StateChanged>, String> {
    let Some(request) = edit(key) else { return Ok(None) };
    if let InputRequest::InsertChar(c) = request {
        if !rules::accepts_char(field.kind, c) {
            let what = match field.kind {
                Kind::Number => "Only digits, + and - can be typed here.",
                Kind::Hex => "Only hexadecimal digits can be typed here.",
                _ => "This cannot be typed here.",
            };
            return Err(what.into());
        }
        if field.size > 0 && input.value().chars().count() >= field.size {
            return Err(format!("No more than {} characters can be typed here.", field.size));
        }
    }
    Ok(input.handle(request))
}

/// A selector as a dialog that has nothing but its field.
fn lone(selector: &Selector) -> Dialog {
    use crate::menu::model::{How, Mode, Run};
    let mut field = selector.field.clone();
    // A selector without an answer leads nowhere.
    field.required = Required::Filled;
    Dialog {
        id: selector.id.clone(),
        title: selector.title.clone(),
        help: selector.help.clone(),
        fields: vec![field],
        command: Run::Argv(vec![]),
        mode: Mode { how: How::Pipe, back: false },
        confirm: None,
        review: None,
        ghost: selector.ghost,
        discover: None,
        timeout: 0,
        root: false,
        after_selector: selector.after_selector,
    }
}
