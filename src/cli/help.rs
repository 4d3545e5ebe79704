//! Usage and help, from the flag tables.

use crate::flags::{Command, Flag};
use crate::text::wrap;

/// Columns that help is written for: a plain terminal.
pub const WIDTH: usize = 80;
/// Where the descriptions of flags begin.
const COLUMN: usize = 22;

/// How words of a synopsis are set: on a terminal as they are, in a man page in bold and italics.
pub struct Style {
    /// Sets a word that is typed as it is.
    pub literal: fn(&str) -> String,
    /// Sets the name of a value.
    pub value: fn(&str) -> String,
}

/// Text without any emphasis.
const PLAIN: Style = Style { literal: str::to_owned, value: str::to_owned };

/// The words of form number `n`, without the command: its word, the flags that select it, the other
/// flags in brackets, the operands. A flag and its value are one word.
pub fn synopsis(command: &Command, n: usize, style: &Style) -> Vec<String> {
    let Some(form) = command.forms.get(n) else { return vec![] };
    let mut words = vec![];
    words.extend((!form.word.is_empty()).then(|| (style.literal)(form.word)));
    let selectors: Vec<String> = command.selectors(n).map(|f| set_flag(f, style)).collect();
    match selectors.as_slice() {
        [] => {}
        [one] => words.push(one.clone()),
        several => words.push(format!("{{{}}}", several.join(" | "))),
    }
    words.extend(command.optional_flags(n).map(|flag| {
        let more = if flag.repeats { "..." } else { "" };
        format!("[{}]{more}", set_flag(flag, style))
    }));
    words.extend((!form.operands.is_empty()).then(|| (style.value)(form.operands)));
    words
}

fn set_flag(flag: &Flag, style: &Style) -> String {
    let name = (style.literal)(&flag.typed());
    flag.value.map_or(name.clone(), |v| format!("{name} {}", (style.value)(v.name)))
}

/// How the command is called, one paragraph per form.
pub fn usage(command: &Command) -> String {
    let mut out = String::new();
    for n in 0..command.forms.len() {
        let label = if n == 0 { "usage: " } else { "       " };
        let mut words = vec![command.invocation()];
        words.extend(synopsis(command, n, &PLAIN));
        out.push_str(label);
        out.push_str(&wrap_words(&words, label.len()));
        out.push('\n');
    }
    out
}

/// Breaks lines between words only; `first` is the column of the first one.
fn wrap_words(words: &[String], first: usize) -> String {
    let (mut out, mut column) = (String::new(), first);
    for (n, word) in words.iter().enumerate() {
        let wide = word.chars().count();
        if n > 0 && column + 1 + wide > WIDTH {
            out.push_str(&format!("\n{}", " ".repeat(first + 4)));
            column = first + 4;
        } else if n > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += wide;
    }
    out
}

/// The whole help text.
pub fn help(command: &Command) -> String {
    let mut out = format!(
        "{}\n\n{}\n{}\n\nFlags:\n",
        wrap(&format!("{}: {}", command.invocation(), command.summary), WIDTH, 0, 4),
        usage(command),
        wrap(command.about, WIDTH, 0, 0)
    );
    for flag in command.flags {
        out.push_str(&describe(&flag.shown(), &flag.description(command)));
    }
    if !command.notes.is_empty() {
        out.push_str(&format!("\n{}\n", wrap(command.notes, WIDTH, 0, 0)));
    }
    if !command.exit_codes.is_empty() {
        out.push_str("\nExit codes:\n");
        for (code, meaning) in command.exit_codes {
            out.push_str(&format!("  {code}  {}\n", wrap(meaning, WIDTH, 5, 5)));
        }
    }
    if !command.examples.is_empty() {
        out.push_str("\nExamples:\n");
        for (line, meaning) in command.examples {
            out.push_str(&format!("  {line}\n      {}\n", wrap(meaning, WIDTH, 6, 6)));
        }
    }
    if !command.files.is_empty() {
        out.push_str("\nFiles:\n");
        for (path, meaning) in command.files {
            out.push_str(&format!("  {path}\n      {}\n", wrap(meaning, WIDTH, 6, 6)));
        }
    }
    out
}

