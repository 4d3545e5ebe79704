//! `{name}` in commands: found, and replaced by values.
//!
//! A name is small letters, digits and `_`. `${name}` is the shell's own, `{{name}}` is the text `{name}`; every other brace is text.

use std::ffi::OsStr;

use crate::text::shell;

/// A piece of a word or of a shell line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Text(&'a str),
    /// What stands between the braces.
    Name(&'a str),
}

impl<'a> Part<'a> {
    pub fn name(self) -> Option<&'a str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Text(_) => None,
        }
    }
}

/// The pieces of `text`, in order.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut found, mut begin, mut from) = (vec![], 0, 0);
    while let Some(at) = text[from..].find('{').map(|n| from + n) {
        let name = text[at + 1..].split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).next().unwrap_or_default();
        let end = at + 1 + name.len();
        let literal = text[..at].ends_with('{') && text[end..].starts_with("}}");
        if name.is_empty() || !text[end..].starts_with('}') || text[..at].ends_with('$') {
            from = at + 1;
            continue;
        }
        let (stop, next) = if literal { (at - 1, end + 2) } else { (at, end + 1) };
        if begin < stop {
            found.push(Part::Text(&text[begin..stop]));
        }
        found.push(if literal { Part::Text(&text[at..=end]) } else { Part::Name(name) });
        (begin, from) = (next, next);
    }
    if begin < text.len() {
        found.push(Part::Text(&text[begin..]));
    }
    found
}

/// One word of an argv. If it is nothing but `{name}`, each of the value's words is a word (none, if there is none); within text they are
/// joined by blanks.
pub fn word(text: &str, value: &dyn Fn(&str) -> Vec<String>) -> Vec<String> {
    let parts = parts(text);
    if let [Part::Name(name)] = parts[..] {
        return value(name);
    }
    vec![
        parts
            .into_iter()
            .map(|p| match p {
                Part::Text(text) => text.to_owned(),
                Part::Name(name) => value(name).join(" "),
            })
            .collect(),
    ]
}

/// A line for a shell: each of a value's words in single quotes.
pub fn shell(text: &str, value: &dyn Fn(&str) -> Vec<String>) -> String {
    let fill = |p: Part| match p {
        Part::Text(text) => text.to_owned(),
        Part::Name(name) => {
            let words = value(name);
            if words.is_empty() { "''".to_owned() } else { words.iter().map(|w| single(w)).collect::<Vec<_>>().join(" ") }
        }
    };
    parts(text).into_iter().map(fill).collect()
}

/// Always in quotes, so that a reserved word or a number before `>` stays a word.
fn single(word: &str) -> String {
    let quoted = shell::quote(OsStr::new(word));
    if quoted.starts_with('\'') { quoted } else { format!("'{quoted}'") }
}
