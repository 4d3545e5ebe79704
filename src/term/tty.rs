//! The terminal that altdisk was started on.
//!
//! It is opened anew by its name, so that waiting for nothing (`O_NONBLOCK`) is our own affair and not the shell's; made raw but for
//! XON/XOFF, parity and the like, which stay as the line has them; and given back on close, drop, panic, before a shell and before
//! stopping. Writing never waits long: what the line does not take is kept, and a terminal that has vanished is an error.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::stat;
use nix::sys::termios::{
    BaudRate, FlushArg, InputFlags, LocalFlags, OutputFlags, SetArg, SpecialCharacterIndices as Special, Termios, cfgetospeed, tcflush,
    tcgetattr, tcsetattr,
};

use crate::error;
use crate::host::line;
use crate::term::kind::Terminal;

/// How long one call of [`Tty::write`] waits for the line, in milliseconds.
const MOMENT: u16 = 50;
/// A line of this speed or a faster one is not waited for; pseudo terminals say that they have it.
const FAST: u32 = 38400;

/// The opened terminal, raw from [`Tty::open`] to [`Tty::close`] or drop.
#[derive(Debug)]
pub struct Tty {
    fd: Arc<OwnedFd>,
    back: Arc<Back>,
    speed: u32,
    /// Written by us, not taken by the kernel yet.
    kept: Vec<u8>,
    /// When the line has sent all that was written, by its speed.
    free: Instant,
}

/// What gives the terminal back. The panic hook has it too.
#[derive(Debug)]
struct Back {
    fd: Arc<OwnedFd>,
    terminal: Terminal,
    mode: Mutex<Mode>,
}

#[derive(Debug)]
struct Mode {
    /// As the line was before.
    before: Termios,
    /// It is raw now, and the screen is ours.
    taken: bool,
}

static CURRENT: Mutex<Option<Arc<Back>>> = Mutex::new(None);
static HOOK: Once = Once::new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gone(e: impl std::fmt::Display) -> anyhow::Error {
    error::TERMINAL_GONE.because(format!("the terminal does not answer: {e}"))
}

impl Tty {
    /// Opens the terminal and makes the line raw. From now on it is given back whatever happens.
    ///
    /// # Errors
    /// ALT-941 if standard input or output is no terminal, ALT-943 if it cannot be made raw.
    pub fn open(terminal: &Terminal) -> Result<Self> {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        for (name, yes) in [("input", nix::unistd::isatty(&stdin)), ("output", nix::unistd::isatty(&stdout))] {
            if yes != Ok(true) {
                return Err(error::NO_TERMINAL.because(format!("standard {name} is no terminal")));
            }
        }
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let named = nix::unistd::ttyname(&stdin).and_then(|name| open(&name, flags, stat::Mode::empty()));
        // After `su` the terminal belongs to somebody else; the controlling terminal can always be opened.
        let fd = named.or_else(|_| open("/dev/tty", flags, stat::Mode::empty()));
        Self::on(fd.map_err(|e| error::TERMINAL_FAILED.because(format!("could not open the terminal: {e}")))?, terminal)
    }

    /// The same on a terminal that is open already.
    ///
    /// # Errors
    /// ALT-943 if it cannot be made raw.
    pub fn on(fd: OwnedFd, terminal: &Terminal) -> Result<Self> {
        let fd = Arc::new(fd);
        let before = tcgetattr(&fd).map_err(|e| error::TERMINAL_FAILED.because(format!("could not read the line's settings: {e}")))?;
        let speed = bits(cfgetospeed(&before));
        let back = Arc::new(Back { fd: Arc::clone(&fd), terminal: terminal.clone(), mode: Mutex::new(Mode { before, taken: false }) });
        let mut it = Self { fd, back, speed, kept: vec![], free: Instant::now() };
        *lock(&CURRENT) = Some(Arc::clone(&it.back));
        HOOK.call_once(|| {
            let next = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if let Some(back) = lock(&CURRENT).as_ref() {
                    back.give();
                }
                next(info);
            }));
        });
        it.resume()?;
        Ok(it)
    }

    /// Columns and rows: what the kernel says, else `$COLUMNS` and `$LINES`, else 80x24.
    pub fn size(&self) -> (u16, u16) {
        let said = |name: &str| std::env::var(name).ok().and_then(|v| v.trim().parse::<u16>().ok()).filter(|n| (1..=1000).contains(n));
        line::size(&*self.fd).unwrap_or_else(|| (said("COLUMNS").unwrap_or(80), said("LINES").unwrap_or(24)))
    }

    /// The line's speed in bits a second; pseudo terminals say 38400.
    pub fn speed(&self) -> u32 {
        self.speed
    }

    fn slow(&self) -> bool {
        (1..FAST).contains(&self.speed)
    }

    /// Bytes that have not been sent yet: ours, and those that the kernel holds. On a slow line at least what it cannot have sent.
    pub fn unsent(&self) -> usize {
        let held = if self.slow() {
            let left = self.free.saturating_duration_since(Instant::now());
            line::unsent(&*self.fd).max(bytes_in(left, self.speed))
        } else {
            0
        };
        self.kept.len() + held
    }

    /// How many bytes may be sent now so that the line is free again after `within`; `usize::MAX` on a fast line, 0 on a fast one that
    /// does not take any more. Give it to [`crate::term::paint::Painter::frame_within`].
    pub fn room(&self, within: Duration) -> usize {
        match self.unsent() {
            0 if !self.slow() => usize::MAX,
            _ if !self.slow() => 0,
            unsent => bytes_in(within, self.speed).saturating_sub(unsent),
        }
    }

    /// None when the line is free; else how long it will be busy with what was sent: skip frames until then.
    pub fn busy(&self) -> Option<Duration> {
        match self.unsent() {
            0 => None,
            n if self.slow() => Some(Duration::from_secs_f64(n as f64 * 10.0 / f64::from(self.speed))),
            _ => Some(Duration::from_millis(MOMENT.into())),
        }
    }

    /// Sends bytes. What the line does not take at once is kept and goes first the next time; call with nothing to go on with it.
    ///
    /// # Errors
    /// ALT-942 if the terminal has vanished.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.kept.extend_from_slice(bytes);
        let sent = send(self.fd.as_fd(), &self.kept, MOMENT);
        let n = sent.map_err(gone)?;
        self.kept.drain(..n);
        let time = Duration::from_secs_f64(n as f64 * 10.0 / f64::from(self.speed.max(1)));
        self.free = self.free.max(Instant::now()) + if self.slow() { time } else { Duration::ZERO };
        Ok(())
    }

    /// Gives the terminal back for a while (a shell, or before stopping). Pause the reader first.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn suspend(&mut self) -> Result<()> {
        self.kept.clear();
        // Nobody waits for the end of a picture that is about to go.
        if self.busy().is_some_and(|t| t > Duration::from_millis(300)) {
            let _ = tcflush(&self.fd, FlushArg::TCOFLUSH);
        }
        self.free = Instant::now();
        self.back.give().map_or(Ok(()), |e| Err(gone(e)))
    }

    /// Takes it again after [`Tty::suspend`], or when the process was continued; the painter must
    /// [`crate::term::paint::Painter::forget`].
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn resume(&mut self) -> Result<()> {
        let mut mode = lock(&self.back.mode);
        tcsetattr(&self.fd, SetArg::TCSANOW, &raw_of(&mode.before)).map_err(gone)?;
        mode.taken = true;
        Ok(())
    }

    /// Ctrl-Z: gives the terminal back, stops the process, and takes it again when it is continued. The painter must
    /// [`crate::term::paint::Painter::forget`], and the size may be another.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn stop_here(&mut self) -> Result<()> {
        self.suspend()?;
        crate::term::input::expect_continued();
        line::stop_group().map_err(gone)?;
        self.resume()
    }

    /// Gives the terminal back.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn close(mut self) -> Result<()> {
        self.suspend()
    }

    /// Another descriptor of it, for the thread that reads.
    pub(in crate::term) fn shared(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ = self.suspend();
        let mut current = lock(&CURRENT);
        if current.as_ref().is_some_and(|c| Arc::ptr_eq(c, &self.back)) {
            *current = None;
        }
    }
}

