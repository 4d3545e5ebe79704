//! cli
pub mod copytree;
