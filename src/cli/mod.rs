//! The command line: which command, its flags, its rules, what it says, how it exits.
//!
//! [`main`] finds the command by the program's name or the first word, answers `--help`, and lets
//! the command run with an event stream whose sinks are the console and, for `alt_disk_install`,
//! the log file and `--events`. An error is told the same way everywhere: id and cause, then what
//! to do.

pub mod alt_disk_install;
pub mod alternates;
pub mod bootlist;
pub mod check;
pub mod console;
pub mod copytree;
pub mod discover;
pub mod disks;
pub mod explain;
pub mod getopt;
pub mod help;
pub mod in_job;
pub mod job_supervisor;
pub mod jobs;
pub mod json;
pub mod list;
pub mod logfile;
pub mod mksysb;
pub mod mkszfile;
#[cfg(test)]
mod named_tests;
#[cfg(test)]
mod panels_tests;
pub mod practice;
#[cfg(test)]
mod remedies_tests;
pub mod restart;
pub mod restoretree;
pub mod review;
pub mod savetree;
pub mod software;
pub mod ui;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::cli::alt_disk_install::Output;
use crate::cli::console::Console;
use crate::cli::getopt::called;
use crate::engine;
use crate::engine::request::Action;
use crate::error::{self, AltError, Exit};
use crate::event::{Event, Events, VERSION};
use crate::flags::{self, Command};
use crate::host::{arguments, signals, sys};
use crate::job;
use crate::secret;
use crate::text::shell::quoted;
use crate::text::{one_line, printable_lines, wrap};

/// A command's work: the words after its name, and where to tell what happens.
type Run = fn(&[OsString], &Events) -> Result<Exit>;

/// Every command that this program has.
const COMMANDS: &[(&Command, Run)] = &[
    (&flags::ALT_DISK_INSTALL, alt_disk_install),
    (&flags::BOOTLIST, bootlist::run),
    (&flags::RESTART, restart::run),
    (&flags::DISKS, disks::run),
    (&flags::SOFTWARE, software::run),
    (&flags::list::LIST, list::run),
    (&flags::list::DISCOVER, discover::run),
    (&flags::PRACTICE, practice::run),
    (&flags::JOBS, jobs::run),
    (&flags::UI, ui::run),
    (&flags::MKSZFILE, mkszfile::run),
    (&flags::MKSYSB, mksysb::run),
    (&flags::COPYTREE, copytree::run),
    (&flags::SAVETREE, savetree::run),
    (&flags::RESTORETREE, restoretree::run),
    (&flags::ERRORS, explain::errors),
    (&flags::EXPLAIN, explain::explain),
];

/// The log of `alt_disk_install`.
const LOG: &str = "/var/log/altdisk/alt_disk_inst.log";

/// Runs what `argv` says. The exit codes are those of [`Exit`].
pub fn main(argv: &[OsString]) -> ExitCode {
    signals::ignore_file_limit();
    learn_secrets(argv);
    if let Some(dir) = argv.get(1..).and_then(job_supervisor::called) {
        return ExitCode::from(job_supervisor::run(dir) as u8);
    }
    let exit = match find(argv) {
        // What is also a panel's name opens that panel where the command would only miss its
        // operand.
        Found::Command(command, _, []) if command.opens_its_panel() && ui::on_a_terminal() => {
            start(&flags::UI, ui::run, &[OsString::from(command.name)])
        }
        Found::Command(command, run, args) => start(command, run, args),
        Found::Overview(Exit::Usage) if ui::on_a_terminal() => start(&flags::UI, ui::run, &[]),
        Found::Overview(exit) => {
            let list: Vec<&Command> = COMMANDS.iter().map(|(c, _)| *c).collect();
            say(&help::overview(&list), exit)
        }
        Found::Version => say(&version(), Exit::Done),
        Found::Guide(text) => say(text, Exit::Done),
        Found::Unknown(word) => unknown(&word, argv.get(1..).unwrap_or_default()),
    };
    ExitCode::from(exit as u8)
}

