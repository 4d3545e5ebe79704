//! Runs: a request becomes a plan, and the plan is carried out.
//!
//! The checks come first and change nothing ([`order`], [`prepare`]). The plan is stored before the
//! first write; from then on a failure leaves an unfinished alternate that `--resume` finishes and
//! `-X` removes ([`cleanup`], or [`leftovers`] without a record). [`phases`] carries out the steps.

pub mod cleanup;
pub mod clearing;
pub mod erase;
pub mod inhibitors;
pub mod leftovers;
pub mod order;
pub mod phases;

use anyhow::Result;

use crate::engine::crash::crash_point;
use crate::engine::plan::step::Action;
use crate::engine::plan::step_id::StepId;
use crate::engine::prepare::replace;
use crate::engine::privilege::require_root;
use crate::engine::request::Request;
use crate::engine::run::inhibitors::Inhibitors;
use crate::engine::run::order::{
    completed_steps, remaining_steps, require_interrupted, starting_point,
};
use crate::engine::run::phases::{Earlier, Held, run_plan};
use crate::engine::state::Alternate;
use crate::engine::state::{State, Stored, record_state, relocate};
use crate::engine::steps::context::Options;
use crate::engine::steps::mounted;
use crate::engine::steps::targets::Targets;
use crate::engine::{plan, prepare};
use crate::error::{AltError, LeftUnfinished};
use crate::event::Events;
use crate::host::{signals, sys};

/// Runs the phases that are asked for. Returns the sentence that ends the run.
///
/// # Errors
/// Refusals (nothing was touched), or a failure marked [`LeftUnfinished`].
pub fn install(request: &Request, options: Options, events: &Events) -> Result<String> {
    require_root()?;
    signals::catch();
    let mut state = State::lock()?;
    let on = starting_point(request, record_state::require_whole(state.load()?)?)?;
    let (stored, replaced) = on.split();
    let inhibitors = Inhibitors::begin(request.copies(), events)?;
    if let Some(step) = stored
        .as_ref()
        .filter(|a| !a.run_complete())
        .and_then(|a| remaining_steps(a).into_iter().next())
    {
        events.warn(format!(
            "the previous run stopped at: {}. This command does not finish it; `alt_disk_install --resume` does",
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
            let base =
                prepare::refresh_spec(relocate::locate_disks(&a, Some(request))?, request, events)?;
            // Also where the run has nothing to do there: it would say what is not true.
            mounted::refuse_foreign(&base)?;
            (base, None, a.run.saturating_add(1))
        }
    };
    let plan = plan::make_plan(&base, request);
    let targets = Targets::take(&base)?;
    if let Some(old) = &replaced {
        forget_replaced(&mut state, old, events).map_err(unfinished)?;
        crash_point("after", "replace");
    }
    if let Err(e) = state.begin_run(&base, &plan, run, sys::now().0) {
        return Err(if run == 1 { state.remove_alternate().err().unwrap_or(e) } else { e });
    }
    // The disks were examined in this run, and nothing was on them that is not given up.
    let earlier = Earlier { before, untouched: run == 1, ..Earlier::default() };
    let done = run_plan(
        &mut state,
        &base,
        &plan,
        &earlier,
        Held { inhibitors, archive, targets },
        options,
        events,
    );
    done.map_err(unfinished)
}

/// Goes on with the run that was interrupted.
///
/// # Errors
/// ALT-704 if there is nothing to go on with; else as [`install`].
pub fn resume(options: Options, events: &Events) -> Result<String> {
    require_root()?;
    signals::catch();
    let mut state = State::lock()?;
    let alternate = require_interrupted(record_state::require_whole(state.load()?)?)?;
    let done = completed_steps(&alternate);
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
    let base = relocate::locate_disks(&alternate, None)?;
    events.note(format!("continuing: {}", alternate.plan.request.argv.join(" ")));
    let copies = alternate
        .plan
        .steps
        .iter()
        .any(|s| matches!(s.action, Action::Copy { .. }) && !earlier.done.contains(&s.id));
    let inhibitors = Inhibitors::begin(copies, events)?;
    let stood = |id: &StepId| {
        earlier.done.iter().any(|d| d == id) || !alternate.plan.steps.iter().any(|s| s.id == *id)
    };
    let present = mounted::ensure_present(&base, &stood, events);
    present
        .and_then(|()| Targets::take(&base))
        .and_then(|targets| {
            run_plan(
                &mut state,
                &base,
                &alternate.plan,
                &earlier,
                Held { inhibitors, archive: None, targets },
                options,
                events,
            )
        })
        .map_err(unfinished)
}

/// Marks an error that leaves an alternate behind, according to the state.
fn unfinished(mut e: anyhow::Error) -> anyhow::Error {
    if matches!(State::read_unlocked(), Ok(Stored::None)) {
        return e;
    }
    if let Some(alt) = e.downcast_mut::<AltError>() {
        alt.advise_to_resume();
    }
    e.context(LeftUnfinished)
}

/// Forgets the old copy. Its disks are erased by the new run, whose request names their serial
/// numbers.
///
/// # Errors
/// As `-X`.
fn forget_replaced(state: &mut State, alternate: &Alternate, events: &Events) -> Result<()> {
    events.note(replace::describe_replacement(alternate));
    cleanup::remove_copy(state, alternate, &[], events).map(drop)
}
