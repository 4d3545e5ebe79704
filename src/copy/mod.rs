//! Copies a tree with everything its files have, within one file system.
//!
//!     readers: list a directory, make its subdirectories, stat, open and read ahead its files -> batches
//!     writers: take a batch, make its files, their content, their metadata; the last batch finishes the directory
//!     helpers: report progress; have the target written early ([`crate::tree::work`])
//!
//! Readers hide the latency of a cold disk, so there are more of them than processors; writers are
//! bound by the processor. Directories wait on a stack (depth first), and a long one is put back
//! with its position; batches go through a bounded queue, hard links through a staging directory in
//! the target: memory does not grow with the tree. Source and target are seen without what is
//! mounted in them.

mod batch;
mod data;
mod job;
mod links;
mod metadata;
mod read;
mod run;
mod state;
mod write;

pub use job::Job;
pub use run::copy;
