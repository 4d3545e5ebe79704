//! The engine: it makes a copy of the running system, or installs a system image, in three phases.
//!
//! ```text
//! request -> facts -> plan -> prepare -> run -> steps
//!                       \______ state ______/
//! ```
//!
//! - [`request`]: the command line, checked.
//! - [`facts`]: the running machine, asked once. Nothing is changed.
//! - [`plan`]: pure functions from facts to the description of the alternate
//!   ([`plan::spec::AlternateSpec`]) and to steps. A plan is data: it is previewed, stored and
//!   compared by tests.
//! - [`state`]: the stored plan and its journal, and whether the disks that it names are still the
//!   same ones.
//! - [`prepare`]: every check that can refuse a run. Nothing is changed; the result is a
//!   description that the plan is made from.
//! - [`steps`]: one file for each kind of step. A step can always be repeated.
//! - [`run`]: carries a plan out, one journalled step after the other; resumes a run that was
//!   interrupted; removes the copy (`-X`). Start reading at [`run::install`].
//! - [`review`]: what a user reads before any of this happens.
//! - [`mksysb`]: saving an image of the running system, from the same facts.
//!
//! Each directory uses those below it, never those above it: `review` and `mksysb`, then `run`,
//! `steps`, `prepare`, `state`, `plan`, `facts`, `request`. So `plan` knows neither the state nor
//! the steps, and the shared types lie with the lowest of those who use them. [`paths`],
//! [`privilege`] and [`crash`] are small things that all of them need.

pub mod crash;
pub mod facts;
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
