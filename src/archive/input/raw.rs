//! The bytes of an image as they lie on their medium, read in large blocks.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use nix::libc;

use crate::error;
use crate::host::{fd, signals};

/// Milliseconds that a read waits before it checks whether it is still wanted.
const POLL_TIMEOUT: u8 = 200;

/// The state that the reading thread and the others share.
#[derive(Debug, Default)]
pub struct Reading {
    bytes: AtomicU64,
    stopped: AtomicBool,
    /// Held during each read.
    busy: Mutex<()>,
}

impl Reading {
    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// No read begins after this, and none is under way.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(self.busy.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A buffered reader that never asks for less than a whole block.
#[derive(Debug)]
pub struct Raw {
    name: String,
    file: Arc<File>,
    reading: Arc<Reading>,
    size: usize,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    ended: bool,
    /// The kernel's error; unpackers pass it on as their own.
    failed: Option<io::Error>,
}

impl Raw {
    /// `size`: bytes of a read, at least those of a tape's block.
    pub fn new(name: String, file: Arc<File>, reading: Arc<Reading>, size: usize) -> Self {
        Self {
            name,
            file,
            reading,
            size,
            buffer: vec![],
            at: 0,
            end: 0,
            ended: false,
            failed: None,
        }
    }

    /// Bytes that one read may bring.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Reads once, into `to`, which has room for a block; 0 at the end.
    fn once(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let n = loop {
            let held = self.reading.busy.lock().unwrap_or_else(PoisonError::into_inner);
            if self.reading.stopped.load(Ordering::SeqCst) {
                return Err(io::Error::other("stopped"));
            }
            // A network that is silent must not keep who wants to stop.
            if !fd::readable(&self.file, POLL_TIMEOUT)? {
                drop(held);
                if signals::interrupted() {
                    return Err(io::Error::other("stopped by a signal"));
                }
                continue;
            }
            let got = (&*self.file).read(to);
            drop(held);
            match got {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                got => break got?,
            }
        };
        self.ended = n == 0;
        self.reading.bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }

    /// At least `n` bytes, if there are so many, without using them up.
    ///
    /// # Errors
    /// The kernel's.
    pub fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        while self.end - self.at < n && !self.ended {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.copy_within(self.at..self.end, 0);
            (self.at, self.end) = (0, self.end - self.at);
            let room = self.end + self.size;
            if buffer.len() < room {
                buffer.resize(room, 0);
            }
            let got = self.once(&mut buffer[self.end..]);
            self.buffer = buffer;
            match got {
                Ok(n) => self.end += n,
                Err(e) => {
                    self.failed = Some(io::Error::new(e.kind(), explained(&e)));
                    return Err(e);
                }
            }
        }
        Ok(&self.buffer[self.at..self.end])
    }

    /// Reads into `to` until `enough` bytes are in it or the source ends. It must have room for
    /// `enough` bytes and one read more.
    ///
    /// # Errors
    /// The kernel's.
    pub fn fill(&mut self, to: &mut [u8], enough: usize) -> io::Result<usize> {
        let mut have = self.end - self.at;
        if have > 0 {
            have = have.min(to.len());
            to[..have].copy_from_slice(&self.buffer[self.at..self.at + have]);
            self.at += have;
        }
        while have < enough && to.len() - have >= self.size.min(to.len()) {
            match self.once(&mut to[have..]) {
                Ok(0) => break,
                Ok(n) => have += n,
                Err(e) => {
                    self.failed = Some(io::Error::new(e.kind(), explained(&e)));
                    return Err(e);
                }
            }
        }
        Ok(have)
    }

    /// The error of reading or unpacking: whose fault was it?
    pub fn error(&mut self, e: &io::Error) -> anyhow::Error {
        if let Some(failed) = self.failed.take() {
            return error::IMAGE_READ.with_cause(format!(
                "{}: {failed} (after {} bytes of it)",
                self.name,
                self.reading.bytes()
            ));
        }
        match e.kind() {
            io::ErrorKind::UnexpectedEof => error::IMAGE_CUT
                .with_cause(format!("{} ends in the middle of compressed data", self.name)),
            _ => error::IMAGE_DAMAGED.with_cause(format!(
                "{}: what is compressed in it is damaged: {}",
                self.name,
                error::text_of(e)
            )),
        }
    }

    /// The same with what does the reading.
    ///
    /// # Errors
    /// Always what `result` holds.
    pub fn checked<T>(&mut self, result: io::Result<T>) -> Result<T> {
        result.map_err(|e| self.error(&e))
    }

    /// The name of the image, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Some numbers mean something else on a tape.
fn explained(e: &io::Error) -> String {
    match e.raw_os_error() {
        Some(libc::ENOMEM | libc::EOVERFLOW) => {
            format!(
                "{} (if it is a tape: its blocks are larger than what is read at once)",
                error::text_of(e)
            )
        }
        _ => error::text_of(e),
    }
}

impl Read for Raw {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let have = self.fill_buf()?;
        let n = have.len().min(to.len());
        to[..n].copy_from_slice(&have[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Raw {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.end);
    }
}
