//! The phase engine: request -> facts -> plan -> phases, with a journal that makes every step
//! undoable and resumable.
//!
//! `facts` asks the machine once; `source` says what rootvg is; `layout` and `sizing` settle the
//! target side, `names` what it is called; `references_ahead` finds what of the copy would still
//! name the old disk; `plan` turns it all into steps; `run` executes them with `steps` (and
//! `disk_steps`) on the `targets` that it holds open, journalled by `state`; `standing` says how
//! much of the record can be read; `cleanup` is `-X`, `erase` what it does to a disk, `leftovers`
//! is `-X` without a record, `clearing` what the two share, `replace` makes a finished copy anew;
//! `preview` prints a plan, `review` is what is read before it runs. `protections` finds what a
//! copy of the files alone would lose; `snapshots` decides which btrfs snapshots are cloned.

pub mod bootlist;
pub mod cleanup;
pub mod clearing;
pub mod commands;
pub mod copying;
pub mod customize;
pub mod disk_steps;
pub mod erase;
pub mod esp;
pub mod exclusions;
pub mod facts;
pub mod fitting;
pub mod from_image;
#[cfg(test)]
mod golden;
pub mod layout;
pub mod leftovers;
pub mod mksysb;
pub mod mounted;
pub mod names;
pub mod needs;
pub mod plan;
pub mod prepare;
pub mod preview;
pub mod protections;
pub mod quiet;
pub mod references_ahead;
pub mod relocate;
pub mod replace;
pub mod request;
pub mod review;
pub mod run;
pub mod sandboxes;
pub mod sizing;
pub mod snapshots;
pub mod source;
pub mod standing;
pub mod state;
pub mod steps;
pub mod surveyed;
pub mod system;
pub mod targets;
pub mod trees;
pub mod unlocked;
pub mod updates;
pub mod updating;

/// Where the alternate is mounted between phases.
pub const ALT_INST: &str = "/alt_inst";
