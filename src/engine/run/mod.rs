//! Running: requests become plans, plans are executed step by step, every step journalled before
//! and after it acts.
//!
//! Checks come first and touch nothing; the plan is stored before the first write; from then on a
//! failure leaves an unfinished alternate that `-X` clears and `--resume` finishes.

pub mod cleanup;
pub mod clearing;
pub mod erase;
pub mod leftovers;
pub mod quiet;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::disk::model::World;
use crate::engine::facts::exclusions;
use crate::engine::plan::{self, Action, Base, Plan, Step};
use crate::engine::prepare::replace;
use crate::engine::request::Request;
use crate::engine::run::quiet::Quiet;
use crate::engine::state::{Alternate, Record, State, Stored, crash_point};
use crate::engine::state::{relocate, standing};
use crate::engine::steps::targets::Targets;
use crate::engine::steps::{copying, mounted};
use crate::engine::{prepare, steps};
use crate::error::{self, AltError, LeftUnfinished};
use crate::event::{Event, Events, Planned, State as Stand};
use crate::host::{signals, sys};
use crate::image::archive::Archive;
use crate::secret;
use crate::tree::Progress;

/// What a run is told beside the request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// `-V`: name every file.
    pub verbose: bool,
}

/// Runs the phases that are asked for. Returns the sentence that ends the run.
///
/// # Errors
/// Refusals (nothing was touched), or a failure marked [`LeftUnfinished`].
pub fn install(request: &Request, options: Options, events: &Events) -> Result<String> {
    require_root()?;
    signals::catch();
    let mut state = State::lock()?;
    let on = may_run(request, standing::whole(state.load()?)?)?;
    let (stored, replaced) = on.split();
    let quiet = Quiet::begin(request.copies(), events)?;
    if let Some(step) =
        stored.as_ref().filter(|a| !a.run_complete()).and_then(|a| left(a).into_iter().next())
    {
        events.warn(format!(
            "the previous run stopped at: {}. This command will not finish it; `alt_disk_install --resume` does",
            step.title
        ));
    }
    let before = stored.as_ref().is_some_and(|a| a.before().is_some());
    let (base, archive, run) = match stored {
        None => {
            let p = prepare::prepare(request, replaced.as_ref(), events)?;
            p.notes.iter().for_each(|n| events.note(n));
            p.warnings.iter().for_each(|w| events.warn(w));
            (p.base, p.archive, 1)
        }
        Some(a) => {
            let base = prepare::again(relocate::settle(&a, Some(request))?, request, events)?;
            // Also where the run has nothing to do there: it would say what is not true.
            mounted::refuse_foreign(&base)?;
            (base, None, a.run + 1)
        }
    };
    let plan = plan::plan(&base, request);
    let targets = Targets::take(&base)?;
    if let Some(old) = &replaced {
        replace::forget(&mut state, old, events).map_err(unfinished)?;
        crash_point("after", "replace");
    }
    if let Err(e) = state.begin_run(&base, &plan, run, sys::now().0) {
        return Err(if run == 1 { state.forget().err().unwrap_or(e) } else { e });
    }
    // The disks were examined in this run, and nothing was on them that is not given up.
    let earlier = Earlier { before, untouched: run == 1, ..Earlier::default() };
    let done = execute(
        &mut state,
        &base,
        &plan,
        &earlier,
        Held { quiet, archive, targets },
        options,
        events,
    );
    done.map_err(unfinished)
}

/// Goes on with the run that was interrupted.
///
/// # Errors
/// ALT-704 where there is nothing to go on with; else as [`install`].
pub fn resume(options: Options, events: &Events) -> Result<String> {
    require_root()?;
    signals::catch();
    let mut state = State::lock()?;
    let alternate = interrupted(standing::whole(state.load()?)?)?;
    let done = stands(&alternate);
    let begun = alternate
        .plan
        .steps
        .iter()
        .map(|s| s.id.clone())
        .filter(|id| alternate.begun(id))
        .collect();
    let earlier = Earlier {
        done,
        begun,
        before: alternate.before().is_some(),
        phases: alternate.phases_of_run(),
        untouched: false,
    };
    let base = relocate::settle(&alternate, None)?;
    events.note(format!("continuing: {}", alternate.plan.request.argv.join(" ")));
    let copies = alternate
        .plan
        .steps
        .iter()
        .any(|s| matches!(s.action, Action::Copy { .. }) && !earlier.done.contains(&s.id));
    let quiet = Quiet::begin(copies, events)?;
    let stood = |id: &str| {
        earlier.done.iter().any(|d| d == id) || !alternate.plan.steps.iter().any(|s| s.id == id)
    };
    let present = mounted::ensure_present(&base, &stood, events);
    present
        .and_then(|()| Targets::take(&base))
        .and_then(|targets| {
            execute(
                &mut state,
                &base,
                &alternate.plan,
                &earlier,
                Held { quiet, archive: None, targets },
                options,
                events,
            )
        })
        .map_err(unfinished)
}

