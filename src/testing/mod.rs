//! Helpers that tests of several modules share. Compiled for tests only.

pub mod archive;
pub mod identity;
pub mod image;
pub mod sample;
