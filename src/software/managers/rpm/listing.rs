//! What a place offers, for the managers of rpm: a directory is read as it is, of repositories
//! elsewhere the manager has fetched the lists.

use std::path::Path;

use anyhow::Result;

use crate::host::beneath::Directory;
use crate::software::formats::PackageFormat;
use crate::software::formats::rpm::{self, RpmFormat, advisories, tree};
use crate::software::managers::manager::Job;
use crate::software::model::{Available, Fix};
use crate::software::source::PackageSource;

/// The packages. `cache`: where, below [`Job::work`], the manager keeps what it fetched.
///
/// # Errors
/// What cannot be read.
pub fn available(job: &Job, cache: &Path) -> Result<Vec<Available>> {
    match job.source {
        PackageSource::Directory { outside, .. } => {
            Ok(RpmFormat.read(outside)?.map(|c| c.packages).unwrap_or_default())
        }
        _ => {
            let dir = fetched(job, cache)?;
            rpm::read_repositories(&tree::find(&dir.path())?.repositories)
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
    let look = |dir: &Path| advisories::find(available, &tree::find(dir)?, asked);
    match job.source {
        PackageSource::Directory { outside, .. } => look(outside),
        _ => look(&fetched(job, cache)?.path()),
    }
}

/// Where the manager keeps what it fetched.
fn fetched(job: &Job, cache: &Path) -> Result<Directory> {
    job.copy()?.directory(job.work.join(cache))
}
