//! What a pacman that was killed left: its lock, and a package that is half there.
//!
//! pacman makes a package's directory in its database first, unpacks its files, and writes `desc` last: a directory without one is a package
//! whose installing was interrupted, maybe with files that no package owns now. It is taken out, and installed again with what is wanted.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::conf;
use crate::copy::report::show;
use crate::host::files;
use crate::software::Job;
use crate::software::arch::db;

/// Below the job's directory: names of packages to install again.
const AGAIN: &str = "interrupted";
/// In the database directory.
const LOCK: &str = "db.lck";

/// Puts the database in order.
///
/// # Errors
/// What cannot be removed.
pub fn prepare(job: &Job) -> Result<()> {
    let database = conf::database(job.root)?;
    let lock = database.join(LOCK);
    // Nothing else runs in the alternate: whoever made it is gone.
    if lock.symlink_metadata().is_ok() {
        files::remove(&lock)?;
        job.events.note("pacman's lock was left from a run that was interrupted: removed");
    }
    let local = database.join("local");
    let (there, torn) = db::local(&local);
    let mut names = vec![];
    for dir in torn {
        let at = local.join(&dir);
        fs::remove_dir_all(&at).with_context(|| format!("removing {}", at.display()))?;
        if let Some(name) = name_of(&dir).filter(|n| !there.iter().any(|e| e.name == **n)) {
            job.events.note(format!("{} was being installed when pacman was interrupted: it is installed again", show(name.as_bytes())));
            names.push(name.to_owned());
        }
    }
    let at = job.work_here().join(AGAIN);
    fs::write(&at, names.join("\n")).with_context(|| format!("writing {}", at.display()))
}

/// `zlib` of `zlib-1:1.3-2`.
fn name_of(dir: &str) -> Option<&str> {
    let (rest, _release) = dir.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    (!name.is_empty() && !name.starts_with(['-', '.']) && name.chars().all(fine)).then_some(name)
}

/// The packages to install again.
pub fn again(job: &Job) -> Vec<String> {
    names(&job.work_here().join(AGAIN))
}

fn names(at: &Path) -> Vec<String> {
    fs::read_to_string(at).unwrap_or_default().lines().filter(|l| !l.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_the_database() {
        assert_eq!(name_of("zlib-1:1.3.1-2"), Some("zlib"));
        assert_eq!(name_of("lib32-zlib-1.3.1-2"), Some("lib32-zlib"));
        assert_eq!((name_of("x"), name_of("x-1"), name_of("-x-1-1"), name_of("a b-1-1")), (None, None, None, None));
    }
}
