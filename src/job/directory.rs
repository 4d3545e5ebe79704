//! Where jobs are kept: `/var/lib/altdisk/jobs` for root, the state directory for other users, and
//! a temporary directory in memory for look-ups on a machine whose disk is full.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::error;
use crate::host::trusted;
use crate::job::model::Id;

/// The directory of root's jobs.
pub const ROOT_JOBS: &str = "/var/lib/altdisk/jobs";
/// The directory of root's look-ups where the other one is full.
const ROOT_TEMPORARY: &str = "/run/altdisk/jobs";

/// The value of a variable that names a full path.
fn path_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|v| Path::new(v).is_absolute()).map(PathBuf::from)
}

/// The directory of all jobs: root's in /var/lib, other users' in their state directory.
/// `$ALTDISK_JOBS` takes precedence over both.
///
/// # Errors
/// ALT-951 where there is neither that variable nor a home directory.
pub fn jobs_directory() -> Result<PathBuf> {
    if let Some(dir) = path_variable("ALTDISK_JOBS") {
        return Ok(dir);
    }
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from(ROOT_JOBS));
    }
    let state = path_variable("XDG_STATE_HOME")
        .or_else(|| path_variable("HOME").map(|h| h.join(".local/state")));
    Ok(state
        .ok_or_else(|| {
            error::JOB_FOLDER.with_cause("neither $XDG_STATE_HOME nor $HOME names a directory")
        })?
        .join("altdisk/jobs"))
}

/// The directory in memory.
///
/// # Errors
/// ALT-951 for a user who has no runtime directory.
pub(super) fn temporary_directory() -> Result<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from(ROOT_TEMPORARY));
    }
    path_variable("XDG_RUNTIME_DIR").map(|dir| dir.join("altdisk/jobs")).ok_or_else(|| {
        error::JOB_FOLDER.with_cause("the disk is full, and $XDG_RUNTIME_DIR names no directory")
    })
}

/// The directory of all jobs, if nobody else can write there: jobs are signalled by the process
/// ids in it. It need not exist.
///
/// # Errors
/// ALT-951.
pub(super) fn trusted_directory() -> Result<PathBuf> {
    let folder = jobs_directory()?;
    check_trusted(&folder)?;
    Ok(folder)
}

/// Both directories; the temporary one only if nobody else can write there.
pub(super) fn trusted_directories() -> Result<Vec<PathBuf>> {
    let mut all = vec![trusted_directory()?];
    all.extend(temporary_directory().ok().filter(|dir| check_trusted(dir).is_ok()));
    Ok(all)
}

/// Checks that nobody else can write to `folder`.
///
/// # Errors
/// ALT-951.
pub(super) fn check_trusted(folder: &Path) -> Result<()> {
    let Err(no) = trusted::own_directory(folder) else { return Ok(()) };
    let cause = format!("{} {}", no.path.display(), no.wrong);
    Err(if no.right.is_empty() {
        error::JOB_FOLDER.with_cause(cause)
    } else {
        error::JOB_FOLDER.with_remedy(cause, format!("{} {}", no.right, no.path.display()))
    })
}

/// The directory of one job.
///
/// # Errors
/// As [`jobs_directory`].
pub fn of_job(id: Id) -> Result<PathBuf> {
    let all = trusted_directories()?;
    let mut dirs = all.iter().map(|folder| folder.join(id.to_string()));
    let usual = dirs.next().unwrap_or_default();
    Ok(if usual.exists() { usual } else { dirs.find(|dir| dir.exists()).unwrap_or(usual) })
}

/// The event file of a job.
///
/// # Errors
/// As [`jobs_directory`].
pub fn event_file(id: Id) -> Result<PathBuf> {
    Ok(of_job(id)?.join("events.jsonl"))
}

/// The numbers of all jobs in `folder`, highest first; none if it does not exist.
///
/// # Errors
/// ALT-951 if it cannot be read.
pub(super) fn list_ids(folder: &Path) -> Result<Vec<Id>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(e) => {
            return Err(error::JOB_FOLDER.with_path(folder, &e));
        }
        Ok(entries) => entries,
    };
    let number = |e: fs::DirEntry| e.file_name().to_str().and_then(|n| n.parse().ok()).map(Id);
    let mut ids: Vec<Id> = entries.flatten().filter_map(number).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ids)
}

/// The numbers of all jobs in both directories, highest first.
pub(super) fn all_ids() -> Result<Vec<Id>> {
    let mut ids = vec![];
    for folder in trusted_directories()? {
        ids.extend(list_ids(&folder)?);
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ids)
}
