//! A form: the fields of a dialog, or the one field of a selector, with the field under the cursor.
//!
//! `form_keys` edits it, `form_rows` lays it out, `form_view` draws it.

use std::rc::Rc;

use tui_input::Input;

use crate::menu::model::{Dialog, Field, Kind, Many, Required, Selector};
use crate::menu::rules;
use crate::menu::values::{Context, Values};

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
    /// The form of a dialog, the cursor on its first field.
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
        .with_first_field()
    }

    /// The form of a selector, the cursor on its field.
    pub fn selector(selector: Rc<Selector>, context: Context) -> Self {
        let values = Values::for_fields(std::slice::from_ref(&selector.field), &context);
        let dialog = Rc::new(single_field_dialog(&selector));
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
        .with_first_field()
    }

    fn with_first_field(mut self) -> Self {
        self.at = self.stops().first().copied().unwrap_or(0);
        self.load();
        self
    }

    /// The field that the cursor is on; None if there is none.
    pub fn field(&self) -> Option<&Field> {
        self.dialog.fields.get(self.at).filter(|f| f.kind != Kind::Heading)
    }

    /// The fields that the cursor can be on.
    pub fn stops(&self) -> Vec<usize> {
        let shown = rules::visible(&self.dialog, &self.values);
        shown.into_iter().filter(|n| self.dialog.fields[*n].kind != Kind::Heading).collect()
    }

    /// Whether the value of this field can be typed.
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
}

/// A selector as a dialog that has nothing but its field.
fn single_field_dialog(selector: &Selector) -> Dialog {
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