/// The alternate whose run can go on.
///
/// # Errors
/// ALT-704 where there is none.
pub fn interrupted(stored: Option<Alternate>) -> Result<Alternate> {
    let alternate = stored.filter(|a| !a.run_complete());
    let alternate = alternate.ok_or_else(|| {
        error::NOTHING_TO_RESUME.with_cause("no run of alt_disk_install was interrupted")
    })?;
    if alternate.cleaning() {
        return Err(error::NOTHING_TO_RESUME.with_remedy(
            "its removal (-X) was started",
            "run `alt_disk_install -X` until it succeeds",
        ));
    }
    Ok(alternate)
}

/// Steps of the interrupted run that need not be done again.
fn stands(alternate: &Alternate) -> Vec<String> {
    let mut done: Vec<String> = alternate.steps_done().into_iter().map(str::to_owned).collect();
    if !alternate.begun("3.unmount") {
        // A failure among the loader's steps took the loader off again: all of them are done anew.
        done.retain(|id| {
            !["3.esp", "3.loader.efi", "3.loader.bios", "3.verify", "3.origin"]
                .contains(&id.as_str())
        });
    }
    done
}

/// Steps that `--resume` would do.
pub fn left(alternate: &Alternate) -> Vec<&Step> {
    let done = stands(alternate);
    alternate.plan.steps.iter().filter(|s| !done.contains(&s.id)).collect()
}

/// Marks an error after which an alternate stands there: the state tells.
fn unfinished(mut e: anyhow::Error) -> anyhow::Error {
    if matches!(State::peek(), Ok(Stored::None)) {
        return e;
    }
    if let Some(alt) = e.downcast_mut::<AltError>() {
        alt.advise_to_resume();
    }
    e.context(LeftUnfinished)
}

/// # Errors
/// ALT-803 without root.
pub fn require_root() -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        Ok(())
    } else {
        Err(error::NOT_ROOT.with_cause(format!("only root may do this, and you are {}", who())))
    }
}

/// `nobody (uid 65534)`.
fn who() -> String {
    let uid = nix::unistd::geteuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => format!("{} (uid {uid})", user.name),
        _ => format!("uid {uid}"),
    }
}

/// What a run works on.
pub enum On {
    Nothing,
    Copy(Box<Alternate>),
    /// Phase 1, on the disks of this finished copy.
    Replaces(Box<Alternate>),
}

impl On {
    /// The copy that is worked on, and the one that is replaced.
    fn split(self) -> (Option<Alternate>, Option<Alternate>) {
        match self {
            Self::Nothing => (None, None),
            Self::Copy(a) => (Some(*a), None),
            Self::Replaces(a) => (None, Some(*a)),
        }
    }
}

