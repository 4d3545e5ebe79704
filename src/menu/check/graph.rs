//! Where screens lead: targets that are missing, ways that lead back to where they came from,
//! screens that nothing leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::report::Reporter;
use crate::diagnostic::reader::Locations;
use crate::diagnostic::suggest;
use crate::menu::draft::{Draft, DraftMenu, DraftScreen, DraftSelector};
use crate::menu::model::{Next, Target};
use crate::menu::rules::has_only_choices;

/// A way from one screen to another.
pub(super) struct Edge<'a> {
    /// The screen that it leads to.
    pub to: &'a str,
    at: &'a Locations,
    span: Range<usize>,
    /// It is really taken; of an answer that is not known beforehand it only may be.
    sure: bool,
}

/// All ways between the screens.
pub(super) struct Graph<'a> {
    draft: &'a Draft,
    edges: BTreeMap<&'a str, Vec<Edge<'a>>>,
}

impl<'a> Graph<'a> {
    /// The graph of these screens.
    pub fn new(draft: &'a Draft) -> Self {
        let mut graph = Self { draft, edges: BTreeMap::new() };
        for (id, screen) in &draft.screens {
            let edges = match screen {
                DraftScreen::Menu(menu) => graph.of_menu(menu),
                DraftScreen::Selector(selector) => graph.of_selector(id, selector),
                DraftScreen::Dialog(_) => vec![],
            };
            graph.edges.insert(id, edges);
        }
        graph
    }

