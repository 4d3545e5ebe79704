//! The packages and fixes of a location: read from a directory, or from the lists of a repository
//! that the manager cache_directory.

use std::path::Path;

use anyhow::Result;

use crate::host::beneath::Directory;
use crate::software::formats::PackageFormat;
use crate::software::formats::rpm::{self, RpmFormat, advisories, tree};
use crate::software::managers::manager::Job;
use crate::software::model::{Available, Fix};
use crate::software::source::PackageSource;

/// The packages. `cache`: where, below [`Job::work`], the manager keeps the lists that it fetched.
///
/// # Errors
/// If lists cannot be read.
pub fn available(job: &Job, cache: &Path) -> Result<Vec<Available>> {
    match job.source {
        PackageSource::Directory { outside, .. } => {
            Ok(RpmFormat.read(outside)?.map(|c| c.packages).unwrap_or_default())
        }
        _ => {
            let dir = cache_directory(job, cache)?;
            rpm::read_repositories(&tree::find(&dir.path())?.repositories)
        }
    }
}

/// The fixes that `asked` names, or all.
///
/// # Errors
/// If lists cannot be read.
pub fn fixes(
    job: &Job,
    cache: &Path,
    asked: &[String],
    available: &[Available],
) -> Result<Vec<Fix>> {
    let look = |dir: &Path| advisories::find(available, &tree::find(dir)?, asked);
    match job.source {
        PackageSource::Directory { outside, .. } => look(outside),
        _ => look(&cache_directory(job, cache)?.path()),
    }
}

/// The directory of the lists that the manager cache_directory.
fn cache_directory(job: &Job, cache: &Path) -> Result<Directory> {
    job.copy()?.directory(job.work.join(cache))
}
