//! The flags of `altdisk generate`, which packagers use. It is in no list of commands.

use super::common::HELP;
use super::model::{Command, EMPTY, Form, ValueKind};

/// Writes man pages and completions.
pub static GENERATE: Command = Command {
    name: "generate",
    summary: "write the man pages, or the completions of bash, zsh and fish",
    forms: &[Form::word("{man | completions}", "directory", ValueKind::Directory)],
    about: "Writes files for packages into the directory, which must exist. man: one page of section 8 per command. completions: altdisk.bash, _altdisk (zsh) \
and altdisk.fish. They are made from the same tables as --help.",
    flags: &[HELP],
    examples: &[("altdisk generate man /usr/local/share/man/man8", "install the man pages")],
    ..EMPTY
};
