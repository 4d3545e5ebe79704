//! System images: their layout (image.data), their manifest, and the archive itself, made and
//! restored.
//!
//! `data`, `parse` and `check` are image.data; `manifest` describes the contents of an image, and `needs` the space
//! that they take beyond their size;
//! `archive` reads an image with its head, `survey` reads one without a manifest, `verify` checks and
//! lists one without unpacking it; `sums` are the checksums at its end, `level` numbers systems as
//! AIX does; `create` makes an image of a running system and `restore` puts one onto file systems.

pub mod archive;
pub mod check;
pub mod create;
pub mod data;
pub mod kernel_files;
pub mod level;
pub mod manifest;
pub mod needs;
pub mod parse;
pub mod restore;
pub mod sums;
pub mod survey;
pub mod verify;

#[cfg(test)]
mod tests;
