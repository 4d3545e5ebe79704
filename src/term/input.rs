//! The thread that reads the terminal.
//!
//! It sleeps in poll(2) until there is a byte, a signal, or the time of a half-finished key is
//! over: idle costs nothing. All keys of one read are told at once. A terminal that has vanished is
//! told once, and the thread ends.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::error;
use crate::host::signal_pipe::SignalPipe;
use crate::term::decode::Decoder;
use crate::term::key::Key;
use crate::term::paste::Guard;
use crate::term::tty::Tty;

/// What the terminal, or a signal, tells the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// All keys of one read, so that keys typed ahead are folded into one frame.
    Keys(Vec<Key>),
    /// A lone Esc waits for its digit (true), or does no more.
    Escape(bool),
    /// The terminal has vanished, or SIGHUP came: end at once.
    HangUp,
    /// SIGWINCH: ask [`Tty::size`] again.
    Resized,
    /// SIGTSTP from outside (Ctrl-Z is a key): [`Tty::stop_here`].
    Suspend,
    /// SIGCONT after a stop that we did not ask for: [`Tty::resume`], for a shell has made the line
    /// its own, and paint anew.
    Continued,
    /// SIGTERM, or SIGINT from outside: end in order.
    Quit,
}

/// An Esc that has waited so long is no part of a key that a slow line tears, and is told.
const NOTICED: Duration = Duration::from_millis(500);

const SIGNALS: [Signal; 7] = [
    Signal::SIGWINCH,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// The SIGCONT to come ends a stop of our own.
static EXPECTED: AtomicBool = AtomicBool::new(false);

pub(in crate::term) fn expect_continued() {
    EXPECTED.store(true, Ordering::SeqCst);
}

/// The reading thread; it lives as long as the process or the terminal.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    wake: OwnedFd,
}

