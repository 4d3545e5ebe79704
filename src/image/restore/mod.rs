//! Restores an image into a directory and what is mounted below it, with everything that its
//! members carry.
//!
//!     archive (its threads read and unpack) -> members: this thread reads members, opens and makes directories -> batches
//!     writers: take a batch, make its files, their content, their metadata; hash what they write
//!     at the end: checksums compared, directories' metadata, flags that forbid changes, everything on the device
//!     helpers: report progress; have the targets written early ([`crate::tree::work`])
//!
//! Members may come in any order and more than once: the later one wins. Whatever could depend on
//! something that is not finished (the same path again, a hard link, something below it) waits for
//! it; all the rest is made in parallel. Nothing leaves the root: names are checked when they are
//! read ([`path`]), and the kernel opens every directory below the root's descriptor without
//! following links. Memory does not grow with the archive.

mod deferred;
mod dirs;
mod job;
mod members;
pub(super) mod path;
mod queue;
mod run;
mod state;
mod write;

pub use job::Job;
pub use run::restore;

#[cfg(test)]
mod tests;
