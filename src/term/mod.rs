//! Terminals: bytes to keys, cells to bytes, from vt100 to xterm.
//!
//! `kind` says what a terminal of that `TERM` understands; `tty` opens the line, makes it raw and
//! gives it back whatever happens; `input` reads it, `decode` turns bytes into `key`s and `paste`
//! tells pasted line breaks; `paint` turns a drawn screen into the fewest bytes that show it, with
//! `grid` (cells as this terminal can show them), `motion` (the pen and the cursor) and `row` (one
//! row of cells). No byte is sent that the terminal's terminfo entry does not have, and nothing is
//! ever asked of the terminal.

pub mod decode;
pub mod input;
pub mod key;
pub mod kind;
pub mod paint;
pub mod paste;
pub mod tty;
