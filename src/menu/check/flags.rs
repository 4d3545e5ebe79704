//! altdisk's own commands: the flags that a menu file gives them are those that they have.
//!
//! The fixed words of a command are read as the command would read them; then what each field can
//! add, on its own.

use super::report::Reporter;
use crate::diagnostic::reader::Locations;
use crate::diagnostic::suggest;
use crate::flags::{ALL, Command, Flag};
use crate::menu::command::prefixed;
use crate::menu::draft::{DraftDialog, DraftScreen};
use crate::menu::model::{Field, Kind, Next, Run};
use crate::menu::placeholders::{self, Segment};
use crate::menu::rules::has_only_choices;

/// Stands for a value that is known only later: no flag begins with it.
const VALUE: &str = "\u{1}";

/// Checks the commands of one screen.
pub(super) fn check(reporter: &Reporter, screen: &DraftScreen) {
    match screen {
        DraftScreen::Menu(_) => {}
        DraftScreen::Selector(s) => {
            list(reporter, &s.selector.field, &s.field_at);
            if let Next::Classified { command, .. } = &s.selector.next {
                find_command(reporter, command, &s.at, "classify");
            }
        }
        DraftScreen::Dialog(d) => dialog(reporter, d),
    }
}

fn list(reporter: &Reporter, field: &Field, at: &Locations) {
    if let Some(list) = &field.list {
        find_command(reporter, &list.command, at, "list");
    }
}

fn dialog(reporter: &Reporter, d: &DraftDialog) {
    if let Some(discover) = &d.dialog.discover {
        find_command(reporter, discover, &d.at, "discover");
    }
    d.dialog.fields.iter().zip(&d.fields_at).for_each(|(f, at)| list(reporter, f, at));
    let Some(command) = find_command(reporter, &d.dialog.command, &d.at, "command") else { return };
    for (n, wrong) in wrong_words(command, d.dialog.review.as_deref().unwrap_or_default()) {
        reporter.report_element(&d.at, "review", n, wrong.0, wrong.1);
    }
    let placed: Vec<&str> = match &d.dialog.command {
        Run::Argv(words) => words
            .iter()
            .flat_map(|w| placeholders::split_segments(w))
            .filter_map(Segment::name)
            .collect(),
        Run::Shell(_) => vec![],
    };
    let fields = d.dialog.fields.iter().zip(&d.fields_at);
    for (field, at) in
        fields.filter(|(f, _)| f.kind != Kind::Heading && !placed.contains(&f.name.as_str()))
    {
        of_field(reporter, command, field, at);
    }
}

/// The words that one field can add.
fn of_field(reporter: &Reporter, command: &Command, field: &Field, at: &Locations) {
    if !has_only_choices(field) {
        let key = if at.has("prefix") { "prefix" } else { "name" };
        if let Some((wrong, allowed)) =
            of_words(command, &prefixed(&field.prefix, VALUE), !field.prefix.trim().is_empty())
        {
            reporter.report_key(at, key, wrong, allowed);
        }
        return;
    }
    let real = field.choices.iter().enumerate().filter(|(_, c)| !c.real.is_empty());
    let wrong = real.filter_map(|(n, c)| {
        Some((
            n,
            of_words(command, &prefixed(&field.prefix, &c.real), !field.prefix.trim().is_empty())?,
        ))
    });
    let wrong: Vec<_> = wrong.collect();
    // The prefix is to blame if it is there; it is told once.
    match wrong.into_iter().collect::<Vec<_>>().as_slice() {
        [] => {}
        [(_, first), ..] if at.has("prefix") => {
            reporter.report_key(at, "prefix", &first.0, &first.1)
        }
        all => all.iter().for_each(|(n, w)| reporter.report_element(at, "choices", *n, &w.0, &w.1)),
    }
}

/// The words of one field; with a prefix the value must belong to its flag.
fn of_words(command: &Command, words: &[String], prefix: bool) -> Option<(String, String)> {
    if let Some((_, wrong)) = wrong_words(command, words).into_iter().next() {
        return Some(wrong);
    }
    let loose = prefix
        && words.len() > 1
        && words.last().is_some_and(|w| !w.starts_with('-'))
        && !takes_next(command, &words[..words.len() - 1]);
    loose.then(|| (format!("{} takes no value", words[words.len() - 2]), String::new()))
}

