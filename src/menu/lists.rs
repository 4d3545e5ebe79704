//! What a list command prints: a heading, choices, notes to them, and choices that are only shown.

use crate::menu::model::{Choice, List, Take};
use crate::text::printable;

/// The choices of F4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub heading: Option<String>,
    pub entries: Vec<Entry>,
}

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// As it is shown; nothing in it commands a terminal.
    pub line: String,
    /// What stands below it, not selectable.
    pub notes: Vec<String>,
    /// What the field gets (shown value).
    pub value: String,
    /// Shown greyed, cannot be chosen; the notes say why.
    pub refused: bool,
}

/// Reads what a list command printed.
pub fn parse(text: &str, list: &List) -> Listing {
    let mut listing = Listing::default();
    for (n, line) in text.lines().enumerate() {
        let clean = printable(&line.replace('\t', "    "), false);
        if let (0, Some(heading)) = (n, clean.strip_prefix('#')) {
            listing.heading = Some(heading.to_owned());
            continue;
        }
        if let Some(note) = clean.trim_start().strip_prefix('#') {
            match listing.entries.last_mut() {
                Some(entry) => entry.notes.push(note.trim_end().to_owned()),
                None => listing.heading.get_or_insert_default().push_str(&format!("\n{note}")),
            }
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let refused = line.starts_with('!');
        let (line, clean) = if refused { (&line[1..], clean[1..].to_owned()) } else { (line, clean) };
        listing.entries.push(Entry {
            line: clean,
            notes: vec![],
            value: taken(line, list.take),
            refused: refused || list.take == Take::Range,
        });
    }
    listing
}

/// The fixed choices of a field as a list.
pub fn of_choices(choices: &[Choice]) -> Listing {
    let entry = |c: &Choice| Entry { line: c.shown.clone(), value: c.shown.clone(), ..Entry::default() };
    Listing { heading: None, entries: choices.iter().map(entry).collect() }
}

/// What of the line becomes the value: as the program printed it, but a control character cannot be part of a field.
fn taken(line: &str, take: Take) -> String {
    let value = match take {
        Take::Line => line.trim(),
        Take::First => line.split_whitespace().next().unwrap_or_default(),
        Take::Second => line.split_whitespace().nth(1).unwrap_or_default(),
        Take::Range => "",
    };
    value.replace(char::is_control, "?")
}
