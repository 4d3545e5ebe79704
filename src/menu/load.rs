//! Menu files become a [`Set`]: built in, then each directory, a later screen in place of an
//! earlier one with the same id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::diagnostic::reader::{Diagnostics, Locations, SourceFile};
use crate::diagnostic::{Diagnostic, suggest};
use crate::error;
use crate::host::trusted;
use crate::menu::builtin;
use crate::menu::check;
use crate::menu::draft::{Draft, DraftItem, DraftScreen, Parsed};
use crate::menu::model::Set;
use crate::menu::read;

/// The administrator's directory.
pub const ETC: &str = "/etc/altdisk/menus.d";

/// The files of one place: built in, or a directory. Within it an id is used once.
pub type Layer = Vec<SourceFile>;

/// The panels that are part of this program. They are not checked here: the tests do that.
///
/// # Errors
/// ALT-901; the tests see to it that this cannot happen.
pub fn built_in() -> Result<Set> {
    let found = Diagnostics::default();
    let (draft, _) = draft(vec![built_in_layer()], &found);
    match found.into_inner().into_iter().next() {
        None => Ok(draft.into_set()),
        Some(diagnostic) => Err(error::MENU_SYNTAX.with_cause(diagnostic.to_string())),
    }
}

/// The first screen alone, where none of these directories has a menu file: it can be painted before
/// the other panels are read with [`built_in`]. None where there are such files; they may change any
/// screen, and none is shown before all of them have been checked.
pub fn top_menu(extra: &[PathBuf]) -> Option<Set> {
    let (layers, unreadable) = layers(extra);
    if !unreadable.is_empty() || !layers.iter().all(Vec::is_empty) {
        return None;
    }
    let top = built_in_layer().into_iter().take(1).collect();
    Some(draft(vec![top], &Diagnostics::default()).0.into_set())
}

/// The built-in panels with those of these directories (one that does not exist adds nothing),
/// checked.
///
/// # Errors
/// Everything that is wrong, in the order of files and lines.
pub fn load_all(extra: &[PathBuf]) -> std::result::Result<Set, Vec<Diagnostic>> {
    let (layers, unreadable) = layers(extra);
    if unreadable.is_empty() && layers.iter().all(Vec::is_empty) {
        return built_in()
            .map_err(|e| vec![Diagnostic::for_file("built in", error::cause(&e), "")]);
    }
    let (set, diagnostics) = check_layers(layers, unreadable);
    if diagnostics.is_empty() { Ok(set) } else { Err(diagnostics) }
}

/// The same, and the built-in panels are always checked too: what `altdisk --check` does.
pub fn load_checked(extra: &[PathBuf]) -> (Set, Vec<Diagnostic>) {
    let (layers, unreadable) = layers(extra);
    check_layers(layers, unreadable)
}

fn layers(extra: &[PathBuf]) -> (Vec<Layer>, Vec<Diagnostic>) {
    let mut unreadable = vec![];
    let layers = extra.iter().map(|dir| layer(dir, &mut unreadable)).collect();
    (layers, unreadable)
}

fn check_layers(layers: Vec<Layer>, mut wrong: Vec<Diagnostic>) -> (Set, Vec<Diagnostic>) {
    let (set, mut diagnostics) = merge_layers([vec![built_in_layer()], layers].concat());
    wrong.append(&mut diagnostics);
    (set, wrong)
}

/// The files of a directory; what cannot be read is noted.
pub fn layer(dir: &Path, unreadable: &mut Vec<Diagnostic>) -> Layer {
    let mut whole = |d: trusted::UntrustedFile| {
        unreadable.push(Diagnostic::for_file(d.path.display().to_string(), d.wrong, d.right))
    };
    let paths = match trusted::list(dir, "toml") {
        Ok(paths) => paths,
        Err(distrust) => {
            whole(distrust);
            return vec![];
        }
    };
    let mut files = vec![];
    for path in paths {
        match trusted::read(&path) {
            Ok(text) => files.push(SourceFile { name: path.display().to_string(), text }),
            Err(distrust) => whole(distrust),
        }
    }
    files
}

/// The built-in files.
pub fn built_in_layer() -> Layer {
    builtin::FILES
        .iter()
        .map(|(name, text)| SourceFile {
            name: format!("built in: {name}"),
            text: (*text).to_owned(),
        })
        .collect()
}

/// The set of these layers, and everything that is wrong with it.
pub fn merge_layers(layers: Vec<Layer>) -> (Set, Vec<Diagnostic>) {
    let found = Diagnostics::default();
    let (draft, complete) = draft(layers, &found);
    let names: Vec<String> = draft.files.iter().map(|f| f.name.clone()).collect();
    check::check(&draft, complete, &found);
    let mut diagnostics = found.into_inner();
    let number = |s: &Diagnostic| names.iter().position(|n| *n == s.file);
    diagnostics.sort_by_key(|s| (number(s), s.line, s.column));
    diagnostics.dedup();
    (draft.into_set(), diagnostics)
}

