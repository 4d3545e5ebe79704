//! RPM packages: files, repositories, changelogs, advisories.

use std::cmp::Ordering;
use std::path::Path;

use anyhow::Result;

use super::{Contents, Fix};

/// What a directory offers; None where there is nothing of this format.
///
/// # Errors
/// What cannot be read.
pub fn read(_dir: &Path) -> Result<Option<Contents>> {
    Ok(None)
}

/// See [`super::contents::fixes`].
///
/// # Errors
/// What cannot be read.
pub fn fixes(_contents: &Contents, _dir: &Path, _asked: &[String]) -> Result<Vec<Fix>> {
    Ok(vec![])
}

/// Which of two versions is newer.
pub fn compare(a: &str, b: &str) -> Ordering {
    a.cmp(b)
}
