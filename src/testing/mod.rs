//! Helpers that tests of several modules share. Compiled for tests only.

pub mod alternate;
pub mod archive;
pub mod archives;
pub mod golden;
pub mod identity;
pub mod image;
pub mod menus;
pub mod orders;
pub mod rpm_root;
pub mod sample;
pub mod terminal;
