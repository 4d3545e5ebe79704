//! The lines of the journal.

use serde::{Deserialize, Serialize};

use crate::boot::bootlist::BootListSnapshot;
use crate::engine::plan::step_id::StepId;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "r", rename_all = "snake_case")]
pub enum Record {
    /// An invocation starts on the alternate.
    Run {
        run: u32,
        argv: Vec<String>,
        time: u64,
    },
    Begin {
        id: StepId,
    },
    Done {
        id: StepId,
    },
    Failed {
        id: StepId,
        error: String,
    },
    /// A phase is complete.
    Phase {
        phase: u8,
    },
    /// The boot list as it was, before the first change to it.
    Before {
        before: BootListSnapshot,
    },
    /// -X has begun: nothing can go on from here.
    CleanUp,
}
