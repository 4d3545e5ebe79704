//! System images: their layout (image.data), their manifest, and the archive itself, made and
//! restored.
//!
//! `data`, `parse` and `check` are image.data; `manifest` says what is in an image; `tar` is the
//! format; `input` opens files, tapes and pipes, compressed or not, `archive` reads one with its
//! head, `survey` looks through one that brings no manifest, `verify` reads and lists one without
//! unpacking it; `sums` are the checksums at its end, `level` counts systems as AIX does; `create`
//! makes an image of a running system and `restore` puts one onto file systems.

pub mod archive;
pub mod check;
pub mod create;
pub mod data;
pub mod level;
pub mod manifest;
pub mod parse;
pub mod restore;
pub mod shown;
pub mod sums;
pub mod survey;
pub mod verify;

#[cfg(test)]
mod archive_tests;
#[cfg(test)]
pub mod built;
#[cfg(test)]
mod fuzz_tests;
