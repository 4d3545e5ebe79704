//! The terminal that altdisk was started on.
//!
//! It is opened anew by its name, so that waiting for nothing (`O_NONBLOCK`) is our own affair and
//! not the shell's; made raw but for XON/XOFF, parity and the like, which stay as the line has
//! them; and given back on close, drop, panic, before a shell and before stopping. Writing never
//! waits long: what the line does not take is kept, and a terminal that has vanished is an error.

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
    BaudRate, FlushArg, InputFlags, LocalFlags, OutputFlags, SetArg,
    SpecialCharacterIndices as Special, Termios, cfgetospeed, tcflush, tcgetattr, tcsetattr,
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
    error::TERMINAL_GONE.with_cause(format!("the terminal does not answer: {e}"))
}

impl Tty {
    /// Opens the terminal and makes the line raw. From now on it is given back whatever happens.
    ///
    /// # Errors
    /// ALT-941 if standard input or output is no terminal, ALT-943 if it cannot be made raw.
    pub fn open(terminal: &Terminal) -> Result<Self> {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        for (name, yes) in
            [("input", nix::unistd::isatty(&stdin)), ("output", nix::unistd::isatty(&stdout))]
        {
            if yes != Ok(true) {
                return Err(
                    error::NO_TERMINAL.with_cause(format!("standard {name} is not a terminal"))
                );
            }
        }
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let named =
            nix::unistd::ttyname(&stdin).and_then(|name| open(&name, flags, stat::Mode::empty()));
        // After `su` the terminal belongs to somebody else; the controlling terminal can always be
        // opened.
        let fd = named.or_else(|_| open("/dev/tty", flags, stat::Mode::empty()));
        Self::on(
            fd.map_err(|e| {
                error::TERMINAL_FAILED.with_cause(format!("could not open the terminal: {e}"))
            })?,
            terminal,
        )
    }

    /// The same on a terminal that is open already.
    ///
    /// # Errors
    /// ALT-943 if it cannot be made raw.
    pub fn on(fd: OwnedFd, terminal: &Terminal) -> Result<Self> {
        let fd = Arc::new(fd);
        let before = tcgetattr(&fd).map_err(|e| {
            error::TERMINAL_FAILED.with_cause(format!("could not read the line's settings: {e}"))
        })?;
        let speed = bits(cfgetospeed(&before));
        let back = Arc::new(Back {
            fd: Arc::clone(&fd),
            terminal: terminal.clone(),
            mode: Mutex::new(Mode { before, taken: false }),
        });
        let mut it = Self { fd, back, speed, kept: vec![], free: Instant::now() };
        *lock(&CURRENT) = Some(Arc::clone(&it.back));
        HOOK.call_once(|| {
            let next = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let current = lock(&CURRENT).clone();
                if let Some(back) = &current {
                    back.give();
                }
                next(info);
                // A thread's end alone would leave an interface that neither draws nor reads. Jobs
                // go on by themselves.
                if current.is_some() && !cfg!(test) {
                    std::process::exit(101);
                }
            }));
        });
        it.resume()?;
        Ok(it)
    }

    /// Columns and rows: what the kernel says, else `$COLUMNS` and `$LINES`, else 80x24.
    pub fn size(&self) -> (u16, u16) {
        let said = |name: &str| {
            std::env::var(name)
                .ok()
                .and_then(|v| v.trim().parse::<u16>().ok())
                .filter(|n| (1..=1000).contains(n))
        };
        line::size(&*self.fd)
            .unwrap_or_else(|| (said("COLUMNS").unwrap_or(80), said("LINES").unwrap_or(24)))
    }

    /// The line's speed in bits a second; pseudo terminals say 38400.
    pub fn speed(&self) -> u32 {
        self.speed
    }

    fn slow(&self) -> bool {
        (1..FAST).contains(&self.speed)
    }

    /// Bytes that have not been sent yet: ours, and those that the kernel holds. On a slow line at
    /// least what it cannot have sent.
    pub fn unsent(&self) -> usize {
        let held = if self.slow() {
            let left = self.free.saturating_duration_since(Instant::now());
            line::unsent(&*self.fd).max(bytes_in(left, self.speed))
        } else {
            0
        };
        self.kept.len() + held
    }

    /// How many bytes may be sent now so that the line is free again after `within`; `usize::MAX`
    /// on a fast line, 0 on a fast one that does not take any more. Give it to
    /// [`crate::term::paint::Painter::frame_within`].
    pub fn room(&self, within: Duration) -> usize {
        match self.unsent() {
            0 if !self.slow() => usize::MAX,
            _ if !self.slow() => 0,
            unsent => bytes_in(within, self.speed).saturating_sub(unsent),
        }
    }

    /// None when the line is free; else how long it will be busy with what was sent: skip frames
    /// until then.
    pub fn busy(&self) -> Option<Duration> {
        match self.unsent() {
            0 => None,
            n if self.slow() => {
                Some(Duration::from_secs_f64(n as f64 * 10.0 / f64::from(self.speed)))
            }
            _ => Some(Duration::from_millis(MOMENT.into())),
        }
    }

    /// Sends bytes. What the line does not take at once is kept and goes first the next time; call
    /// with nothing to go on with it.
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

    /// Ctrl-Z: gives the terminal back, stops the process, and takes it again when it is continued.
    /// The painter must [`crate::term::paint::Painter::forget`], and the size may be another.
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

