//! The types of the flag tables: a command, its forms, its flags and their values.

/// The source with which a flag is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Every source.
    Any,
    /// Only when the running system is cloned (`-C`).
    Clone,
    /// Only when a system image is installed (`-d`).
    Image,
}

/// The kind of a value. Checks and completions follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// A file, by any path.
    File,
    /// A file, by its full path.
    FullPath,
    /// A directory.
    Directory,
    /// A disk, as `altdisk disks` lists it.
    Disk,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// The value that a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its name in usage and help: `phase`.
    pub name: &'static str,
    /// Its kind.
    pub kind: ValueKind,
}

/// The forms of its command that a flag belongs to, by their numbers in [`Command::forms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forms(u8);

impl Forms {
    /// Every form; the synopsis does not show such a flag (`--help`).
    pub const ANY: Self = Self(u8::MAX);

    /// One form.
    pub const fn nth(n: u8) -> Self {
        Self(1 << n)
    }

    /// These forms and the others.
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether form number `n` is one of them.
    pub const fn contain(self, n: usize) -> bool {
        n < 8 && self.0 & (1 << n) != 0
    }
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// The letter after one dash.
    pub short: Option<char>,
    /// The word after two dashes.
    pub long: Option<&'static str>,
    /// The value, where it takes one.
    pub value: Option<Value>,
    /// The description. [`Flag::description`] adds what follows from the other fields.
    pub help: &'static str,
    /// The forms that it belongs to.
    pub forms: Forms,
    /// It selects its form: the synopsis shows it first, without brackets.
    pub selects_form: bool,
    /// The phase of `alt_disk_install` in which it has an effect; None: in every one.
    pub phase: Option<u8>,
    /// The source with which it is valid.
    pub source: Source,
    /// Another flag that must be given too, by name.
    pub requires: Option<&'static str>,
    /// May be given several times with different values.
    pub repeats: bool,
    /// It removes something or stops a safeguard: never suggested for a mistyped flag.
    pub drastic: bool,
}

impl Flag {
    const fn new(short: Option<char>, long: Option<&'static str>, help: &'static str) -> Self {
        Self {
            short,
            long,
            value: None,
            help,
            forms: Forms::nth(0),
            selects_form: false,
            phase: None,
            source: Source::Any,
            requires: None,
            repeats: false,
            drastic: false,
        }
    }

    /// A flag with a letter.
    pub(super) const fn short(short: char, help: &'static str) -> Self {
        Self::new(Some(short), None, help)
    }

    /// A flag with a word.
    pub(super) const fn long(long: &'static str, help: &'static str) -> Self {
        Self::new(None, Some(long), help)
    }

    /// A flag with a letter and a word.
    pub(super) const fn both(short: char, long: &'static str, help: &'static str) -> Self {
        Self::new(Some(short), Some(long), help)
    }

    /// It takes a value.
    pub(super) const fn takes(mut self, name: &'static str, kind: ValueKind) -> Self {
        self.value = Some(Value { name, kind });
        self
    }

    /// It belongs to these forms, not to the first one.
    pub(super) const fn forms(mut self, forms: Forms) -> Self {
        self.forms = forms;
        self
    }

    /// It selects these forms.
    pub(super) const fn selects(mut self, forms: Forms) -> Self {
        self.forms = forms;
        self.selects_form = true;
        self
    }

    /// It has an effect in this phase only.
    pub(super) const fn phase(mut self, phase: u8) -> Self {
        self.phase = Some(phase);
        self
    }

