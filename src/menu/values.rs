//! The values in the fields of one screen: the shown text, the initial text, and the words for the
//! command.

use std::collections::BTreeMap;

use crate::menu::model::{Dialog, Field, Kind, Many};

/// Names and values that go from screen to screen: selectors' answers, what discovery printed.
/// `{name}` in commands.
pub type Context = BTreeMap<String, String>;

/// The values of one screen's fields, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    values: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    shown: String,
    initial: String,
}

impl Values {
    /// A dialog's fields as they are first shown.
    pub fn new(dialog: &Dialog, context: &Context) -> Self {
        Self::for_fields(&dialog.fields, context)
    }

    /// The same for any fields; a selector has one: `std::slice::from_ref(&selector.field)`.
    pub fn for_fields(fields: &[Field], context: &Context) -> Self {
        let values = fields.iter().map(|f| {
            let initial = initial(f, context);
            Value { shown: initial.clone(), initial }
        });
        Self { values: values.collect() }
    }

    /// The text that is shown in field number `n`.
    pub fn get(&self, n: usize) -> &str {
        self.values.get(n).map_or("", |v| &v.shown)
    }

    /// Replaces the text of field number `n`.
    pub fn set(&mut self, n: usize, shown: impl Into<String>) {
        if let Some(value) = self.values.get_mut(n) {
            value.shown = shown.into();
        }
    }

    /// F5: what stood there at first.
    pub fn reset(&mut self, n: usize) {
        if let Some(value) = self.values.get_mut(n) {
            value.shown.clone_from(&value.initial);
        }
    }

    /// Whether the user changed what is shown.
    pub fn changed(&self, n: usize) -> bool {
        self.values.get(n).is_some_and(|v| v.shown != v.initial)
    }

    /// Tab and Backtab on a ring: the next or the one before, round and round.
    pub fn cycle_choice(&mut self, n: usize, field: &Field, back: bool) {
        let Some(value) = self.values.get_mut(n) else { return };
        let count = field.choices.len();
        if count == 0 {
            return;
        }
        let next = match field.choices.iter().position(|c| c.shown == value.shown) {
            Some(at) if back => (at + count - 1) % count,
            Some(at) => (at + 1) % count,
            None => 0,
        };
        value.shown.clone_from(&field.choices[next].shown);
    }

    /// After the command ended with 0: fields with `clear` are emptied.
    pub fn clear_after_success(&mut self, fields: &[Field]) {
        for (value, _) in self.values.iter_mut().zip(fields).filter(|(_, f)| f.clear) {
            value.shown.clear();
            value.initial.clear();
        }
    }

    /// The words for the command of field number `n`: one word for each choice; of a field that takes
    /// one value, that (it may be empty).
    pub fn real(&self, n: usize, field: &Field) -> Vec<String> {
        let shown = self.get(n);
        if field.kind == Kind::Heading {
            return vec![];
        }
        let words = parts(field, shown);
        let real = |w: &str| {
            field
                .choices
                .iter()
                .find(|c| c.shown == w)
                .map_or_else(|| w.to_owned(), |c| c.real.clone())
        };
        match field.many {
            Many::One | Many::Repeat | Many::Words => words.iter().map(|w| real(w)).collect(),
            Many::Comma => vec![words.iter().map(|w| real(w)).collect::<Vec<_>>().join(",")],
            Many::Blank => vec![words.iter().map(|w| real(w)).collect::<Vec<_>>().join(" ")],
        }
    }

    /// Whether the command would get something of it that is not empty.
    pub fn has_value(&self, n: usize, field: &Field) -> bool {
        self.real(n, field).iter().any(|w| !w.is_empty())
    }

    /// `context` with what these fields hold: what `{name}` is in the commands of the fields'
    /// lists. Of several words they are joined by blanks.
    pub fn context(&self, fields: &[Field], context: &Context) -> Context {
        let mut all = context.clone();
        all.extend(
            fields
                .iter()
                .enumerate()
                .filter(|(_, f)| f.kind != Kind::Heading)
                .map(|(n, f)| (f.name.clone(), self.real(n, f).join(" "))),
        );
        all
    }

    /// How chosen lines of a list become the field's text.
    pub fn joined(field: &Field, chosen: &[String]) -> String {
        chosen.join(if field.many == Many::Comma { "," } else { " " })
    }
}

/// The shown text, split into its choices; blanks at the ends count only in a raw field.
pub(super) fn parts<'a>(field: &Field, shown: &'a str) -> Vec<&'a str> {
    match field.many {
        Many::One if matches!(field.kind, Kind::Raw | Kind::Password) => vec![shown],
        Many::One => vec![shown.trim()],
        Many::Comma => shown.split(',').map(str::trim).filter(|w| !w.is_empty()).collect(),
        Many::Blank | Many::Repeat | Many::Words => shown.split_whitespace().collect(),
    }
}

fn initial(field: &Field, context: &Context) -> String {
    if let Some(found) = field.from.as_ref().and_then(|name| context.get(name)) {
        // A program prints the real value; the screen shows what it is called.
        return field
            .choices
            .iter()
            .find(|c| c.real == *found)
            .map_or_else(|| found.clone(), |c| c.shown.clone());
    }
    match field.choices.first() {
        Some(first) if field.kind == Kind::Ring && field.default.is_empty() => first.shown.clone(),
        _ => field.default.clone(),
    }
}
