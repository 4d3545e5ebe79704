//! The lists that altdisk shows: choices of a field, themes, jobs.

use crate::job;
use crate::menu::lists;
use crate::menu::model::{Field, Many, Take};
use crate::tui::model::Model;
use crate::tui::popup::{self, fold};
use crate::tui::screens::form::Form;
use crate::tui::screens::list::{Choose, List};
use crate::tui::texts;

/// The choices of a field, with those marked that the form holds.
pub fn field_list(form: &Form, field: &Field, listing: lists::Listing) -> List {
    let choose = match (&field.list, field.many) {
        (Some(list), _) if list.take == Take::Range => Choose::None,
        (_, Many::One) => Choose::One,
        _ => Choose::Several,
    };
    let title = field.title();
    let mut list = List::new(&title, listing, choose)
        .with_chosen(&form.chosen())
        .prefilled(!form.values.changed(form.at));
    list.help.clone_from(&field.help);
    list
}

/// The themes as a list.
pub fn theme_list(model: &Model) -> List {
    let entry = |t: &crate::theme::Theme| {
        // As notes, long descriptions are read in whole.
        let notes = fold(&t.about, popup::inner(model.size).saturating_sub(6));
        lists::Entry { line: t.name.clone(), notes, value: t.name.clone(), ..Default::default() }
    };
    let listing =
        lists::Listing { heading: None, entries: model.themes.iter().map(entry).collect() };
    let mut list = List::new("Colours and Theme", listing, Choose::One)
        .with_chosen(std::slice::from_ref(&model.theme.name));
    texts::THEMES.clone_into(&mut list.help);
    list
}

/// The jobs as a list; the newest first. `now`: seconds since the epoch.
pub fn job_list(summaries: &[job::Summary], now: u64) -> List {
    let entry = |s: &job::Summary| {
        let took = s.took(now).map_or_else(|| "-".to_owned(), crate::text::clock);
        let started = crate::host::clock::minute(s.started);
        let line = format!(
            "{:>4}  {started}  {:<13} {took:>8}  {}",
            s.id.to_string(),
            s.state_word(),
            s.spec.title
        );
        lists::Entry { line, value: s.id.to_string(), ..Default::default() }
    };
    let heading = Some(format!(
        " {:>4}  {:<16}  {:<13} {:>8}  {}",
        "Job", "Started", "State", "Time", "What"
    ));
    let listing = lists::Listing { heading, entries: summaries.iter().map(entry).collect() };
    let mut list = List::new("Running and Finished Jobs", listing, Choose::One);
    texts::JOBS.clone_into(&mut list.help);
    list
}
