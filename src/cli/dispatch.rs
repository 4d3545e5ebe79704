//! The command that was called: by the program's name, or by its first word.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::cli::commands::{COMMANDS, find_command};
use crate::cli::failure::print_error;
use crate::cli::output::print_text;
use crate::cli::start::{Run, start, version};
use crate::cli::{check, generate, help, job_supervisor, ui};
use crate::diagnostic::suggest;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::{self, Command};
use crate::host::{arguments, signals};
use crate::secret;

/// Runs what `argv` says. The exit codes are those of [`Exit`].
pub fn main(argv: &[OsString]) -> ExitCode {
    signals::ignore_file_limit();
    learn_secrets(argv);
    if let Some(dir) = argv.get(1..).and_then(job_supervisor::parse_directory) {
        return ExitCode::from(job_supervisor::run(dir) as u8);
    }
    let exit = match parse_invocation(argv) {
        // A command that is also a panel opens that panel where it would only miss its
        // operand.
        Invocation::Command(command, _, []) if command.opens_panel && ui::on_a_terminal() => {
            start(&flags::UI, ui::run, &[OsString::from(command.name)])
        }
        Invocation::Command(command, run, args) => start(command, run, args),
        Invocation::Overview(Exit::Usage) if ui::on_a_terminal() => start(&flags::UI, ui::run, &[]),
        Invocation::Overview(exit) => {
            let list: Vec<&Command> = COMMANDS.iter().map(|(c, _)| *c).collect();
            print_text(&help::overview(&list), exit)
        }
        Invocation::Version => print_text(&version(), Exit::Done),
        Invocation::Guide(text) => print_text(text, Exit::Done),
        Invocation::Unknown(word) => unknown(&word, argv.get(1..).unwrap_or_default()),
    };
    ExitCode::from(exit as u8)
}

/// Secrets in the command line and in the proxies of the environment are hidden in all output.
fn learn_secrets(argv: &[OsString]) {
    let words = argv.iter().map(|w| w.to_string_lossy().into_owned());
    let proxies = std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().to_ascii_lowercase().ends_with("_proxy"));
    let all: Vec<String> =
        words.chain(proxies.map(|(_, value)| value.to_string_lossy().into_owned())).collect();
    secret::learn(all.iter().map(String::as_str));
    arguments::hide_secrets(argv);
}

/// A word that is no command: a flag of the interface, a fast path, or a mistake.
fn unknown(word: &str, words: &[OsString]) -> Exit {
    if word.starts_with('-') {
        return start(&flags::UI, ui::run, words);
    }
    let mut near: Vec<String> = COMMANDS
        .iter()
        .map(|(c, _)| c.name)
        .filter(|n| suggest::edit_distance(n, word) <= 2)
        .map(str::to_owned)
        .collect();
    near.sort_by_key(|n| suggest::edit_distance(n, word));
    match ui::fastpath(word, words) {
        Ok(ui::Fast::Found) if words.first().is_some_and(|w| w == "help") => {
            return print_text(
                &format!(
                    "{word} is a panel: `altdisk {word}` opens it, and F1 there explains it.\n"
                ),
                Exit::Done,
            );
        }
        Ok(ui::Fast::Found) => return start(&flags::UI, ui::run, words),
        Ok(ui::Fast::Near(paths)) => near.extend(paths),
        // Menu files with mistakes: the word may be meant for one of them.
        Err(err) => return print_error("altdisk", &err, None),
    }
    let cause = format!("altdisk has no command and no panel `{word}`");
    if ["smit", "smitty", "menu", "menus", "tui", "gui"].contains(&word) {
        return print_error(
            "altdisk",
            &error::UNKNOWN_COMMAND.with_remedy(cause, "`altdisk` alone opens the menus"),
            None,
        );
    }
    let err = if near.is_empty() {
        error::UNKNOWN_COMMAND.with_cause(cause)
    } else {
        let near = near.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ");
        error::UNKNOWN_COMMAND.with_remedy(
            cause,
            format!("perhaps {near} is meant; `altdisk --help` lists the commands"),
        )
    };
    print_error("altdisk", &err, None)
}

