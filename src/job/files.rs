//! A job's directory: where it is, what its small files say, and when it goes.
//!
//! Whether a job runs is read, not remembered: `exit.json` says that it ended; else the
//! supervisor's process id and start time (with the boot they belong to, so that a recycled number
//! is not mistaken) say whether anybody still watches over it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error;
use crate::host::procs::Process;
use crate::host::{self, trusted};
use crate::job::{Ended, Id, Spec, State, Summary};

/// The directory of root's jobs.
pub const OF_ROOT: &str = "/var/lib/altdisk/jobs";
/// Ended jobs that are kept.
const KEPT: usize = 50;
/// Ended look-ups that are kept beside them.
const LOOKS: usize = 5;
/// Ended jobs are kept while all of them together take no more than this.
const KEPT_BYTES: u64 = 200 << 20;
/// A job without `run.json` that is younger than this is being started.
const STARTING: Duration = Duration::from_secs(10);

/// `job.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    pub spec: Spec,
    pub started: u64,
}

/// `run.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub supervisor: Process,
    pub command: Process,
    /// The command is signalled alone: its process group is not its own.
    #[serde(default)]
    pub alone: bool,
}

/// The directory of all jobs: root's in /var/lib, other users' in their state directory.
/// `$ALTDISK_JOBS` stands above both.
///
/// # Errors
/// ALT-951 where there is neither that variable nor a home directory.
pub fn folder() -> Result<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name).filter(|v| Path::new(v).is_absolute()).map(PathBuf::from)
    };
    if let Some(dir) = variable("ALTDISK_JOBS") {
        return Ok(dir);
    }
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from(OF_ROOT));
    }
    let state =
        variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|h| h.join(".local/state")));
    Ok(state
        .ok_or_else(|| {
            error::JOB_FOLDER.with_cause("neither $XDG_STATE_HOME nor $HOME names a directory")
        })?
        .join("altdisk/jobs"))
}

/// The same, if it is safe to believe what is written there: jobs are signalled by the numbers that
/// it holds. That it does not exist is no error.
fn own_folder() -> Result<PathBuf> {
    let folder = folder()?;
    match trusted::own_directory(&folder) {
        Ok(_) => Ok(folder),
        Err(no) => {
            let remedy = if no.right.is_empty() {
                String::new()
            } else {
                format!("{} {}", no.right, no.path.display())
            };
            let cause = format!("{} {}", no.path.display(), no.wrong);
            Err(if remedy.is_empty() {
                error::JOB_FOLDER.with_cause(cause)
            } else {
                error::JOB_FOLDER.with_remedy(cause, remedy)
            })
        }
    }
}

/// The directory of one job.
///
/// # Errors
/// As [`folder`].
pub fn of(id: Id) -> Result<PathBuf> {
    Ok(own_folder()?.join(id.to_string()))
}

/// The event file of a job.
///
/// # Errors
/// As [`folder`].
pub fn events(id: Id) -> Result<PathBuf> {
    Ok(of(id)?.join("events.jsonl"))
}

/// Every job, newest first.
///
/// # Errors
/// ALT-951 where the directory cannot be read or is not this user's alone; that it does not exist
/// is no error.
pub fn list() -> Result<Vec<Summary>> {
    let folder = own_folder()?;
    let all = ids(&folder)?.into_iter().filter_map(|id| summary(&folder.join(id.to_string()), id));
    // What was only looked up tells nothing later.
    Ok(all.filter(|job| !job.spec.look || job.state == State::Running).collect())
}

/// The job of this number.
///
/// # Errors
/// ALT-953 where there is none.
pub fn find(id: Id) -> Result<Summary> {
    summary(&of(id)?, id)
        .ok_or_else(|| error::NO_SUCH_JOB.with_cause(format!("there is no job {id}")))
}

fn ids(folder: &Path) -> Result<Vec<Id>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(e) => return Err(error::JOB_FOLDER.with_cause(format!("{}: {e}", folder.display()))),
        Ok(entries) => entries,
    };
    let number = |e: fs::DirEntry| e.file_name().to_str().and_then(|n| n.parse().ok()).map(Id);
    let mut ids: Vec<Id> = entries.flatten().filter_map(number).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ids)
}

fn summary(dir: &Path, id: Id) -> Option<Summary> {
    let Asked { spec, started } = read(&dir.join("job.json"))?;
    let (state, group) = state(dir);
    Some(Summary { id, spec, started, state, group, stopped: dir.join("stop").exists() })
}

