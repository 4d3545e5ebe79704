//! `altdisk ui [flags] [fastpath]`: the interface; also what `altdisk` alone and `altdisk fastpath`
//! do.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Result;

use crate::cli::getopt;
use crate::diagnostic::suggest;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::UI;
use crate::text::shell::quoted;
use crate::tui::channel::End;
use crate::tui::model::RunMode;
use crate::tui::start::{self, Start};

/// Exit codes of a shell for a program that ended by SIGHUP and by SIGTERM.
const HUNG_UP: i32 = 129;
const TERMINATED: i32 = 143;

/// Whether there is a terminal for full screens.
pub fn on_a_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Runs `altdisk ui`.
///
/// # Errors
/// ALT-10x for a wrong command line; ALT-90x, 94x and 96x for menus, terminals and fast paths.
pub fn run(args: &[OsString], _events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&UI, args)?;
    let start = read(&parsed, args)?;
    if !start.plain && !on_a_terminal() {
        return Err(
            error::NO_SCREEN.with_cause("standard input and output are not both a terminal")
        );
    }
    match start::start(&start)? {
        End::Left => Ok(Exit::Done),
        // Everything that has to be closed is closed.
        End::HungUp => std::process::exit(HUNG_UP),
        End::Terminated => std::process::exit(TERMINATED),
    }
}

fn read(parsed: &getopt::Parsed, args: &[OsString]) -> Result<Start> {
    let text = |name: &str| parsed.value(name).map(|v| v.to_string_lossy().into_owned());
    let fastpath = match parsed.operands.as_slice() {
        [] => None,
        [one] => Some(one.to_string_lossy().into_owned()),
        [_, more, ..] => {
            return Err(error::UNEXPECTED_OPERAND
                .with_cause(format!("`{}`: one fast path at a time", more.to_string_lossy())));
        }
    };
    let run_mode = match (parsed.has("X"), parsed.has("x")) {
        (true, _) => RunMode::Nothing,
        (false, true) => RunMode::Questions,
        (false, false) => RunMode::All,
    };
    let argv: Vec<String> = std::iter::once("altdisk".to_owned())
        .chain(args.iter().map(|a| a.to_string_lossy().into_owned()))
        .collect();
    Ok(Start {
        fastpath,
        kind: ['m', 'n', 'd'].into_iter().find(|k| parsed.has(&k.to_string())),
        run_mode,
        verbose: parsed.has("v") || parsed.has("D"),
        trace: parsed.has("t") || parsed.has("D"),
        log: parsed.value("l").map(PathBuf::from),
        script: parsed.value("s").map(PathBuf::from),
        theme: text("theme"),
        menu_dirs: menu_dirs(parsed),
        plain: parsed.has("plain"),
        argv: quoted(&argv),
    })
}

fn menu_dirs(parsed: &getopt::Parsed) -> Vec<PathBuf> {
    parsed.flags_with_values(&["o", "menu-dir"]).map(PathBuf::from).collect()
}

/// A word that is no command: the fast paths, or those of them that are most like it.
pub enum Fast {
    Found,
    Near(Vec<String>),
}

/// Looks a word up among the fast paths, those of the menu files that `args` name too.
///
/// # Errors
/// ALT-961 if a menu file has mistakes.
pub fn fastpath(word: &str, args: &[OsString]) -> Result<Fast> {
    let dirs: Vec<PathBuf> = getopt::parse(&UI, args).map(|p| menu_dirs(&p)).unwrap_or_default();
    let all = start::fastpaths(&dirs)?;
    if all.iter().any(|p| p == word) {
        return Ok(Fast::Found);
    }
    let inside: Vec<String> = all
        .iter()
        .filter(|p| word.len() > 2 && p.contains(word) && suggest::edit_distance(p, word) > 2)
        .cloned()
        .collect();
    let mut near: Vec<(usize, String)> = all
        .into_iter()
        .map(|p| (suggest::edit_distance(&p, word), p))
        .filter(|(n, _)| *n <= 2)
        .collect();
    near.sort();
    // `clone` is a part of a name.
    near.extend(inside.into_iter().map(|p| (usize::MAX, p)));
    Ok(Fast::Near(near.into_iter().map(|(_, p)| p).take(3).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(words: &[&str]) -> Result<Start> {
        let args: Vec<OsString> = words.iter().map(OsString::from).collect();
        read(&getopt::parse(&UI, &args)?, &args)
    }

    #[test]
    fn flags_of_smit() {
        let s =
            start(&["-xD", "-l", "/l", "-o", "/a", "--menu-dir=/b", "-d", "alt_clone"]).unwrap();
        assert_eq!(
            (s.run_mode, s.verbose, s.trace, s.kind),
            (RunMode::Questions, true, true, Some('d'))
        );
        assert_eq!(s.menu_dirs, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!((s.log, s.fastpath.as_deref()), (Some("/l".into()), Some("alt_clone")));
        assert_eq!(s.argv, "altdisk -xD -l /l -o /a --menu-dir=/b -d alt_clone");
        assert_eq!(start(&["-xX"]).unwrap().run_mode, RunMode::Nothing);
        assert!(start(&["a", "b"]).is_err() && start(&["-q"]).is_err());
    }
}
