//! The phase engine: request -> facts -> plan -> phases, with a journal that makes every step
//! undoable and resumable.

pub mod crash;
pub mod facts;
#[cfg(test)]
mod golden;
pub mod mksysb;
pub mod paths;
pub mod plan;
pub mod prepare;
pub mod privilege;
pub mod request;
pub mod review;
pub mod run;
pub mod state;
pub mod steps;
