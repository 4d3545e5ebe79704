//! The checked content of menu files: screens by id, their fields, and how a dialog becomes a
//! command.
//!
//! SMIT's four object classes stand behind it: `sm_menu_opt` ([`Menu`], [`Item`]), `sm_name_hdr`
//! ([`Selector`]), `sm_cmd_hdr` ([`Dialog`]) and `sm_cmd_opt` ([`Field`]). The TOML form of every
//! type is described in `docs/menus.md`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;

/// The top menu's id.
pub const TOP: &str = "altdisk";

/// Every screen that there is, by id, with the aliases (fast paths) that lead to them.
#[derive(Clone, Debug, Default)]
pub struct Set {
    pub screens: BTreeMap<String, Screen>,
    /// Fast path -> screen id.
    pub aliases: BTreeMap<String, String>,
}

/// One screen of the panels.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // there are some dozens of them in all
pub enum Screen {
    Menu(Menu),
    Selector(Selector),
    Dialog(Dialog),
}

/// A list of items that lead to other screens.
#[derive(Clone, Debug)]
pub struct Menu {
    pub id: String,
    pub title: String,
    pub help: String,
    pub items: Vec<Item>,
}

/// Another fast path for a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub name: String,
    pub goto: String,
}

/// A line of a menu. Without `goto` it is a heading or separator that the cursor skips.
#[derive(Clone, Debug)]
pub struct Item {
    pub text: String,
    pub help: String,
    pub goto: Option<Target>,
}

/// Where an item or selector leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Screen(String),
    /// Screens that are code: written `@jobs`, `@themes`, `@keys`, `@about` in the files.
    Builtin(Builtin),
}

/// A screen that is code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// Running and finished jobs.
    Jobs,
    /// Choose a look.
    Themes,
    /// The list of keys.
    Keys,
    About,
}

/// One question whose answer chooses the next screen, or is handed to it.
#[derive(Clone, Debug)]
pub struct Selector {
    pub id: String,
    pub title: String,
    pub help: String,
    pub field: Field,
    pub next: Next,
    /// Show the list alone. A ghost without a list shows nothing: it classifies and goes on.
    pub ghost: bool,
    /// May only be entered from a selector: its id is no fast path.
    pub after_selector: bool,
}

/// The screen after a selector (SMIT's `type` j, r, c).
#[derive(Clone, Debug)]
pub enum Next {
    To(Target),
    /// `prefix` + the value is the id.
    Value {
        prefix: String,
    },
    /// `prefix` + the first line that the command prints is the id. The value is `{FIELDNAME}` in
    /// the command.
    Classified {
        prefix: String,
        command: Run,
        timeout: u64,
    },
}

/// A form whose fields become a command line.
#[derive(Clone, Debug)]
pub struct Dialog {
    pub id: String,
    pub title: String,
    pub help: String,
    pub fields: Vec<Field>,
    pub command: Run,
    pub mode: Mode,
    /// ARE YOU SURE?? with this text.
    pub confirm: Option<String>,
    /// Show what will happen first (the review protocol, `docs/menus.md`): the words that are
    /// appended to the command to ask it.
    pub review: Option<Vec<String>>,
    /// No form: the command runs as soon as the item is chosen.
    pub ghost: bool,
    /// Fills fields before the form is shown (`#name:name` and `value:value` lines).
    pub discover: Option<Run>,
    /// Seconds that `discover` may take.
    pub timeout: u64,
    /// The command needs root.
    pub root: bool,
    pub after_selector: bool,
}

/// A command: words, or a line for /bin/sh. `{name}` stands for the value of a field or selector: a
/// word of an argv takes it as it is, a shell line gets it in single quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    Argv(Vec<String>),
    /// Run as `/bin/sh -c LINE sh WORD...`: the words that the fields make are `"$@"`.
    Shell(String),
}

/// How the command runs (SMIT's exec_mode).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    pub how: How,
    /// After exit 0 back to the menu (SMIT's capital letters).
    pub back: bool,
}

/// What becomes of the terminal while the command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `p`: a job; its output scrolls in COMMAND STATUS.
    Pipe,
    /// `n`: a job; the first screenful stays.
    Still,
    /// `i`: with the terminal, for programs that need it.
    Inherit,
    /// `e`: in place of altdisk.
    Exec,
}

