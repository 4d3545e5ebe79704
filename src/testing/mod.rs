//! Helpers that several unit tests share.

pub mod golden;
pub mod sample;
pub mod terminal;
