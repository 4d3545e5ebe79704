//! Usage and help, from the flag tables.

use crate::flags::{Command, Flag, Only};
use crate::text::wrap;

/// Columns that help is written for: a plain terminal.
pub const WIDTH: usize = 80;
/// Where the descriptions of flags begin.
const COLUMN: usize = 22;

/// How the command is called, a form a paragraph.
pub fn usage(command: &Command) -> String {
    let mut out = String::new();
    for (n, (lead, flags, operands)) in command.forms.iter().enumerate() {
        let label = if n == 0 { "usage: " } else { "       " };
        let mut words = vec![command.invocation()];
        words.extend((!lead.is_empty()).then(|| (*lead).to_owned()));
        words.extend(flags.iter().filter_map(|name| command.flag(name)).map(bracketed));
        words.extend((!operands.is_empty()).then(|| (*operands).to_owned()));
        // A flag and its value stay on one line: their blank is not one to break at.
        let text = words.iter().map(|w| w.replace(' ', "\u{a0}")).collect::<Vec<_>>().join(" ");
        out.push_str(label);
        out.push_str(&wrap_words(&text, label.len()).replace('\u{a0}', " "));
        out.push('\n');
    }
    out
}

fn wrap_words(text: &str, first: usize) -> String {
    let (mut out, mut column) = (String::new(), first);
    for (n, word) in text.split(' ').enumerate() {
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

fn bracketed(flag: &'static Flag) -> String {
    if flag.repeats { format!("[{}]...", flag.shown()) } else { format!("[{}]", flag.shown()) }
}

/// The whole help text.
pub fn help(command: &Command) -> String {
    let mut out = format!(
        "{}: {}\n\n{}\n{}\n\nFlags:\n",
        command.invocation(),
        command.summary,
        usage(command),
        wrap(command.about, WIDTH, 0, 0)
    );
    for flag in command.flags {
        out.push_str(&described(flag));
    }
    if !command.after.is_empty() {
        out.push('\n');
        out.push_str(&wrap(command.after, WIDTH, 0, 0));
        out.push('\n');
    }
    out
}

fn described(flag: &Flag) -> String {
    let left = format!("  {}", flag.shown());
    let gap = if left.len() + 2 > COLUMN {
        format!("\n{}", " ".repeat(COLUMN))
    } else {
        " ".repeat(COLUMN - left.len())
    };
    let only = if flag.only == Only::Clone { " Only with -C." } else { "" };
    format!("{left}{gap}{}\n", wrap(&format!("{}{only}", flag.help), WIDTH, COLUMN, COLUMN))
}

/// What `altdisk --help` says: the commands.
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
    --theme NAME            how the screens look
    --menu-dir DIR          another directory with menu files
    --check [DIR]           say what is wrong with menu files and themes

`altdisk command --help` (or -h) tells all about a command. Called by the name
alt_disk_install, this program is that command.\n",
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;

    const ALL: [&Command; 11] = [
        &flags::SOFTWARE,
        &flags::JOBS,
        &flags::list::LIST,
        &flags::list::DISCOVER,
        &flags::ALT_DISK_INSTALL,
        &flags::DISKS,
        &flags::PRACTICE,
        &flags::BOOTLIST,
        &flags::COPYTREE,
        &flags::ERRORS,
        &flags::EXPLAIN,
    ];

    #[test]
    fn help_is_complete_and_narrow() {
        for command in ALL {
            let text = help(command);
            assert!(text.is_ascii(), "{}", command.name);
            for line in text.lines() {
                assert!(line.len() <= WIDTH && line.trim_end() == line, "{line:?}");
            }
            for flag in command.flags {
                assert!(
                    text.contains(&format!("\n  {}", flag.shown())),
                    "{} {}",
                    command.name,
                    flag.typed()
                );
            }
        }
        assert!(overview(&ALL).lines().all(|l| l.len() <= WIDTH));
    }

    #[test]
    fn every_flag_is_in_the_usage() {
        for command in ALL {
            let text = usage(command);
            for flag in
                command.flags.iter().filter(|f| f.long != Some("help") && f.long != Some("version"))
            {
                assert!(text.contains(&flag.typed()), "{} {}", command.name, flag.typed());
            }
            for name in command.forms.iter().flat_map(|f| f.1) {
                assert!(command.flag(name).is_some(), "{} has no {name}", command.name);
            }
        }
    }

    #[test]
    fn flags_are_unique() {
        for command in ALL {
            for (i, flag) in command.flags.iter().enumerate() {
                let clash = |o: &Flag| {
                    (o.short.is_some() && o.short == flag.short)
                        || (o.long.is_some() && o.long == flag.long)
                };
                assert!(
                    !command.flags[i + 1..].iter().any(clash),
                    "{} {}",
                    command.name,
                    flag.typed()
                );
            }
        }
    }
}
