//! The description of an image to make, and the result.

use std::path::PathBuf;

use crate::image::manifest::Manifest;
use crate::tree::{Excludes, Report, Source};

/// A file system to save.
pub struct Tree {
    /// The tree.
    pub source: Source,
    /// Where its top is in the running system: `/`, `/var`.
    pub prefix: PathBuf,
    /// Paths relative to its top that are not saved: of a directory only itself is.
    pub leave_out: Vec<PathBuf>,
}

/// An image to make.
pub struct Job<'a> {
    /// The text of image.data; None leaves it out.
    pub image_data: Option<String>,
    /// Its counts are filled in from [`super::count`].
    pub manifest: Manifest,
    /// The first is the one at `/`. A tree whose prefix is found in another is walked there, the
    /// others at the end.
    pub trees: &'a [Tree],
    /// The exclude list.
    pub excludes: &'a Excludes,
    /// Emits an event for every file.
    pub verbose: bool,
}

/// The result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Members and bytes of content.
    pub report: Report,
    /// Sockets, which an archive cannot hold.
    pub sockets: u64,
    /// Bytes of the archive before it was compressed.
    pub archive: u64,
}