/// The order of the phases.
///
/// # Errors
/// ALT-703 where a copy is in the way, ALT-707 where the phase's turn has not come or is over.
pub fn may_run(request: &Request, stored: Option<Alternate>) -> Result<On> {
    let first = request.phases.list()[0];
    let Some(a) = stored else {
        if first == 1 {
            return Ok(On::Nothing);
        }
        return Err(error::WRONG_PHASE.with_remedy(
            format!("phase {first} needs phase 1, and there is no altinst_rootvg"),
            "run phase 1 (or all phases) first",
        ));
    };
    let (disks, done) = (a.base.layout.disk_names(), a.phases_done());
    if a.cleaning() {
        return Err(error::WRONG_PHASE.with_remedy(
            format!("cleaning up the copy on {disks} was started and not finished"),
            "run `alt_disk_install -X` until it succeeds",
        ));
    }
    if first == 1 {
        replace::may_replace(request, &a, &World::gather()?)?;
        return Ok(On::Replaces(Box::new(a)));
    }
    if !done.contains(&1) {
        return Err(error::WRONG_PHASE.with_remedy(
            format!("phase {first} needs phase 1, which was not finished on {disks}"),
            "`alt_disk_install --resume` finishes it; `alt_disk_install -X` removes it",
        ));
    }
    if a.begun("3.unmount") && !done.contains(&3) {
        return Err(error::WRONG_PHASE.with_remedy(
            format!("phase 3 was begun on {disks} and not finished"),
            "`alt_disk_install --resume` finishes it; `alt_disk_install -X` removes the copy",
        ));
    }
    if first == 3 && a.half_updated() {
        return Err(error::WRONG_PHASE.with_remedy(
            format!("packages on {disks} may be half installed: phase 2 did not come to its end"),
            "run phase 2 again with packages that fix them (-P 2 or -P 23), or `alt_disk_install --resume`; \
             `alt_disk_install -C -P 2` without packages confirms that the copy is fine as it is",
        ));
    }
    if done.contains(&3) {
        return Err(error::WRONG_PHASE.with_remedy(
            format!("phase 3 was done: the copy (altinst_rootvg) on {disks} is finished and unmounted"),
            "`altdisk disks --alternates` shows how to replace it; `alt_disk_install -X` forgets it",
        ));
    }
    Ok(On::Copy(Box::new(a)))
}

/// What an interrupted run did before this one went on.
#[derive(Default)]
struct Earlier {
    done: Vec<String>,
    begun: Vec<String>,
    /// It journalled the boot list's before-image.
    before: bool,
    /// The phases that it journalled as complete.
    phases: BTreeSet<u8>,
    /// There was none: this run stored the plan, and before its first check has passed nothing is
    /// touched.
    untouched: bool,
}

/// What a run holds while it works.
struct Held {
    quiet: Quiet,
    /// The image, where it is open already.
    archive: Option<Archive>,
    /// Compared before and after each step.
    targets: Targets,
}

fn execute(
    state: &mut State,
    base: &Base,
    plan: &Plan,
    earlier: &Earlier,
    mut held: Held,
    options: Options,
    events: &Events,
) -> Result<String> {
    let done = earlier.done.as_slice();
    let planned = |s: &Step| Planned { id: s.id.clone(), phase: s.phase, title: s.title.clone() };
    events.emit(Event::Plan { steps: plan.steps.iter().map(planned).collect() });
    let mut phase = 0;
    let of = plan.steps.len();
    let to_do: Vec<&Step> = plan.steps.iter().filter(|s| !done.contains(&s.id)).collect();
    let excludes = exclusions::read(
        plan.request.exclude_list.as_ref().filter(|_| to_do.iter().any(|s| s.phase == 1)),
    )?;
    let progress = Progress::new(1, copying::totals(base, &to_do));
    for (index, step) in (1..).zip(&plan.steps) {
        if step.phase != phase {
            if phase == 1 {
                held.quiet.release_packages();
            }
            finish_phase(state, base, phase, earlier, events)?;
            phase = step.phase;
            pass_empty_phases(state, plan, earlier, phase)?;
            events.emit(Event::Phase {
                phase,
                title: plan::phase_title(base, phase).into(),
                state: Stand::Begin,
            });
        }
        let tell = |state: Stand, ms| {
            events.emit(Event::Step {
                id: step.id.clone(),
                phase,
                index,
                of,
                title: step.title.clone(),
                state,
                ms,
            })
        };
        if done.contains(&step.id) {
            tell(Stand::Skipped, None);
            continue;
        }
        if step.action == Action::Reboot {
            // Nothing comes after it: all is journalled before the machine goes down.
            state.append(&Record::Done { id: step.id.clone() })?;
            finish_phase(state, base, phase, earlier, events)?;
            pass_empty_phases(state, plan, earlier, u8::MAX)?;
            tell(Stand::Begin, None);
            drop(held);
            steps::reboot(events)?;
            return Ok(closing(base, plan));
        }
        state.append(&Record::Begin { id: step.id.clone() })?;
        crash_point("before", &step.id);
        tell(Stand::Begin, None);
        let begun = Instant::now();
        if let Err(e) = one(
            &mut steps::Context {
                state,
                base,
                plan,
                options,
                repeated: earlier.begun.contains(&step.id),
                before_is_kept: earlier.before,
                events,
                excludes: &excludes,
                progress: &progress,
                archive: &mut held.archive,
                targets: &held.targets,
            },
            step,
        ) {
            tell(Stand::Failed, None);
            return Err(failed(state, base, step, e, earlier.untouched, events));
        }
        crash_point("after", &step.id);
        state.append(&Record::Done { id: step.id.clone() })?;
        crash_point("done", &step.id);
        tell(Stand::Done, u64::try_from(begun.elapsed().as_millis()).ok());
    }
    finish_phase(state, base, phase, earlier, events)?;
    if plan.request.phases.list().last() != Some(&3) {
        mounted::ensure_mounted(base, usize::MAX, events)?;
    }
    pass_empty_phases(state, plan, earlier, u8::MAX)?;
    held.targets.close()?;
    Ok(closing(base, plan))
}

