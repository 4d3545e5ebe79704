//! Following a job: a thread that sleeps until the kernel says that the event file grew, or that the supervisor is gone.
//!
//! There are no timers while nothing happens. What happens comes in [`Batch`]es, at most one in [`PACE`]: an index of the new lines
//! for [`crate::job::log::Log`], and the events that a screen's model wants. [`SETTLE`] after the last one comes an empty batch, so that figures
//! that were held back can be shown.

use std::fs::File;
use std::io::PipeWriter;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::event::Event;
use crate::host::procs;
use crate::job::index::{Growth, Indexer};
use crate::job::{Id, State, files};

/// The shortest time between two batches while the job speaks.
pub const PACE: Duration = Duration::from_millis(200);
/// How long after the last batch the empty one comes.
pub const SETTLE: Duration = Duration::from_millis(1000);
/// What is read at once, so that a long file does not become one batch.
const PIECE: usize = 1 << 20;

/// What has happened since the last batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Start, phases, steps, errors, done, and the last progress: what is more than a line of the log.
    pub events: Vec<Event>,
    pub growth: Growth,
    pub state: State,
    /// When it was read.
    pub at: Instant,
    /// Whether the end of the file was reached.
    pub whole: bool,
}

/// Ends the following when it is dropped.
#[derive(Debug)]
pub struct Follower {
    _open: PipeWriter,
}

/// Follows a job from its beginning; `send` is called from a thread of its own and may block. The last batch has an ended state.
///
/// # Errors
/// ALT-953 where there is no such job; what the kernel says where it cannot be watched.
pub fn spawn(id: Id, send: impl FnMut(Batch) + Send + 'static) -> Result<Follower> {
    let _ = (id, send);
    Err(anyhow::anyhow!("not yet"))
}
