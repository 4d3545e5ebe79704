//! The page that is read before anything happens: what is erased, how long it takes, what boots
//! next, how to go back, the steps. And what has to be typed first, where a disk holds something.
//!
//! The run's own checks are made, so that nothing unexpected comes after the page: what the run
//! would refuse is refused here, in the same words. Only that a disk holds something is no refusal:
//! it becomes a question. The form is that of the review protocol.

mod page;
mod removal;

pub mod commands;
pub mod preview;

pub use page::Page;

use anyhow::Result;
use serde::Serialize;

use crate::disk::eligibility;
use crate::disk::model::{Disk, practice_name};
use crate::disk::roles;
use crate::engine::facts::Facts;
use crate::engine::plan::{self, Plan};
use crate::engine::prepare::Prepared;
use crate::engine::prepare::replace;
use crate::engine::request::Request;
use crate::engine::run::quiet;
use crate::engine::state::relocate;
use crate::engine::state::standing::{self, Stage, stage};
use crate::engine::state::{Alternate, State};
use crate::engine::{prepare, run};
use crate::event::Events;

#[cfg(test)]
pub use removal::clean_up_page;
pub use removal::of_clean_up;

/// What a dialog shows before its command runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Review {
    pub version: u32,
    pub title: String,
    /// Lines of at most [`WIDTH`] columns.
    pub text: Vec<String>,
    /// What the user must type, one question after the other.
    #[serde(rename = "type")]
    pub typed: Vec<Typed>,
    pub warnings: Vec<String>,
}

/// One question, short enough to stand before a field: one of the words must be typed, then the
/// command gets what is to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Typed {
    pub prompt: String,
    pub words: Vec<String>,
    pub add: Vec<String>,
}

/// Columns of the text.
pub const WIDTH: usize = 76;

/// What a clone or an image install, or some of its phases, would do.
///
/// # Errors
/// The refusals that the run itself would meet.
pub fn of_install(request: &Request) -> Result<Review> {
    may_begin()?;
    let stored = standing::whole(State::peek()?)?;
    // What no serial number changes is refused before anything is asked.
    let may_ask = stored.as_ref().is_none_or(|a| stage(a) == Stage::Finished);
    let asks = request.phases.list().contains(&1) && may_ask;
    let (request, typed) =
        if asks { questions(request, stored.as_ref())? } else { (request.clone(), vec![]) };
    let on = run::may_run(&request, stored)?;
    quiet::packages_are_quiet(request.copies())?;
    let prepared = preview::prepared(&request, on, &Events::new())?;
    let plan = plan::plan(&prepared.base, &request);
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

/// What `--resume` would do.
///
/// # Errors
/// ALT-704 where there is nothing to go on with; else as the run.
pub fn of_resume() -> Result<Review> {
    may_begin()?;
    let alternate = run::interrupted(standing::whole(State::peek()?)?)?;
    let left = run::left(&alternate);
    quiet::packages_are_quiet(left.iter().any(|s| matches!(s.action, plan::Action::Copy { .. })))?;
    let base = relocate::settle(&alternate, None)?;
    Ok(resume_page(&alternate, &base, State::copy_rate()))
}

/// Pure, for golden tests.
pub fn resume_page(alternate: &Alternate, base: &plan::Base, rate: Option<u64>) -> Review {
    let left = run::left(alternate);
    let mut page = page::Page::default();
    let (done, all) = (alternate.plan.steps.len() - left.len(), alternate.plan.steps.len());
    page.part(
        "WHAT GOES ON",
        &[format!("{}: {done} of {all} steps are done.", alternate.plan.request.argv.join(" "))],
    );
    let to_erase = |i: &usize| left.iter().any(|s| s.action == plan::Action::Wipe { disk: *i });
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
        title: "Go on with the run that was interrupted".into(),
        text: page.lines,
        ..Review::default()
    }
}

fn may_begin() -> Result<()> {
    run::require_root()?;
    State::not_busy()
}

/// The disks that hold something and are not confirmed: as questions, and the request as it is once
/// they are answered.
fn questions(request: &Request, replaced: Option<&Alternate>) -> Result<(Request, Vec<Typed>)> {
    // Which disks there are; what of the running system cannot be cloned is for the run's own
    // checks to say.
    let facts = Facts::for_image()?;
    let world =
        replaced.map_or_else(|| facts.world.clone(), |old| replace::put_away(&facts.world, old));
    let roles = roles::roles(&world, &prepare::known(&facts.source.disks)?);
    let (mut request, mut typed) = (request.clone(), vec![]);
    for word in &request.targets {
        let disk = world.disk(word)?;
        let role = roles.get(&disk.name).copied().unwrap_or(crate::disk::model::Role::None);
        let verdict = eligibility::examine(disk, &world, role);
        let confirmed = request.erase.iter().any(|e| e == disk.serial_or_name());
        if !verdict.is_free() && verdict.only_content() && !confirmed {
            typed.push(question(disk, true));
            request.erase.push(disk.serial_or_name().to_owned());
        }
    }
    Ok((request, typed))
}

fn question(disk: &Disk, add: bool) -> Typed {
    let name = practice_name(&disk.name, disk.serial.as_deref()).unwrap_or(&disk.name).to_owned();
    let what = if disk.serial.is_some() { "Serial number or name" } else { "Name" };
    let prompt = format!("{what} of {}, to erase it", disk.shown());
    let mut words: Vec<String> =
        disk.serial.iter().cloned().chain([name, disk.name.clone()]).collect();
    words.dedup();
    let add =
        if add { vec!["--erase".to_owned(), disk.serial_or_name().to_owned()] } else { vec![] };
    Typed { prompt, words, add }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    #[test]
    fn what_must_be_typed() {
        let world = sample::world();
        let q = question(&world.disks[1], true);
        assert_eq!(q.prompt, "Serial number or name of vdb, to erase it");
        assert_eq!(
            (q.words, q.add),
            (
                vec!["DISK-B".to_owned(), "vdb".to_owned()],
                vec!["--erase".to_owned(), "DISK-B".to_owned()]
            )
        );
        let q = question(&world.disks[2], false);
        assert_eq!((q.words.as_slice(), q.add.len()), (&["sdc".to_owned()][..], 0));
        let q = question(&world.disks[4], true);
        assert_eq!(
            (q.words.join(" "), q.add.join(" ")),
            ("PRACTICE-one one loop6".to_owned(), "--erase PRACTICE-one".to_owned())
        );
    }
}
