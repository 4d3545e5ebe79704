//! A field as a menu file says it.

use crate::diagnostic::reader::TableReader;
use crate::menu::model::{Choice, Field, Kind, List, Many, OnlyIf, Pattern, Required, Take};
use crate::menu::read::command::{DEFAULT_TIMEOUT, MAX_TIMEOUT, read_run};

/// Keys of a field.
pub(super) const KEYS: &[&str] = &[
    "include",
    "name",
    "label",
    "help",
    "kind",
    "required",
    "size",
    "default",
    "from",
    "choices",
    "list",
    "list_shell",
    "take",
    "list_timeout",
    "many",
    "prefix",
    "last",
    "clear",
    "indent",
    "requires",
    "requires_one",
    "conflicts",
    "only_if",
    "pattern",
    "pattern_message",
];
/// Keys that a heading may have.
const HEADING: &[&str] =
    &["name", "label", "help", "kind", "indent", "only_if", "only_if.field", "only_if.is"];
/// Keys that say how a field becomes words of a dialog's command: a selector has none.
const OF_DIALOGS: &[&str] =
    &["prefix", "last", "clear", "indent", "requires", "requires_one", "conflicts", "only_if"];

const KINDS: &[(&str, Kind)] = &[
    ("text", Kind::Text),
    ("number", Kind::Number),
    ("hex", Kind::Hex),
    ("path", Kind::Path),
    ("raw", Kind::Raw),
    ("list", Kind::List),
    ("ring", Kind::Ring),
    ("password", Kind::Password),
    ("heading", Kind::Heading),
];
const REQUIRED: &[(&str, Required)] = &[
    ("n", Required::Changed),
    ("y", Required::Always),
    ("+", Required::Filled),
    ("?", Required::Given),
];
const MANY: &[(&str, Many)] = &[
    ("one", Many::One),
    ("comma", Many::Comma),
    ("blank", Many::Blank),
    ("repeat", Many::Repeat),
    ("words", Many::Words),
];
const TAKE: &[(&str, Take)] = &[
    ("line", Take::Line),
    ("first", Take::First),
    ("second", Take::Second),
    ("range", Take::Range),
];

/// Whose field it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Selector,
    Dialog,
    FieldSet,
}

/// Reads a field; every mistake is reported.
pub(super) fn read_field(reader: &TableReader, owner: Owner) -> Field {
    let kind = reader.one_of("kind", KINDS).unwrap_or(Kind::Text);
    let field = Field {
        name: name(reader, kind),
        label: reader.required_text("label"),
        help: if kind == Kind::Heading {
            reader.text("help").unwrap_or_default()
        } else {
            reader.required_text("help")
        },
        kind,
        required: reader.one_of("required", REQUIRED).unwrap_or(Required::Changed),
        size: reader.number("size", 0..=4096).and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        default: reader.text("default").unwrap_or_default(),
        from: reader.has("from").then(|| reader.required_text("from")),
        list: list(reader),
        many: reader.one_of("many", MANY).unwrap_or(Many::One),
        choices: choices(reader),
        prefix: reader.text("prefix").unwrap_or_default(),
        last: reader.boolean("last"),
        clear: reader.boolean("clear"),
        indent: reader.number("indent", 0..=3).and_then(|n| u8::try_from(n).ok()).unwrap_or(0),
        requires: reader.texts("requires"),
        requires_one: reader.texts("requires_one"),
        conflicts: reader.texts("conflicts"),
        only_if: read_only_if(reader),
        pattern: pattern(reader),
    };
    fits(reader, &field, owner);
    field
}

fn name(reader: &TableReader, kind: Kind) -> String {
    if kind == Kind::Heading && !reader.has("name") {
        return String::new();
    }
    let name = reader.required_text("name");
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let right = name.chars().all(fine) && name.starts_with(|c: char| c.is_ascii_lowercase());
    if !(name.is_empty() || right) {
        reader.report_key(
            "name",
            format!("`{}` is not a name", name.escape_debug()),
            "allowed: small letters, digits and _, a letter first",
        );
    }
    name
}

