//! Where an image goes: a file that is there whole or not at all, or a tape or pipe in records of
//! equal size.
//!
//!     chunks -> pack: compressed on every processor, each for itself -> in order -> file (renamed at the end) or records
//!
//! `method` reads what `-z` says, `spill` keeps what must wait for the end of the image without
//! taking memory.

mod destination;
pub mod method;
pub mod pack;
mod records;
pub mod spill;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::error;
pub use method::Method;

/// Bytes in a record of a tape or pipe, unless others are asked for: a common block size of tape
/// drives (`tar -b 128`).
pub const RECORD: usize = 64 << 10;

/// The largest record: what tape drives take.
pub const LARGEST_RECORD: usize = 1 << 20;

/// An image that is being written.
#[derive(Debug)]
pub struct Output {
    name: PathBuf,
    to: To,
    method: Method,
}

#[derive(Debug)]
enum To {
    File(destination::NewFile),
    Records(records::Records),
}

impl Output {
    /// Opens the place that `name` means: `-` is standard output; a regular file is replaced at the
    /// end, not before.
    ///
    /// # Errors
    /// ALT-658 for a directory, a block device, a terminal; ALT-655 where it cannot be made.
    pub fn open(name: &Path, method: Method, record: usize) -> Result<Self> {
        let to = match destination::classify(name)? {
            destination::Kind::Standard => To::Records(records::Records::standard(record)?),
            destination::Kind::Device => To::Records(records::Records::open(name, record)?),
            destination::Kind::File(path) => To::File(destination::NewFile::make(&path)?),
        };
        Ok(Self { name: name.to_owned(), to, method })
    }

    /// How the image is compressed.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Device and inode of what must not be saved into the image: its own file, and the one that it
    /// will replace.
    pub fn own_inodes(&self) -> Vec<(u64, u64)> {
        match &self.to {
            To::File(file) => file.inodes(),
            To::Records(_) => vec![],
        }
    }

    /// The directory that the image's file lies in; None for a tape or pipe.
    pub fn directory(&self) -> Option<&Path> {
        match &self.to {
            To::File(file) => Some(file.directory()),
            To::Records(_) => None,
        }
    }

    /// Refuses where an image of so much content will not fit.
    ///
    /// # Errors
    /// ALT-657 with what is needed and what there is.
    pub fn require_room(&self, content: u64) -> Result<()> {
        let To::File(file) = &self.to else { return Ok(()) };
        let needed = self.method.about(content);
        match file.room() {
            Some(room) if room < needed => {
                let mib = |bytes: u64| bytes.div_ceil(1 << 20);
                let about = if self.method == Method::None {
                    ""
                } else {
                    " (about half of what is saved, as it is compressed)"
                };
                Err(error::IMAGE_ROOM.with_cause(format!(
                    "{} needs {} MiB{about}, but {} has {} MiB free",
                    self.name.display(),
                    mib(needed),
                    file.directory().display(),
                    mib(room)
                )))
            }
            _ => Ok(()),
        }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The kernel's; [`Output::failed`] makes it an error for people.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.to {
            To::File(file) => file.write(bytes),
            To::Records(records) => records.write(bytes),
        }
    }

    /// The image is whole: written to its device and given its name, or the last record filled.
    ///
    /// # Errors
    /// ALT-655 and ALT-656.
    pub fn finish(self) -> Result<()> {
        let done = match self.to {
            To::File(file) => file.finish(),
            To::Records(records) => records.finish(self.method),
        };
        done.map_err(|e| failed(&self.name, &e))
    }

    /// The error for people.
    pub fn failed(&self, e: &io::Error) -> anyhow::Error {
        failed(&self.name, e)
    }
}

fn failed(name: &Path, e: &io::Error) -> anyhow::Error {
    let cause = format!("{} could not be written: {}", name.display(), error::text_of(e));
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            error::IMAGE_FULL.with_cause(cause)
        }
        io::ErrorKind::FileTooLarge => error::IMAGE_WRITE.with_remedy(
            cause,
            "the file system (or `ulimit -f`) allows no larger file: name another place",
        ),
        _ => error::IMAGE_WRITE.with_cause(cause),
    }
}
