//! `{name}` in commands: every name in a command has to be given by a field, a selector or
//! discovery; in a shell line it must stand where quotes protect the value.

use std::collections::BTreeSet;
use std::ops::Range;

use super::graph::Graph;
use super::report::Reporter;
use crate::diagnostic::reader::Locations;
use crate::diagnostic::suggest;
use crate::menu::draft::{DraftDialog, DraftScreen, DraftSelector};
use crate::menu::model::{Field, Kind, Next, Run};
use crate::menu::placeholders::{self, Segment};

/// The names that a command can use.
#[derive(Clone, Default)]
struct Known<'a> {
    names: BTreeSet<String>,
    /// Given by a selector that does not have to be answered first.
    perhaps: BTreeSet<String>,
    screen: &'a str,
}

/// Checks the names in all commands.
pub(super) fn check(reporter: &Reporter, graph: &Graph) {
    for screen in reporter.draft.screens.values() {
        match screen {
            DraftScreen::Menu(_) => {}
            DraftScreen::Selector(s) => selector(reporter, graph, s),
            DraftScreen::Dialog(d) => dialog(reporter, graph, d),
        }
    }
}

/// The names from the selectors before `id`: those that all of them give if one must be answered, else only
/// perhaps.
fn names_before<'a>(graph: &Graph, id: &'a str, after_selector: bool, depth: usize) -> Known<'a> {
    let mut known = Known { screen: id, ..Known::default() };
    let mut all: Option<BTreeSet<String>> = None;
    for s in graph.selectors_before(id).into_iter().filter(|_| depth > 0) {
        let before = names_before(graph, &s.selector.id, s.selector.after_selector, depth - 1);
        let mut names = before.names;
        names.insert(s.selector.field.name.clone());
        if matches!(s.selector.next, Next::Classified { .. }) {
            names.insert(format!("{}_class", s.selector.field.name));
        }
        known.perhaps.extend(before.perhaps);
        known.perhaps.extend(names.iter().cloned());
        all = Some(all.map_or(names.clone(), |a| &a & &names));
    }
    if after_selector {
        known.names = all.unwrap_or_default();
    }
    known
}

/// How many selectors may follow each other.
const DEPTH: usize = 16;

fn selector(reporter: &Reporter, graph: &Graph, s: &DraftSelector) {
    let known = names_before(graph, &s.selector.id, s.selector.after_selector, DEPTH);
    let field = &s.selector.field;
    check_from(reporter, &known, field, &s.field_at, false);
    list(reporter, &known, field, &s.field_at);
    if let Next::Classified { command, .. } = &s.selector.next {
        let mut known = known.clone();
        known.names.insert(field.name.clone());
        run(reporter, &known, command, &s.at, "classify", "classify_shell");
    }
}

fn dialog(reporter: &Reporter, graph: &Graph, d: &DraftDialog) {
    let dialog = &d.dialog;
    let mut known = names_before(graph, &dialog.id, dialog.after_selector, DEPTH);
    if let Some(discover) = &dialog.discover {
        run(reporter, &known, discover, &d.at, "discover", "discover_shell");
    }
    // More names may come from discovery and classification: those that fields ask for.
    let classified = graph
        .selectors_before(&dialog.id)
        .iter()
        .any(|s| matches!(s.selector.next, Next::Classified { .. }));
    let any = dialog.discover.is_some() || classified;
    for (field, at) in dialog.fields.iter().zip(&d.fields_at) {
        check_from(reporter, &known, field, at, any);
    }
    known
        .names
        .extend(dialog.fields.iter().filter(|f| f.kind != Kind::Heading).map(|f| f.name.clone()));
    if any {
        known.names.extend(dialog.fields.iter().filter_map(|f| f.from.clone()));
    }
    run(reporter, &known, &dialog.command, &d.at, "command", "shell");
    for (field, at) in dialog.fields.iter().zip(&d.fields_at) {
        list(reporter, &known, field, at);
    }
}

fn check_from(reporter: &Reporter, known: &Known, field: &Field, at: &Locations, any: bool) {
    let Some(name) = field.from.as_ref().filter(|n| !n.is_empty()) else { return };
    if !any && !known.names.contains(name) && !known.perhaps.contains(name) {
        let allowed = suggest::did_you_mean(name, known.perhaps.iter().map(String::as_str));
        let allowed = if allowed.is_empty() {
            "a `discover` command or a selector before this screen can give it".into()
        } else {
            allowed
        };
        reporter.report_key(at, "from", format!("nothing gives `{name}`"), allowed);
    }
}

fn list(reporter: &Reporter, known: &Known, field: &Field, at: &Locations) {
    if let Some(list) = &field.list {
        run(reporter, known, &list.command, at, "list", "list_shell");
    }
}

fn run(reporter: &Reporter, known: &Known, run: &Run, at: &Locations, words: &str, line: &str) {
    match run {
        Run::Argv(all) => {
            for (n, word) in all.iter().enumerate() {
                unknown(reporter, known, word, at, &at.element_span(words, n));
            }
        }
        Run::Shell(text) => {
            let span = at.value_span(line);
            unknown(reporter, known, text, at, &span);
            for (name, why) in placeholders::find_unsafe_names(text) {
                let wrong = format!("{{{name}}} stands {why}");
                reporter.report_within(
                    at,
                    span.clone(),
                    &format!("{{{name}}}"),
                    wrong,
                    "write it outside of quotes: it becomes one quoted word",
                );
            }
        }
    }
}

fn unknown(reporter: &Reporter, known: &Known, text: &str, at: &Locations, span: &Range<usize>) {
    let names: BTreeSet<&str> =
        placeholders::split_segments(text).into_iter().filter_map(Segment::name).collect();
    for name in names.into_iter().filter(|n| !known.names.contains(*n)) {
        let allowed = if known.perhaps.contains(name) {
            format!(
                "a selector gives it, but `{}` can be opened without one: add after_selector = true",
                known.screen
            )
        } else if known.names.is_empty() {
            format!("no name is known here; the text itself is {{{{{name}}}}}")
        } else {
            suggest::allowed_values(name, known.names.iter().map(String::as_str))
        };
        reporter.report_within(
            at,
            span.clone(),
            &format!("{{{name}}}"),
            format!("nothing gives {{{name}}}"),
            allowed,
        );
    }
}
