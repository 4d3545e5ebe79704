//! The context of a step.

use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::Plan;
use crate::engine::state::State;
use crate::engine::steps::targets::Targets;
use crate::event::Events;
use crate::image::archive::Archive;
use crate::tree::{Excludes, Progress};

/// Options of a run that are not part of the request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// `-V`: name every file.
    pub verbose: bool,
}

/// Everything that a step works with.
pub struct Context<'a> {
    /// The journal.
    pub state: &'a mut State,
    /// The alternate, with the present names of its disks.
    pub base: &'a AlternateSpec,
    /// The plan that is carried out.
    pub plan: &'a Plan,
    /// Options of the run.
    pub options: Options,
    /// An earlier run began this step and did not end it.
    pub repeated: bool,
    /// The boot list's before-image is in the journal already.
    pub before_is_kept: bool,
    /// Receives messages.
    pub events: &'a Events,
    /// The target disks, held open.
    pub targets: &'a Targets,
    /// The exclude list.
    pub excludes: &'a Excludes,
    /// Of all copies of this run together.
    pub progress: &'a Progress,
    /// The image, where it is open already.
    pub archive: &'a mut Option<Archive>,
}