/// A phase without steps (2, with nothing to customize) is complete when its turn comes: before
/// phase `now`.
fn pass_empty_phases(state: &mut State, plan: &Plan, earlier: &Earlier, now: u8) -> Result<()> {
    let empty = |p: &&u8| {
        **p < now && !plan.steps.iter().any(|s| s.phase == **p) && !earlier.phases.contains(*p)
    };
    for phase in plan.request.phases.list().iter().filter(empty) {
        state.append(&Record::Phase { phase: *phase })?;
    }
    Ok(())
}

fn one(c: &mut steps::Context, step: &Step) -> Result<()> {
    if signals::interrupted() {
        return Err(error::INTERRUPTED.with_cause("stopped by a signal"));
    }
    steps::execute(c, step)?;
    if signals::interrupted() {
        Err(error::INTERRUPTED.with_cause("stopped by a signal"))
    } else {
        Ok(())
    }
}

/// Journals a phase when its last step is done, unless an earlier run did.
fn finish_phase(
    state: &mut State,
    base: &Base,
    phase: u8,
    earlier: &Earlier,
    events: &Events,
) -> Result<()> {
    if phase == 0 || earlier.phases.contains(&phase) {
        return Ok(());
    }
    state.append(&Record::Phase { phase })?;
    events.emit(Event::Phase {
        phase,
        title: plan::phase_title(base, phase).into(),
        state: Stand::Done,
    });
    Ok(())
}

/// What a failed step leaves: a refusal before the first write leaves nothing, if this run stored
/// the plan (`untouched`); a loader that was begun is taken away again.
fn failed(
    state: &mut State,
    base: &Base,
    step: &Step,
    e: anyhow::Error,
    untouched: bool,
    events: &Events,
) -> anyhow::Error {
    let stopped = signals::interrupted().then(|| format!("stopped by a signal in: {}", step.title));
    if step.action == Action::Gate && untouched {
        let e = stopped.map_or(e, |why| {
            error::INTERRUPTED.with_remedy(why, "nothing was started: run the same command again")
        });
        return match cleanup::forget_untouched(state, base) {
            Ok(()) => e,
            Err(why) => e.context(format!("{why:#}")),
        };
    }
    let e = stopped.map_or(e, |why| error::INTERRUPTED.with_cause(why));
    let told = state
        .append(&Record::Failed { id: step.id.clone(), error: secret::masked(&format!("{e:#}")) });
    let loader = matches!(
        step.action,
        Action::Esp | Action::LoaderEfi | Action::LoaderBios | Action::Verify | Action::Origin
    );
    if let Some(why) = loader.then(|| steps::make_unbootable(base, events)).and_then(Result::err) {
        events.warn(format!("the unfinished copy may still have a boot loader: {why:#}"));
    }
    match told {
        Ok(()) => e,
        Err(why) => e.context(format!("{why:#}")),
    }
}

fn closing(base: &Base, plan: &Plan) -> String {
    let disks = base.layout.disk_names();
    let first = base.layout.disks.first().map_or("", |d| d.name.as_str());
    let old = base.present();
    if plan.request.phases.list().last() != Some(&3) {
        let at = Path::new(crate::engine::ALT_INST).display();
        return format!(
            "The copy on {disks} is mounted at {at}. Phase 2 can be run again; phase 3 finishes it; -X removes it."
        );
    }
    if plan.steps.iter().any(|s| s.action == Action::Bootlist) {
        format!(
            "Bootlist is set to the boot disk: {first}. To go back: `altdisk bootlist {old}`, here or after booting {first}."
        )
    } else if base.on_practice_disks() {
        format!(
            "The copy on {disks} is finished; the boot list is as it was: no firmware starts a practice disk."
        )
    } else {
        format!(
            "The copy on {disks} is finished; the boot list is as it was. `altdisk bootlist {first}` makes it boot next."
        )
    }
}
