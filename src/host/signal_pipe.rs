//! Signals as bytes in a pipe, so that a wait for input also ends for a signal.
#![allow(unsafe_code)]

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// The end of the pipe that the handler writes into; it stays open as long as the process lives.
static PIPE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_signal(signal: libc::c_int) {
    let byte = u8::try_from(signal).unwrap_or(0);
    // SAFETY: write(2) is async-signal-safe; errno is put back for the code that was interrupted.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(PIPE.load(Ordering::SeqCst), (&raw const byte).cast(), 1);
        *libc::__errno_location() = errno;
    }
}

/// The read end of the pipe.
#[derive(Debug)]
pub struct SignalPipe {
    pipe: std::fs::File,
}

impl SignalPipe {
    /// From now on these signals do nothing but fill the pipe.
    ///
    /// # Errors
    /// If there is no pipe left.
    pub fn open(signals: &[Signal]) -> io::Result<Self> {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        PIPE.store(leak(writer), Ordering::SeqCst);
        let action =
            SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESTART, SigSet::empty());
        for signal in signals {
            // SAFETY: the handler reads an atomic and calls write(2), nothing else.
            unsafe { sigaction(*signal, &action) }?;
        }
        Ok(Self { pipe: reader.into() })
    }

    /// The signals that arrived since the last call; does not wait.
    pub fn take(&mut self) -> Vec<Signal> {
        let mut bytes = [0; 64];
        let n = self.pipe.read(&mut bytes).unwrap_or(0);
        bytes[..n].iter().filter_map(|b| Signal::try_from(i32::from(*b)).ok()).collect()
    }
}

impl AsFd for SignalPipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

/// A descriptor that is never closed: a handler may use it at any time.
fn leak(fd: OwnedFd) -> i32 {
    let raw = fd.as_raw_fd();
    std::mem::forget(fd);
    raw
}
