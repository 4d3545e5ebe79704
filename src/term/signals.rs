//! Signals as a descriptor that poll(2) can wait for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

/// Signals that came and have not been handled yet.
#[derive(Debug)]
pub(super) struct SignalQueue(SignalDelivery<UnixStream, SignalOnly>);

impl SignalQueue {
    /// From now on these signals have no other effect than to stand in the queue.
    ///
    /// # Errors
    /// If the kernel has no descriptor left.
    pub(super) fn register(signals: &[Signal]) -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        let numbers = signals.iter().map(|signal| *signal as i32);
        SignalDelivery::with_pipe(read, write, SignalOnly, numbers).map(Self)
    }

    /// Takes the signals out of the queue; does not wait.
    pub(super) fn take(&mut self) -> Vec<Signal> {
        self.0.pending().filter_map(|number| Signal::try_from(number).ok()).collect()
    }
}

impl AsFd for SignalQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}
