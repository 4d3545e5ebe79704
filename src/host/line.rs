//! The kernel's settings of a terminal line.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, raise, sigaction};
use nix::unistd::Pid;

/// Columns and rows as the kernel has them, 0 where it does not know.
pub(super) fn window(fd: RawFd) -> Option<(u16, u16)> {
    // SAFETY: the kernel fills the plain C struct, if anything.
    let size = unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        (libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) == 0).then_some(size)
    };
    size.map(|s| (s.ws_col, s.ws_row))
}

/// Bytes that were written and that the line has not sent yet.
pub fn unsent(fd: impl AsFd) -> usize {
    let mut waiting: libc::c_int = 0;
    // SAFETY: the kernel fills one int, if anything.
    let done = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut waiting) };
    if done == 0 { usize::try_from(waiting).unwrap_or(0) } else { 0 }
}

/// Stops this process and the others of its group, as Ctrl-Z does; returns when it is continued, or
/// at once where nobody is there who could continue it.
///
/// # Errors
/// If the kernel refuses.
pub fn stop_group() -> io::Result<()> {
    let set = |handler| {
        // SAFETY: neither handler is a function of ours.
        unsafe {
            sigaction(
                Signal::SIGTSTP,
                &SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty()),
            )
        }
    };
    let ours = set(SigHandler::SigIgn)?;
    kill(Pid::from_raw(0), Signal::SIGTSTP)?;
    set(SigHandler::SigDfl)?;
    // To this thread, which therefore does nothing more until then.
    let stopped = raise(Signal::SIGTSTP);
    // SAFETY: the handler that was there before.
    unsafe { sigaction(Signal::SIGTSTP, &ours) }?;
    Ok(stopped?)
}
