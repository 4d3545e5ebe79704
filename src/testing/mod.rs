//! Helpers that tests of several modules share. Compiled for tests only.

pub mod alternate;
pub mod archive;
pub mod archives;
pub mod identity;
pub mod image;
pub mod orders;
pub mod rpm_root;
pub mod sample;