fn describe(name: &str, text: &str) -> String {
    let left = format!("  {name}");
    let gap = if left.len() + 2 > COLUMN {
        format!("\n{}", " ".repeat(COLUMN))
    } else {
        " ".repeat(COLUMN - left.len())
    };
    format!("{left}{gap}{}\n", wrap(text, WIDTH, COLUMN, COLUMN))
}

/// The text of `altdisk --help`: the list of commands.
pub fn overview(commands: &[&Command]) -> String {
    let mut out = String::from(
        "altdisk: clone the running system to another disk, boot the copy, go back\n\nusage: altdisk [flags] [fastpath]     the full-screen interface (altdisk ui)\n       altdisk command [flags]\n\nCommands:\n",
    );
    for command in commands {
        out.push_str(&format!(
            "  {:<COLUMN$}{}\n",
            command.name,
            wrap(command.summary, WIDTH, COLUMN + 2, COLUMN + 2)
        ));
    }
    out.push_str(
        "\nFlags of the interface, also without `ui`:
    --plain                 no full screens: numbered lines and prompts
    --theme NAME            the colours and signs of the screens
    --menu-dir DIR          another directory with menu files
    --check [DIR]           check menu files and themes

`altdisk command --help` (or -h) explains a command. Called by the name
alt_disk_install, this program is that command.\n",
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{ALL, ALT_DISK_INSTALL, CHECK, Forms, GENERATE, MKSYSB, PRACTICE};

    fn all() -> impl Iterator<Item = &'static Command> {
        ALL.iter().copied().chain([&CHECK, &GENERATE])
    }

    #[test]
    fn help_is_complete_and_narrow() {
        for command in all() {
            let text = help(command);
            assert!(text.is_ascii(), "{}", command.name);
            for line in text.lines() {
                assert!(line.len() <= WIDTH && line.trim_end() == line, "{line:?}");
            }
            for flag in command.flags {
                assert!(text.contains(&format!("\n  {}", flag.shown())), "{}", flag.typed());
            }
        }
        assert!(overview(ALL).lines().all(|l| l.len() <= WIDTH));
    }

    #[test]
    fn every_flag_is_in_the_usage() {
        for command in all() {
            let text = usage(command);
            for flag in command.flags.iter().filter(|f| f.forms != Forms::ANY) {
                assert!(text.contains(&flag.typed()), "{} {}", command.name, flag.typed());
            }
        }
    }

    #[test]
    fn usage_follows_the_table() {
        let text = usage(&ALT_DISK_INSTALL);
        assert!(text.starts_with("usage: alt_disk_install {-C | -d device} [-P phase] "), "{text}");
        assert!(text.contains("[--erase SERIAL]... "), "{text}");
        assert!(
            text.ends_with("       alt_disk_install --resume [-D] [-V] [--review] [--events FD]\n"),
            "{text}"
        );
        assert!(usage(&MKSYSB).ends_with(
            "       altdisk mksysb --list image\n       altdisk mksysb --check [--events FD] image\n"
        ));
        assert!(usage(&PRACTICE).ends_with("       altdisk practice remove [--all] [name ...]\n"));
    }

    #[test]
    fn flags_for_one_source_are_marked() {
        let text = help(&ALT_DISK_INSTALL).replace("\n                      ", " ");
        let line = |flag: &str| {
            text.lines().find(|l| l.starts_with(&format!("  {flag}"))).unwrap().to_owned()
        };
        assert!(line("-p platform").ends_with("Only with -d."));
        assert!(line("--identity").ends_with("Only with -d."));
        assert!(line("-e exclude_list").ends_with("Only with -C."));
    }
}
