//! `altdisk --check [directory]`: finds every mistake in menu files and themes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::getopt;
use crate::cli::output::print_text;
use crate::diagnostic::Diagnostic;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::CHECK;
use crate::menu::load;
use crate::menu::model::{Kind, Screen, Set};
use crate::theme;

/// Runs `altdisk --check`.
///
/// # Errors
/// ALT-10x for a wrong command line; ALT-910 if the directory is not there.
pub fn run(args: &[OsString], _events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&CHECK, args)?;
    let dir = match parsed.operands.as_slice() {
        [] => None,
        [dir] if Path::new(dir).is_dir() => Some(PathBuf::from(dir)),
        [dir] => {
            return Err(error::NO_MENU_DIR
                .with_cause(format!("`{}` is not a directory", dir.to_string_lossy())));
        }
        [_, more, ..] => {
            return Err(error::UNEXPECTED_OPERAND
                .with_cause(format!("`{}`: one directory at a time", more.to_string_lossy())));
        }
    };
    let (menus, theme_dirs) = directories(dir.as_deref());
    let (set, mut wrong) = load::load_checked(&menus);
    let (themes, mut more) = theme::load::all(&theme_dirs);
    wrong.append(&mut more);
    let exit = if wrong.is_empty() { Exit::Done } else { Exit::Usage };
    Ok(print_text(&report(&set, themes.len(), &wrong), exit))
}

/// The directories of menu files and of themes.
fn directories(dir: Option<&Path>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut menus, mut themes) =
        (vec![PathBuf::from(load::ETC)], vec![PathBuf::from(theme::load::ETC)]);
    match dir {
        Some(dir) if dir.file_name().is_some_and(|n| n == "themes" || n == "themes.d") => {
            themes.push(dir.to_owned())
        }
        Some(dir) => {
            menus.push(dir.to_owned());
            themes.push(dir.join("themes"));
        }
        None => {}
    }
    (menus, themes)
}

fn report(set: &Set, themes: usize, found: &[Diagnostic]) -> String {
    if found.is_empty() {
        let fields: usize = set.screens.values().map(fields).sum();
        return format!(
            "{} screens, {fields} fields, {themes} themes: no errors\n",
            set.screens.len()
        );
    }
    let diagnostics: String = found.iter().map(|s| format!("{s}\n\n")).collect();
    format!("{diagnostics}{} error{}\n", found.len(), if found.len() == 1 { "" } else { "s" })
}

fn fields(screen: &Screen) -> usize {
    match screen {
        Screen::Menu(_) => 0,
        Screen::Selector(_) => 1,
        Screen::Dialog(dialog) => dialog.fields.iter().filter(|f| f.kind != Kind::Heading).count(),
    }
}
