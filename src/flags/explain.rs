//! The flags of `altdisk errors`, `altdisk explain` and `altdisk --check`.

use super::common::HELP;
use super::model::{Command, EMPTY, Form, ValueKind};

/// Lists the catalogue of errors.
pub static ERRORS: Command = Command {
    name: "errors",
    summary: "list every error message with its number",
    about: "Lists all errors of altdisk: the number, the problem, and the remedy.",
    flags: &[HELP],
    see_also: &["explain"],
    ..EMPTY
};

/// Explains errors.
pub static EXPLAIN: Command = Command {
    name: "explain",
    summary: "explain one error message",
    forms: &[Form::operands("ALT-nnn ...", ValueKind::Text)],
    about: "Explains an error message: its meaning, the remedy, and the exit code of the command that reported it. The number alone will do.",
    flags: &[HELP],
    examples: &[("altdisk explain ALT-210", "explain the error ALT-210")],
    see_also: &["errors"],
    ..EMPTY
};

/// `altdisk --check`: not called by a name, and so in no list of commands.
pub static CHECK: Command = Command {
    name: "--check",
    summary: "check menu files and themes",
    forms: &[Form::operands("[directory]", ValueKind::Directory)],
    about: "Checks the built-in panels and themes, those in /etc/altdisk/menus.d and /etc/altdisk/themes.d, and the menu files in \
this directory (themes, if it is called themes or themes.d; its subdirectory themes may hold themes too). Every mistake is shown \
with its place and with what is allowed there. Nothing is run.",
    flags: &[HELP],
    ..EMPTY
};
