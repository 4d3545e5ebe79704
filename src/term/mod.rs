//! Terminals: bytes to keys, cells to bytes, from vt100 to xterm.

pub mod key;
