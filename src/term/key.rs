//! Keys, whatever bytes a terminal sent for them.

/// A key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A printable character.
    Char(char),
    /// F1 to F10, also typed as Esc and a digit (Esc 0 is F10).
    F(u8),
    Enter,
    /// A line break in a text that was pasted. It is Enter only where Enter cannot run, erase or
    /// confirm anything.
    LineBreak,
    /// A character that was pasted after a line break.
    Pasted(char),
    /// Esc Esc: cancel, as F3.
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// Ctrl and a lower case letter that has no meaning of its own above.
    Ctrl(char),
}
