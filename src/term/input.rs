//! The thread that reads the terminal.
use anyhow::Result;

use crate::term::decode::Decoder;
use crate::term::key::Key;
use crate::term::tty::Tty;

/// What the terminal, or a signal, tells the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// All keys of one read, so that keys typed ahead are folded into one frame.
    Keys(Vec<Key>),
    /// The terminal has vanished, or SIGHUP came: end at once.
    HangUp,
    /// SIGWINCH: ask [`Tty::size`] again.
    Resized,
    /// SIGTSTP from outside (Ctrl-Z is a key): suspend.
    Suspend,
    /// SIGCONT: the screen may show anything now; the line is raw again. Repaint.
    Continued,
    /// SIGTERM, or SIGINT from outside: end in order.
    Quit,
}

/// The reading thread; it lives as long as the process.
#[derive(Debug)]
pub struct Reader {}

impl Reader {
    /// Leaves the terminal's bytes to another program (F9's shell) until [`Reader::resume`]; returns when the thread does not read any more.
    pub fn pause(&self) {}

    pub fn resume(&self) {}
}

/// Starts reading. `sender` is called in the reading thread.
///
/// # Errors
/// ALT-943 if the kernel has no pipe or thread left.
pub fn spawn(_tty: &Tty, _decoder: Decoder, _sender: impl Fn(Input) + Send + 'static) -> Result<Reader> {
    Ok(Reader {})
}
