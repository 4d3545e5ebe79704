//! Jobs: commands that run on their own, under a supervisor, and that any process of the same user
//! can follow and stop.
//!
//! [`start`] makes a directory and runs this program again as the job's supervisor (`supervise`),
//! in a session of its own, so that no hang-up, closed window or dead interface reaches it. The
//! supervisor starts the command, appends its output to `events.jsonl` (altdisk's own commands
//! write their events there themselves, through `ALTDISK_EVENTS`), and writes `exit.json` at the
//! end. Everything else only reads these files: [`list`], [`follow`] (wakes when they grow),
//! [`log`] (lines by number, in bounded memory).
//!
//!     jobs/17/job.json      the order: command, title, start
//!             run.json      process ids of supervisor and command, with start times
//!             events.jsonl  the events, appended to
//!             stop          there once it was asked to stop; holds `force` for a kill
//!             exit.json     exit code or signal

pub mod append;
pub mod control;
pub mod directory;
pub mod files;
pub mod follow;
pub mod index;
pub mod log;
pub mod model;
pub mod register;
pub mod split;
pub mod start;
pub mod supervise;

pub use crate::host::cmd::EVENTS_VARIABLE;
pub use control::{kill, stop};
pub use files::{find, list};
pub use model::{Ended, Id, STOPPED, Spec, State, Summary};
pub use register::{Registered, register};
pub use start::start;
