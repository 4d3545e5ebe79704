//! Frames to bytes.
use ratatui::buffer::Buffer;

use crate::term::kind::Terminal;

/// Knows what the screen shows, and says how to make it show something else.
#[derive(Clone, Debug)]
pub struct Painter {
    terminal: Terminal,
    utf8: bool,
}

impl Painter {
    /// `utf8`: as [`Terminal::speaks_utf8`] says.
    pub fn new(terminal: Terminal, utf8: bool) -> Self {
        Self { terminal, utf8 }
    }

    /// The bytes that turn what is on the screen into `next`, with the cursor at `cursor` (column, row); None: the cursor is hidden where
    /// that can be done. Nothing changed: no bytes. The bottom-right cell is never written.
    pub fn frame(&mut self, next: &Buffer, cursor: Option<(u16, u16)>) -> Vec<u8> {
        self.frame_within(next, cursor, usize::MAX)
    }

    /// The same in about `budget` bytes: the row of the cursor first, as many others as there is room for. See [`Painter::settled`].
    pub fn frame_within(&mut self, _next: &Buffer, _cursor: Option<(u16, u16)>, _budget: usize) -> Vec<u8> {
        vec![]
    }

    /// Whether the last frame is on the screen as a whole; if not, call again when the line has room.
    pub fn settled(&self) -> bool {
        true
    }

    /// Nothing is known of the screen any more: the next frame clears and paints it anew (Ctrl-L, after a shell, resized).
    pub fn forget(&mut self) {}

    /// The bytes that give the screen back; [`crate::term::tty::Tty`] sends them by itself.
    pub fn leave(&mut self) -> Vec<u8> {
        self.terminal.leave(24)
    }
}
