//! Our own files during a run.

use std::path::PathBuf;

use crate::software::managers::manager::Job;

/// The path of one of our files, below the directory of the job, as the alternate sees it.
pub fn work_path(job: &Job, name: &str) -> PathBuf {
    job.work.join(name)
}
