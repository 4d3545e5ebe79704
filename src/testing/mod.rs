//! Helpers that several unit tests share.

pub mod golden;
pub mod menus;
pub mod terminal;
