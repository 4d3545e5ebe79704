//! Everything that walks a tree of files shares this: copying a file system ([`crate::copy`]) and
//! saving and restoring images (`crate::image`).
//!
//! - [`source`] opens a tree without what is mounted in it; [`dir`] has its directories and the
//!   stack of those that are still to be read.
//! - [`exclude`] and [`pattern`] read an exclude list; [`filter`] applies it during a walk.
//! - [`progress`] counts bytes and files and estimates the time left; [`report`] collects what
//!   could not be copied or kept.

pub mod dir;
pub mod exclude;
pub mod filter;
mod pattern;
pub mod progress;
pub mod report;
pub mod source;

pub use exclude::Excludes;
pub use progress::{Progress, Totals};
pub use report::Report;
pub use source::Source;