/// The kinds of command lines.
#[derive(Debug)]
pub(super) enum Invocation<'a> {
    Command(&'static Command, Run, &'a [OsString]),
    Overview(Exit),
    Version,
    /// A guide of `docs/`, whole.
    Guide(&'static str),
    Unknown(String),
}

/// The command that was called: the program's own name, else the first word.
pub(super) fn parse_invocation(argv: &[OsString]) -> Invocation<'_> {
    let (program, words) =
        argv.split_first().map_or((None, argv), |(p, w)| (Path::new(p).file_name(), w));
    if let Some((command, run)) = program.and_then(|p| p.to_str()).and_then(find_command) {
        return Invocation::Command(command, run, words);
    }
    let Some((first, rest)) = words.split_first() else { return Invocation::Overview(Exit::Usage) };
    let first = first.to_string_lossy();
    match (find_command(&first), &*first, rest.first().map(|w| w.to_string_lossy())) {
        (Some((command, run)), ..) => Invocation::Command(command, run, rest),
        (None, "--help" | "-h", _) | (None, "help", None) => Invocation::Overview(Exit::Done),
        (None, "--version", _) => Invocation::Version,
        (None, "generate", _) => Invocation::Command(&flags::GENERATE, generate::run, rest),
        (None, "--check", _) => Invocation::Command(&flags::CHECK, check::run, rest),
        (None, "help", Some(name)) if name == "menus" => {
            Invocation::Guide(include_str!("../../docs/menus.md"))
        }
        (None, "help", Some(name)) if name == "themes" => {
            Invocation::Guide(include_str!("../../docs/themes.md"))
        }
        (None, "help", Some(name)) => match find_command(&name) {
            Some((command, _)) => Invocation::Command(command, show_help, rest),
            None => Invocation::Unknown(name.into_owned()),
        },
        _ => Invocation::Unknown(first.into_owned()),
    }
}

/// `altdisk help command` is `altdisk command --help`.
fn show_help(args: &[OsString], _events: &Events) -> Result<Exit> {
    let name = args.first().map(|a| a.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(find_command(&name).map_or(Exit::Usage, |(c, _)| print_text(&help::help(c), Exit::Done)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str]) -> String {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        match parse_invocation(&argv) {
            Invocation::Command(c, _, args) => format!("{} {}", c.name, args.len()),
            Invocation::Overview(exit) => format!("overview {}", exit as u8),
            Invocation::Version => "version".into(),
            Invocation::Guide(text) => {
                format!("guide {}", text.lines().next().unwrap_or_default())
            }
            Invocation::Unknown(word) => format!("unknown {word}"),
        }
    }

    #[test]
    fn which_command() {
        assert_eq!(found(&["/usr/sbin/alt_disk_install", "-X"]), "alt_disk_install 1");
        assert_eq!(found(&["altdisk", "alt_disk_install", "-C", "vdb"]), "alt_disk_install 2");
        assert_eq!(found(&["./altdisk"]), "overview 2");
        assert_eq!(found(&["altdisk", "--help"]), "overview 0");
        assert_eq!(found(&["altdisk", "help"]), "overview 0");
        assert_eq!(found(&["altdisk", "help", "errors"]), "errors 1");
        assert_eq!(found(&["altdisk", "help", "nothing"]), "unknown nothing");
        assert_eq!(found(&["altdisk", "--version"]), "version");
        assert_eq!(found(&["altdisk", "help", "menus"]), "guide # Menu files");
        assert_eq!(found(&["altdisk", "help", "themes"]), "guide # Themes");
        assert_eq!(found(&["altdisk", "errrs"]), "unknown errrs");
        assert_eq!(found(&["altdisk", "help", "clone"]), "unknown clone");
        assert_eq!(found(&[]), "overview 2");
    }
}