    fn find_id(&self, id: &str) -> Option<&'a str> {
        self.draft.screens.get_key_value(id).map(|(k, _)| k.as_str())
    }

    fn of_menu(&self, menu: &'a DraftMenu) -> Vec<Edge<'a>> {
        let edge = |item: &'a crate::menu::draft::DraftItem| match &item.item.goto {
            Some(Target::Screen(id)) => Some(Edge {
                to: self.find_id(id)?,
                at: &item.at,
                span: item.at.value_span("goto"),
                sure: true,
            }),
            _ => None,
        };
        menu.items.iter().filter_map(edge).collect()
    }

    fn of_selector(&self, own: &str, s: &'a DraftSelector) -> Vec<Edge<'a>> {
        let field = &s.selector.field;
        match &s.selector.next {
            Next::To(Target::Builtin(_)) => vec![],
            Next::To(Target::Screen(id)) => self
                .find_id(id)
                .map(|to| Edge { to, at: &s.at, span: s.at.value_span("goto"), sure: true })
                .into_iter()
                .collect(),
            Next::Value { prefix } if has_only_choices(field) => {
                let edge = |(n, real): (usize, &String)| {
                    let to = self.find_id(&format!("{prefix}{real}"))?;
                    Some(Edge {
                        to,
                        at: &s.field_at,
                        span: s.field_at.element_span("choices", n),
                        sure: true,
                    })
                };
                field.choices.iter().map(|c| &c.real).enumerate().filter_map(edge).collect()
            }
            Next::Value { prefix } | Next::Classified { prefix, .. } => {
                let may = |screen: &&DraftScreen| {
                    let menu = matches!(screen, DraftScreen::Menu(_));
                    screen.id() != own
                        && !menu
                        && screen.id().starts_with(prefix.as_str())
                        && (!prefix.is_empty() || screen.after_selector())
                };
                let edge = |screen: &'a DraftScreen| Edge {
                    to: screen.id(),
                    at: &s.at,
                    span: s.at.value_span("goto_prefix"),
                    sure: false,
                };
                self.draft.screens.values().filter(may).map(edge).collect()
            }
        }
    }

    /// The selectors that lead to `id`.
    pub fn selectors_before(&self, id: &str) -> Vec<&'a DraftSelector> {
        let leads = |(from, edges): (&&'a str, &Vec<Edge>)| {
            let there = edges.iter().any(|e| e.to == id);
            match self.draft.screens.get(*from) {
                Some(DraftScreen::Selector(selector)) if there => Some(selector),
                _ => None,
            }
        };
        self.edges.iter().filter_map(leads).collect()
    }

    /// Checks targets, aliases and cycles.
    pub fn check(&self, reporter: &Reporter) {
        for screen in self.draft.screens.values() {
            match screen {
                DraftScreen::Menu(menu) => self.check_menu(reporter, menu),
                DraftScreen::Selector(selector) => self.check_selector(reporter, selector),
                DraftScreen::Dialog(_) => {}
            }
            if screen.after_selector() && self.selectors_before(screen.id()).is_empty() {
                reporter.report_key(
                    screen.locations(),
                    "after_selector",
                    "no selector leads to this screen",
                    "without `after_selector` its id is a fast path",
                );
            }
        }
        self.check_aliases(reporter);
        self.check_cycles(reporter);
    }

    fn missing(&self, reporter: &Reporter, at: &Locations, span: Range<usize>, id: &str) {
        reporter.report_span(
            at,
            span,
            format!("there is no screen `{id}`"),
            suggest::did_you_mean(id, self.draft.screens.keys().map(String::as_str)),
        );
    }

    fn check_menu(&self, reporter: &Reporter, menu: &DraftMenu) {
        if menu.items.iter().all(|i| i.item.goto.is_none())
            && !menu.items.iter().any(|i| i.at.has("goto"))
        {
            reporter.report_key(
                &menu.at,
                "id",
                "no line of this menu leads anywhere",
                "add a [[menu.item]] with goto = \"...\"",
            );
        }
        for item in &menu.items {
            let Some(Target::Screen(id)) = &item.item.goto else { continue };
            match self.draft.screens.get(id) {
                None => self.missing(reporter, &item.at, item.at.value_span("goto"), id),
                Some(screen) if screen.after_selector() => {
                    reporter.report_key(
                        &item.at,
                        "goto",
                        format!("`{id}` can only be entered from a selector"),
                        "lead to that selector",
                    );
                }
                Some(_) => {}
            }
        }
    }

    fn check_selector(&self, reporter: &Reporter, s: &DraftSelector) {
        let menu = |id: &str| matches!(self.draft.screens.get(id), Some(DraftScreen::Menu(_)));
        match &s.selector.next {
            Next::To(Target::Builtin(_)) => {}
            // Empty: reading has told it already.
            Next::To(Target::Screen(id)) if id.is_empty() => {}
            Next::To(Target::Screen(id)) if self.find_id(id).is_none() => {
                self.missing(reporter, &s.at, s.at.value_span("goto"), id)
            }
            Next::To(Target::Screen(id)) if menu(id) => {
                reporter.report_key(
                    &s.at,
                    "goto",
                    format!("`{id}` is a menu"),
                    "a selector leads to a selector or a dialog",
                );
            }
            Next::To(_) => {}
            Next::Value { prefix } if has_only_choices(&s.selector.field) => {
                for (n, choice) in s.selector.field.choices.iter().enumerate() {
                    let id = format!("{prefix}{}", choice.real);
                    if self.find_id(&id).is_none() {
                        self.missing(
                            reporter,
                            &s.field_at,
                            s.field_at.element_span("choices", n),
                            &id,
                        );
                    } else if menu(&id) {
                        let span = s.field_at.element_span("choices", n);
                        reporter.report_span(
                            &s.field_at,
                            span,
                            format!("`{id}` is a menu"),
                            "a selector leads to a selector or a dialog",
                        );
                    }
                }
            }
            Next::Value { prefix } | Next::Classified { prefix, .. } => {
                if self.edges.get(s.selector.id.as_str()).is_none_or(Vec::is_empty) {
                    let wrong = if prefix.is_empty() {
                        "no screen can follow: none has after_selector = true".to_owned()
                    } else {
                        format!(
                            "no screen can follow: no selector's or dialog's id begins with `{prefix}`"
                        )
                    };
                    reporter.report_key(&s.at, "goto_prefix", wrong, "");
                }
            }
        }
    }

    fn check_aliases(&self, reporter: &Reporter) {
        for (name, alias) in &self.draft.aliases {
            let goto = &alias.alias.goto;
            if self.find_id(name).is_some() {
                reporter.report_key(
                    &alias.at,
                    "name",
                    format!("`{name}` is a screen's id already"),
                    "",
                );
            }
            match self.draft.screens.get(goto) {
                None if goto.is_empty() => {}
                None => self.missing(reporter, &alias.at, alias.at.value_span("goto"), goto),
                Some(screen) if screen.after_selector() => {
                    reporter.report_key(
                        &alias.at,
                        "goto",
                        format!("`{goto}` can only be entered from a selector"),
                        "lead to that selector",
                    );
                }
                Some(_) => {}
            }
        }
    }

    /// Every way that leads back to a screen on it, told where it closes.
    fn check_cycles(&self, reporter: &Reporter) {
        let mut done = BTreeSet::new();
        // From the top, so that the line is blamed that leads back and not the one that leads on.
        let top = self.find_id(crate::menu::model::TOP);
        for id in top.into_iter().chain(self.edges.keys().copied()) {
            self.walk(id, &mut vec![], &mut done, reporter);
        }
    }

    fn walk(
        &self,
        id: &'a str,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
        reporter: &Reporter,
    ) {
        if !done.insert(id) {
            return;
        }
        way.push(id);
        for edge in self.edges.get(id).into_iter().flatten().filter(|e| e.sure) {
            match way.iter().position(|w| *w == edge.to) {
                Some(from) => {
                    let round = [&way[from..], &[edge.to]].concat().join(" -> ");
                    reporter.report_span(
                        edge.at,
                        edge.span.clone(),
                        format!("this leads back: {round}"),
                        "F3 goes back; menus only lead on",
                    );
                }
                None => self.walk(edge.to, way, done, reporter),
            }
        }
        way.pop();
    }
}
