//! A dialog and its values become exactly what is run.
//!
//! SMIT's two passes: the fixed words, then the fields in their order, then those with `last`. A
//! value is a word, never text for a shell; in a shell line `{name}` becomes a word in single
//! quotes. What is shown is the same line with passwords hidden.

use crate::menu::model::{Dialog, Field, Kind, Many, Required, Run};
use crate::menu::placeholders::{self, Segment};
use crate::menu::rules;
use crate::menu::values::{Context, Values};
use crate::secret::masked_words;
use crate::text::shell::quoted;

/// The placeholder of a password where a command is shown or logged.
pub const HIDDEN: &str = "********";

/// A command line that a dialog made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The words to run.
    pub argv: Vec<String>,
    /// The same with passwords hidden.
    masked: Vec<String>,
    /// How many words the dialog's fixed command has: what a review adds comes after them.
    fixed: usize,
}

impl Line {
    /// For the preview, the log and the script: quoted for a shell, passwords hidden.
    pub fn shown(&self) -> String {
        quoted(&self.masked)
    }

    /// Whether [`Line::shown`] hides something, so that it would not do the same again.
    pub fn hides(&self) -> bool {
        self.masked != self.argv
    }

    /// With the words that a review asked for, after the fixed command.
    pub fn with_words(&self, add: &[String]) -> Self {
        let insert = |words: &[String], add: &[String]| {
            [&words[..self.fixed], add, &words[self.fixed..]].concat()
        };
        Self {
            argv: insert(&self.argv, add),
            masked: insert(&self.masked, &masked_words(add)),
            fixed: self.fixed,
        }
    }
}

/// The line that `dialog` makes of these values.
pub fn build_line(dialog: &Dialog, values: &Values, context: &Context) -> Line {
    let (argv, fixed) = build_words(dialog, values, context, false);
    let (masked, _) = build_words(dialog, values, context, true);
    Line { argv, masked: masked_words(&masked), fixed }
}

/// A list, discovery or classify command with its `{name}`s filled in.
pub fn build_argv(run: &Run, context: &Context) -> Vec<String> {
    let value = |name: &str| context_words(context, name);
    match run {
        Run::Argv(words) => {
            words.iter().flat_map(|w| placeholders::expand_word(w, &value)).collect()
        }
        Run::Shell(text) => shell(&placeholders::expand_shell_line(text, &value)),
    }
}

/// The value from a selector or discovery: a word, or none.
fn context_words(context: &Context, name: &str) -> Vec<String> {
    context.get(name).filter(|value| !value.is_empty()).cloned().into_iter().collect()
}

fn shell(text: &str) -> Vec<String> {
    ["/bin/sh", "-c", text, "sh"].map(str::to_owned).to_vec()
}

fn build_words(
    dialog: &Dialog,
    values: &Values,
    context: &Context,
    mask: bool,
) -> (Vec<String>, usize) {
    let fields = &dialog.fields;
    let shown = rules::visible(dialog, values);
    let real = |n: usize| {
        let words = values.real(n, &fields[n]);
        if mask && fields[n].kind == Kind::Password && words.iter().any(|w| !w.is_empty()) {
            vec![HIDDEN.to_owned()]
        } else {
            words
        }
    };
    let value =
        |name: &str| match fields.iter().position(|f| f.name == name && f.kind != Kind::Heading) {
            Some(n) if shown.contains(&n) => {
                let words = real(n);
                if fields[n].required == Required::Always || words.iter().any(|w| !w.is_empty()) {
                    words
                } else {
                    vec![]
                }
            }
            Some(_) => vec![],
            None => context_words(context, name),
        };
    let (mut words, placed) = match &dialog.command {
        Run::Argv(words) => {
            let placed: Vec<&str> = words
                .iter()
                .flat_map(|w| placeholders::split_segments(w))
                .filter_map(Segment::name)
                .collect();
            (words.iter().flat_map(|w| placeholders::expand_word(w, &value)).collect(), placed)
        }
        Run::Shell(text) => (
            shell(&placeholders::expand_shell_line(text, &value)),
            placeholders::split_segments(text).into_iter().filter_map(Segment::name).collect(),
        ),
    };
    let fixed = words.len();
    for last in [false, true] {
        for &n in shown
            .iter()
            .filter(|n| fields[**n].last == last && !placed.contains(&fields[**n].name.as_str()))
        {
            words.extend(words_of_field(&fields[n], &real(n), values.changed(n)));
        }
    }
    (words, fixed)
}

/// The words that one field adds.
fn words_of_field(field: &Field, real: &[String], changed: bool) -> Vec<String> {
    let filled = real.iter().any(|w| !w.is_empty());
    let sent = match field.required {
        Required::Changed => changed,
        Required::Always | Required::Filled => true,
        Required::Given => filled,
    };
    if field.kind == Kind::Heading || !sent {
        return vec![];
    }
    if !filled {
        // Nothing to send, but a flag says so: `-z ''`.
        return if field.prefix.starts_with('-') { prefixed(&field.prefix, "") } else { vec![] };
    }
    match field.many {
        Many::Repeat => real.iter().flat_map(|w| prefixed(&field.prefix, w)).collect(),
        Many::Words => {
            let (first, rest) = real.split_at(1.min(real.len()));
            first
                .iter()
                .flat_map(|w| prefixed(&field.prefix, w))
                .chain(rest.iter().cloned())
                .collect()
        }
        Many::One | Many::Comma | Many::Blank => {
            real.iter().flat_map(|w| prefixed(&field.prefix, w)).collect()
        }
    }
}

/// Prefix and value: glued, or two words if the prefix ends with a blank.
pub(super) fn prefixed(prefix: &str, value: &str) -> Vec<String> {
    let mut words: Vec<String> = prefix.split_whitespace().map(str::to_owned).collect();
    match words.last_mut() {
        Some(last) if !prefix.ends_with(char::is_whitespace) => last.push_str(value),
        _ => words.push(value.to_owned()),
    }
    words
}
