//! The phase engine: request -> facts -> plan -> phases, with a journal that makes every step
//! undoable and resumable.

pub mod facts;
#[cfg(test)]
mod golden;
pub mod mksysb;
pub mod plan;
pub mod prepare;
pub mod request;
pub mod review;
pub mod run;
pub mod state;
pub mod steps;

/// Where the alternate is mounted between phases.
pub const ALT_INST: &str = "/alt_inst";