/// What is secret in the command line and in the proxies of the environment is not repeated,
/// whoever says it.
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
        .filter(|n| getopt::slips(n, word) <= 2)
        .map(str::to_owned)
        .collect();
    near.sort_by_key(|n| getopt::slips(n, word));
    match ui::fastpath(word, words) {
        Ok(ui::Fast::Found) if words.first().is_some_and(|w| w == "help") => {
            return say(
                &format!(
                    "{word} is a panel: `altdisk {word}` opens it, and F1 there explains it.\n"
                ),
                Exit::Done,
            );
        }
        Ok(ui::Fast::Found) => return start(&flags::UI, ui::run, words),
        Ok(ui::Fast::Near(paths)) => near.extend(paths),
        // Menu files with mistakes: the word may be meant for one of them.
        Err(err) => return tell_error("altdisk", &err, None),
    }
    let cause = format!("altdisk has no command and no panel `{word}`");
    if ["smit", "smitty", "menu", "menus", "tui", "gui"].contains(&word) {
        return tell_error(
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
    tell_error("altdisk", &err, None)
}

enum Found<'a> {
    Command(&'static Command, Run, &'a [OsString]),
    Overview(Exit),
    Version,
    /// A guide of `docs/`, whole.
    Guide(&'static str),
    Unknown(String),
}

/// The command that was called: the program's own name, else the first word.
fn find(argv: &[OsString]) -> Found<'_> {
    let by_name = |name: &str| COMMANDS.iter().find(|(c, _)| c.name == name);
    let (program, words) =
        argv.split_first().map_or((None, argv), |(p, w)| (Path::new(p).file_name(), w));
    if let Some((command, run)) = program.and_then(|p| p.to_str()).and_then(by_name) {
        return Found::Command(command, *run, words);
    }
    let Some((first, rest)) = words.split_first() else { return Found::Overview(Exit::Usage) };
    let first = first.to_string_lossy();
    match (by_name(&first), &*first, rest.first().map(|w| w.to_string_lossy())) {
        (Some((command, run)), ..) => Found::Command(command, *run, rest),
        (None, "--help" | "-h", _) | (None, "help", None) => Found::Overview(Exit::Done),
        (None, "--version", _) => Found::Version,
        (None, "--check", _) => Found::Command(&flags::CHECK, check::run, rest),
        (None, "help", Some(name)) if name == "menus" => {
            Found::Guide(include_str!("../../docs/menus.md"))
        }
        (None, "help", Some(name)) if name == "themes" => {
            Found::Guide(include_str!("../../docs/themes.md"))
        }
        (None, "help", Some(name)) => match by_name(&name) {
            Some((command, _)) => Found::Command(command, show_help, rest),
            None => Found::Unknown(name.into_owned()),
        },
        _ => Found::Unknown(first.into_owned()),
    }
}

/// `altdisk help command` is `altdisk command --help`.
fn show_help(args: &[OsString], _events: &Events) -> Result<Exit> {
    let name = args.first().map(|a| a.to_string_lossy().into_owned()).unwrap_or_default();
    let command = COMMANDS.iter().find(|(c, _)| c.name == name);
    Ok(command.map_or(Exit::Usage, |(c, _)| say(&help::help(c), Exit::Done)))
}

fn start(command: &'static Command, run: Run, args: &[OsString]) -> Exit {
    // What altdisk and its programs make has the modes that the code says. Panels and jobs run
    // commands of the user's, with the user's umask; an altdisk among those comes here itself.
    if ![&flags::UI, &flags::JOBS].iter().any(|c| std::ptr::eq(*c, command)) {
        sys::fix_umask();
    }
    let mut usage = true;
    if let Ok(parsed) = getopt::parse(command, args) {
        if parsed.has("help") {
            return say(&help::help(command), Exit::Done);
        }
        if parsed.has("version") {
            return say(&version(), Exit::Done);
        }
        usage = !parsed.has("review");
    }
    let events = Events::new();
    if in_job::listens(command, args, &events) {
        return in_job::run(command, run, args, &events);
    }
    // Who asks for a review shows a panel: there the command line's form says nothing to anybody.
    run(args, &events)
        .unwrap_or_else(|err| tell_error(&called(command), &err, usage.then_some(command)))
}

