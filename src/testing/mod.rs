//! Helpers that tests of several modules share. Compiled for tests only.

pub mod archives;
pub mod identity;
pub mod orders;
pub mod rpm_root;
pub mod sample;
