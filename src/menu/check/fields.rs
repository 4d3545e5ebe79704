//! The fields of one screen: names, defaults, choices, rules between fields.

use regex::Regex;

use super::report::Reporter;
use crate::diagnostic::reader::Locations;
use crate::diagnostic::suggest;
use crate::error;
use crate::menu::draft::DraftDialog;
use crate::menu::model::{Field, Kind, Many, Required, Run};
use crate::menu::placeholders::{self, Segment};
use crate::menu::rules;

/// Checks the fields of a dialog.
pub(super) fn check_dialog(reporter: &Reporter, d: &DraftDialog) {
    check(reporter, &d.dialog.fields, &d.fields_at);
    let texts: Vec<&str> = match &d.dialog.command {
        Run::Argv(words) => words.iter().map(String::as_str).collect(),
        Run::Shell(text) => vec![text],
    };
    let placed: Vec<&str> = texts
        .into_iter()
        .flat_map(placeholders::split_segments)
        .filter_map(Segment::name)
        .collect();
    for (field, at) in d.dialog.fields.iter().zip(&d.fields_at) {
        if !field.prefix.is_empty() && placed.contains(&field.name.as_str()) {
            reporter.report_key(
                at,
                "prefix",
                format!("the field is used in the command as {{{}}}, without a prefix", field.name),
                "write the flag there",
            );
        }
        if d.dialog.ghost
            && field.required == Required::Filled
            && field.default.is_empty()
            && field.from.is_none()
            && field.kind != Kind::Ring
        {
            reporter.report_key(
                at,
                "required",
                "nobody can fill this in: the dialog is a ghost and is not shown",
                "add `default` or `from`",
            );
        }
    }
}

/// Checks the fields of any screen.
pub(super) fn check(reporter: &Reporter, fields: &[Field], at: &[Locations]) {
    for (n, (field, places)) in fields.iter().zip(at).enumerate() {
        let first = fields[..n].iter().position(|f| f.name == field.name && !f.name.is_empty());
        if first.is_some() {
            reporter.report_key(
                places,
                "name",
                format!("the name `{}` is there twice in this screen", field.name),
                "",
            );
        }
        if pattern(reporter, field, places) {
            default(reporter, field, places);
        }
        choices(reporter, field, places);
        prefix(reporter, field, places);
        others(reporter, fields, field, places);
    }
    chains(reporter, fields, at);
}

fn pattern(reporter: &Reporter, field: &Field, at: &Locations) -> bool {
    let Some(pattern) = &field.pattern else { return true };
    let Err(error) = pattern.compile() else { return true };
    reporter.report_key(
        at,
        "pattern",
        format!("this is not a regular expression: {}", why(pattern.text(), &error)),
        "",
    );
    false
}