/// Writes as much as the line takes within `patience` milliseconds.
fn send(fd: BorrowedFd<'_>, bytes: &[u8], patience: u16) -> Result<usize, Errno> {
    let (mut sent, begun) = (0, Instant::now());
    while sent < bytes.len() {
        match nix::unistd::write(fd, &bytes[sent..]) {
            Ok(0) => return Err(Errno::EIO),
            Ok(n) => sent += n,
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut poller = [PollFd::new(fd, PollFlags::POLLOUT)];
                let left = patience
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

fn raw_of(before: &Termios) -> Termios {
    let mut raw = before.clone();
    // XON/XOFF, stripping and parity are the line's own affair: they stay.
    raw.input_flags.remove(
        InputFlags::BRKINT
            | InputFlags::PARMRK
            | InputFlags::INLCR
            | InputFlags::IGNCR
            | InputFlags::ICRNL,
    );
    raw.input_flags.insert(InputFlags::IGNBRK);
    raw.output_flags.remove(OutputFlags::OPOST);
    raw.local_flags.remove(
        LocalFlags::ECHO
            | LocalFlags::ECHONL
            | LocalFlags::ICANON
            | LocalFlags::ISIG
            | LocalFlags::IEXTEN,
    );
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
        BaudRate::B50
        | BaudRate::B75
        | BaudRate::B110
        | BaudRate::B134
        | BaudRate::B150
        | BaudRate::B200 => 110,
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

#[cfg(test)]
pub(in crate::term) mod tests {
    use std::fs::File;
    use std::io::Read;

    use nix::pty::openpty;
    use nix::sys::termios::cfsetspeed;

    use super::*;

    /// The panic hook is everybody's: one test at a time has a terminal.
    pub(in crate::term) fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        lock(&ALONE)
    }

    fn opened(term: &str, change: impl Fn(&mut Termios)) -> (Tty, File, Termios) {
        let pty = openpty(None, None).unwrap();
        let mut before = tcgetattr(&pty.slave).unwrap();
        change(&mut before);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &before).unwrap();
        nix::fcntl::fcntl(&pty.slave, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        (Tty::on(pty.slave, &Terminal::of(term)).unwrap(), pty.master.into(), before)
    }

    fn read(master: &mut File) -> String {
        // What was written in pieces may arrive in pieces.
        let mut text = Vec::new();
        loop {
            let wait = if text.is_empty() { 5000u16 } else { 100 };
            let mut line = [nix::poll::PollFd::new(master.as_fd(), nix::poll::PollFlags::POLLIN)];
            if nix::poll::poll(&mut line, wait).unwrap() == 0 {
                return String::from_utf8_lossy(&text).into_owned();
            }
            let mut bytes = [0; 4096];
            // Where nobody has the other end open any more, that is the end.
            match master.read(&mut bytes) {
                Ok(n) if n > 0 => text.extend_from_slice(&bytes[..n]),
                _ => return String::from_utf8_lossy(&text).into_owned(),
            }
        }
    }

    #[test]
    fn raw_and_back() {
        let _alone = alone();
        for xon in [true, false] {
            let (tty, mut master, before) =
                opened("vt100", |t| t.input_flags.set(InputFlags::IXON | InputFlags::IXOFF, xon));
            let raw = tcgetattr(tty.shared()).unwrap();
            assert_eq!(raw.input_flags.contains(InputFlags::IXON | InputFlags::IXOFF), xon);
            assert!(
                !raw.local_flags
                    .intersects(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
            );
            assert!(
                !raw.input_flags.contains(InputFlags::ICRNL)
                    && !raw.output_flags.contains(OutputFlags::OPOST)
            );
            let line = tty.shared();
            tty.close().unwrap();
            let after = tcgetattr(&line).unwrap();
            assert_eq!(
                (after.input_flags, after.local_flags, after.output_flags),
                (before.input_flags, before.local_flags, before.output_flags)
            );
            assert_eq!(read(&mut master), "\x1b[m\x0f\x1b[r\x1b[24;1H\x1b[K");
        }
    }

    #[test]
    fn given_back_once_and_taken_again() {
        let _alone = alone();
        let (mut tty, mut master, _) = opened("xterm", |_| {});
        tty.write(b"frame").unwrap();
        tty.suspend().unwrap();
        assert_eq!(
            read(&mut master),
            "frame\x1b[m\x1b(B\x1b[r\x1b[24;1H\x1b[K\x1b[?25h\x1b[?1049l"
        );
        tty.resume().unwrap();
        assert!(!tcgetattr(tty.shared()).unwrap().local_flags.contains(LocalFlags::ICANON));
        tty.suspend().unwrap();
        read(&mut master);
        tty.write(b"x").unwrap();
        drop(tty);
        assert_eq!(read(&mut master), "x");
    }

    #[test]
    fn a_panic_gives_it_back() {
        let _alone = alone();
        let (tty, mut master, before) = opened("linux", |_| {});
        let line = tty.shared();
        let _ = std::thread::spawn(|| panic!("on purpose")).join();
        assert_eq!(tcgetattr(&line).unwrap().local_flags, before.local_flags);
        assert!(read(&mut master).ends_with("\x1b[?25h"));
        drop(tty);
    }

    #[test]
    fn a_line_that_is_full_or_gone() {
        let _alone = alone();
        let (mut tty, mut master, _) = opened("vt100", |_| {});
        assert_eq!((tty.unsent(), tty.busy(), tty.room(Duration::ZERO)), (0, None, usize::MAX));
        let (begun, much) = (Instant::now(), vec![b'x'; 200_000]);
        tty.write(&much).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert!(tty.unsent() > 0 && tty.busy().is_some() && tty.room(Duration::from_secs(1)) == 0);
        let mut seen = 0;
        while seen < much.len() {
            seen += read(&mut master).len();
            tty.write(b"").unwrap();
        }
        assert_eq!((seen, tty.unsent()), (much.len(), 0));
        drop(master);
        // A program that another test starts at this moment may have the master open until it
        // executes.
        let until = Instant::now() + Duration::from_secs(10);
        let err = loop {
            match tty.write(b"x") {
                Err(e) => break e,
                Ok(()) => {
                    assert!(Instant::now() < until, "a line that is gone takes what is written")
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(error::find(&err).unwrap().entry.id, "ALT-942");
    }

    #[test]
    fn a_slow_line_is_not_overrun() {
        let _alone = alone();
        let (mut tty, _master, _) = opened("vt100", |t| cfsetspeed(t, BaudRate::B9600).unwrap());
        assert_eq!((tty.speed(), tty.busy()), (9600, None));
        let within = Duration::from_millis(200);
        assert_eq!(tty.room(within), 192);
        tty.write(&[b'x'; 480]).unwrap();
        let busy = tty.busy().unwrap();
        assert!(
            busy > Duration::from_millis(350) && busy <= Duration::from_millis(500),
            "{busy:?}"
        );
        assert_eq!(tty.room(within), 0);
        std::thread::sleep(Duration::from_millis(510));
        assert_eq!(tty.room(within), 192);
    }

    #[test]
    fn no_terminal() {
        let _alone = alone();
        let err =
            Tty::on(File::open("/dev/null").unwrap().into(), &Terminal::of("vt100")).unwrap_err();
        assert_eq!(error::find(&err).unwrap().entry.id, "ALT-943");
    }
}
