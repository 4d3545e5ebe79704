//! `{name}` in commands: found, and replaced by values.
//!
//! A name is small letters, digits and `_`. `${name}` is the shell's own, `{{name}}` is the text
//! `{name}`; every other brace is text.

use std::ffi::OsStr;

use crate::text::shell;

/// One segment of a word or of a shell line: text, or a name in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    Text(&'a str),
    /// The name between the braces.
    Name(&'a str),
}

impl<'a> Segment<'a> {
    /// The name, if it is one.
    pub fn name(self) -> Option<&'a str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Text(_) => None,
        }
    }
}

/// Splits `text` into its segments, in order.
pub fn split_segments(text: &str) -> Vec<Segment<'_>> {
    let (mut found, mut begin, mut from) = (vec![], 0, 0);
    while let Some(at) = text[from..].find('{').map(|n| from + n) {
        let name = text[at + 1..]
            .split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
            .next()
            .unwrap_or_default();
        let end = at + 1 + name.len();
        let literal = text[..at].ends_with('{') && text[end..].starts_with("}}");
        if name.is_empty() || !text[end..].starts_with('}') || text[..at].ends_with('$') {
            from = at + 1;
            continue;
        }
        let (stop, next) = if literal { (at - 1, end + 2) } else { (at, end + 1) };
        if begin < stop {
            found.push(Segment::Text(&text[begin..stop]));
        }
        found.push(if literal { Segment::Text(&text[at..=end]) } else { Segment::Name(name) });
        (begin, from) = (next, next);
    }
    if begin < text.len() {
        found.push(Segment::Text(&text[begin..]));
    }
    found
}

/// One word of an argv. If it is nothing but `{name}`, each of the value's words is a word (none,
/// if there is none); within text they are joined by blanks.
pub fn expand_word(text: &str, value: &dyn Fn(&str) -> Vec<String>) -> Vec<String> {
    let parts = split_segments(text);
    if let [Segment::Name(name)] = parts[..] {
        return value(name);
    }
    vec![
        parts
            .into_iter()
            .map(|p| match p {
                Segment::Text(text) => text.to_owned(),
                Segment::Name(name) => value(name).join(" "),
            })
            .collect(),
    ]
}

/// A line for a shell: each of a value's words in single quotes.
pub fn expand_shell_line(text: &str, value: &dyn Fn(&str) -> Vec<String>) -> String {
    let fill = |p: Segment| match p {
        Segment::Text(text) => text.to_owned(),
        Segment::Name(name) => {
            let words = value(name);
            if words.is_empty() {
                "''".to_owned()
            } else {
                words.iter().map(|w| single(w)).collect::<Vec<_>>().join(" ")
            }
        }
    };
    split_segments(text).into_iter().map(fill).collect()
}

/// Always in quotes, so that a reserved word or a number before `>` stays a word.
fn single(word: &str) -> String {
    let quoted = shell::quote(OsStr::new(word));
    if quoted.starts_with('\'') { quoted } else { format!("'{quoted}'") }
}

/// Names that stand where quotes would not protect the value, and where that is: a shell line puts
/// every value in single quotes.
pub fn find_unsafe_names(text: &str) -> Vec<(&str, &'static str)> {
    let (mut state, mut found) = (State::Plain, vec![]);
    let mut before = ' ';
    for part in split_segments(text) {
        match part {
            Segment::Name(name) => {
                if let Some(why) = state.why() {
                    found.push((name, why));
                }
                before = 'x';
            }
            Segment::Text(text) => {
                let mut chars = text.chars().peekable();
                while let Some(c) = chars.next() {
                    let next = chars.peek().copied();
                    if state.skips(c) {
                        chars.next();
                        before = 'x';
                        continue;
                    }
                    state = state.after(c, before, next);
                    before = c;
                }
            }
        }
    }
    found
}

/// The state of a shell after the text so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    Single,
    Double,
    Comment,
    /// Here documents, arithmetic and old command substitution have rules of their own; from there
    /// on nothing is sure.
    Odd,
}

impl State {
    fn why(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Single | Self::Double => Some("in quotes"),
            Self::Comment => Some("in a comment"),
            Self::Odd => Some("where quoting is not sure: after ` or << or (( or $'"),
        }
    }

    /// Whether the character after this one has no meaning.
    fn skips(self, c: char) -> bool {
        c == '\\' && matches!(self, Self::Plain | Self::Double)
    }

    fn after(self, c: char, before: char, next: Option<char>) -> Self {
        match (self, c) {
            (Self::Single, '\'') | (Self::Double, '"') => Self::Plain,
            (Self::Plain | Self::Double, '`') => Self::Odd,
            (Self::Plain, '<') if next == Some('<') => Self::Odd,
            (Self::Plain | Self::Double, '(') if next == Some('(') => Self::Odd,
            (Self::Plain, '\'') if before == '$' => Self::Odd,
            (Self::Plain, '\'') => Self::Single,
            (Self::Plain, '"') => Self::Double,
            (Self::Plain, '#') if before.is_whitespace() || ";&|()".contains(before) => {
                Self::Comment
            }
            (Self::Comment, '\n') => Self::Plain,
            (state, _) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        split_segments(text)
            .iter()
            .map(|p| match p {
                Segment::Text(text) => format!("[{text}]"),
                Segment::Name(name) => format!("<{name}>"),
            })
            .collect()
    }

    #[test]
    fn finds_names() {
        let table = [
            ("", ""),
            ("plain", "[plain]"),
            ("{a}", "<a>"),
            ("x{a_1}y{b}", "[x]<a_1>[y]<b>"),
            ("${a} {A} {} { a } {a", "[${a} {A} {} { a } {a]"),
            ("{{a}} {{a} {a}}", "[{a}][ {]<a>[ ]<a>[}]"),
            ("{{{a}}}", "[{][{a}][}]"),
            ("\u{e9}{a}\u{e9}", "[\u{e9}]<a>[\u{e9}]"),
            ("awk '{print $1}'", "[awk '{print $1}']"),
        ];
        for (text, want) in table {
            assert_eq!(shown(text), want, "{text}");
        }
    }

    #[test]
    fn quotes_have_to_protect() {
        let fine = [
            "{a}",
            "x={a}; y=$(cat {a})",
            "'q' {a} \"q\"",
            "\\' {a}",
            "\"\\\"\" {a}",
            "# it's\n{a}",
            "$# {a}",
            "a#' {a}'{a}",
            "( {a} )",
            "<{a}",
        ];
        for text in fine {
            let odd = text == "a#' {a}'{a}";
            assert_eq!(find_unsafe_names(text).len(), usize::from(odd), "{text}");
        }
        for text in [
            "'{a}'",
            "\"{a}\"",
            "\"$(cat {a})\"",
            "`{a}`",
            "cat <<E\n{a}\nE",
            "# {a}",
            "$(( {a} ))",
            "$'x' {a}",
            "it\\'s '{a}'",
            "x; # it's {a}",
        ] {
            assert_eq!(find_unsafe_names(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn fills_words() {
        let value = |name: &str| match name {
            "two" => vec!["a b".to_owned(), "c".to_owned()],
            "none" => vec![],
            _ => vec!["it's".to_owned()],
        };
        assert_eq!(expand_word("{two}", &value), ["a b", "c"]);
        assert_eq!(expand_word("{none}", &value), Vec::<String>::new());
        assert_eq!(expand_word("x={two}{none}", &value), ["x=a b c"]);
        assert_eq!(
            expand_shell_line("echo {one} {two} {none} {{one}}", &value),
            "echo 'it'\\''s' 'a b' 'c' '' {one}"
        );
    }
}
