//! The terminal that altdisk was started on.
//!
//! It is opened again by its name, so that `O_NONBLOCK` concerns only altdisk and not the shell.
//! `raw_mode` makes the line raw, with XON/XOFF and parity as the line has them, and restores it on
//! close, drop and panic, before a shell and before stopping. Writing never waits long: what the
//! line does not take is kept, and a terminal that has vanished is an error.

mod line_speed;
mod raw_mode;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::fcntl::{OFlag, open};
use nix::sys::stat;
use nix::sys::termios::{FlushArg, cfgetospeed, tcflush, tcgetattr};

use crate::error;
use crate::host::line;
use crate::term::capabilities::Capabilities;
use crate::term::stop::expect_continue;
use line_speed::{FAST_LINE, bits_per_second, bytes_within};
use raw_mode::RawMode;
use write::{WRITE_TIMEOUT_MS, send};

/// Frames that would take longer than this are not sent to their end before a shell starts.
const MAX_DRAIN: Duration = Duration::from_millis(300);
/// The largest size that `$COLUMNS` and `$LINES` may give.
const MAX_SIZE: u16 = 1000;

/// The opened terminal, raw from [`Tty::open`] to [`Tty::close`] or drop.
#[derive(Debug)]
pub struct Tty {
    fd: Arc<OwnedFd>,
    raw_mode: Arc<RawMode>,
    /// Bits a second.
    speed: u32,
    /// Bytes that the kernel has not taken yet.
    pending: Vec<u8>,
    /// When the line will have sent everything, by its speed.
    free_at: Instant,
}

fn vanished(e: impl std::error::Error + 'static) -> anyhow::Error {
    error::TERMINAL_GONE.with_cause(format!("the terminal does not answer: {}", error::text_of(&e)))
}

impl Tty {
    /// Opens the terminal and makes the line raw. From now on it is restored whatever happens.
    ///
    /// # Errors
    /// ALT-941 if standard input or output is not a terminal, ALT-943 if it cannot be made raw.
    pub fn open(capabilities: &Capabilities) -> Result<Self> {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        for (name, is_terminal) in
            [("input", nix::unistd::isatty(&stdin)), ("output", nix::unistd::isatty(&stdout))]
        {
            if is_terminal != Ok(true) {
                return Err(
                    error::NO_TERMINAL.with_cause(format!("standard {name} is not a terminal"))
                );
            }
        }
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let named =
            nix::unistd::ttyname(&stdin).and_then(|name| open(&name, flags, stat::Mode::empty()));
        // After `su` the terminal belongs to another user; the controlling terminal can always be
        // opened.
        let fd = named.or_else(|_| open("/dev/tty", flags, stat::Mode::empty())).map_err(|e| {
            error::TERMINAL_FAILED
                .with_cause(format!("could not open the terminal: {}", error::text_of(&e)))
        })?;
        Self::from_fd(fd, capabilities)
    }

    /// The same with a descriptor of the terminal that standard input is.
    ///
    /// # Errors
    /// ALT-943 if it cannot be made raw.
    pub(in crate::term) fn from_fd(fd: OwnedFd, capabilities: &Capabilities) -> Result<Self> {
        let fd = Arc::new(fd);
        let settings = tcgetattr(&fd).map_err(|e| {
            error::TERMINAL_FAILED
                .with_cause(format!("could not read the line's settings: {}", error::text_of(&e)))
        })?;
        let raw_mode = RawMode::new(Arc::clone(&fd), capabilities.clone());
        raw_mode.enable().map_err(|e| {
            error::TERMINAL_FAILED
                .with_cause(format!("could not make the terminal raw: {}", error::text_of(&e)))
        })?;
        let speed = bits_per_second(cfgetospeed(&settings));
        Ok(Self { fd, raw_mode, speed, pending: vec![], free_at: Instant::now() })
    }

