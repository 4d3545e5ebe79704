//! Every command line that a text names is accepted by the parser.

use std::ffi::OsString;

use super::texts::{quoted, texts};
use crate::cli::dispatch::{Invocation, parse_invocation};
use crate::cli::{getopt, ui};
use crate::flags::{self, Command};

/// The words of a command line; what is quoted is one, and a placeholder of the source ends it.
fn words(line: &str) -> (Vec<String>, bool) {
    let (line, cut) = line.split_once('{').map_or((line, false), |(head, _)| (head, true));
    let (mut words, mut quote) = (vec![String::new()], false);
    for c in line.trim_end().chars() {
        match c {
            '\'' => quote = !quote,
            ' ' if !quote => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    if cut {
        words.push("X".into());
    }
    (words, cut)
}

/// The mistake in a command line of altdisk; None also for other texts.
fn wrong(line: &str) -> Option<String> {
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let program = ["altdisk ", "alt_disk_install "].into_iter().find(|p| line.starts_with(p))?;
    // A sentence that begins with the name is no command line, and a line that shows usage is a
    // form of several.
    if line.contains(". ")
        || line.contains('[')
        || line.contains("...")
        || line.contains('|')
        || line.contains(" (")
        || line.contains(';')
        || line.contains('"')
    {
        return None;
    }
    let (words, cut) = words(line);
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    let placeholders =
        ["command", "COMMAND", "fastpath", "FASTPATH", "X", "WORD", "help", "job-supervisor"];
    // `help` and the hidden word of the supervisor are looked at by tests of their own.
    if program == "altdisk " && placeholders.contains(&words.get(1)?.as_str()) {
        return None;
    }
    let parsed = |command: &'static Command, args: &[OsString]| {
        getopt::parse(command, args).err().map(|e| format!("`{line}`: {e:#}"))
    };
    match parse_invocation(&argv) {
        Invocation::Command(command, _, args) => {
            parsed(command, args).filter(|e| !(cut && e.contains("ALT-102")))
        }
        Invocation::Unknown(word) if word.starts_with('-') => parsed(&flags::UI, &argv[1..]),
        Invocation::Unknown(word) => match ui::fastpath(&word, &[]) {
            Ok(ui::Fast::Found) => None,
            _ => Some(format!("`{line}`: no command and no panel")),
        },
        _ => None,
    }
}

#[test]
fn every_command_that_a_text_names_can_be_given() {
    let mut bad = vec![];
    for (place, text) in texts() {
        bad.extend(
            quoted(&text).iter().filter_map(|line| wrong(line)).map(|w| format!("{place}: {w}")),
        );
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    // The test sees mistakes.
    for line in [
        "altdisk nonsense",
        "altdisk bootlist --old vda",
        "alt_disk_install --undo",
        "altdisk jobs --forever",
        "altdisk --plane",
    ] {
        assert!(wrong(line).is_some(), "{line}");
    }
    assert!(
        wrong("altdisk alt_clone").is_none() && wrong("alt_disk_install -C -P {phase}").is_none()
    );
}
