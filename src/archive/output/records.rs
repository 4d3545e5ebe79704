//! Tapes and pipes: records of one size, each in one call, so that a tape has blocks of that size;
//! the last is filled with what the compression's own readers pass over.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::Result;

use super::method::Method;
use crate::error;

/// An output that is written in records.
#[derive(Debug)]
pub struct Records {
    to: File,
    buffer: Vec<u8>,
    size: usize,
}

impl Records {
    /// Standard output.
    ///
    /// # Errors
    /// ALT-658 if standard output is a terminal.
    pub fn standard(size: usize) -> Result<Self> {
        let out = io::stdout();
        if out.is_terminal() {
            return Err(error::IMAGE_PLACE.with_cause("standard output is a terminal"));
        }
        Ok(Self {
            to: File::from(out.as_fd().try_clone_to_owned()?),
            buffer: Vec::with_capacity(size),
            size,
        })
    }

    /// Opens a tape, another character device or a named pipe.
    ///
    /// # Errors
    /// ALT-655; ALT-658 for a terminal.
    pub fn open(name: &Path, size: usize) -> Result<Self> {
        let to = File::options().write(true).open(name);
        let to = to.map_err(|e| {
            error::IMAGE_WRITE.with_cause(format!(
                "{} could not be opened: {}",
                name.display(),
                error::text_of(&e)
            ))
        })?;
        if to.is_terminal() {
            return Err(error::IMAGE_PLACE.with_cause(format!("{} is a terminal", name.display())));
        }
        Ok(Self { to, buffer: Vec::with_capacity(size), size })
    }

    /// Appends bytes; every full record is written.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(self.size - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = rest;
            if self.buffer.len() == self.size {
                self.record()?;
            }
        }
        Ok(())
    }

    fn record(&mut self) -> io::Result<()> {
        // A tape takes a record whole or not at all; a pipe may take a part.
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Fills the last record and writes it.
    pub fn finish(mut self, method: Method) -> io::Result<()> {
        if !self.buffer.is_empty() {
            let mut missing = self.size - self.buffer.len();
            if missing > 0 && matches!(method, Method::Zstd(_)) {
                // zstd's readers take no zeros after a frame, but skip a frame that says so; its
                // head has 8 bytes.
                const HEAD: usize = 8;
                missing += if missing < HEAD { self.size } else { 0 };
                let length = u32::try_from(missing - HEAD).unwrap_or_default();
                self.write(&[0x5F_u8, 0x2A, 0x4D, 0x18])?;
                self.write(&length.to_le_bytes())?;
                missing -= HEAD;
            }
            // gzip's pass over zeros, and xz's where they are a multiple of four, as every record
            // is; tar ends before them.
            self.write(&vec![0; missing])?;
        }
        match self.to.sync_all() {
            // Pipes and many devices have nothing to be synced.
            Err(e)
                if !matches!(
                    e.raw_os_error(),
                    Some(nix::libc::EINVAL | nix::libc::ENOTSUP | nix::libc::EROFS)
                ) =>
            {
                Err(e)
            }
            _ => Ok(()),
        }
    }
}
