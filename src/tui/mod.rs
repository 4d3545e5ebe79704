//! The screens: one model, a pure update, a view per screen.
//!
//! [`run`] is the loop: messages from the terminal, from signals, from questions and jobs go into
//! one channel; [`update`] turns each into a changed [`model::Model`] and into effects, which the
//! loop carries out; [`view`] draws the model when no message is left. Nothing is on a timer while
//! nothing happens.

pub mod ask;
pub mod canvas;
pub mod channel;
pub mod effect_runner;
pub mod effects;
pub mod find;
pub mod flow;
pub mod keys;
pub mod layer;
pub mod lists;
pub mod log_job;
pub mod model;
pub mod plain;
pub mod popup;
pub mod record;
pub mod run;
pub mod screens;
pub mod start;
pub mod status;
pub mod svg;
#[cfg(test)]
mod tests;
pub mod texts;
pub mod update;
pub mod view;
