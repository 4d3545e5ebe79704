//! The outcome of the checks.

use crate::engine::plan::spec::AlternateSpec;
use crate::image::archive::Archive;

/// A base, and what the user should know before it is carried out.
pub struct Prepared {
    /// The description that the plan is made from.
    pub base: AlternateSpec,
    /// Left out, impossible, or different from the source.
    pub warnings: Vec<String>,
    /// Worth knowing, nothing wrong.
    pub notes: Vec<String>,
    /// For each target: its size, model, serial and what is on it now.
    pub targets: Vec<String>,
    /// The image, opened: what comes through a pipe can be read only once.
    pub archive: Option<Archive>,
}
