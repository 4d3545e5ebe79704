//! The thread that reads the terminal.
//!
//! It sleeps in poll(2) until a byte or a signal comes, or until an unfinished key has taken too
//! long, so idle costs nothing. All events of one read are sent at once. When the terminal has
//! vanished, the thread reports that once and ends.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use crossterm::event::Event;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::error;
use crate::term::decode::Decoder;
use crate::term::paste_guard::PasteGuard;
use crate::term::signals::SignalQueue;
use crate::term::stop::take_expected_continue;
use crate::term::tty::Tty;

/// Input from the terminal, or a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// All keys and pastes of one read, so that keys typed ahead cost one frame.
    Events(Vec<Event>),
    /// A lone Esc waits for its digit (true), or no longer waits.
    EscapePending(bool),
    /// The terminal has vanished, or SIGHUP came: end at once.
    HangUp,
    /// SIGWINCH: read [`Tty::size`] again.
    Resized,
    /// SIGTSTP from outside (Ctrl-Z is a key): [`Tty::stop_process`].
    Suspend,
    /// SIGCONT after a stop that altdisk did not ask for: [`Tty::resume`], because a shell has
    /// changed the line, and repaint.
    Continued,
    /// SIGTERM, or SIGINT from outside: end in order.
    Quit,
}

/// A lone Esc that has waited this long is reported: it is not part of a key that a slow line has
/// torn apart.
const ESCAPE_NOTICE_DELAY: Duration = Duration::from_millis(500);
/// How long [`Reader::pause`] waits for the thread; one that has ended does not answer.
const PAUSE_TIMEOUT: Duration = Duration::from_millis(500);

const SIGNALS: [Signal; 7] = [
    Signal::SIGWINCH,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// The reading thread; it lives as long as the process or the terminal.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    wake: OwnedFd,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<ReaderState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct ReaderState {
    pause_requested: bool,
    paused: bool,
}

impl Reader {
    /// Leaves the terminal's bytes to another program (a shell) until [`Reader::resume`]; returns
    /// when the thread has stopped reading. Ctrl-C and Ctrl-Z belong to that program meanwhile.
    pub fn pause(&self) {
        self.request_pause(true);
    }

    /// Reads again.
    pub fn resume(&self) {
        self.request_pause(false);
    }

    fn request_pause(&self, pause: bool) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pause_requested = pause;
        let _ = nix::unistd::write(&self.wake, b"!");
        let _ = self
            .shared
            .changed
            .wait_timeout_while(state, PAUSE_TIMEOUT, |s| s.pause_requested != s.paused);
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
    let failed = |e: std::io::Error| {
        error::TERMINAL_FAILED
            .with_cause(format!("could not read the terminal: {}", error::text_of(&e)))
    };
    let signals = SignalQueue::register(&SIGNALS).map_err(failed)?;
    start(tty, signals, decoder, sender).map_err(failed)
}

fn start(
    tty: &Tty,
    signals: SignalQueue,
    decoder: Decoder,
    sender: impl Fn(Input) + Send + 'static,
) -> std::io::Result<Reader> {
    let (woken, wake) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    let shared = Arc::new(Shared::default());
    let mut read = Reading {
        tty: tty.shared(),
        signals,
        woken,
        shared: Arc::clone(&shared),
        decoder,
        paste_guard: PasteGuard::default(),
        escape_since: None,
        escape_reported: false,
        sender,
    };
    std::thread::Builder::new().name("terminal".into()).spawn(move || read.run())?;
    Ok(Reader { shared, wake })
}

struct Reading<F> {
    tty: Arc<OwnedFd>,
    signals: SignalQueue,
    woken: OwnedFd,
    shared: Arc<Shared>,
    decoder: Decoder,
    paste_guard: PasteGuard,
    /// Since when a lone Esc waits, and whether that was reported.
    escape_since: Option<Instant>,
    escape_reported: bool,
    sender: F,
}

