//! Helpers that tests of several modules share. Compiled for tests only.

pub mod golden;
pub mod identity;
pub mod menus;
pub mod sample;
pub mod terminal;
