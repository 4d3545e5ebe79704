//! What is wrong with a whole set of menu files, beyond what reading one table shows. Nothing is
//! run.
//!
//! `graph`: where screens lead. `names`: what `{name}` stands for. `fields`: the fields of one
//! screen. `flags`: altdisk's own commands. `texts`: what fits on a screen.

mod fields;
mod flags;
mod graph;
mod names;
mod texts;

use std::ops::Range;

use crate::menu::draft::{Draft, Drafted};
use crate::spot::reader::{Found, Where};

/// Looks at everything and notes every problem. `complete` is false if a file could not be read:
/// then what is missing may be there.
pub fn check(draft: &Draft, complete: bool, found: &Found) {
    let notes = Notes { draft, found };
    let graph = graph::Graph::of(draft);
    if complete {
        graph.check(&notes);
        names::check(&notes, &graph);
    }
    for screen in draft.screens.values() {
        texts::check(&notes, screen);
        flags::check(&notes, screen);
        match screen {
            Drafted::Menu(_) => {}
            Drafted::Selector(s) => fields::check(
                &notes,
                std::slice::from_ref(&s.selector.field),
                std::slice::from_ref(&s.field_at),
            ),
            Drafted::Dialog(d) => fields::check_dialog(&notes, d),
        }
    }
}

/// Where problems go.
struct Notes<'a> {
    draft: &'a Draft,
    found: &'a Found,
}

impl Notes<'_> {
    fn span(
        &self,
        at: &Where,
        span: Range<usize>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        if let Some(file) = self.draft.files.get(at.file) {
            self.found.borrow_mut().push(file.spot(span, wrong, allowed));
        }
    }

    fn key(&self, at: &Where, key: &str, wrong: impl Into<String>, allowed: impl Into<String>) {
        self.span(at, at.at(key), wrong, allowed);
    }

    fn nth(
        &self,
        at: &Where,
        key: &str,
        n: usize,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.span(at, at.nth(key, n), wrong, allowed);
    }

    /// At `needle` within a value, where it stands there as it is.
    fn within(
        &self,
        at: &Where,
        span: Range<usize>,
        needle: &str,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        let text = self
            .draft
            .files
            .get(at.file)
            .and_then(|f| f.text.get(span.clone()))
            .unwrap_or_default();
        let begin = text.find(needle).map_or(span.start, |n| span.start + n);
        self.span(at, begin..span.end, wrong, allowed);
    }
}