/// The fixed words; the command, if it is one of ours and known.
fn find_command(
    reporter: &Reporter,
    run: &Run,
    at: &Locations,
    key: &str,
) -> Option<&'static Command> {
    let Run::Argv(words) = run else { return None };
    let by_name = |name: &str| ALL.iter().find(|c| c.name == name).copied();
    let program = words.first()?.rsplit('/').next()?;
    let (command, skip) = match (program, words.get(1)) {
        ("alt_disk_install", _) => (by_name(program)?, 1),
        ("altdisk", Some(word))
            if placeholders::split_segments(word).iter().any(|p| p.name().is_some()) =>
        {
            return None;
        }
        ("altdisk", Some(word)) => match by_name(word) {
            Some(command) => (command, 2),
            None => {
                let perhaps = suggest::did_you_mean(word, ALL.iter().map(|c| c.name));
                reporter.report_element(
                    at,
                    key,
                    1,
                    format!("altdisk has no command `{word}`"),
                    or_see(perhaps, "altdisk --help"),
                );
                return None;
            }
        },
        ("altdisk", None) => {
            reporter.report_element(
                at,
                key,
                0,
                "altdisk needs a command",
                or_see(String::new(), "altdisk --help"),
            );
            return None;
        }
        _ => return None,
    };
    let opaque: Vec<String> = words[skip.min(words.len())..].iter().map(|w| opaque(w)).collect();
    for (n, (wrong, allowed)) in wrong_words(command, &opaque) {
        reporter.report_element(at, key, skip + n, wrong, allowed);
    }
    Some(command)
}

/// The word with [`VALUE`] where a name stands.
fn opaque(word: &str) -> String {
    placeholders::split_segments(word)
        .into_iter()
        .map(|p| match p {
            Segment::Text(text) => text,
            Segment::Name(_) => VALUE,
        })
        .collect()
}

/// Reads `words` as the command would: the number of each wrong word, what is wrong, and what is
/// allowed.
fn wrong_words(command: &Command, words: &[String]) -> Vec<(usize, (String, String))> {
    let (mut wrong, mut n) = (vec![], 0);
    while let Some(word) = words.get(n) {
        let here = n;
        n += 1;
        match word.as_str() {
            "--" => break,
            "" | "-" => {}
            w if w.starts_with("--") => {
                let (name, attached) =
                    w[2..].split_once('=').map_or((&w[2..], false), |(name, _)| (name, true));
                match command.flags.iter().find(|f| f.long == Some(name)) {
                    None => wrong.push((here, unknown(command, &format!("--{name}")))),
                    Some(flag) if flag.value.is_none() && attached => {
                        wrong.push((here, no_value(flag)))
                    }
                    Some(flag) if flag.value.is_some() && !attached => {
                        if n >= words.len() {
                            wrong.push((here, needs(flag)));
                        }
                        n += 1;
                    }
                    Some(_) => {}
                }
            }
            w if w.starts_with('-') => {
                let (used, told) = cluster(command, &w[1..], n < words.len());
                n += usize::from(used);
                wrong.extend(told.map(|t| (here, t)));
            }
            w if !command.takes_operands() => {
                let shown = if w.contains(VALUE) {
                    "a value without a flag".to_owned()
                } else {
                    format!("`{w}`")
                };
                wrong.push((
                    here,
                    (
                        format!("{} takes only flags, and this is {shown}", command.name),
                        String::new(),
                    ),
                ));
            }
            _ => {}
        }
    }
    wrong
}

/// Letters behind one dash: whether the next word is used, and what is wrong.
fn cluster(command: &Command, letters: &str, more: bool) -> (bool, Option<(String, String)>) {
    let mut before: Option<&Flag> = None;
    for (at, letter) in letters.char_indices() {
        if VALUE.starts_with(letter) {
            return (false, before.map(no_value));
        }
        let Some(flag) = command.flags.iter().find(|f| f.short == Some(letter)) else {
            return (false, Some(unknown(command, &format!("-{letter}"))));
        };
        if flag.value.is_some() {
            let glued = at + letter.len_utf8() < letters.len();
            return (!glued, (!glued && !more).then(|| needs(flag)));
        }
        before = Some(flag);
    }
    (false, None)
}

/// Whether the word after these is the value of the last one.
fn takes_next(command: &Command, words: &[String]) -> bool {
    let longer: Vec<String> = words.iter().cloned().chain([VALUE.to_owned()]).collect();
    wrong_words(command, words).iter().any(|(n, _)| *n + 1 == words.len())
        && wrong_words(command, &longer).is_empty()
}

fn unknown(command: &Command, typed: &str) -> (String, String) {
    let all: Vec<String> = command.flags.iter().map(Flag::typed).collect();
    let help = format!("altdisk help {}", command.name);
    (
        format!("{} has no flag {typed}", command.name),
        or_see(suggest::did_you_mean(typed, all.iter().map(String::as_str)), &help),
    )
}

/// The near word, and where all of them are listed.
fn or_see(perhaps: String, help: &str) -> String {
    let join = if perhaps.is_empty() { "" } else { "; " };
    format!("{perhaps}{join}`{help}` lists what there is")
}

fn no_value(flag: &Flag) -> (String, String) {
    (format!("{} takes no value", flag.typed()), String::new())
}

fn needs(flag: &Flag) -> (String, String) {
    (format!("{} needs a value", flag.typed()), format!("allowed: {}", flag.shown()))
}
