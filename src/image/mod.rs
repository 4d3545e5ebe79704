//! System images and their description.

pub mod data;