impl<F: Fn(Input)> Reading<F> {
    fn run(&mut self) {
        let mut paused = false;
        loop {
            let notice = self
                .escape_since
                .filter(|_| !self.escape_reported)
                .map(|since| since + ESCAPE_NOTICE_DELAY);
            let next = [self.decoder.deadline(), notice].into_iter().flatten().min();
            let timeout = next.map(|d| d.saturating_duration_since(Instant::now()));
            // Rounded up: to wake up a moment too early would mean to wake up twice.
            let timeout = timeout.map_or(PollTimeout::NONE, |t| {
                PollTimeout::try_from(t.as_millis() + 1).unwrap_or(PollTimeout::MAX)
            });
            let mut fds = vec![
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.woken.as_fd(), PollFlags::POLLIN),
            ];
            if !paused {
                fds.push(PollFd::new(self.tty.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return (self.sender)(Input::HangUp),
            }
            let is_ready =
                |n: usize| fds.get(n).and_then(PollFd::revents).is_some_and(|f| !f.is_empty());
            let (signalled, woken, readable) = (is_ready(0), is_ready(1), is_ready(2));
            if signalled {
                self.handle_signals(paused);
            }
            if woken {
                paused = self.answer_pause_request();
            } else if readable && !self.read_bytes() {
                return (self.sender)(Input::HangUp);
            }
            let events = self.decoder.expire(Instant::now());
            self.send_events(events);
            self.report_escape();
        }
    }

    /// Reports that a lone Esc waits, and that it no longer does.
    fn report_escape(&mut self) {
        self.escape_since = if self.decoder.is_escape_pending() {
            self.escape_since.or_else(|| Some(Instant::now()))
        } else {
            None
        };
        let waits = self.escape_since.is_some_and(|since| since.elapsed() >= ESCAPE_NOTICE_DELAY);
        if waits != self.escape_reported {
            self.escape_reported = waits;
            (self.sender)(Input::EscapePending(waits));
        }
    }

    fn send_events(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        // A terminal that has marked a paste needs no guessing. Its name alone proves nothing: what
        // calls itself xterm may sit behind a console server that drops the marks.
        let events = if self.decoder.marks_pastes() {
            events
        } else {
            self.paste_guard.filter(events, Instant::now())
        };
        (self.sender)(Input::Events(events));
    }

    /// False: the terminal has vanished.
    fn read_bytes(&mut self) -> bool {
        let mut bytes = [0; 1024];
        match nix::unistd::read(&*self.tty, &mut bytes) {
            Ok(0) => false,
            Ok(n) => {
                let events = self.decoder.feed(&bytes[..n], Instant::now());
                self.send_events(events);
                true
            }
            Err(e) => matches!(e, Errno::EAGAIN | Errno::EINTR),
        }
    }

    fn handle_signals(&mut self, paused: bool) {
        for signal in self.signals.take() {
            let input = match signal {
                Signal::SIGHUP => Input::HangUp,
                Signal::SIGTERM => Input::Quit,
                Signal::SIGWINCH => Input::Resized,
                // Sent to the program that has the terminal now.
                _ if paused => continue,
                Signal::SIGCONT if take_expected_continue() => continue,
                Signal::SIGCONT => Input::Continued,
                Signal::SIGTSTP => Input::Suspend,
                _ => Input::Quit,
            };
            (self.sender)(input);
        }
    }

    /// Does what [`Reader::pause`] or [`Reader::resume`] asked for; returns whether it pauses.
    fn answer_pause_request(&self) -> bool {
        let _ = nix::unistd::read(&self.woken, &mut [0; 16]);
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.paused = state.pause_requested;
        self.shared.changed.notify_all();
        state.paused
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::sync::mpsc;

    use crossterm::event::KeyCode;

    use super::*;
    use crate::term::capabilities::Capabilities;
    use crate::testing::terminal::{OwnTerminal, open_terminal};

    /// A terminal that is read, its other end, and the inputs.
    fn reading() -> (Tty, File, Reader, mpsc::Receiver<Input>, OwnTerminal) {
        let (own, master) = open_terminal(|_| {});
        let vt100 = Capabilities::for_term("vt100");
        let tty = Tty::from_fd(own.fd(), &vt100).unwrap();
        let (sender, inputs) = mpsc::channel();
        // A signal that the test's own machinery has no use for.
        let signals = SignalQueue::register(&[Signal::SIGWINCH]).unwrap();
        let decoder = Decoder::with_timeout(vt100.keyboard, true, None);
        let send = move |input| sender.send(input).unwrap();
        let reader = start(&tty, signals, decoder, send).unwrap();
        (tty, master, reader, inputs, own)
    }

    fn next(inputs: &mpsc::Receiver<Input>) -> Option<Input> {
        inputs.recv_timeout(Duration::from_secs(5)).ok()
    }

    fn keys(codes: &[KeyCode]) -> Option<Input> {
        Some(Input::Events(codes.iter().map(|c| Event::Key((*c).into())).collect()))
    }

    #[test]
    fn keys_pauses_signals_and_the_end() {
        let (tty, mut master, reader, inputs, own) = reading();
        master.write_all(b"\x1b[B\x1b[B\r").unwrap();
        assert_eq!(next(&inputs), keys(&[KeyCode::Down, KeyCode::Down, KeyCode::Enter]));
        // Esc Esc is reported although nothing follows.
        master.write_all(b"\x1b\x1b").unwrap();
        assert_eq!(next(&inputs), keys(&[KeyCode::Esc]));
        nix::sys::signal::raise(Signal::SIGWINCH).unwrap();
        assert_eq!(next(&inputs), Some(Input::Resized));
        // A line is pasted; then Enter is pressed.
        master.write_all(b"vd\r").unwrap();
        let Some(Input::Events(events)) = next(&inputs) else { panic!() };
        assert_eq!(events[2..], [Event::Paste("\n".into())]);
        std::thread::sleep(Duration::from_millis(150));
        master.write_all(b"\r").unwrap();
        assert_eq!(next(&inputs), keys(&[KeyCode::Enter]));
        // A terminal that marks its pastes is not second-guessed afterwards.
        master.write_all(b"\x1b[200~a\rb\x1b[201~").unwrap();
        assert_eq!(next(&inputs), Some(Input::Events(vec![Event::Paste("a\nb".into())])));
        master.write_all(b"x\r").unwrap();
        assert_eq!(next(&inputs), keys(&[KeyCode::Char('x'), KeyCode::Enter]));
        reader.pause();
        master.write_all(b"exit\r").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(inputs.try_recv().is_err());
        let mut typed = [0; 16];
        assert_eq!(nix::unistd::read(&*tty.shared(), &mut typed), Ok(5));
        reader.resume();
        master.write_all(b"x").unwrap();
        assert_eq!(next(&inputs), keys(&[KeyCode::Char('x')]));
        drop(own);
        drop(master);
        assert_eq!(next(&inputs), Some(Input::HangUp));
        // The thread has ended: nothing spins.
        assert_eq!(
            inputs.recv_timeout(Duration::from_secs(5)),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
        reader.pause();
    }
}
