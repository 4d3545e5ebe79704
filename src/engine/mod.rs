//! The phase engine: request -> facts -> plan -> phases, with a journal that makes every step undoable and resumable.
//!
//! `facts` asks the machine once; `source` says what rootvg is; `layout` and `sizing` settle the target side; `plan` turns it into
//! steps; `run` executes them with `steps`, journalled by `state`; `cleanup` is `-X`; `preview` prints a plan,
//! `review` is what is read before it runs.

pub mod bootlist;
pub mod cleanup;
pub mod commands;
pub mod copying;
pub mod customize;
pub mod exclusions;
pub mod facts;
pub mod fitting;
pub mod from_image;
#[cfg(test)]
mod golden;
pub mod layout;
pub mod locked;
pub mod mksysb;
pub mod mounted;
pub mod needs;
pub mod plan;
pub mod prepare;
pub mod preview;
pub mod quiet;
pub mod relocate;
pub mod request;
pub mod review;
pub mod run;
pub mod sizing;
pub mod source;
pub mod state;
pub mod steps;
pub mod surveyed;
pub mod system;
pub mod trees;
pub mod unlocked;
pub mod updates;
pub mod updating;

/// Where the alternate is mounted between phases.
pub const ALT_INST: &str = "/alt_inst";
