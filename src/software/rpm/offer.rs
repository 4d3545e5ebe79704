//! What a place offers, for the managers of rpm: a directory is read as it is, of repositories
//! elsewhere the manager has fetched the lists.

use std::path::Path;

use anyhow::Result;

use super::tree;
use crate::host::beneath::Directory;
use crate::software::{Available, Fix, Job, Place};

/// The packages. `cache`: where, below [`Job::work`], the manager keeps what it fetched.
///
/// # Errors
/// What cannot be read.
pub fn available(job: &Job, cache: &Path) -> Result<Vec<Available>> {
    match job.place {
        Place::Directory { here, .. } => {
            Ok(super::read(here)?.map(|c| c.packages).unwrap_or_default())
        }
        _ => {
            let dir = fetched(job, cache)?;
            super::of_repositories(&tree::look(&dir.path())?.repositories)
        }
    }
}

/// The fixes that `asked` names, or all.
///
/// # Errors
/// What cannot be read.
pub fn fixes(
    job: &Job,
    cache: &Path,
    asked: &[String],
    available: &[Available],
) -> Result<Vec<Fix>> {
    let look = |dir: &Path| super::fixes_of(available, &tree::look(dir)?, asked);
    match job.place {
        Place::Directory { here, .. } => look(here),
        _ => look(&fetched(job, cache)?.path()),
    }
}

/// Where the manager keeps what it fetched.
fn fetched(job: &Job, cache: &Path) -> Result<Directory> {
    job.copy()?.directory(job.work.join(cache))
}