/// `alt_disk_install`: rules first, then the sinks, then the engine. Its errors are events too.
fn alt_disk_install(args: &[OsString], events: &Events) -> Result<Exit> {
    let (action, output) = alt_disk_install::read(args)?;
    if let Action::Review(of) = &action {
        return Ok(say(&review::review(of)?, Exit::Done));
    }
    let preview = matches!(action, Action::Preview { .. });
    let argv = in_job::words(flags::ALT_DISK_INSTALL.name, args);
    add_sinks(events, output, preview)?;
    let job = begin(events, (!preview).then_some((LOG, output.verbose)), argv);
    if let Action::Install(request) | Action::Preview { request, .. } = &action {
        alt_disk_install::without_effect(request).into_iter().for_each(|text| events.note(text));
    }
    let cleaning = matches!(action, Action::CleanUp { .. });
    let (exit, text) = match engine_run(action, output, events) {
        Ok(text) => (Exit::Done, text),
        Err(err) => {
            let told = as_told(&err);
            let left = error::exit_for(&err);
            events.emit(Event::Error {
                id: told.entry.id.to_owned(),
                cause: told.cause,
                remedy: told.remedy,
            });
            (left, ending(left, cleaning).to_owned())
        }
    };
    // In a job a plan goes to its supervisor as text: nothing is the last word before that has
    // arrived.
    if !(in_job::is() && preview && exit == Exit::Done) {
        events.emit(Event::Done { exit: exit as u8, text });
    }
    end(job, exit);
    Ok(exit)
}

/// The one place where the command line hands over to the engine. Returns the sentence that ends
/// the run.
fn engine_run(action: Action, output: Output, events: &Events) -> Result<String> {
    let options = engine::run::Options { verbose: output.verbose };
    match action {
        Action::Install(request) => engine::run::install(&request, options, events),
        Action::Resume => engine::run::resume(options, events),
        Action::CleanUp { erase, .. } => engine::run::cleanup::clean_up(&erase, events),
        Action::Review(of) => review::review(&of),
        Action::Preview { request, json } => {
            let text = engine::review::preview::preview(&request, json, events)?;
            match (json, std::io::stdout().is_terminal()) {
                (true, _) => write(&text, Exit::Done),
                (false, true) => say(&narrow(&text), Exit::Done),
                (false, false) => say(&text, Exit::Done),
            };
            Ok(String::new())
        }
    }
}

fn add_sinks(events: &Events, output: Output, preview: bool) -> Result<()> {
    console(events, &flags::ALT_DISK_INSTALL, output.debug, output.verbose, preview);
    if let Some(fd) = output.events_fd {
        events.add(Box::new(json::JsonLines::on(fd)?));
    }
    Ok(())
}

/// Says which command begins, and adds the log (its path, and whether every file is named there).
/// Every run in the log begins with its date and command, so that people and programs can tell when
/// a clone was made: a job's too, whose beginning was told before. What is logged is long work too:
/// run from a shell, it enters the list of jobs, which [`end`] is then owed.
pub(crate) fn begin(
    events: &Events,
    log: Option<(&str, bool)>,
    argv: Vec<String>,
) -> Option<job::Registered> {
    // Whoever is not root is refused, and that is no event of this machine.
    let log = log.filter(|_| nix::unistd::geteuid().is_root());
    let start = Event::Start {
        version: VERSION,
        argv: argv.clone(),
        time: sys::now().0,
        pid: std::process::id(),
    };
    if let Some((path, verbose)) = log {
        logfile::add(events, Path::new(path), verbose, &argv, in_job::is().then_some(&start));
    }
    if in_job::is() {
        return None;
    }
    let in_a_job = std::env::var_os(job::EVENTS_VARIABLE).is_some();
    let registered = log.filter(|_| !in_a_job).and_then(|_| {
        job::register(&job::Spec::new(argv.clone(), quoted(&secret::masked_words(&argv)))).ok()
    });
    let registered = registered.map(|(job, sink)| {
        events.add(Box::new(sink));
        job
    });
    events.emit(start);
    registered
}

/// The work that [`begin`] began is over.
pub(crate) fn end(job: Option<job::Registered>, exit: Exit) {
    // Where it cannot be written down, the list says that the result is unknown.
    let _ = job.map(|job| job.end(exit as i32));
}

/// Shows what happens on the console, unless it is told to a job that shows it.
pub(crate) fn console(
    events: &Events,
    command: &'static Command,
    debug: bool,
    verbose: bool,
    preview: bool,
) {
    if !in_job::is() {
        events.add(Box::new(Console::standard(called(command), debug, verbose, preview)));
    }
}

