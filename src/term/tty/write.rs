//! Writing to a line that may be full, or gone.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

/// How long one write waits for the line, in milliseconds.
pub(super) const WRITE_TIMEOUT_MS: u16 = 50;

/// Writes as much as the line takes within `timeout` milliseconds; returns how many bytes.
pub(super) fn send(fd: BorrowedFd<'_>, bytes: &[u8], timeout: u16) -> Result<usize, Errno> {
    let (mut sent, begun) = (0, Instant::now());
    while sent < bytes.len() {
        match nix::unistd::write(fd, &bytes[sent..]) {
            Ok(0) => return Err(Errno::EIO),
            Ok(n) => sent += n,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut poller = [PollFd::new(fd, PollFlags::POLLOUT)];
                let left = timeout
                    .saturating_sub(u16::try_from(begun.elapsed().as_millis()).unwrap_or(u16::MAX));
                let ready = poll(&mut poller, left).unwrap_or(0);
                let flags = poller[0].revents().unwrap_or(PollFlags::empty());
                if flags.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
                    return Err(Errno::EIO);
                }
                if ready == 0 || left == 0 {
                    break;
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(sent)
}
