//! Where an image comes from: a file, a tape, another device, a FIFO or standard input, compressed
//! or not.
//!
//! `raw` reads it in large blocks, `compression` recognises how it is compressed, `unpack` starts
//! the threads, `frames` unpacks our own zstd frames on all processors, `streams` everything else,
//! and `stream` carries the uncompressed bytes from those threads to the one that reads the archive.

pub mod compression;
pub mod frames;
pub mod raw;
pub mod stream;
pub mod streams;
pub mod unpack;

use std::fs::File;
use std::io::{IsTerminal, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use crate::error;
use crate::host::tape::{self, Tape};
use raw::{Raw, Reading};
use stream::Source;

/// Bytes of a read. Tapes have blocks of any size, and a read that is smaller than a block loses
/// what it has no room for.
const READ: usize = 1 << 20;
const TAPE_READ: usize = 4 << 20;

/// An opened image. It knows whether it can be read again from its start.
#[derive(Debug)]
pub struct Input {
    /// As the user named it, for messages.
    name: String,
    file: Arc<File>,
    kind: Kind,
    reading: Arc<Reading>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Bytes from where it is read to its end, and where that is: standard input may stand in the
    /// middle of a file.
    File {
        start: u64,
        length: u64,
    },
    /// A disk or partition: an archive on it ends before it does.
    Disk,
    Tape(Tape),
    /// A pipe, or a device that is read like one.
    Once,
}

impl Input {
    /// Opens `name`; `-` is standard input. A tape is read in blocks as large as it has; one whose
    /// device rewinds when it is closed (/dev/st0) is rewound first, any other is read from where
    /// it stands.
    ///
    /// # Errors
    /// ALT-630; ALT-631 for an empty file.
    pub fn open(name: &Path) -> Result<Self> {
        let shown = if name == Path::new("-") {
            "standard input".to_owned()
        } else {
            name.display().to_string()
        };
        let refused = |why: String| error::IMAGE_OPEN.with_cause(format!("{shown}: {why}"));
        let file = match name.to_str() {
            Some("-") => {
                let stdin = std::io::stdin();
                if stdin.is_terminal() {
                    return Err(error::IMAGE_OPEN.with_remedy(
                        "standard input is a terminal",
                        "pipe the image in, or name a file",
                    ));
                }
                File::from(
                    stdin.as_fd().try_clone_to_owned().map_err(|e| refused(error::text_of(&e)))?,
                )
            }
            _ => File::open(name).map_err(|e| refused(error::text_of(&e)))?,
        };
        Self::from_file(shown, file)
    }

    /// A file that is already open.
    fn from_file(shown: String, file: File) -> Result<Self> {
        let refused = |why: String| error::IMAGE_OPEN.with_cause(format!("{shown}: {why}"));
        let meta = file.metadata().map_err(|e| refused(error::text_of(&e)))?;
        let kind = if meta.is_dir() {
            return Err(refused("it is a directory".to_owned()));
        } else if meta.is_file() {
            let start = (&file).stream_position().map_err(|e| refused(error::text_of(&e)))?;
            Kind::File { start, length: meta.len().saturating_sub(start) }
        } else if meta.file_type().is_block_device() {
            Kind::Disk
        } else {
            match tape::from_file(&file) {
                Some(tape) => Kind::Tape(tape),
                None => Kind::Once,
            }
        };
        match kind {
            Kind::File { length: 0, .. } => {
                return Err(error::IMAGE_NOT_TAR.with_cause(format!("{shown} is empty")));
            }
            Kind::Tape(tape) if tape.rewinds => tape::wind(&file, 0)
                .map_err(|e| refused(format!("it cannot be rewound: {}", error::text_of(&e))))?,
            _ => {}
        }
        Ok(Self { name: shown, file: Arc::new(file), kind, reading: Arc::default() })
    }

    /// The uncompressed bytes. They can be asked for once. The threads behind them end when the
    /// source is dropped.
    ///
    /// # Errors
    /// ALT-632 for a compression that is not read here, with the command that unpacks it; ALT-638.
    pub fn decompressed(&self) -> Result<Box<dyn Source>> {
        let size = match self.kind {
            Kind::Tape(Tape { block: 0, .. }) => TAPE_READ,
            Kind::Tape(Tape { block, .. }) => (TAPE_READ / block).max(1) * block,
            _ => READ,
        };
        let raw =
            Raw::new(self.name.clone(), Arc::clone(&self.file), Arc::clone(&self.reading), size);
        unpack::start(raw, self.kind == Kind::Disk)
    }

    /// From the start: a file is read anew, a tape rewound.
    ///
    /// # Errors
    /// ALT-640 for a pipe.
    pub fn reopen(self) -> Result<Self> {
        let refused = |why: String| error::IMAGE_AGAIN.with_cause(format!("{}: {why}", self.name));
        let seek = |to| {
            let done = (&*self.file).seek(SeekFrom::Start(to));
            done.map(drop).map_err(|e| refused(error::text_of(&e)))
        };
        // A thread that is still reading would take bytes away.
        self.reading.stop();
        match self.kind {
            Kind::File { start, .. } => seek(start)?,
            Kind::Disk => seek(0)?,
            Kind::Tape(tape) => {
                let files = if tape.rewinds { Some(0) } else { tape.file };
                let files = files.ok_or_else(|| {
                    refused("the drive does not report the position of the tape".to_owned())
                })?;
                tape::wind(&self.file, files).map_err(|e| {
                    refused(format!("it cannot be rewound: {}", error::text_of(&e)))
                })?;
            }
            Kind::Once => return Err(refused("what was read of a pipe is gone".to_owned())),
        }
        Ok(Self { reading: Arc::default(), ..self })
    }

    /// True if [`Input::reopen`] works: not for a pipe.
    pub fn seekable(&self) -> bool {
        match self.kind {
            Kind::File { .. } | Kind::Disk => true,
            Kind::Tape(tape) => tape.rewinds || tape.file.is_some(),
            Kind::Once => false,
        }
    }

    /// Bytes read so far, compressed as they are.
    #[cfg(test)]
    pub fn consumed(&self) -> u64 {
        self.reading.bytes()
    }
}

#[cfg(test)]
mod tests;
