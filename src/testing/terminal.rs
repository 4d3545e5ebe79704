//! A terminal of the test's own, in place of standard input.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

/// Standard input and the panic hook belong to the whole process: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// While it lives, standard input is a terminal that only this test uses.
pub struct OwnTerminal {
    slave: Option<OwnedFd>,
    stdin: OwnedFd,
    _alone: MutexGuard<'static, ()>,
}

impl OwnTerminal {
    /// A further descriptor of the terminal.
    pub fn fd(&self) -> OwnedFd {
        self.slave.as_ref().unwrap().try_clone().unwrap()
    }
}

impl Drop for OwnTerminal {
    fn drop(&mut self) {
        // For the next test; where the other end is gone already, there is nothing to restore.
        let _ = crossterm::terminal::disable_raw_mode();
        nix::unistd::dup2_stdin(&self.stdin).unwrap();
        self.slave = None;
    }
}

/// Opens a terminal, with its line as `change` sets it, and returns its other end too.
pub fn open_terminal(change: impl Fn(&mut Termios)) -> (OwnTerminal, File) {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let pty = openpty(None, None).unwrap();
    let stdin = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    nix::unistd::dup2_stdin(&pty.slave).unwrap();
    // What an earlier test left behind when its terminal vanished.
    let _ = crossterm::terminal::disable_raw_mode();
    let mut settings = tcgetattr(&pty.slave).unwrap();
    change(&mut settings);
    tcsetattr(&pty.slave, SetArg::TCSANOW, &settings).unwrap();
    fcntl(&pty.slave, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let own = OwnTerminal { slave: Some(pty.slave), stdin, _alone: alone };
    (own, pty.master.into())
}