/// How the job in `dir` stands, and the process group of its command where that lives.
pub(super) fn state(dir: &Path) -> (State, Option<i32>) {
    let ended = || read::<Ended>(&dir.join("exit.json")).map(|e| (State::Ended(e), None));
    if let Some(ended) = ended() {
        return ended;
    }
    let Some(run) = read::<Run>(&dir.join("run.json")) else {
        let made = fs::metadata(dir).and_then(|m| m.modified());
        // One from the future was made before the clock was set back: how long ago, nobody knows,
        // and a start takes a moment only.
        let starts =
            made.is_ok_and(|t| SystemTime::now().duration_since(t).is_ok_and(|age| age < STARTING));
        return (if starts { State::Running } else { State::Lost { alive: false } }, None);
    };
    // No group has the number 1, or one below: to the kernel they mean something else.
    let group = (run.command.pid > 1 && run.command.is_alive()).then_some(run.command.pid);
    if run.supervisor.is_alive() {
        return (State::Running, group);
    }
    // It may have ended between the first look and this one.
    ended().unwrap_or((State::Lost { alive: group.is_some() }, group))
}

pub(super) fn run_of(dir: &Path) -> Option<Run> {
    read(&dir.join("run.json"))
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

pub(super) fn write<T: Serialize>(path: &Path, what: &T) -> Result<()> {
    host::files::replace(path, &serde_json::to_vec(what)?, 0o600)
}

/// Makes the directory of a new job, and lets old ones go.
pub(super) fn make(asked: &Asked) -> Result<(Id, PathBuf)> {
    let folder = own_folder()?;
    let failed =
        |e: std::io::Error| error::JOB_FOLDER.with_cause(format!("{}: {e}", folder.display()));
    // What is above it is not for jobs alone.
    if let Some(above) = folder.parent() {
        DirBuilder::new().mode(0o755).recursive(true).create(above).map_err(failed)?;
    }
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
        other => other.map_err(failed)?,
    }
    own_folder()?;
    prune(&folder)?;
    let mut number = next(&ids(&folder)?);
    let dir = loop {
        let dir = folder.join(number.to_string());
        match DirBuilder::new().mode(0o700).create(&dir) {
            // Another start was faster.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && number < u32::MAX => {
                number += 1
            }
            other => break other.map(|()| dir).map_err(failed)?,
        }
    };
    write(&dir.join("job.json"), asked).with_context(|| format!("starting job {number}"))?;
    Ok((Id(number), dir))
}

/// The number of the next job: the one behind the highest. Where that is the highest there is, the
/// lowest that is free.
fn next(newest_first: &[Id]) -> u32 {
    match newest_first.first().map(|id| id.0.checked_add(1)) {
        None => 1,
        Some(Some(next)) => next,
        Some(None) => (1..u32::MAX)
            .zip(newest_first.iter().rev().filter(|id| id.0 > 0))
            .find_map(|(n, id)| (id.0 > n).then_some(n))
            .unwrap_or(u32::MAX),
    }
}

