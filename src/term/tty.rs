//! The terminal that altdisk was started on.
use std::time::Duration;

use anyhow::Result;

use crate::term::kind::Terminal;

/// The opened terminal, raw from [`Tty::open`] to [`Tty::close`] or drop.
#[derive(Debug)]
pub struct Tty {}

impl Tty {
    /// Opens the terminal and makes the line raw (XON/XOFF stay as they were). From now on panics and fatal ends give it back.
    ///
    /// # Errors
    /// ALT-941 if standard input or output is no terminal.
    pub fn open(_terminal: &Terminal) -> Result<Self> {
        Ok(Self {})
    }

    /// Columns and rows: what the kernel says, else `$COLUMNS` and `$LINES`, else 80x24.
    pub fn size(&self) -> (u16, u16) {
        (80, 24)
    }

    /// The line's speed in bits a second; pseudo terminals have one too (38400).
    pub fn speed(&self) -> u32 {
        38400
    }

    /// Bytes that were written but are not on their way yet: ours, and those that the kernel holds.
    pub fn unsent(&self) -> usize {
        0
    }

    /// How many bytes may be sent now so that the line is free again after `within`; `usize::MAX` on a fast line.
    /// Give it to [`crate::term::paint::Painter::frame_within`].
    pub fn room(&self, _within: Duration) -> usize {
        usize::MAX
    }

    /// None when the line is free; else how long it will be busy with what was sent: skip frames until then.
    pub fn busy(&self) -> Option<Duration> {
        None
    }

    /// Sends bytes: what the line does not take at once is kept and goes first the next time. Call with nothing to go on with the rest.
    /// Never waits longer than a moment.
    ///
    /// # Errors
    /// ALT-942 if the terminal has vanished.
    pub fn write(&mut self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Gives the terminal back for a while (a shell, or before stopping).
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn suspend(&mut self) -> Result<()> {
        Ok(())
    }

    /// Takes it again after [`Tty::suspend`]; the painter must [`crate::term::paint::Painter::forget`].
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn resume(&mut self) -> Result<()> {
        Ok(())
    }

    /// Ctrl-Z: gives the terminal back, stops the process, and takes it again when it is continued.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn stop_here(&mut self) -> Result<()> {
        self.suspend()?;
        self.resume()
    }

    /// Gives the terminal back.
    ///
    /// # Errors
    /// ALT-942 if it has vanished.
    pub fn close(self) -> Result<()> {
        Ok(())
    }
}