/// The sentence in what the regex crate says, which draws a picture of the place too.
fn why(text: &str, wrong: &regex::Error) -> String {
    if matches!(wrong, regex::Error::CompiledTooBig(_)) {
        return "it is too large".into();
    }
    let alone =
        Regex::new(text).err().map_or_else(|| error::text_of(wrong), |e| error::text_of(&e));
    let last = alone.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

fn default(reporter: &Reporter, field: &Field, at: &Locations) {
    if field.default.is_empty() || !at.has("default") {
        return;
    }
    if let Some(wrong) = rules::check_text(field, &field.default) {
        let (shown, typed) =
            (field.choices.iter().map(|c| c.shown.as_str()), field.default.as_str());
        let allowed = if field.choices.is_empty() {
            String::new()
        } else {
            suggest::allowed_values(typed, shown)
        };
        reporter.report_key(
            at,
            "default",
            format!("the default would be refused: {wrong}"),
            allowed,
        );
    }
}

fn choices(reporter: &Reporter, field: &Field, at: &Locations) {
    let parted = |c: char| match field.many {
        Many::One => false,
        Many::Comma => c == ',',
        Many::Blank | Many::Repeat | Many::Words => c.is_whitespace(),
    };
    for (n, choice) in field.choices.iter().enumerate() {
        if field.choices[..n].iter().any(|c| c.shown == choice.shown) {
            reporter.report_element(
                at,
                "choices",
                n,
                format!("the choice `{}` is there twice", choice.shown),
                "",
            );
        } else if choice.shown.contains(parted) || choice.real.contains(parted) {
            let sign = if field.many == Many::Comma { "a comma" } else { "a blank" };
            reporter.report_element(
                at,
                "choices",
                n,
                format!("`{}` has {sign} in it, which parts several choices", choice.shown),
                "",
            );
        } else if choice.shown != choice.shown.trim() {
            reporter.report_element(
                at,
                "choices",
                n,
                "blanks at the ends of a choice are not kept",
                "",
            );
        }
    }
}

fn prefix(reporter: &Reporter, field: &Field, at: &Locations) {
    if !field.prefix.is_empty() && field.prefix.trim().is_empty() {
        reporter.report_key(at, "prefix", "this prefix is blank", "leave it out for a value alone");
    } else if field.prefix.contains(['\'', '"', '\\', '\0']) {
        reporter.report_key(
            at,
            "prefix",
            "this prefix has a quote in it",
            "a value is always one word: quotes are not needed",
        );
    }
}

/// Names of other fields in `requires`, `requires_one`, `conflicts`, `only_if`.
fn others(reporter: &Reporter, fields: &[Field], field: &Field, at: &Locations) {
    let names = || {
        fields
            .iter()
            .filter(|f| f.kind != Kind::Heading && f.name != field.name)
            .map(|f| f.name.as_str())
    };
    for (key, list) in [
        ("requires", &field.requires),
        ("requires_one", &field.requires_one),
        ("conflicts", &field.conflicts),
    ] {
        for (n, name) in list.iter().enumerate().filter(|(_, name)| !names().any(|f| f == *name)) {
            reporter.report_element(
                at,
                key,
                n,
                format!("`{key}` names no other field: `{name}`"),
                suggest::allowed_values(name, names().collect::<Vec<_>>()),
            );
        }
    }
    if let Some((n, name)) =
        field.conflicts.iter().enumerate().find(|(_, name)| field.requires.contains(name))
    {
        reporter.report_element(
            at,
            "conflicts",
            n,
            format!("`{name}` is required and not allowed at the same time"),
            "",
        );
    }
    let Some(only) = &field.only_if else { return };
    let Some(on) = fields
        .iter()
        .find(|f| f.name == only.field && f.kind != Kind::Heading && f.name != field.name)
    else {
        if !only.field.is_empty() {
            let wrong = format!("`only_if` names no other field: `{}`", only.field);
            reporter.report_key(
                at,
                "only_if.field",
                wrong,
                suggest::allowed_values(&only.field, names().collect::<Vec<_>>()),
            );
        }
        return;
    };
    if rules::has_only_choices(on) {
        let shown: Vec<&str> = on.choices.iter().map(|c| c.shown.as_str()).collect();
        for (n, is) in only.is.iter().enumerate().filter(|(_, is)| !shown.contains(&is.as_str())) {
            reporter.report_element(
                at,
                "only_if.is",
                n,
                format!("`{}` never shows `{is}`", on.name),
                suggest::allowed_values(is, shown.clone()),
            );
        }
    }
}

/// Fields that are shown only if they are shown.
fn chains(reporter: &Reporter, fields: &[Field], at: &[Locations]) {
    let on = |n: usize| {
        fields[n].only_if.as_ref().and_then(|o| fields.iter().position(|f| f.name == o.field))
    };
    for n in 0..fields.len() {
        let mut now = on(n);
        for _ in 0..fields.len() {
            match now {
                Some(m) if m == n => {
                    reporter.report_key(
                        &at[n],
                        "only_if",
                        format!("`{}` depends on itself", fields[n].name),
                        "",
                    );
                    return;
                }
                Some(m) => now = on(m),
                None => break,
            }
        }
    }
}