/// Removes the oldest ended jobs: those beyond [`KEPT`] and [`KEPT_BYTES`]. The newest job always
/// stays.
fn prune(folder: &Path) -> Result<()> {
    let (mut kept, mut looks, mut bytes) = (0, 0, 0);
    for (n, id) in ids(folder)?.into_iter().enumerate() {
        let dir = folder.join(id.to_string());
        if matches!(state(&dir), (State::Running | State::Lost { alive: true }, _)) {
            continue;
        }
        let look = read::<Asked>(&dir.join("job.json")).is_some_and(|a| a.spec.look);
        let (count, most) = if look { (&mut looks, LOOKS) } else { (&mut kept, KEPT) };
        *count += 1;
        let over = *count > most;
        bytes += fs::metadata(dir.join("events.jsonl")).map_or(0, |m| m.len());
        if n > 0 && (over || bytes > KEPT_BYTES) {
            // One that cannot be removed is tried again with the next job.
            let _ = fs::remove_dir_all(&dir);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(folder: &Path, id: u32, bytes: u64) {
        let dir = folder.join(id.to_string());
        fs::create_dir_all(&dir).unwrap();
        write(&dir.join("job.json"), &Asked { spec: Spec::default(), started: 7 }).unwrap();
        write(&dir.join("exit.json"), &Ended { code: Some(0), signal: None, time: 9, ms: 2000 })
            .unwrap();
        fs::File::create(dir.join("events.jsonl")).unwrap().set_len(bytes).unwrap();
    }

    fn left(folder: &Path) -> Vec<u32> {
        ids(folder).unwrap().into_iter().map(|i| i.0).collect()
    }

    #[test]
    fn the_newest_fifty_stay() {
        let dir = tempfile::tempdir().unwrap();
        (1..=53).for_each(|n| ended(dir.path(), n, 10));
        fs::create_dir(dir.path().join("other")).unwrap();
        prune(dir.path()).unwrap();
        assert_eq!(left(dir.path()), (4..=53).rev().collect::<Vec<_>>());
        assert!(dir.path().join("other").exists());
    }

    /// An afternoon of looking things up pushes no clone out of the list.
    #[test]
    fn look_ups_make_no_room_for_themselves() {
        let dir = tempfile::tempdir().unwrap();
        ended(dir.path(), 1, 10);
        for n in 2..=60 {
            ended(dir.path(), n, 10);
            let spec = Spec { look: true, ..Spec::default() };
            write(&dir.path().join(n.to_string()).join("job.json"), &Asked { spec, started: 7 })
                .unwrap();
        }
        prune(dir.path()).unwrap();
        assert_eq!(left(dir.path()), [60, 59, 58, 57, 56, 1]);
    }

    #[test]
    fn large_ones_go_first_but_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        ended(dir.path(), 1, 1);
        ended(dir.path(), 2, 150 << 20);
        ended(dir.path(), 3, 300 << 20);
        prune(dir.path()).unwrap();
        assert_eq!(left(dir.path()), [3]);
    }

    #[test]
    fn numbers_end_and_do_not_go_round() {
        let next = |ids: &[u32]| next(&ids.iter().map(|n| Id(*n)).collect::<Vec<_>>());
        assert_eq!((next(&[]), next(&[7, 2]), next(&[u32::MAX - 1])), (1, 8, u32::MAX));
        assert_eq!(
            (
                next(&[u32::MAX]),
                next(&[u32::MAX, 1]),
                next(&[u32::MAX, 9, 2, 1]),
                next(&[u32::MAX, 0])
            ),
            (1, 2, 3, 1)
        );
    }

    #[test]
    fn a_job_from_the_future_is_not_running_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        for id in 1..=3 {
            ended(dir.path(), id, 150 << 20);
            fs::remove_file(dir.path().join(id.to_string()).join("exit.json")).unwrap();
        }
        let future = SystemTime::now() + Duration::from_secs(86400 * 365);
        let old = dir.path().join("1");
        fs::File::open(&old).unwrap().set_modified(future).unwrap();
        assert_eq!(state(&old), (State::Lost { alive: false }, None));
        assert_eq!(state(&dir.path().join("2")), (State::Running, None));
        fs::File::open(dir.path().join("2")).unwrap().set_modified(future).unwrap();
        prune(dir.path()).unwrap();
        assert_eq!(left(dir.path()), [3, 2]);
    }

    #[test]
    fn states() {
        let dir = tempfile::tempdir().unwrap();
        ended(dir.path(), 1, 0);
        let one = dir.path().join("1");
        assert!(matches!(state(&one), (State::Ended(Ended { code: Some(0), .. }), None)));
        fs::remove_file(one.join("exit.json")).unwrap();
        assert_eq!(state(&one), (State::Running, None), "one that is being started");
        let (me, gone) =
            (Process::this().unwrap(), Process { start: 1, ..Process::this().unwrap() });
        write(
            &one.join("run.json"),
            &Run { supervisor: me.clone(), command: gone.clone(), alone: false },
        )
        .unwrap();
        assert_eq!(state(&one), (State::Running, None));
        write(
            &one.join("run.json"),
            &Run { supervisor: gone.clone(), command: me.clone(), alone: false },
        )
        .unwrap();
        assert_eq!(state(&one), (State::Lost { alive: true }, Some(me.pid)));
        write(
            &one.join("run.json"),
            &Run { supervisor: gone.clone(), command: gone, alone: false },
        )
        .unwrap();
        assert_eq!(state(&one), (State::Lost { alive: false }, None));
        assert_eq!(summary(&one, Id(1)).unwrap().started, 7);
        write(
            &one.join("run.json"),
            &Run { supervisor: me, command: Process::find(1).unwrap(), alone: false },
        )
        .unwrap();
        assert_eq!(state(&one), (State::Running, None), "no group is signalled by the number 1");
    }
}