    /// Columns and rows: from the kernel, else `$COLUMNS` and `$LINES`, else 80x24. A serial line
    /// reports 0x0.
    pub fn size(&self) -> (u16, u16) {
        if let Some(size) = raw_mode::size() {
            return size;
        }
        let from_env = |name: &str| {
            std::env::var(name)
                .ok()
                .and_then(|v| v.trim().parse::<u16>().ok())
                .filter(|n| (1..=MAX_SIZE).contains(n))
        };
        (from_env("COLUMNS").unwrap_or(80), from_env("LINES").unwrap_or(24))
    }

    /// The line's speed in bits a second; pseudo terminals report 38400.
    pub fn speed(&self) -> u32 {
        self.speed
    }

    fn is_slow(&self) -> bool {
        (1..FAST_LINE).contains(&self.speed)
    }

    /// Bytes that have not been sent yet: those kept here and those that the kernel holds. On a
    /// slow line at least those that it cannot have sent by now.
    pub fn unsent(&self) -> usize {
        let held = if self.is_slow() {
            let left = self.free_at.saturating_duration_since(Instant::now());
            line::unsent(&*self.fd).max(bytes_within(left, self.speed))
        } else {
            0
        };
        self.pending.len() + held
    }

    /// How many bytes may be sent now so that the line is free again after `within`; `usize::MAX`
    /// on a fast line, 0 on a fast line that takes no more. For
    /// [`crate::term::paint::Painter::render_within`].
    pub fn byte_budget(&self, within: Duration) -> usize {
        match self.unsent() {
            0 if !self.is_slow() => usize::MAX,
            _ if !self.is_slow() => 0,
            unsent => bytes_within(within, self.speed).saturating_sub(unsent),
        }
    }

    /// None when the line is free; otherwise how long it will need for what was sent. Skip frames
    /// until then.
    pub fn busy_for(&self) -> Option<Duration> {
        match self.unsent() {
            0 => None,
            n if self.is_slow() => {
                Some(Duration::from_secs_f64(n as f64 * 10.0 / f64::from(self.speed)))
            }
            _ => Some(Duration::from_millis(WRITE_TIMEOUT_MS.into())),
        }
    }

    /// Sends bytes. What the line does not take at once is kept and goes first the next time; call
    /// it without bytes to continue.
    ///
    /// # Errors
    /// ALT-942 if the terminal has vanished.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        let n = send(self.fd.as_fd(), &self.pending, WRITE_TIMEOUT_MS).map_err(vanished)?;
        self.pending.drain(..n);
        let time = Duration::from_secs_f64(n as f64 * 10.0 / f64::from(self.speed.max(1)));
        self.free_at =
            self.free_at.max(Instant::now()) + if self.is_slow() { time } else { Duration::ZERO };
        Ok(())
    }

    /// Restores the terminal for a while (for a shell, or before stopping). Pause the reader first.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn suspend(&mut self) -> Result<()> {
        self.pending.clear();
        // Nobody waits for the rest of a frame that is about to go.
        if self.busy_for().is_some_and(|t| t > MAX_DRAIN) {
            let _ = tcflush(&self.fd, FlushArg::TCOFLUSH);
        }
        self.free_at = Instant::now();
        self.raw_mode.restore().map_err(vanished)
    }

    /// Takes it back after [`Tty::suspend`], or when the process was continued. Call
    /// [`crate::term::paint::Painter::invalidate`] afterwards.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn resume(&mut self) -> Result<()> {
        self.raw_mode.enable().map_err(vanished)
    }

    /// Ctrl-Z: restores the terminal, stops the process, and takes the terminal back when it is
    /// continued. The screen is unknown then, and its size may have changed.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn stop_process(&mut self) -> Result<()> {
        self.suspend()?;
        expect_continue();
        line::stop_group().map_err(vanished)?;
        self.resume()
    }

    /// Restores the terminal.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn close(mut self) -> Result<()> {
        self.suspend()
    }

    /// The descriptor, for the thread that reads.
    pub(in crate::term) fn shared(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ = self.suspend();
        self.raw_mode.forget_on_panic();
    }
}