/// What the state after a failure means for the user.
fn ending(exit: Exit, cleaning: bool) -> &'static str {
    match exit {
        Exit::Unfinished if cleaning => {
            "Not everything is cleaned up: fix the cause, then run the same command again."
        }
        Exit::Unfinished => {
            "An unfinished copy is left: alt_disk_install --resume continues, alt_disk_install -X removes it."
        }
        Exit::Refused => "Nothing was changed.",
        _ => "",
    }
}

/// The error as users read it, without secrets.
fn as_told(err: &anyhow::Error) -> AltError {
    let mut told = error::describe(err);
    (told.cause, told.remedy) = (secret::masked(&told.cause), secret::masked(&told.remedy));
    told
}

fn tell_error(name: &str, err: &anyhow::Error, command: Option<&Command>) -> Exit {
    let (told, exit) = (as_told(err), error::exit_for(err));
    let mut text = console::error_text(
        name,
        told.entry.id,
        &told.cause,
        &told.remedy,
        std::io::stderr().is_terminal(),
        false,
    );
    // How the command is called says nothing about a file that is wrong.
    let words_are_wrong =
        exit == Exit::Usage && told.entry.id < error::SCRIPT_MISSING.id && !names_help(&told);
    if let (true, Some(command)) = (words_are_wrong, command) {
        text.push_str(&help::usage(command));
    }
    // Nobody is left to tell where standard error is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
    exit
}

/// An error that leads to the help needs no usage below it.
pub(crate) fn names_help(told: &AltError) -> bool {
    told.remedy.contains("--help`")
}

/// Writes the page that a panel shows before its command runs.
fn say_page(page: &engine::review::Review) -> Result<Exit> {
    Ok(say(&(serde_json::to_string_pretty(page)? + "\n"), Exit::Done))
}

/// Writes text to standard output, without secrets, and so that nothing in it commands the
/// terminal.
pub(crate) fn say(text: &str, exit: Exit) -> Exit {
    let end = if text.ends_with('\n') { "\n" } else { "" };
    print(&(printable_lines(&secret::masked(text), false) + end), exit)
}

/// Writes JSON, without secrets, or a file as it is, to standard output.
pub(crate) fn write(text: &str, exit: Exit) -> Exit {
    if text.starts_with(['{', '[']) {
        print(&secret::masked_json(text), exit)
    } else {
        print(text, exit)
    }
}

/// A reader that closed standard output has seen enough.
fn print(text: &str, exit: Exit) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Exit::Failed,
        _ => exit,
    }
}

/// Lines that a terminal would break somewhere, broken at blanks and indented below where they
/// begin.
fn narrow(text: &str) -> String {
    let line = |l: &str| {
        let indent = l.len() - l.trim_start().len();
        wrap(l.trim_start(), help::WIDTH, indent, indent + 4)
    };
    text.lines().map(|l| format!("{}{}\n", &l[..l.len() - l.trim_start().len()], line(l))).collect()
}

/// A paragraph of at most 80 columns, its first line begun with `first`, the others with `hang`.
pub(crate) fn wrapped(first: &str, hang: &str, text: &str) -> String {
    let text = one_line(text);
    format!("{first}{}\n", wrap(&text, help::WIDTH, first.chars().count(), hang.chars().count()))
}

fn version() -> String {
    format!("altdisk {}\n", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str]) -> String {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        match find(&argv) {
            Found::Command(c, _, args) => format!("{} {}", c.name, args.len()),
            Found::Overview(exit) => format!("overview {}", exit as u8),
            Found::Version => "version".into(),
            Found::Guide(text) => format!("guide {}", text.lines().next().unwrap_or_default()),
            Found::Unknown(word) => format!("unknown {word}"),
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

    #[test]
    fn a_preview_is_narrow_on_a_terminal() {
        let text = format!("short\n    {}\n\n  as it   is\n", "word ".repeat(30).trim_end());
        let narrow = narrow(&text);
        assert!(narrow.lines().all(|l| l.len() <= help::WIDTH), "{narrow}");
        assert!(
            narrow.starts_with("short\n    word ")
                && narrow.contains("word\n        word")
                && narrow.ends_with("\n\n  as it   is\n")
        );
    }

    #[test]
    fn one_list_of_commands() {
        let names: Vec<&str> = COMMANDS.iter().map(|(c, _)| c.name).collect();
        assert_eq!(names, flags::ALL.iter().map(|c| c.name).collect::<Vec<_>>());
    }
}
