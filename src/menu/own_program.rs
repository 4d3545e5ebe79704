//! The word `altdisk` in menu files means the program that runs now, wherever it lies.
//!
//! A command that is shown must work when it is pasted into a shell: where `altdisk` is this very
//! program there, the word stays; else the program's full path takes its place. Done once, after
//! loading.

use std::path::{Path, PathBuf};

use crate::menu::model::{Dialog, Field, Next, Run, Screen, Set};
use crate::menu::placeholders::{self, Segment};

/// The word in menu files.
const NAME: &str = "altdisk";

/// Replaces the word by the full path in every command of `set`, where that is needed.
pub fn resolve(set: &mut Set) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Some(own) = std::env::current_exe().ok().and_then(|exe| replacement(&exe, &dirs)) {
        replace(set, &own);
    }
}

/// The full path, if the word alone would start another program or none.
fn replacement(exe: &Path, dirs: &[PathBuf]) -> Option<String> {
    // A program that was replaced while it runs has no path any more: the word is the better choice
    // then.
    let exe = exe.canonicalize().ok()?;
    let found = dirs.iter().map(|d| d.join(NAME)).find_map(|f| f.canonicalize().ok());
    if found.as_ref() == Some(&exe) { None } else { exe.to_str().map(str::to_owned) }
}

fn replace(set: &mut Set, own: &str) {
    for screen in set.screens.values_mut() {
        match screen {
            Screen::Menu(_) => {}
            Screen::Selector(s) => {
                if let Next::Classified { command, .. } = &mut s.next {
                    in_run(command, own);
                }
                in_field(&mut s.field, own);
            }
            Screen::Dialog(d) => in_dialog(d, own),
        }
    }
}

fn in_dialog(dialog: &mut Dialog, own: &str) {
    in_run(&mut dialog.command, own);
    dialog.discover.iter_mut().for_each(|run| in_run(run, own));
    dialog.fields.iter_mut().for_each(|f| in_field(f, own));
}

fn in_field(field: &mut Field, own: &str) {
    field.list.iter_mut().for_each(|list| in_run(&mut list.command, own));
}

fn in_run(run: &mut Run, own: &str) {
    if let Run::Argv(words) = run
        && let Some(first) = words.first_mut().filter(|w| *w == NAME)
    {
        // Braces in a path are no placeholders.
        *first = placeholders::split_segments(own)
            .into_iter()
            .map(|p| p.name().map_or_else(|| text(p).to_owned(), |n| format!("{{{{{n}}}}}")))
            .collect();
    }
}

fn text(part: Segment<'_>) -> &str {
    match part {
        Segment::Text(text) | Segment::Name(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::values::Context;
    use crate::menu::{command, load};

    #[test]
    fn the_word_stays_only_where_it_is_this_program() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["bin", "other", "empty"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        let exe = at("bin/altdisk");
        std::fs::write(&exe, "").unwrap();
        std::fs::write(at("other/altdisk"), "").unwrap();
        let full = Some(exe.canonicalize().unwrap().to_string_lossy().into_owned());
        assert_eq!(replacement(&exe, &[at("empty"), at("bin"), at("other")]), None);
        assert_eq!(replacement(&exe, &[at("empty")]), full);
        assert_eq!(replacement(&exe, &[at("other"), at("bin")]), full);
        std::os::unix::fs::symlink(&exe, at("empty/altdisk")).unwrap();
        assert_eq!(replacement(&exe, &[at("empty")]), None);
        assert_eq!(replacement(&at("gone"), &[at("empty")]), None);
    }

    #[test]
    fn everywhere_in_the_set() {
        let mut set = load::built_in().unwrap();
        let own = "/opt/{odd} {place with}/altdisk";
        replace(&mut set, own);
        let Some(Screen::Dialog(clone)) = set.screens.get("alt_clone") else { panic!() };
        let runs = [
            Some(&clone.command),
            clone.discover.as_ref(),
            clone.fields[0].list.as_ref().map(|l| &l.command),
        ];
        for run in runs {
            assert_eq!(command::build_argv(run.unwrap(), &Context::new())[0], own);
        }
    }
}