    /// It is valid with this source only.
    pub(super) const fn only_with(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// It needs the flag of this name.
    pub(super) const fn requires(mut self, name: &'static str) -> Self {
        self.requires = Some(name);
        self
    }

    /// It may be given several times.
    pub(super) const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// It is never suggested.
    pub(super) const fn drastic(mut self) -> Self {
        self.drastic = true;
        self
    }

    /// Whether its letter or word is `name`: `C`, `preview`.
    pub fn has_name(&self, name: &str) -> bool {
        self.long == Some(name) || self.short.is_some_and(|c| name.chars().eq([c]))
    }

    /// As it is typed: `-C`, `--preview`.
    pub fn typed(&self) -> String {
        match (self.short, self.long) {
            (Some(c), _) => format!("-{c}"),
            (None, long) => format!("--{}", long.unwrap_or_default()),
        }
    }

    /// As usage and help show it: `-P phase`, `--erase SERIAL`, `-h, --help`.
    pub fn shown(&self) -> String {
        let name = match (self.short, self.long) {
            (Some(c), Some(long)) => format!("-{c}, --{long}"),
            _ => self.typed(),
        };
        self.value.map_or_else(|| name.clone(), |v| format!("{name} {}", v.name))
    }

    /// The help text with what follows from the table: the word of its form, the source, and the
    /// flag that it needs.
    pub fn description(&self, command: &Command) -> String {
        let words: Vec<&str> = (0..command.forms.len())
            .filter(|n| self.forms.contain(*n))
            .map(|n| command.forms[n].word)
            .collect();
        let mut text = match words.as_slice() {
            [word] if !word.is_empty() => format!("With {word}: "),
            _ => String::new(),
        };
        text.push_str(self.help);
        text.push_str(match self.source {
            Source::Any => "",
            Source::Clone => " Only with -C.",
            Source::Image => " Only with -d.",
        });
        if let Some(needed) = self.requires.and_then(|name| command.flag(name)) {
            text.push_str(&format!(" Needs {}.", needed.typed()));
        }
        text
    }
}

/// One way to call a command. Its flags are those of the table that name it.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The word that selects it (`create`), or alternatives in braces; empty if there is none.
    pub word: &'static str,
    /// The operands as the synopsis shows them; empty if there are none.
    pub operands: &'static str,
    /// The kind of the operands.
    pub kind: ValueKind,
}

impl Form {
    /// A form without a word.
    pub(super) const fn operands(operands: &'static str, kind: ValueKind) -> Self {
        Self { word: "", operands, kind }
    }

    /// A form that a word selects.
    pub(super) const fn word(word: &'static str, operands: &'static str, kind: ValueKind) -> Self {
        Self { word, operands, kind }
    }

    /// The words that select it, without braces.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.word.split(['{', '|', '}', ' ']).filter(|word| !word.is_empty())
    }
}

/// A form that is the command alone, with flags.
pub(super) const FLAGS_ONLY: Form = Form::operands("", ValueKind::Text);

/// A command, as its users see it.
#[derive(Debug)]
pub struct Command {
    /// The word after `altdisk`, or the program's own name.
    pub name: &'static str,
    /// One line for the list of commands.
    pub summary: &'static str,
    /// The ways to call it, the usual one first.
    pub forms: &'static [Form],
    /// The description, in paragraphs.
    pub about: &'static str,
    /// Its flags, in the order of the synopsis.
    pub flags: &'static [Flag],
    /// More about its use, in paragraphs.
    pub notes: &'static str,
    /// Exit codes and their meanings, where they are more than 0 and an error's own.
    pub exit_codes: &'static [(u8, &'static str)],
    /// Command lines, and what they do.
    pub examples: &'static [(&'static str, &'static str)],
    /// Files that it uses, and what they are.
    pub files: &'static [(&'static str, &'static str)],
    /// Other commands of altdisk to read about.
    pub see_also: &'static [&'static str],
    /// Without any word it opens the panel of its name: AIX's administrators type `smitty mksysb`,
    /// and a restart needs a look first.
    pub opens_panel: bool,
    /// It is called by its own name, not as a word after `altdisk`.
    pub is_program: bool,
}

/// The fields that most tables leave empty.
pub(super) const EMPTY: Command = Command {
    name: "",
    summary: "",
    forms: &[FLAGS_ONLY],
    about: "",
    flags: &[],
    notes: "",
    exit_codes: &[],
    examples: &[],
    files: &[],
    see_also: &[],
    opens_panel: false,
    is_program: false,
};

impl Command {
    /// How it is typed: `altdisk disks`, `alt_disk_install`.
    pub fn invocation(&self) -> String {
        if self.is_program { self.name.to_owned() } else { format!("altdisk {}", self.name) }
    }

    /// The flag called `name`.
    pub fn flag(&self, name: &str) -> Option<&'static Flag> {
        self.flags.iter().find(|f| f.has_name(name))
    }

    /// Whether words that are no flags may be given.
    pub fn takes_operands(&self) -> bool {
        self.forms.iter().any(|f| !f.word.is_empty() || !f.operands.is_empty())
    }

    /// The flags that select form number `n`.
    pub fn selectors(&self, n: usize) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().filter(move |f| f.selects_form && f.forms.contain(n))
    }

    /// The other flags that the synopsis shows in form number `n`.
    pub fn optional_flags(&self, n: usize) -> impl Iterator<Item = &'static Flag> {
        let shown = move |f: &&Flag| !f.selects_form && f.forms != Forms::ANY && f.forms.contain(n);
        self.flags.iter().filter(shown)
    }

    /// The number of the form that this word selects.
    pub fn form_of_word(&self, word: &str) -> Option<usize> {
        self.forms.iter().position(|form| form.words().any(|w| w == word))
    }
}
