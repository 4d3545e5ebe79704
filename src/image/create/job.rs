//! The description of an image to make, and the result.

use std::os::fd::AsFd;
use std::path::PathBuf;

use anyhow::Result;

use crate::error;
use crate::image::manifest::Manifest;
use crate::tree::walk::Walk;
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

impl Tree {
    /// A walk of the tree; `skip_inodes` are files that are never saved.
    ///
    /// # Errors
    /// ALT-661 if its top cannot be examined.
    pub(super) fn walk<'a>(
        &'a self,
        excludes: &'a Excludes,
        skip_inodes: impl IntoIterator<Item = (u64, u64)>,
    ) -> Result<Walk<'a>> {
        let (top, prefix) = (self.source.as_fd(), &self.prefix);
        Walk::new(top, prefix, excludes, &self.leave_out, skip_inodes).map_err(|e| {
            let cause = format!("{} could not be read: {}", prefix.display(), error::text_of(&e));
            error::IMAGE_SOURCE.with_cause(cause)
        })
    }
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
