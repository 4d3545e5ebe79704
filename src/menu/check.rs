//! Finds mistakes in a whole set of menu files, beyond those that reading one table shows. Nothing
//! is run.
//!
//! `graph`: where screens lead. `names`: what `{name}` stands for. `fields`: the fields of one
//! screen. `flags`: altdisk's own commands. `texts`: what fits on a screen.

mod fields;
mod flags;
mod graph;
mod names;
mod report;
mod texts;

use report::Reporter;

use crate::diagnostic::reader::Diagnostics;
use crate::menu::draft::{Draft, DraftScreen};

/// Looks at everything and notes every problem. `complete` is false if a file could not be read:
/// then what is missing may be there.
pub fn check(draft: &Draft, complete: bool, found: &Diagnostics) {
    let reporter = Reporter { draft, found };
    let graph = graph::Graph::new(draft);
    if complete {
        graph.check(&reporter);
        names::check(&reporter, &graph);
    }
    for screen in draft.screens.values() {
        texts::check(&reporter, screen);
        flags::check(&reporter, screen);
        match screen {
            DraftScreen::Menu(_) => {}
            DraftScreen::Selector(s) => fields::check(
                &reporter,
                std::slice::from_ref(&s.selector.field),
                std::slice::from_ref(&s.field_at),
            ),
            DraftScreen::Dialog(d) => fields::check_dialog(&reporter, d),
        }
    }
}
