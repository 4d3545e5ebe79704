//! Helpers that the completions of all shells share.

use crate::flags::{Command, Flag};

/// The command that prints the disks' names: the first word of every line that can be chosen.
pub const LIST_DISKS: &str = "altdisk list disks 2>/dev/null | sed -n '/^[^#!]/s/ .*//p'";

/// A word in single quotes for the shell.
pub fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The first sentence of a flag's description, without its full stop and without control characters.
pub fn first_sentence(flag: &Flag, command: &Command) -> String {
    let text = flag.description(command);
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

/// Every word that selects a form of the command.
pub fn form_words(command: &Command) -> Vec<&'static str> {
    command.forms.iter().flat_map(|form| form.words()).collect()
}

/// The ways to type a flag: `-h`, `--help`.
pub fn names(flag: &Flag) -> Vec<String> {
    let short = flag.short.map(|c| format!("-{c}"));
    let long = flag.long.map(|l| format!("--{l}"));
    short.into_iter().chain(long).collect()
}
