//! Making an image: file systems become one archive, in the order of the tree, at the speed of
//! compression.
//!
//!     walkers:     list directories, stat, open and read ahead what comes next -> batches, in the tree's order
//!     assembler:   headers, content and checksums of one file after the other -> chunks
//!     compressors: chunks become frames, on every processor (`output::pack`)
//!     writer:      frames in their order
//!
//! The order is that of one walk, a directory before what is in it and nothing else in between: GNU
//! tar gives a directory its times as soon as it sees a member from elsewhere. A file system that
//! is mounted in another is walked where its mount point is found. Everything between the threads
//! is bounded, so that memory grows neither with the tree nor with a file; only names of hard links
//! that are still to come are kept.
//!
//! The image's first members are `image.data` and the manifest; its last one has the BLAKE3 sums of
//! all regular files, as `b3sum -c` reads them.

mod assemble;
mod content;
mod count;
mod item;
mod job;
mod list;
mod run;
mod state;
mod walk;

pub use count::{count, count_until};
pub use job::{Job, Made, Tree};
pub use run::create;
