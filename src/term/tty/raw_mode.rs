//! Raw mode, and the way back from it.
//!
//! crossterm makes the line raw and remembers the settings from before. It also switches off
//! XON/XOFF, parity and the character size, which belong to the line: a terminal that sends XOFF
//! would be overrun. Those are put back at once.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, TryLockError};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode, window_size};
use nix::sys::termios::{ControlFlags, InputFlags, SetArg, tcgetattr, tcsetattr};

use crate::term::capabilities::Capabilities;
use crate::term::tty::write::{WRITE_TIMEOUT_MS, send};

/// Rows of a terminal that does not report its size.
const DEFAULT_ROWS: u16 = 24;

/// The terminal that a panic has to restore.
static CURRENT: Mutex<Option<Arc<RawMode>>> = Mutex::new(None);
static PANIC_HOOK: Once = Once::new();

/// Switches a terminal to raw mode and back.
#[derive(Debug)]
pub(super) struct RawMode {
    fd: Arc<OwnedFd>,
    capabilities: Capabilities,
    /// The line is raw, and the screen belongs to altdisk.
    enabled: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Columns and rows; None where the kernel does not know them.
pub(super) fn size() -> Option<(u16, u16)> {
    let size = window_size().ok().filter(|size| size.columns > 0 && size.rows > 0)?;
    Some((size.columns, size.rows))
}

impl RawMode {
    /// Not enabled yet. From now on a panic restores this terminal.
    pub(super) fn new(fd: Arc<OwnedFd>, capabilities: Capabilities) -> Arc<Self> {
        let it = Arc::new(Self { fd, capabilities, enabled: Mutex::new(false) });
        *lock(&CURRENT) = Some(Arc::clone(&it));
        PANIC_HOOK.call_once(|| {
            let next = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let current = lock(&CURRENT).clone();
                if let Some(current) = &current {
                    // The panic itself is what has to be reported.
                    let _ = current.restore();
                }
                next(info);
                // The end of one thread would leave an interface that neither draws nor reads.
                // Jobs continue by themselves.
                if current.is_some() && !cfg!(test) {
                    std::process::exit(101);
                }
            }));
        });
        it
    }

    /// Makes the line raw, also when somebody else has changed it meanwhile.
    pub(super) fn enable(&self) -> io::Result<()> {
        let mut enabled = lock(&self.enabled);
        if *enabled {
            // crossterm would believe that the line is still raw.
            disable_raw_mode()?;
        }
        let before = tcgetattr(&self.fd)?;
        enable_raw_mode()?;
        *enabled = true;
        let mut raw = tcgetattr(&self.fd)?;
        let flow = InputFlags::IXON | InputFlags::IXOFF | InputFlags::IXANY;
        let input = flow | InputFlags::ISTRIP | InputFlags::INPCK;
        raw.input_flags.remove(input);
        raw.input_flags.insert(before.input_flags & input | InputFlags::IGNBRK);
        let bits = ControlFlags::CSIZE | ControlFlags::PARENB | ControlFlags::PARODD;
        raw.control_flags.remove(bits);
        raw.control_flags.insert(before.control_flags & bits);
        Ok(tcsetattr(&self.fd, SetArg::TCSANOW, &raw)?)
    }

    /// Restores screen and line, once.
    pub(super) fn restore(&self) -> io::Result<()> {
        let mut enabled = match self.enabled.try_lock() {
            Ok(enabled) => enabled,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // The thread that panicked was about to do it itself.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        if !std::mem::replace(&mut *enabled, false) {
            return Ok(());
        }
        let rows = size().map_or(DEFAULT_ROWS, |(_, rows)| rows);
        let sequence = self.capabilities.restore_sequence(rows);
        let sent = send(self.fd.as_fd(), &sequence, 10 * WRITE_TIMEOUT_MS);
        disable_raw_mode()?;
        Ok(sent.map(drop)?)
    }

    /// A panic has nothing to restore any more.
    pub(super) fn forget_on_panic(self: &Arc<Self>) {
        let mut current = lock(&CURRENT);
        if current.as_ref().is_some_and(|c| Arc::ptr_eq(c, self)) {
            *current = None;
        }
    }
}
