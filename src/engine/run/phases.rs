//! Carrying out a plan: step by step, every step journalled before and after it acts.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::engine::crash::crash_point;
use crate::engine::facts::exclusions;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::{Action, Plan, Step};
use crate::engine::plan::step_id::StepId;
use crate::engine::run::cleanup;
use crate::engine::run::inhibitors::Inhibitors;
use crate::engine::state::{Record, State};
use crate::engine::steps::context::Context;
use crate::engine::steps::context::Options;
use crate::engine::steps::targets::Targets;
use crate::engine::steps::{copying, finish, mounted};
use crate::engine::{plan, steps};
use crate::error;
use crate::event::{Event, Events, Planned, StepStatus};
use crate::host::signals;
use crate::image::archive::Archive;
use crate::secret;
use crate::tree::Progress;

/// The progress of the interrupted run that this one continues.
#[derive(Default)]
pub(super) struct Earlier {
    /// Steps that it completed.
    pub done: Vec<StepId>,
    /// Steps that it began.
    pub begun: Vec<StepId>,
    /// It journalled the boot list's before-image.
    pub before: bool,
    /// The phases that it journalled as complete.
    pub phases: BTreeSet<u8>,
    /// There was none: this run stored the plan, and before its first check has passed nothing is
    /// touched.
    pub untouched: bool,
}

/// Resources that a run holds while it works.
pub(super) struct Held {
    /// Against shutdown, sleep and package managers.
    pub inhibitors: Inhibitors,
    /// The image, where it is open already.
    pub archive: Option<Archive>,
    /// Compared before and after each step.
    pub targets: Targets,
}

pub(super) fn run_plan(
    state: &mut State,
    base: &AlternateSpec,
    plan: &Plan,
    earlier: &Earlier,
    mut held: Held,
    options: Options,
    events: &Events,
) -> Result<String> {
    let done = earlier.done.as_slice();
    let planned =
        |s: &Step| Planned { id: s.id.to_string(), phase: s.phase, title: s.title.clone() };
    events.emit(Event::Plan { steps: plan.steps.iter().map(planned).collect() });
    let mut phase = 0;
    let of = plan.steps.len();
    let to_do: Vec<&Step> = plan.steps.iter().filter(|s| !done.contains(&s.id)).collect();
    let excludes = exclusions::read_exclude_list(
        plan.request.exclude_list.as_ref().filter(|_| to_do.iter().any(|s| s.phase == 1)),
    )?;
    let progress = Progress::new(1, copying::totals(base, &to_do));
    for (index, step) in (1..).zip(&plan.steps) {
        if step.phase != phase {
            if phase == 1 {
                held.inhibitors.release_packages();
            }
            finish_phase(state, base, phase, earlier, events)?;
            phase = step.phase;
            pass_empty_phases(state, plan, earlier, phase)?;
            events.emit(Event::Phase {
                phase,
                title: plan::phase_title(base, phase).into(),
                state: StepStatus::Begin,
            });
        }
        let tell = |state: StepStatus, ms| {
            events.emit(Event::Step {
                id: step.id.to_string(),
                phase,
                index,
                of,
                title: step.title.clone(),
                state,
                ms,
            })
        };
        if done.contains(&step.id) {
            tell(StepStatus::Skipped, None);
            continue;
        }
        if step.action == Action::Reboot {
            // It is the last step: everything is journalled before the machine goes down.
            state.append(&Record::Done { id: step.id.clone() })?;
            finish_phase(state, base, phase, earlier, events)?;
            pass_empty_phases(state, plan, earlier, u8::MAX)?;
            tell(StepStatus::Begin, None);
            drop(held);
            finish::reboot(events)?;
            return Ok(closing_message(base, plan));
        }
        state.append(&Record::Begin { id: step.id.clone() })?;
        crash_point("before", &step.id);
        tell(StepStatus::Begin, None);
        let begun = Instant::now();
        if let Err(e) = run_step(
            &mut Context {
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
            tell(StepStatus::Failed, None);
            return Err(handle_failure(state, base, step, e, earlier.untouched, events));
        }
        crash_point("after", &step.id);
        state.append(&Record::Done { id: step.id.clone() })?;
        crash_point("done", &step.id);
        tell(StepStatus::Done, u64::try_from(begun.elapsed().as_millis()).ok());
    }
    finish_phase(state, base, phase, earlier, events)?;
    if plan.request.phases.list().last() != Some(&3) {
        mounted::ensure_mounted(base, usize::MAX, events)?;
    }
    pass_empty_phases(state, plan, earlier, u8::MAX)?;
    held.targets.close()?;
    Ok(closing_message(base, plan))
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

fn run_step(c: &mut Context, step: &Step) -> Result<()> {
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
    base: &AlternateSpec,
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
        state: StepStatus::Done,
    });
    Ok(())
}

/// Cleans up after a failed step. A refusal before the first write leaves nothing, if this run
/// stored the plan (`untouched`); a boot loader that was begun is removed again.
fn handle_failure(
    state: &mut State,
    base: &AlternateSpec,
    step: &Step,
    e: anyhow::Error,
    untouched: bool,
    events: &Events,
) -> anyhow::Error {
    let stopped = signals::interrupted().then(|| format!("stopped by a signal in: {}", step.title));
    if step.action == Action::Gate && untouched {
        let e = stopped.map_or(e, |why| {
            error::INTERRUPTED.with_remedy(why, "nothing was changed: give the same command again")
        });
        return match cleanup::forget_untouched(state, base) {
            Ok(()) => e,
            Err(why) => e.context(error::chain_of(&why)),
        };
    }
    let e = stopped.map_or(e, |why| error::INTERRUPTED.with_cause(why));
    let told = state.append(&Record::Failed {
        id: step.id.clone(),
        error: secret::masked(&error::chain_of(&e)),
    });
    let loader = matches!(
        step.action,
        Action::Esp | Action::LoaderEfi | Action::LoaderBios | Action::Verify | Action::Origin
    );
    if let Some(why) = loader.then(|| finish::make_unbootable(base, events)).and_then(Result::err) {
        events.warn(format!(
            "the unfinished copy may still have a boot loader: {}",
            error::chain_of(&why)
        ));
    }
    match told {
        Ok(()) => e,
        Err(why) => e.context(error::chain_of(&why)),
    }
}

fn closing_message(base: &AlternateSpec, plan: &Plan) -> String {
    let disks = base.layout.disk_names();
    let first = base.layout.disks.first().map_or("", |d| d.name.as_str());
    let old = base.present();
    if plan.request.phases.list().last() != Some(&3) {
        let at = Path::new(crate::engine::paths::ALT_INST).display();
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
            "The copy on {disks} is finished. The boot list was not changed: a machine cannot boot from a practice disk."
        )
    } else {
        format!(
            "The copy on {disks} is finished. The boot list was not changed; `altdisk bootlist {first}` makes the copy boot next."
        )
    }
}