#[derive(Debug, Default)]
struct Shared {
    /// What is asked for, and what is.
    paused: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Reader {
    /// Leaves the terminal's bytes to another program (a shell) until [`Reader::resume`]; returns
    /// when the thread reads no more. Ctrl-C and Ctrl-Z in that program are not ours meanwhile.
    pub fn pause(&self) {
        self.set(true);
    }

    /// Reads again.
    pub fn resume(&self) {
        self.set(false);
    }

    fn set(&self, paused: bool) {
        let mut state = self.shared.paused.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = paused;
        let _ = nix::unistd::write(&self.wake, b"!");
        // A thread that has ended does not answer.
        let wait = Duration::from_millis(500);
        let _ = self.shared.changed.wait_timeout_while(state, wait, |s| s.0 != s.1);
    }
}

/// Starts reading. `sender` is called in the reading thread.
///
/// # Errors
/// ALT-943 if the kernel has no pipe or thread left.
pub fn spawn(
    tty: &Tty,
    decoder: Decoder,
    sender: impl Fn(Input) + Send + 'static,
) -> Result<Reader> {
    let failed = |e: &dyn std::fmt::Display| {
        error::TERMINAL_FAILED.with_cause(format!("could not read the terminal: {e}"))
    };
    let notices = SignalPipe::open(&SIGNALS).map_err(|e| failed(&e))?;
    start(tty, notices, decoder, sender).map_err(|e| failed(&e))
}

fn start(
    tty: &Tty,
    notices: SignalPipe,
    decoder: Decoder,
    sender: impl Fn(Input) + Send + 'static,
) -> std::io::Result<Reader> {
    let (woken, wake) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    let shared = Arc::new(Shared::default());
    let mut read = Reading {
        tty: tty.shared(),
        notices,
        woken,
        shared: Arc::clone(&shared),
        decoder,
        guard: Guard::default(),
        escape: None,
        told: false,
        sender,
    };
    std::thread::Builder::new().name("terminal".into()).spawn(move || read.run())?;
    Ok(Reader { shared, wake })
}

struct Reading<F> {
    tty: Arc<OwnedFd>,
    notices: SignalPipe,
    woken: OwnedFd,
    shared: Arc<Shared>,
    decoder: Decoder,
    guard: Guard,
    /// Since when a lone Esc waits, and whether that was told.
    escape: Option<Instant>,
    told: bool,
    sender: F,
}

impl<F: Fn(Input)> Reading<F> {
    fn run(&mut self) {
        let mut paused = false;
        loop {
            let notice = self.escape.filter(|_| !self.told).map(|since| since + NOTICED);
            let next = [self.decoder.deadline(), notice].into_iter().flatten().min();
            let timeout = next.map(|d| d.saturating_duration_since(Instant::now()));
            // Rounded up: waking up a moment too early would mean waking up twice.
            let timeout = timeout.map_or(PollTimeout::NONE, |t| {
                PollTimeout::try_from(t.as_millis() + 1).unwrap_or(PollTimeout::MAX)
            });
            let mut fds = vec![
                PollFd::new(self.notices.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.woken.as_fd(), PollFlags::POLLIN),
            ];
            if !paused {
                fds.push(PollFd::new(self.tty.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return (self.sender)(Input::HangUp),
            }
            let came =
                |n: usize| fds.get(n).and_then(PollFd::revents).is_some_and(|f| !f.is_empty());
            let (signalled, woken, readable) = (came(0), came(1), came(2));
            if signalled {
                self.signals(paused);
            }
            if woken {
                paused = self.asked();
            } else if readable && !self.read() {
                return (self.sender)(Input::HangUp);
            }
            let keys = self.decoder.expire(Instant::now());
            self.tell(keys);
            self.notice_escape();
        }
    }

    /// Tells that a lone Esc waits, and that it does no more.
    fn notice_escape(&mut self) {
        let waits = self.decoder.has_escape();
        self.escape = if waits { self.escape.or_else(|| Some(Instant::now())) } else { None };
        let told = self.escape.is_some_and(|since| since.elapsed() >= NOTICED);
        if told != self.told {
            self.told = told;
            (self.sender)(Input::Escape(told));
        }
    }

    fn tell(&mut self, keys: Vec<Key>) {
        if !keys.is_empty() {
            (self.sender)(Input::Keys(self.guard.mark(keys, Instant::now())));
        }
    }

    /// False: there is no terminal any more.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 1024];
        match nix::unistd::read(&*self.tty, &mut bytes) {
            Ok(0) => false,
            Ok(n) => {
                let keys = self.decoder.feed(&bytes[..n], Instant::now());
                self.tell(keys);
                true
            }
            Err(e) => matches!(e, Errno::EAGAIN | Errno::EINTR),
        }
    }

    fn signals(&mut self, paused: bool) {
        for signal in self.notices.take() {
            let input = match signal {
                Signal::SIGHUP => Input::HangUp,
                Signal::SIGTERM => Input::Quit,
                Signal::SIGWINCH => Input::Resized,
                // Meant for the program that has the terminal now.
                _ if paused => continue,
                Signal::SIGCONT if EXPECTED.swap(false, Ordering::SeqCst) => continue,
                Signal::SIGCONT => Input::Continued,
                Signal::SIGTSTP => Input::Suspend,
                _ => Input::Quit,
            };
            (self.sender)(input);
        }
    }

    fn asked(&self) -> bool {
        let _ = nix::unistd::read(&self.woken, &mut [0; 16]);
        let mut state = self.shared.paused.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = state.0;
        self.shared.changed.notify_all();
        state.0
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::sync::mpsc;

    use nix::pty::openpty;

    use super::*;
    use crate::term::kind::Terminal;

    /// A terminal that is read, its other end, and what is told.
    fn reading() -> (Tty, File, Reader, mpsc::Receiver<Input>) {
        let pty = openpty(None, None).unwrap();
        let tty = Tty::on(pty.slave, &Terminal::of("vt100")).unwrap();
        let (tell, told) = mpsc::channel();
        // A signal that the test's own machinery has no use for.
        let notices = SignalPipe::open(&[Signal::SIGWINCH]).unwrap();
        let decoder = Decoder::patient(Terminal::of("vt100").keys, true, None);
        let reader = start(&tty, notices, decoder, move |input| tell.send(input).unwrap()).unwrap();
        (tty, pty.master.into(), reader, told)
    }

    fn next(told: &mpsc::Receiver<Input>) -> Option<Input> {
        told.recv_timeout(Duration::from_secs(5)).ok()
    }

    #[test]
    fn keys_pauses_signals_and_the_end() {
        let _alone = crate::term::tty::tests::alone();
        let (tty, mut master, reader, told) = reading();
        master.write_all(b"\x1b[B\x1b[B\r").unwrap();
        assert_eq!(next(&told), Some(Input::Keys(vec![Key::Down, Key::Down, Key::Enter])));
        // Esc Esc is told although nothing follows.
        master.write_all(b"\x1b\x1b").unwrap();
        assert_eq!(next(&told), Some(Input::Keys(vec![Key::Esc])));
        nix::sys::signal::raise(Signal::SIGWINCH).unwrap();
        assert_eq!(next(&told), Some(Input::Resized));
        // A line that is pasted; then Enter is pressed.
        master.write_all(b"vdb\r").unwrap();
        assert_eq!(
            next(&told),
            Some(Input::Keys(vec![Key::Char('v'), Key::Char('d'), Key::Char('b'), Key::LineBreak]))
        );
        std::thread::sleep(Duration::from_millis(150));
        master.write_all(b"\r").unwrap();
        assert_eq!(next(&told), Some(Input::Keys(vec![Key::Enter])));
        reader.pause();
        master.write_all(b"exit\r").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(told.try_recv().is_err());
        let mut typed = [0; 16];
        assert_eq!(nix::unistd::read(&*tty.shared(), &mut typed), Ok(5));
        reader.resume();
        master.write_all(b"x").unwrap();
        assert_eq!(next(&told), Some(Input::Keys(vec![Key::Char('x')])));
        drop(master);
        assert_eq!(next(&told), Some(Input::HangUp));
        // The thread has ended: nothing spins.
        assert_eq!(
            told.recv_timeout(Duration::from_secs(5)),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
        reader.pause();
    }
}
