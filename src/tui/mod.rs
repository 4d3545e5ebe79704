//! The screens: one model, a pure update, a view per screen.
//!
//! [`run`] is the loop: messages from the terminal, from signals, from questions and jobs go into
//! one channel; [`update`] turns each into a changed [`model::Model`] and into effects, which the
//! loop carries out; [`view`] draws the model when no message is left. Nothing is on a timer while
//! nothing happens.

#[cfg(test)]
mod any_tests;
pub mod canvas;
pub mod effects;
pub mod find;
pub mod flow;
#[cfg(test)]
pub mod golden;
pub mod keys;
pub mod layer;
pub mod log_job;
pub mod model;
pub mod plain;
pub mod popup;
pub mod record;
pub mod run;
#[cfg(test)]
mod sample;
pub mod screens;
#[cfg(test)]
mod shipped_tests;
pub mod start;
pub mod status;
pub mod svg;
pub mod texts;
pub mod update;
#[cfg(test)]
mod update_tests;
pub mod view;
