//! The form of a review.

use serde::Serialize;

/// The page that a dialog shows before its command runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Review {
    /// Version of this form.
    pub version: u32,
    /// The heading.
    pub title: String,
    /// Lines of at most [`WIDTH`] columns.
    pub text: Vec<String>,
    /// Questions that the user must answer by typing, one after the other.
    #[serde(rename = "type")]
    pub typed: Vec<Typed>,
    /// Warnings, shown first.
    pub warnings: Vec<String>,
}

/// One question, short enough to stand before a field: one of the words must be typed, then the
/// command gets what is to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Typed {
    /// The question.
    pub prompt: String,
    /// The accepted answers.
    pub words: Vec<String>,
    /// Words to be added to the command line.
    pub add: Vec<String>,
}

/// Columns of the text.
pub const WIDTH: usize = 76;
