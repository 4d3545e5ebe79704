//! Helpers that tests of several modules share. Compiled for tests only.

pub mod alternate;
pub mod identity;
pub mod sample;