/// Reads and merges. False if a file is not TOML, so that what is missing may stand there.
fn draft(layers: Vec<Layer>, found: &Diagnostics) -> (Draft, bool) {
    let (mut draft, mut complete, mut added) = (Draft::default(), true, vec![]);
    for layer in layers {
        let first = draft.files.len();
        draft.files.extend(layer);
        let mut parsed = Parsed::default();
        for number in first..draft.files.len() {
            let (one, whole) = read::read(&draft.files[number], number, found);
            complete &= whole;
            parsed.screens.extend(one.screens);
            parsed.items.extend(one.items);
            parsed.aliases.extend(one.aliases);
            parsed.sets.extend(one.sets);
        }
        merge(&mut draft, parsed, &mut added, found);
    }
    include_sets(&mut draft, complete, found);
    for item in added {
        add(&mut draft, item, complete, found);
    }
    for screen in draft.screens.values_mut() {
        if let DraftScreen::Menu(menu) = screen {
            menu.items.sort_by_key(|i| i.order.unwrap_or(i64::MAX));
        }
    }
    (draft, complete)
}

/// One layer over those before it.
fn merge(draft: &mut Draft, parsed: Parsed, added: &mut Vec<DraftItem>, found: &Diagnostics) {
    let mut here: BTreeMap<String, Locations> = BTreeMap::new();
    let twice = |draft: &Draft,
                 what: &str,
                 id: &str,
                 at: &Locations,
                 key: &str,
                 before: &Locations,
                 found: &Diagnostics| {
        let first = draft.files[before.file].diagnostic(before.value_span(key), "", "");
        let place = format!("{}:{}", first.file, first.line);
        found.borrow_mut().push(draft.files[at.file].diagnostic(
            at.value_span(key),
            format!("{what} `{id}` is there twice"),
            format!("the first one is at {place}"),
        ));
    };
    for screen in parsed.screens {
        let (id, at) = (screen.id().to_owned(), screen.locations().clone());
        // A missing id is an error already.
        if id.is_empty() {
            continue;
        }
        if let Some(before) = here.get(&id) {
            twice(draft, "the id", &id, &at, "id", before, found);
            continue;
        }
        here.insert(id.clone(), at);
        draft.screens.insert(id, screen);
    }
    let mut names: BTreeMap<String, Locations> = BTreeMap::new();
    for alias in parsed.aliases {
        let name = alias.alias.name.clone();
        if let Some(before) = names.get(&name) {
            twice(draft, "the alias", &name, &alias.at, "name", before, found);
            continue;
        }
        names.insert(name.clone(), alias.at.clone());
        draft.aliases.insert(name, alias);
    }
    let mut sets: BTreeMap<String, Locations> = BTreeMap::new();
    for set in parsed.sets.into_iter().filter(|set| !set.name.is_empty()) {
        if let Some(before) = sets.get(&set.name) {
            twice(draft, "the field set", &set.name, &set.at, "name", before, found);
            continue;
        }
        sets.insert(set.name.clone(), set.at.clone());
        draft.sets.insert(set.name.clone(), set);
    }
    added.extend(parsed.items);
}

/// Puts the fields of the included sets into the dialogs. Done when all layers are read: a dialog of
/// one directory may include a set of another, and a later set replaces one of the same name.
fn include_sets(draft: &mut Draft, complete: bool, found: &Diagnostics) {
    let (files, sets) = (&draft.files, &draft.sets);
    for screen in draft.screens.values_mut() {
        let DraftScreen::Dialog(dialog) = screen else { continue };
        for include in std::mem::take(&mut dialog.includes).iter().rev() {
            match sets.get(&include.set) {
                Some(set) => dialog.insert(include, set),
                None if include.set.is_empty() || !complete => {}
                None => found.borrow_mut().push(files[include.at.file].diagnostic(
                    include.at.value_span("include"),
                    format!("there is no field set `{}`", include.set),
                    suggest::did_you_mean(&include.set, sets.keys().map(String::as_str)),
                )),
            }
        }
    }
}

/// A line for a menu that exists; one that leads to the same place gives way.
fn add(draft: &mut Draft, item: DraftItem, complete: bool, found: &Diagnostics) {
    if item.menu.is_empty() {
        return;
    }
    if let Some(DraftScreen::Menu(menu)) = draft.screens.get_mut(&item.menu) {
        let same =
            menu.items.iter().position(|i| i.item.goto.is_some() && i.item.goto == item.item.goto);
        match same {
            Some(n) => {
                let order = item.order.or(menu.items[n].order);
                menu.items[n] = DraftItem { order, ..item };
            }
            None => menu.items.push(item),
        }
        return;
    }
    let menus =
        draft.screens.values().filter(|s| matches!(s, DraftScreen::Menu(_))).map(DraftScreen::id);
    let diagnostic = draft.files[item.at.file].diagnostic(
        item.at.value_span("menu"),
        format!("there is no menu `{}`", item.menu),
        suggest::did_you_mean(&item.menu, menus),
    );
    if complete {
        found.borrow_mut().push(diagnostic);
    }
}
