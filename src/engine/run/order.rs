//! The order of the phases: which run may begin now, and on what.

use std::path::Path;

use anyhow::Result;

use crate::disk::model::Inventory;
use crate::engine::paths::STATE;
use crate::engine::plan::step::Step;
use crate::engine::plan::step_id::StepId;
use crate::engine::prepare::replace;
use crate::engine::request::Request;
use crate::engine::state::Alternate;
use crate::engine::state::updates;
use crate::error;

/// The alternate whose run can go on.
///
/// # Errors
/// ALT-704 if there is none.
pub fn require_interrupted(stored: Option<Alternate>) -> Result<Alternate> {
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
pub(super) fn completed_steps(alternate: &Alternate) -> Vec<StepId> {
    let mut done: Vec<StepId> = alternate.steps_done().into_iter().cloned().collect();
    if !alternate.begun(&StepId::Unmount) {
        // A failure among the loader's steps removed the loader again: all of them are repeated.
        done.retain(|id| {
            !matches!(
                id,
                StepId::Esp
                    | StepId::LoaderEfi
                    | StepId::LoaderBios
                    | StepId::Verify
                    | StepId::Origin
            )
        });
    }
    done
}

/// Steps that `--resume` would do.
pub fn remaining_steps(alternate: &Alternate) -> Vec<&Step> {
    let done = completed_steps(alternate);
    alternate.plan.steps.iter().filter(|s| !done.contains(&s.id)).collect()
}

/// The situation that a run starts from.
pub enum StartingPoint {
    Nothing,
    Copy(Box<Alternate>),
    /// Phase 1, on the disks of this finished copy.
    Replaces(Box<Alternate>),
}

impl StartingPoint {
    /// The copy that is worked on, and the one that is replaced.
    pub(super) fn split(self) -> (Option<Alternate>, Option<Alternate>) {
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
/// ALT-703 if a copy is in the way, ALT-707 if the phase's turn has not come or is over.
pub fn starting_point(request: &Request, stored: Option<Alternate>) -> Result<StartingPoint> {
    let first = request.phases.list()[0];
    let Some(a) = stored else {
        if first == 1 {
            return Ok(StartingPoint::Nothing);
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
        replace::check_replace(request, &a, &Inventory::gather()?)?;
        return Ok(StartingPoint::Replaces(Box::new(a)));
    }
    if !done.contains(&1) {
        return Err(error::WRONG_PHASE.with_remedy(
            format!("phase {first} needs phase 1, which was not finished on {disks}"),
            "`alt_disk_install --resume` finishes it; `alt_disk_install -X` removes it",
        ));
    }
    if a.begun(&StepId::Unmount) && !done.contains(&3) {
        return Err(error::WRONG_PHASE.with_remedy(
            format!("phase 3 was begun on {disks} and not finished"),
            "`alt_disk_install --resume` finishes it; `alt_disk_install -X` removes the copy",
        ));
    }
    if first == 3 && a.half_updated() {
        return Err(error::WRONG_PHASE.with_remedy(
            match updates::may_be_half_installed(&Path::new(STATE).join("altinst")) {
                true => format!("phase 2 did not finish on {disks}: packages may be half installed"),
                false => format!("phase 2 did not finish on {disks}: the update changed no package"),
            },
            "run phase 2 again with packages that can be installed (-P 2 or -P 23), or `alt_disk_install --resume`; \
             `alt_disk_install -C -P 2` without packages accepts the copy as it is",
        ));
    }
    if done.contains(&3) {
        return Err(error::WRONG_PHASE.with_remedy(
            format!("phase 3 was done: the copy (altinst_rootvg) on {disks} is finished and unmounted"),
            "`altdisk disks --alternates` shows how to replace it; `alt_disk_install -X` forgets it",
        ));
    }
    Ok(StartingPoint::Copy(Box::new(a)))
}
