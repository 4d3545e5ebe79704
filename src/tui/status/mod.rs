//! COMMAND STATUS: how a job goes, live. A model, a pure update, a view.
//!
//! [`Status::update`] takes keys and what the follower reads, and returns requests to the interface
//! ([`Action`]); [`Status::view`] draws. No timer runs: the screen changes when a key comes or when
//! the job writes something, and a line of the log alone changes nothing but the log.
//!
//! `model` is the state, `update` and `keys` change it; `work` is what the events said about phases
//! and steps, `pane` the window on the log, `rows` its lines, `layout` the place of everything,
//! `view` draws it, `words` has the sentences.

mod keys;
mod layout;
mod model;
mod pane;
mod rows;
#[cfg(test)]
pub mod tests;
mod update;
mod view;
mod words;
mod work;

pub use model::{Action, Msg, Status};
