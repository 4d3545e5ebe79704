//! Helpers that the unit tests of several modules share.

pub mod archives;
pub mod orders;
pub mod rpm_root;
