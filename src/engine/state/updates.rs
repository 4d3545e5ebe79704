//! The changes that updates made in the alternate, for `altdisk software`. They are stored beside
//! the alternate's journal, and in the alternate itself for the time when it is booted.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::error;
use crate::host::beneath::Beneath;
use crate::host::{files, own_file};
use crate::software::{Changes, Package};

/// The file, in the directory of the alternate's records here, and in altdisk's directory in the
/// alternate.
const FILE: &str = "software.json";
/// Of the file's form.
const VERSION: u32 = 1;
/// Largest record that is read: that of hundreds of updates has some MiB.
const MAX_BYTES: u64 = 64 << 20;

/// One update that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Seconds since the epoch.
    pub time: u64,
    /// The command line that asked for it.
    pub argv: Vec<String>,
    /// `apt`, `dnf`, `zypper`, `pacman`.
    pub manager: String,
    /// The packages that changed.
    pub changes: Changes,
    /// False where it failed or was stopped: what was changed may not be configured.
    #[serde(default = "yes")]
    pub complete: bool,
}

fn yes() -> bool {
    true
}

/// The packages that were installed before the update in progress; the file survives a kill.
const BEFORE: &str = "software-before.json";

/// Keeps what is installed before an update.
///
/// # Errors
/// If it cannot be written: then nothing may be installed.
pub fn keep_before(dir: &Path, packages: &[Package]) -> Result<()> {
    files::replace(&dir.join(BEFORE), &serde_json::to_vec(packages)?, 0o600)
}

/// The list that a killed update left behind; an unreadable one counts as none.
///
/// # Errors
/// If it is there and cannot be read.
pub fn kept_before(dir: &Path) -> Result<Option<Vec<Package>>> {
    Ok(own_file::read(&dir.join(BEFORE), MAX_BYTES)?
        .and_then(|text| serde_json::from_slice(&text).ok()))
}

/// The update has ended, one way or the other.
///
/// # Errors
/// If it cannot be removed.
pub fn forget_before(dir: &Path) -> Result<()> {
    files::remove(&dir.join(BEFORE))
}

/// Whether an update that did not finish may have left packages half installed: one that was killed,
/// or failed after it had changed packages. `dir` has the records of the alternate.
pub fn may_be_half_installed(dir: &Path) -> bool {
    let failed = |update: &Update| !update.complete && !update.changes.is_empty();
    let last_failed = || {
        let updates = read(&Beneath::open(Path::new("/"))?, dir)?;
        anyhow::Ok(updates.last().is_some_and(failed))
    };
    // A record that cannot be read may be of such an update.
    dir.join(BEFORE).exists() || last_failed().unwrap_or(true)
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    updates: Vec<Update>,
}

/// Adds an update to the record in the directory `dir` of the system at `root`; it is made if need
/// be.
///
/// # Errors
/// If it cannot be written. An unreadable record is replaced: the update itself is done.
pub fn record(root: &Beneath, dir: &Path, update: &Update) -> Result<()> {
    let mut updates = read(root, dir).unwrap_or_default();
    updates.push(update.clone());
    if !root.is_dir(dir) {
        root.make_directories(dir)?;
        root.set_mode(dir, 0o755)?;
    }
    root.replace(
        dir.join(FILE),
        &serde_json::to_vec_pretty(&Stored { version: VERSION, updates })?,
        0o644,
    )
}

/// The updates in the record in the directory `dir` of the system at `root`, oldest first; empty if
/// there is no record.
///
/// # Errors
/// ALT-702 if it is there but unreadable.
pub fn read(root: &Beneath, dir: &Path) -> Result<Vec<Update>> {
    let path = dir.join(FILE);
    let Some(text) = root.read(&path)? else { return Ok(vec![]) };
    let wrong = |why: String| {
        error::BAD_STATE.with_remedy(
            format!("{}: {why}", path.display()),
            "remove that file; it only records what updates changed",
        )
    };
    let stored: Stored = serde_json::from_slice(&text).map_err(|e| wrong(error::text_of(&e)))?;
    if stored.version != VERSION {
        return Err(wrong(format!(
            "its version is {}, this altdisk knows {VERSION}",
            stored.version
        )));
    }
    Ok(stored.updates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_outlives_a_kill() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(kept_before(dir.path()).unwrap(), None);
        let all = [Package { name: "vim".into(), version: "2:9".into(), arch: "amd64".into() }];
        keep_before(dir.path(), &all).unwrap();
        assert_eq!(kept_before(dir.path()).unwrap().as_deref(), Some(&all[..]));
        forget_before(dir.path()).unwrap();
        assert_eq!(kept_before(dir.path()).unwrap(), None);
    }

    #[test]
    fn updates_are_kept_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (root, below) = (Beneath::open(dir.path()).unwrap(), Path::new("/var/lib/altdisk"));
        assert_eq!(read(&root, below).unwrap(), []);
        let package = Package { name: "vim".into(), version: "2:9".into(), arch: "amd64".into() };
        let one = Update {
            time: 7,
            argv: vec!["alt_disk_install".into(), "-C".into()],
            manager: "apt".into(),
            changes: Changes { installed: vec![package], ..Changes::default() },
            complete: true,
        };
        let two = Update { time: 9, ..one.clone() };
        record(&root, below, &one).unwrap();
        record(&root, below, &two).unwrap();
        assert_eq!(read(&root, below).unwrap(), [one, two.clone()]);
        root.replace(below.join(FILE), br#"{"version":2,"updates":[]}"#, 0o644).unwrap();
        assert!(format!("{:#}", read(&root, below).unwrap_err()).contains("its version is 2"));
        record(&root, below, &two).unwrap();
        assert_eq!(read(&root, below).unwrap(), [two]);
    }
}
