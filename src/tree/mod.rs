//! Code that everything that walks a tree of files shares: copying a file system (`copy`), and
//! saving and restoring images (`image`).
//!
//! - [`source`] opens a tree without what is mounted in it; [`dir`] has its directories and the
//!   stack of those that are still to be read.
//! - [`exclude`] and [`pattern`] read an exclude list; [`filter`] applies it during a walk.
//! - [`walk`] examines one entry after the other; [`content`] reads files with holes;
//!   [`metadata`] reads and applies everything else that a file has.
//! - [`work`] is the state that the threads share, with the first error and the request to stop;
//!   [`queue`] passes batches of files from the threads that find them to those that make them.
//! - [`progress`] counts bytes and files and estimates the time left; [`report`] collects what
//!   could not be copied or kept.

pub mod content;
pub mod dir;
pub mod error;
pub mod exclude;
pub mod filter;
pub mod metadata;
mod pattern;
pub mod progress;
pub mod queue;
pub mod report;
pub mod source;
pub mod walk;
pub mod work;

pub use exclude::Excludes;
pub use progress::{Progress, Totals};
pub use report::Report;
pub use source::Source;
