//! What a place offers, for the managers of rpm: a directory is read as it is, of repositories elsewhere the manager has fetched the lists.

use std::path::Path;

use anyhow::Result;

use super::tree::{self, Tree};
use crate::software::{Available, Fix, Job, Place};

/// The packages. `cache`: where, below [`Job::work`], the manager keeps what it fetched.
///
/// # Errors
/// What cannot be read.
pub fn available(job: &Job, cache: &Path) -> Result<Vec<Available>> {
    match job.place {
        Place::Directory { here, .. } => Ok(super::read(here)?.map(|c| c.packages).unwrap_or_default()),
        _ => super::of_repositories(&fetched(job, cache)?.repositories),
    }
}

/// The fixes that `asked` names, or all.
///
/// # Errors
/// What cannot be read.
pub fn fixes(job: &Job, cache: &Path, asked: &[String], available: &[Available]) -> Result<Vec<Fix>> {
    let tree = match job.place {
        Place::Directory { here, .. } => tree::look(here)?,
        _ => fetched(job, cache)?,
    };
    super::fixes_of(available, &tree, asked)
}

fn fetched(job: &Job, cache: &Path) -> Result<Tree> {
    tree::look(&job.work_here().join(cache))
}
