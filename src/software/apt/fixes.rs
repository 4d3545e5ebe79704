//! Which packages bring a fix.

use anyhow::Result;

use crate::software::{Fix, Job};

/// # Errors
/// What cannot be read.
pub fn find(_job: &Job, _asked: &[String]) -> Result<Vec<Fix>> {
    Ok(vec![])
}
