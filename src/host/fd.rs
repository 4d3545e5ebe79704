//! Descriptors that were passed to the program, and the width of a terminal.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, RawFd};

use nix::libc;

use crate::host::line;

/// A copy of descriptor `fd`, which the caller of the program opened. Neither it nor the copy is
/// passed on to the programs that are run, so that its reader sees the end of the stream when this
/// program ends.
///
/// # Errors
/// If `fd` is not open.
pub fn duplicate(fd: RawFd) -> io::Result<File> {
    // SAFETY: fcntl takes any number; a descriptor that is not open gives EBADF.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    if fd > 2 {
        // SAFETY: as above; only the close-on-exec flag changes.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: the descriptor is new and belongs to nobody else.
    Ok(unsafe { File::from_raw_fd(copy) })
}

/// True if a read of `file` would not wait; false after `patience` milliseconds.
///
/// # Errors
/// The kernel's.
pub fn readable(file: &File, patience: u8) -> io::Result<bool> {
    use nix::poll::{PollFd, PollFlags, poll};
    match poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], patience) {
        Err(nix::errno::Errno::EINTR) => Ok(false),
        other => Ok(other? > 0),
    }
}

/// True if writing is among the things that `file` was opened for.
pub fn writable(file: &File) -> bool {
    // SAFETY: F_GETFL takes no pointer.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    flags >= 0 && matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR)
}

/// True if `file` is a regular file that is appended to.
pub fn is_appended_to(file: &File) -> bool {
    // SAFETY: F_GETFL takes no pointer.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    flags >= 0
        && flags & libc::O_APPEND != 0
        && writable(file)
        && file.metadata().is_ok_and(|m| m.is_file())
}

/// Columns of the terminal on `fd`; None if it does not know (a serial line) or is none.
pub fn columns(fd: RawFd) -> Option<u16> {
    line::window(fd).map(|(columns, _)| columns).filter(|c| *c > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::IntoRawFd;

    #[test]
    fn passed_descriptors() {
        let (reader, writer) = std::io::pipe().unwrap();
        let fd = std::os::fd::OwnedFd::from(writer).into_raw_fd();
        let copy = duplicate(fd).unwrap();
        assert!(writable(&copy));
        assert!(copy.as_raw_fd() != fd);
        assert!(!writable(&File::open("/dev/null").unwrap()));
        assert_eq!(columns(fd), None);
        assert_eq!(duplicate(1_000_000).unwrap_err().raw_os_error(), Some(libc::EBADF));
        drop(reader);
    }
}
