//! Terminals from vt100 to xterm: bytes become crossterm's events, drawn cells become bytes.
//!
//! `capabilities` lists what a terminal of that `TERM` understands. `tty` opens the line, puts it
//! into raw mode and restores it whatever happens. `input` reads it, `decode` turns bytes into
//! events, and `paste_guard` recognises pasted line breaks on terminals that do not mark them.
//! `paint` is ratatui's backend: it finds the fewest bytes that display a frame.
//!
//! crossterm supplies the types of the events, raw mode, the size, and the sequences of richer
//! terminals. Its own reader and writer are not used, because serial lines need more than they do
//! (docs/decisions). A terminal never receives a sequence that it may not know, and is never asked
//! anything: an answer might not come.

pub mod capabilities;
pub mod decode;
pub mod input;
pub mod paint;
pub mod paste_guard;
mod signals;
mod stop;
pub mod tty;
