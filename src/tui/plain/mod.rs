//! The panels without a screen: numbered lines and prompts, for `TERM=dumb`, printers, screen
//! readers and `--plain`.
//!
//! The same menu files, rules, command lines, reviews and jobs as on the screen; only the way to
//! ask is another. Every prompt takes `?` for help, `b` to go back, `q` to leave. The end of the
//! input leaves; nothing that was not confirmed is run, and a job goes on by itself.

mod dialog;
mod job;
mod panels;
mod pick;
mod session;
mod talk;

pub use session::{Plain, Run};
pub use talk::Talk;