/// A line of a dialog or selector: its label, what can be entered, and what that adds to the
/// command.
#[derive(Clone, Debug)]
pub struct Field {
    /// Unique in its screen; `{name}` in commands.
    pub name: String,
    pub label: String,
    pub help: String,
    pub kind: Kind,
    pub required: Required,
    /// Most characters that can be typed; 0: no limit.
    pub size: usize,
    /// The initial value (of a ring: the shown one).
    pub default: String,
    /// The name in `discover`'s output, or a selector's field, whose value is the default.
    pub from: Option<String>,
    pub list: Option<List>,
    pub many: Many,
    /// Of a ring, or fixed choices of a list.
    pub choices: Vec<Choice>,
    /// Goes before the value: glued to it, or as a word of its own if it ends with a blank (`"-i
    /// "`). Empty: the value alone.
    pub prefix: String,
    /// After all other fields (SMIT's prefix `--`).
    pub last: bool,
    /// Cleared when the command ended with 0 (SMIT's N, L, R).
    pub clear: bool,
    /// Levels of indentation.
    pub indent: u8,
    /// If this has a value (a real value that is not empty), so must these.
    pub requires: Vec<String>,
    /// If this has a value, so must one of these.
    pub requires_one: Vec<String>,
    /// If this has a value, these must not.
    pub conflicts: Vec<String>,
    /// Shown and sent only if that field has one of these (shown) values.
    pub only_if: Option<OnlyIf>,
    pub pattern: Option<Pattern>,
}

impl Field {
    /// The name of the field where there is one line for it: its label without a last line in
    /// parentheses.
    pub fn title(&self) -> String {
        let label = self.label.trim_end();
        let named = match label.rsplit_once('\n') {
            Some((named, remark))
                if remark.trim_start().starts_with('(') && remark.ends_with(')') =>
            {
                named
            }
            _ => label,
        };
        crate::text::one_line(named)
    }
}

/// How a field is filled, and what it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Digits with an optional sign.
    Number,
    Hex,
    Path,
    /// Blanks at both ends count.
    Raw,
    /// Not typed: chosen from the list.
    List,
    /// Not typed: one of `choices`, by Tab and Backtab.
    Ring,
    /// Not echoed, and never logged or shown.
    Password,
    /// A line of text, no field.
    Heading,
}

/// When prefix and value are part of the command (SMIT's `required`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// `"n"`: if the user changed it.
    Changed,
    /// `"y"`: always, even when empty.
    Always,
    /// `"+"`: always, and it must not be blank.
    Filled,
    /// `"?"`: unless it is empty.
    Given,
}

/// Where the choices of F4 come from.
#[derive(Clone, Debug)]
pub struct List {
    pub command: Run,
    pub take: Take,
    /// Seconds.
    pub timeout: u64,
}

/// The part of a chosen line that becomes the value (SMIT's cmd_to_list_mode).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    Line,
    First,
    Second,
    /// A range, shown for information: nothing is taken.
    Range,
}

/// How several choices become words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// Only one can be chosen.
    One,
    /// One word, joined by commas (SMIT's `,`).
    Comma,
    /// One word, joined by blanks (SMIT's `y`).
    Blank,
    /// A word each, the prefix before each (SMIT's `m`).
    Repeat,
    /// A word each, the prefix before the first.
    Words,
}

/// A value as it is shown and as the command gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub shown: String,
    pub real: String,
}

/// The field, and its values, that make another field visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlyIf {
    pub field: String,
    pub is: Vec<String>,
}

/// A regular expression that the whole value of a field has to match.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    /// The message where it does not match, for novices.
    pub message: String,
    /// Compiled when a value is looked at: the built-in panels have many patterns, and a run needs
    /// few of them.
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern, not compiled yet.
    pub fn new(text: impl Into<String>, message: impl Into<String>) -> Self {
        Self { text: text.into(), message: message.into(), compiled: OnceLock::new() }
    }

    /// As it is written in the menu file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The expression that the whole value has to match.
    ///
    /// # Errors
    /// The syntax error.
    pub fn compile(&self) -> Result<Regex, regex::Error> {
        // A small limit: a pattern must not take the memory of a small machine.
        regex::RegexBuilder::new(&format!("^(?:{})$", self.text)).size_limit(1 << 20).build()
    }

    /// Whether `value` is right. To an expression that is none, nothing is: the check of menu files
    /// refuses it.
    pub fn matches(&self, value: &str) -> bool {
        self.compiled
            .get_or_init(|| self.compile().ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(value))
    }
}