fn list(reader: &TableReader) -> Option<List> {
    let command = read_run(reader, "list", "list_shell");
    let take = reader.one_of("take", TAKE);
    let timeout =
        reader.number("list_timeout", 1..=MAX_TIMEOUT).and_then(|n| u64::try_from(n).ok());
    if command.is_none() {
        for key in ["take", "list_timeout"].into_iter().filter(|key| reader.has(key)) {
            reader.report_key(
                key,
                format!("`{key}` is given, but there is no list command"),
                "add list = [\"program\", \"word\"]",
            );
        }
    }
    Some(List {
        command: command?,
        take: take.unwrap_or(Take::Line),
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
    })
}

fn choices(reader: &TableReader) -> Vec<Choice> {
    let same = |text: &str| Choice { shown: text.to_owned(), real: text.to_owned() };
    let pair = |table: &TableReader| {
        let shown = table.required_text("shown");
        if table.lacks("real") {
            table.report_key(
                "real",
                "`real` is missing",
                "add real = \"...\": what the command gets",
            );
        }
        Choice { shown, real: table.text("real").unwrap_or_default() }
    };
    reader.mixed("choices", "a choice", &["shown", "real"], same, pair)
}

/// Reads `only_if`.
pub(super) fn read_only_if(reader: &TableReader) -> Option<OnlyIf> {
    let table = reader.table("only_if", "only_if", &["field", "is"])?;
    let is = table.texts("is");
    if is.is_empty() && (table.is_list("is") || table.lacks("is")) {
        table.report_key("is", "`is` names no value", "write is = [\"yes\"]");
    }
    Some(OnlyIf { field: table.required_text("field"), is })
}

fn pattern(reader: &TableReader) -> Option<Pattern> {
    let text = reader.text("pattern");
    if text.is_none() && reader.has("pattern_message") {
        reader.report_key(
            "pattern_message",
            "`pattern_message` is given, but there is no pattern",
            "add pattern = '...'",
        );
    }
    let text = text?;
    if reader.lacks("pattern_message") {
        reader.report_key(
            "pattern",
            "`pattern_message` is missing",
            "add pattern_message = \"...\": what is said when the value does not match",
        );
    }
    Some(Pattern::new(text, reader.text("pattern_message").unwrap_or_default()))
}

/// Keys that do not go together, as far as one field shows it.
fn fits(reader: &TableReader, field: &Field, owner: Owner) {
    let places = reader.locations();
    if reader.has("include") {
        reader.report_key("include", "a field set can only be included in a dialog", "");
    }
    if field.kind == Kind::Heading {
        if owner == Owner::Selector {
            reader.report_key("kind", "a selector's field cannot be a heading", "");
        }
        for key in places.keys().filter(|k| !HEADING.contains(k) && KEYS.contains(k)) {
            reader.report_key(
                key,
                format!("a heading has no `{key}`"),
                "allowed: label, help, indent, only_if",
            );
        }
        return;
    }
    if owner == Owner::Selector {
        for key in OF_DIALOGS.iter().filter(|k| places.has(k)) {
            reader.report_key(
                key,
                format!("a selector's field has no `{key}`"),
                "it makes no words of a command",
            );
        }
    }
    if field.kind == Kind::Ring
        && field.choices.is_empty()
        && reader.lacks("choices") | reader.is_list("choices")
    {
        reader.report_key("kind", "a ring needs choices", "add choices = [\"yes\", \"no\"]");
    }
    let listed = !field.choices.is_empty()
        || field.list.is_some()
        || !(reader.lacks("choices") && reader.lacks("list"));
    if field.kind == Kind::List && !listed {
        reader.report_key(
            "kind",
            "a list needs a command or choices",
            "add list = [\"program\", \"word\"] or choices = [\"a\", \"b\"]",
        );
    }
    if field.list.is_some() && !field.choices.is_empty() {
        reader.report_key(
            "choices",
            "a list command and choices are both given",
            "one of them is enough",
        );
    }
    if field.kind == Kind::Ring && field.many != Many::One {
        reader.report_key("many", "a ring has one value", "a kind = \"list\" may have several");
    }
    if field.kind == Kind::Password && reader.has("default") {
        reader.report_key("default", "a password has no default", "");
    }
}
