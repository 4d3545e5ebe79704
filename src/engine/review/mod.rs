//! The page that is read before anything happens: what is erased, how long it takes, what boots next, how to go back, the steps.
//! And what has to be typed first, where a disk holds something.
//!
//! The run's own checks are made, so that nothing unexpected comes after the page: what the run would refuse is refused here, in the
//! same words. Only that a disk holds something is no refusal: it becomes a question. The form is that of the review protocol.

mod page;

pub use page::Page;

use anyhow::Result;
use serde::Serialize;

use crate::disk::gate;
use crate::disk::model::{Disk, World, practice_name};
use crate::disk::roles;
use crate::engine::cleanup::{self, Fate};
use crate::engine::facts::Facts;
use crate::engine::plan::{self, Plan};
use crate::engine::prepare::Prepared;
use crate::engine::request::Request;
use crate::engine::state::{Alternate, State};
use crate::engine::{prepare, preview, quiet, relocate, run};
use crate::host::mounts;

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

/// One question, short enough to stand before a field: one of the words must be typed, then the command gets what is to be added.
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
    let stored = State::peek()?;
    run::may_run(request.phases, stored.as_ref())?;
    let phase_1 = request.phases.list().contains(&1);
    quiet::packages_are_quiet(request.copies())?;
    let (request, typed) = if phase_1 { questions(request)? } else { (request.clone(), vec![]) };
    let prepared = preview::prepared(&request, stored)?;
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
        (more, _) => format!("Phases {} of the {what} on {disks}", more.iter().map(u8::to_string).collect::<Vec<_>>().join(" and ")),
    };
    Review { version: 1, title, text: page.lines, typed, warnings: p.warnings.clone() }
}

/// What `--resume` would do.
///
/// # Errors
/// ALT-704 where there is nothing to go on with; else as the run.
pub fn of_resume() -> Result<Review> {
    may_begin()?;
    let alternate = run::interrupted(State::peek()?)?;
    let left = run::left(&alternate);
    quiet::packages_are_quiet(left.iter().any(|s| matches!(s.action, plan::Action::Copy { .. })))?;
    let base = relocate::settle(alternate.base.clone(), None)?;
    Ok(resume_page(&alternate, &base, State::copy_rate()))
}

/// Pure, for golden tests.
pub fn resume_page(alternate: &Alternate, base: &plan::Base, rate: Option<u64>) -> Review {
    let left = run::left(alternate);
    let mut page = page::Page::default();
    let (done, all) = (alternate.plan.steps.len() - left.len(), alternate.plan.steps.len());
    page.part("WHAT GOES ON", &[format!("{}: {done} of {all} steps are done.", alternate.plan.request.argv.join(" "))]);
    let to_erase = |i: &usize| left.iter().any(|s| s.action == plan::Action::Wipe { disk: *i });
    let disks: Vec<String> = (0..base.layout.disks.len()).filter(to_erase).map(|i| page::disk(&base.layout.disks[i])).collect();
    page.erased(&disks);
    let rest = Plan { request: alternate.plan.request.clone(), steps: left.into_iter().cloned().collect() };
    page.time(base, &rest, rate);
    page.boots(base, &rest);
    page.steps(base, rest.steps.iter());
    Review { version: 1, title: "Go on with the run that was interrupted".into(), text: page.lines, ..Review::default() }
}

/// What `-X` would do.
///
/// # Errors
/// ALT-709 where the running system is the alternate itself.
pub fn of_clean_up() -> Result<Review> {
    may_begin()?;
    let title = "Remove the alternate".to_owned();
    let Some(alternate) = State::peek()? else {
        let text = vec!["There is no altinst_rootvg: nothing to clean up.".to_owned()];
        return Ok(Review { version: 1, title, text, ..Review::default() });
    };
    let world = World::gather()?;
    cleanup::not_running_from_it(&alternate.base, &world)?;
    let at = |m: &mounts::Mount| m.mount_point.starts_with(crate::engine::ALT_INST);
    let mounted: Vec<String> = mounts::mounted()?.iter().filter(|m| at(m)).map(|m| m.mount_point.display().to_string()).collect();
    let fates: Vec<Fate> = (0..alternate.base.layout.disks.len()).map(|i| cleanup::fate(i, &alternate, &world)).collect();
    Ok(clean_up_page(&alternate, &fates, &mounted))
}

/// Pure, for golden tests.
pub fn clean_up_page(alternate: &Alternate, fates: &[Fate], mounted: &[String]) -> Review {
    let mut page = page::Page::default();
    page.removed(alternate);
    let unmounted = if mounted.is_empty() { vec!["Nothing is mounted there now.".to_owned()] } else { mounted.to_vec() };
    page.part("WHAT IS UNMOUNTED", &unmounted);
    let mut typed = vec![];
    let layouts = &alternate.base.layout.disks;
    let lines: Vec<String> = layouts
        .iter()
        .zip(fates)
        .map(|(layout, fate)| match fate {
            Fate::Untouched => format!("{} was not touched yet, and stays as it is.", layout.name),
            Fate::Gone => format!("{} is not there (or cannot be told from another): what is on it stays.", layout.name),
            Fate::Another(d) => format!("{} holds something else by now: it is left as it is.", d.name),
            Fate::Freed(d) => {
                typed.push(question(d, false));
                format!("{}: everything that is on it; then it is free again.", page::disk(layout))
            }
        })
        .collect();
    page.part("WHAT IS ERASED", &lines);
    page.boot_list_after_removal(alternate);
    page.part("HOW TO GO BACK", &["There is no way back: the copy is gone then. The running system is not touched.".to_owned()]);
    let disks: Vec<String> = layouts.iter().map(|d| d.shown()).collect();
    Review { version: 1, title: format!("Remove the alternate on {}", disks.join(" ")), text: page.lines, typed, warnings: vec![] }
}

fn may_begin() -> Result<()> {
    run::require_root()?;
    State::not_busy()
}

/// The disks that hold something and are not confirmed: as questions, and the request as it is once they are answered.
fn questions(request: &Request) -> Result<(Request, Vec<Typed>)> {
    // Which disks there are; what of the running system cannot be cloned is for the run's own checks to say.
    let facts = Facts::for_image()?;
    let roles = roles::roles(&facts.world, &prepare::known(&facts.source.disks)?);
    let (mut request, mut typed) = (request.clone(), vec![]);
    for word in &request.targets {
        let disk = facts.world.disk(word)?;
        let role = roles.get(&disk.name).copied().unwrap_or(crate::disk::model::Role::None);
        let verdict = gate::examine(disk, &facts.world, role);
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
    let mut words: Vec<String> = disk.serial.iter().cloned().chain([name, disk.name.clone()]).collect();
    words.dedup();
    let add = if add { vec!["--erase".to_owned(), disk.serial_or_name().to_owned()] } else { vec![] };
    Typed { prompt, words, add }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sample;

    #[test]
    fn what_must_be_typed() {
        let world = sample::world();
        let q = question(&world.disks[1], true);
        assert_eq!(q.prompt, "Serial number or name of vdb, to erase it");
        assert_eq!((q.words, q.add), (vec!["DISK-B".to_owned(), "vdb".to_owned()], vec!["--erase".to_owned(), "DISK-B".to_owned()]));
        let q = question(&world.disks[2], false);
        assert_eq!((q.words.as_slice(), q.add.len()), (&["sdc".to_owned()][..], 0));
        let q = question(&world.disks[4], true);
        assert_eq!((q.words.join(" "), q.add.join(" ")), ("PRACTICE-one one loop6".to_owned(), "--erase PRACTICE-one".to_owned()));
    }
}
