//! Files that wait to be made: batches of one directory each.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::host::fs_calls::Stat;
use crate::tree::dir::Dir;
use crate::tree::queue::{self, Limits};

/// At most this many files go into one batch.
const MAX_FILES: usize = 64;

/// A batch with this many bytes is full.
const MAX_BYTES: u64 = 4 << 20;

/// How much waits. With the directories' descriptors that stays below the usual limit of 1024.
pub const QUEUE_LIMITS: Limits = Limits { batches: 64, files: 384, bytes: 64 << 20 };

/// A directory that is being copied, open on both sides.
#[derive(Debug)]
pub struct OpenDir {
    pub dir: Arc<Dir>,
    pub source: OwnedFd,
    pub target: OwnedFd,
}

/// One file that is not a directory.
#[derive(Debug)]
pub struct Item {
    pub name: CString,
    pub stat: Stat,
    /// Names of its extended attributes.
    pub attributes: Vec<CString>,
    /// Open, if it is a regular file.
    pub file: Option<File>,
}

/// Files of one directory.
#[derive(Debug)]
pub struct Batch {
    pub at: Arc<OpenDir>,
    pub items: Vec<Item>,
    /// Read ahead.
    pub bytes: u64,
}

impl Batch {
    /// An empty batch.
    pub fn new(at: &Arc<OpenDir>) -> Self {
        Self { at: Arc::clone(at), items: Vec::new(), bytes: 0 }
    }

    /// True if it should be handed over.
    pub fn is_full(&self) -> bool {
        self.items.len() >= MAX_FILES || self.bytes >= MAX_BYTES
    }
}

impl queue::Batch for Batch {
    fn directory(&self) -> usize {
        Arc::as_ptr(&self.at.dir).addr()
    }

    fn files(&self) -> usize {
        self.items.len()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}
