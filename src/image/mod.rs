//! System images: their layout (image.data), their manifest, and the archive itself, made and restored.
//!
//! `data`, `parse` and `check` are image.data; `manifest` says what is in an image; `tar` is the format; `input` opens files, tapes and
//! pipes, compressed or not; `create` makes an image of a running system and `restore` puts one onto file systems.

pub mod check;
pub mod create;
pub mod data;
pub mod manifest;
pub mod output;
pub mod parse;
pub mod tar;
