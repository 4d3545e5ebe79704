//! The output of a list command: a heading, choices, notes to them, and choices that are only shown.

use crate::menu::model::{Choice, List, Take};
use crate::text::printable;

/// The choices of F4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The first line.
    pub heading: Option<String>,
    /// The lines below it.
    pub entries: Vec<Entry>,
}

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// As it is shown; nothing in it commands a terminal.
    pub line: String,
    /// The lines below it, which cannot be chosen.
    pub notes: Vec<String>,
    /// The (shown) value for the field.
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
        let (line, clean) =
            if refused { (&line[1..], clean[1..].to_owned()) } else { (line, clean) };
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
pub fn list_choices(choices: &[Choice]) -> Listing {
    let entry =
        |c: &Choice| Entry { line: c.shown.clone(), value: c.shown.clone(), ..Entry::default() };
    Listing { heading: None, entries: choices.iter().map(entry).collect() }
}

/// The part of the line that becomes the value: as the program printed it, but a control character
/// cannot be part of a field.
fn taken(line: &str, take: Take) -> String {
    let value = match take {
        Take::Line => line.trim(),
        Take::First => line.split_whitespace().next().unwrap_or_default(),
        Take::Second => line.split_whitespace().nth(1).unwrap_or_default(),
        Take::Range => "",
    };
    value.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::model::Run;

    fn listing(text: &str, take: Take) -> Listing {
        parse(text, &List { command: Run::Argv(vec![]), take, timeout: 1 })
    }

    fn values(text: &str, take: Take) -> Vec<String> {
        listing(text, take).entries.into_iter().map(|e| e.value).collect()
    }

    #[test]
    fn heading_notes_and_what_cannot_be_chosen() {
        let text =
            "#name   size\nvda     20 GB\n  # two\n# notes\n\n! vdb   20 GB\n# in use\n#x vdc\n";
        let l = listing(text, Take::First);
        assert_eq!(l.heading.as_deref(), Some("name   size"));
        let entry = |line: &str, notes: &[&str], value: &str, refused| Entry {
            line: line.into(),
            notes: notes.iter().map(|n| (*n).to_owned()).collect(),
            value: value.into(),
            refused,
        };
        assert_eq!(
            l.entries,
            [
                entry("vda     20 GB", &[" two", " notes"], "vda", false),
                entry(" vdb   20 GB", &[" in use", "x vdc"], "vdb", true)
            ]
        );
    }

    #[test]
    fn what_is_taken() {
        let text = "  one two three\nfour\n";
        assert_eq!(values(text, Take::Line), ["one two three", "four"]);
        assert_eq!(values(text, Take::First), ["one", "four"]);
        assert_eq!(values(text, Take::Second), ["two", ""]);
        assert_eq!(values("1..99\n", Take::Range), [""]);
        assert!(listing("1..99\n", Take::Range).entries[0].refused);
        assert_eq!(listing("", Take::Line), Listing::default());
        assert_eq!(values(" # not a heading: a blank comes first\na\n", Take::Line), ["a"]);
    }

    #[test]
    fn names_are_harmless() {
        let l = listing("a\x1b[2Jb\tc\n", Take::First);
        assert_eq!(
            (l.entries[0].line.as_str(), l.entries[0].value.as_str()),
            ("a\\x1b[2Jb    c", "a?[2Jb")
        );
    }
}