impl Back {
    /// Gives the terminal back, once; what went wrong, if anything did.
    fn give(&self) -> Option<Errno> {
        let mut mode = match self.mode.try_lock() {
            Ok(mode) => mode,
            Err(std::sync::TryLockError::Poisoned(p)) => p.into_inner(),
            // The thread that panicked was about to do it itself.
            Err(std::sync::TryLockError::WouldBlock) => return None,
        };
        if !std::mem::replace(&mut mode.taken, false) {
            return None;
        }
        let rows = line::size(&*self.fd).map_or(24, |(_, rows)| rows);
        let sent = send(self.fd.as_fd(), &self.terminal.leave(rows), 10 * MOMENT);
        let set = tcsetattr(&self.fd, SetArg::TCSANOW, &mode.before);
        sent.err().or(set.err())
    }
}

/// Writes as much as the line takes without keeping us waiting for longer than `patience` milliseconds at a time.
fn send(fd: BorrowedFd<'_>, bytes: &[u8], patience: u16) -> Result<usize, Errno> {
    let mut sent = 0;
    while sent < bytes.len() {
        match nix::unistd::write(fd, &bytes[sent..]) {
            Ok(0) => return Err(Errno::EIO),
            Ok(n) => sent += n,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut poller = [PollFd::new(fd, PollFlags::POLLOUT)];
                let ready = poll(&mut poller, patience).unwrap_or(0);
                let flags = poller[0].revents().unwrap_or(PollFlags::empty());
                if flags.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
                    return Err(Errno::EIO);
                }
                if ready == 0 {
                    break;
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(sent)
}

fn raw_of(before: &Termios) -> Termios {
    let mut raw = before.clone();
    // XON/XOFF, stripping and parity are the line's own affair: they stay.
    raw.input_flags.remove(InputFlags::BRKINT | InputFlags::PARMRK | InputFlags::INLCR | InputFlags::IGNCR | InputFlags::ICRNL);
    raw.input_flags.insert(InputFlags::IGNBRK);
    raw.output_flags.remove(OutputFlags::OPOST);
    raw.local_flags.remove(LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG | LocalFlags::IEXTEN);
    raw.control_chars[Special::VMIN as usize] = 1;
    raw.control_chars[Special::VTIME as usize] = 0;
    raw
}

fn bytes_in(time: Duration, speed: u32) -> usize {
    // A byte is ten bits on the line.
    usize::try_from(time.as_micros() * u128::from(speed) / 10_000_000).unwrap_or(usize::MAX)
}

fn bits(rate: BaudRate) -> u32 {
    match rate {
        BaudRate::B0 => 0,
        BaudRate::B50 | BaudRate::B75 | BaudRate::B110 | BaudRate::B134 | BaudRate::B150 | BaudRate::B200 => 110,
        BaudRate::B300 => 300,
        BaudRate::B600 => 600,
        BaudRate::B1200 | BaudRate::B1800 => 1200,
        BaudRate::B2400 => 2400,
        BaudRate::B4800 => 4800,
        BaudRate::B9600 => 9600,
        BaudRate::B19200 => 19200,
        BaudRate::B38400 => 38400,
        BaudRate::B57600 => 57600,
        _ => 115_200,
    }
}
