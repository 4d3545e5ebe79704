//! The page that is read before anything happens: what is erased, how long it takes, what boots
//! next, how to go back, the steps. And what has to be typed first, where a disk holds something.
//!
//! The run's own checks are made, so that nothing unexpected comes after the page: what the run
//! would refuse is refused here, in the same words. Only a disk with content is not refused: it
//! becomes a question. The form is that of the review protocol.

pub mod commands;
pub mod model;
pub mod outlook;
mod page;
pub mod preview;
pub mod questions;
pub mod removal;

pub use model::{Review, Typed};
pub use page::Page;

use anyhow::Result;

use crate::engine::plan;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::{Action, Plan};
use crate::engine::prepare::prepared::Prepared;
use crate::engine::request::Request;
use crate::engine::review::questions::{may_begin, questions};
use crate::engine::run::{inhibitors, order};
use crate::engine::state::record_state::{Stage, stage};
use crate::engine::state::{Alternate, State, record_state, relocate};
use crate::event::Events;

pub use removal::review_clean_up;

/// The review of a clone or an image install, or of some of its phases.
///
/// # Errors
/// The refusals that the run itself would meet.
pub fn review_install(request: &Request) -> Result<Review> {
    may_begin()?;
    let stored = record_state::require_whole(State::read_unlocked()?)?;
    // A refusal that no serial number can change comes before any question.
    let may_ask = stored.as_ref().is_none_or(|a| stage(a) == Stage::Finished);
    let asks = request.phases.list().contains(&1) && may_ask;
    let (request, typed) =
        if asks { questions(request, stored.as_ref())? } else { (request.clone(), vec![]) };
    let on = order::starting_point(&request, stored)?;
    inhibitors::check_package_locks(request.copies())?;
    let prepared = preview::prepare_request(&request, on, &Events::new())?;
    let plan = plan::make_plan(&prepared.base, &request);
    Ok(install_page(&prepared, &plan, typed, State::copy_rate()))
}

/// Pure, for golden tests.
pub fn install_page(p: &Prepared, plan: &Plan, typed: Vec<Typed>, rate: Option<u64>) -> Review {
    let mut page = page::Page::default();
    page.erased(&p.targets);
    page.time(&p.base, plan, rate);
    page.boots(&p.base, plan);
    page.steps(&p.base, plan.steps.iter());
    page.list("NOTES", &p.notes);
    let disks = p.base.layout.disk_names();
    let what = if p.base.imaged.is_some() { "image install" } else { "clone" };
    let title = match (plan.request.phases.list(), &p.base.imaged) {
        ([1, 2, 3], None) => format!("Clone the running system to {disks}"),
        ([1, 2, 3], Some(_)) => format!("Install a system image on {disks}"),
        ([only], _) => format!("Phase {only} of the {what} on {disks}"),
        (more, _) => format!(
            "Phases {} of the {what} on {disks}",
            more.iter().map(u8::to_string).collect::<Vec<_>>().join(" and ")
        ),
    };
    Review { version: 1, title, text: page.lines, typed, warnings: p.warnings.clone() }
}

/// The review of `--resume`.
///
/// # Errors
/// ALT-704 if there is nothing to go on with; else as the run.
pub fn review_resume() -> Result<Review> {
    may_begin()?;
    let alternate =
        order::require_interrupted(record_state::require_whole(State::read_unlocked()?)?)?;
    let left = order::remaining_steps(&alternate);
    inhibitors::check_package_locks(left.iter().any(|s| matches!(s.action, Action::Copy { .. })))?;
    let base = relocate::locate_disks(&alternate, None)?;
    Ok(resume_page(&alternate, &base, State::copy_rate()))
}

/// Pure, for golden tests.
pub fn resume_page(alternate: &Alternate, base: &AlternateSpec, rate: Option<u64>) -> Review {
    let left = order::remaining_steps(alternate);
    let mut page = page::Page::default();
    let (done, all) = (alternate.plan.steps.len() - left.len(), alternate.plan.steps.len());
    page.part(
        "WHAT WILL BE CONTINUED",
        &[format!("{}: {done} of {all} steps are done.", alternate.plan.request.argv.join(" "))],
    );
    let to_erase = |i: &usize| left.iter().any(|s| s.action == Action::Wipe { disk: *i });
    let disks: Vec<String> = (0..base.layout.disks.len())
        .filter(to_erase)
        .map(|i| page::disk(&base.layout.disks[i]))
        .collect();
    page.erased(&disks);
    let rest = Plan {
        request: alternate.plan.request.clone(),
        steps: left.into_iter().cloned().collect(),
    };
    page.time(base, &rest, rate);
    page.boots(base, &rest);
    page.steps(base, rest.steps.iter());
    Review {
        version: 1,
        title: "Continue the interrupted run".into(),
        text: page.lines,
        ..Review::default()
    }
}

#[cfg(test)]
mod tests;
