//! System images and their description.

pub mod check;
pub mod data;
pub mod parse;
