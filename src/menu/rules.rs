//! Validation of a dialog before its command runs: visible fields, characters that may be typed,
//! valid values.

use crate::menu::model::{Dialog, Field, Kind, Many, Required};
use crate::menu::values::{Values, parts};

/// A mistake in a form: the field to go to, and the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    /// The field's name.
    pub field: String,
    /// The message for the user.
    pub message: String,
}

/// The first thing that is wrong, in the order of the fields; None: the command can run.
pub fn validate(dialog: &Dialog, values: &Values) -> Option<ValidationError> {
    validate_fields(&dialog.fields, values)
}

/// The same for any fields: `std::slice::from_ref(&selector.field)`.
pub fn validate_fields(fields: &[Field], values: &Values) -> Option<ValidationError> {
    let shown = visible_fields(fields, values);
    shown.iter().find_map(|&n| {
        let about = |message| ValidationError { field: fields[n].name.clone(), message };
        check_field(&fields[n], n, values)
            .map(about)
            .or_else(|| check_relations(fields, n, values, &shown))
    })
}

/// The numbers of the fields that are shown and sent now.
pub fn visible(dialog: &Dialog, values: &Values) -> Vec<usize> {
    visible_fields(&dialog.fields, values)
}

/// The same for any fields.
pub fn visible_fields(fields: &[Field], values: &Values) -> Vec<usize> {
    (0..fields.len()).filter(|&n| is_visible(fields, n, values, fields.len())).collect()
}

/// `depth` ends a chain that leads back to itself, which the check refuses anyway.
fn is_visible(fields: &[Field], n: usize, values: &Values, depth: usize) -> bool {
    let Some(only) = &fields[n].only_if else { return true };
    let Some(on) = fields.iter().position(|f| f.name == only.field) else { return true };
    depth > 0
        && only.is.iter().any(|is| is == values.get(on).trim())
        && is_visible(fields, on, values, depth - 1)
}

/// Whether `c` may be typed into a field of this kind.
pub fn accepts_char(kind: Kind, c: char) -> bool {
    match kind {
        Kind::Text | Kind::Path | Kind::Raw | Kind::Password => !c.is_control(),
        Kind::Number => c.is_ascii_digit() || c == '+' || c == '-',
        Kind::Hex => c.is_ascii_hexdigit() || c == 'x' || c == 'X',
        Kind::List | Kind::Ring | Kind::Heading => false,
    }
}

/// A label in a sentence: one line, without what ends it.
fn label(field: &Field) -> String {
    field.title().trim_end_matches(['?', ':', '.']).to_owned()
}

fn check_field(field: &Field, n: usize, values: &Values) -> Option<String> {
    if field.kind == Kind::Heading { None } else { check_text(field, values.get(n)) }
}

/// Whether only its choices can stand in it.
pub(super) fn has_only_choices(field: &Field) -> bool {
    matches!(field.kind, Kind::Ring | Kind::List) && field.list.is_none()
}

/// The mistake in this text of the field.
pub(super) fn check_text(field: &Field, shown: &str) -> Option<String> {
    let label = label(field);
    let words = parts(field, shown);
    let filled = words.iter().any(|w| !w.trim().is_empty());
    if !filled {
        let how = if matches!(field.kind, Kind::List) || field.list.is_some() {
            "choose something from its list"
        } else {
            "type a value"
        };
        return (field.required == Required::Filled)
            .then(|| format!("{label}: this field must be filled in; {how}."));
    }
    if shown.contains('\0') {
        return Some(format!("{label}: a zero byte cannot be part of a command."));
    }
    if field.size > 0 && shown.chars().count() > field.size {
        return Some(format!(
            "{label}: at most {} characters are allowed; these are {}.",
            field.size,
            shown.chars().count()
        ));
    }
    words.iter().enumerate().find_map(|(at, word)| check_word(field, word, at, &label))
}

/// `at`: which of the field's words it is.
fn check_word(field: &Field, word: &str, at: usize, label: &str) -> Option<String> {
    // Of many words, only the first one comes with the prefix.
    let bare = field.prefix.is_empty() || (at > 0 && field.many == Many::Words);
    let chosen = field.choices.iter().any(|c| c.shown == word);
    let digits = |w: &str, ok: fn(&char) -> bool| !w.is_empty() && w.chars().all(|c| ok(&c));
    match field.kind {
        _ if chosen => None,
        _ if has_only_choices(field) => {
            let all: Vec<&str> = field.choices.iter().map(|c| c.shown.as_str()).collect();
            Some(format!("{label}: `{word}` is not one of {}.", all.join(", ")))
        }
        Kind::Number
            if !digits(word.strip_prefix(['+', '-']).unwrap_or(word), char::is_ascii_digit) =>
        {
            Some(format!(
                "{label}: `{word}` is not a number; use digits only, with + or - before them if needed."
            ))
        }
        Kind::Hex
            if !digits(
                word.strip_prefix("0x").or(word.strip_prefix("0X")).unwrap_or(word),
                char::is_ascii_hexdigit,
            ) =>
        {
            Some(format!(
                "{label}: `{word}` is not a hexadecimal number; use the digits 0 to 9 and a to f."
            ))
        }
        Kind::Text | Kind::Path | Kind::List if bare && word.starts_with('-') => Some(format!(
            "{label}: `{word}` begins with a dash, and the command would take it for an option."
        )),
        _ => {
            let pattern = field.pattern.as_ref().filter(|p| !p.matches(word))?;
            Some(format!("{label}: {}", pattern.message))
        }
    }
}

/// `requires`, `requires_one` and `conflicts` of one field. A field that is not shown has no value.
/// Where one is missing, the refusal leads to that.
fn check_relations(
    fields: &[Field],
    n: usize,
    values: &Values,
    shown: &[usize],
) -> Option<ValidationError> {
    let field = &fields[n];
    if !values.has_value(n, field) {
        return None;
    }
    let find = |name: &String| fields.iter().position(|f| f.name == *name);
    let has = |at: usize| shown.contains(&at) && values.has_value(at, &fields[at]);
    let say = |at: usize| match fields[at].kind {
        Kind::Ring => format!("{} ({})", label(&fields[at]), values.get(at)),
        _ => label(&fields[at]),
    };
    let needs = field.requires.iter().filter_map(find).find(|at| !has(*at));
    if let Some(at) = needs {
        // A hidden field cannot be gone to.
        let to = if shown.contains(&at) { at } else { n };
        let message = format!(
            "{} needs {} too: fill that in, or empty {}.",
            say(n),
            label(&fields[at]),
            label(field)
        );
        return Some(ValidationError { field: fields[to].name.clone(), message });
    }
    let any: Vec<usize> = field.requires_one.iter().filter_map(find).collect();
    if !any.is_empty() && !any.iter().any(|at| has(*at)) {
        let all: Vec<String> = any.iter().map(|at| label(&fields[*at])).collect();
        let to = any.iter().find(|at| shown.contains(at)).unwrap_or(&n);
        let message = format!(
            "{} needs one of these too: {}. Fill one in, or empty {}.",
            say(n),
            all.join("; "),
            label(field)
        );
        return Some(ValidationError { field: fields[*to].name.clone(), message });
    }
    let against = field.conflicts.iter().filter_map(find).find(|at| has(*at))?;
    let message =
        format!("{} and {} do not go together: give only one of them.", say(n), say(against));
    Some(ValidationError { field: field.name.clone(), message })
}
