//! Archives as streams of bytes, for system images and for packages: `tar` is the format, `input`
//! opens files, tapes and pipes, compressed or not, and `output` writes them.

pub mod input;
pub mod output;
pub mod tar;
