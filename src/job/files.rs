//! The small files of a job, its creation, and the removal of old jobs.
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
use crate::host;
use crate::host::procs::Process;
use crate::job::directory;
use crate::job::model::{Ended, Id, Spec, State, Summary};

/// How many ended jobs are kept.
const MAX_ENDED: usize = 50;
/// How many ended look-ups are kept beside them.
const MAX_ENDED_LOOKUPS: usize = 5;
/// Ended jobs are kept while their events together take no more bytes than this.
const MAX_ENDED_BYTES: u64 = 200 << 20;
/// A job without `run.json` that is younger than this is being started.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// A look-up needs this many free bytes for its record; else it is kept in memory.
const MIN_FREE_BYTES: u64 = 1 << 20;

/// `job.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct JobRecord {
    /// The order.
    pub spec: Spec,
    /// Seconds since the epoch.
    pub started: u64,
}

/// `run.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RunRecord {
    /// The supervisor.
    pub supervisor: Process,
    /// The command.
    pub command: Process,
    /// The command is signalled alone: its process group is not its own.
    #[serde(default)]
    pub alone: bool,
}

/// Every job, newest first.
///
/// # Errors
/// ALT-951 where the directory cannot be read or is not this user's alone; that it does not exist
/// is no error.
pub fn list() -> Result<Vec<Summary>> {
    let mut all = vec![];
    for folder in directory::trusted_directories()? {
        let jobs = directory::list_ids(&folder)?;
        all.extend(jobs.into_iter().filter_map(|id| summary(&folder.join(id.to_string()), id)));
    }
    all.sort_by_key(|job| std::cmp::Reverse(job.id));
    // A look-up that has ended is of no interest later.
    Ok(all.into_iter().filter(|job| !job.spec.look || job.state == State::Running).collect())
}

/// The job of this number.
///
/// # Errors
/// ALT-953 where there is none.
pub fn find(id: Id) -> Result<Summary> {
    summary(&directory::of_job(id)?, id)
        .ok_or_else(|| error::NO_SUCH_JOB.with_cause(format!("there is no job {id}")))
}

fn summary(dir: &Path, id: Id) -> Option<Summary> {
    let JobRecord { spec, started } = read(&dir.join("job.json"))?;
    let (state, group) = state(dir);
    Some(Summary { id, spec, started, state, group, stopped: dir.join("stop").exists() })
}

/// How the job in `dir` stands, and the process group of its command where that lives.
pub(super) fn state(dir: &Path) -> (State, Option<i32>) {
    let ended = || read::<Ended>(&dir.join("exit.json")).map(|e| (State::Ended(e), None));
    if let Some(ended) = ended() {
        return ended;
    }
    let Some(run) = read::<RunRecord>(&dir.join("run.json")) else {
        let made = fs::metadata(dir).and_then(|m| m.modified());
        // One from the future was made before the clock was set back: how long ago, nobody knows,
        // and a start takes a moment only.
        let starts = made.is_ok_and(|t| {
            SystemTime::now().duration_since(t).is_ok_and(|age| age < START_TIMEOUT)
        });
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

/// Reads `run.json`.
pub(super) fn read_run(dir: &Path) -> Option<RunRecord> {
    read(&dir.join("run.json"))
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Replaces one of the small files.
pub(super) fn write<T: Serialize>(path: &Path, what: &T) -> Result<()> {
    host::files::replace(path, &serde_json::to_vec(what)?, 0o600)
}

/// Makes the directory of a new job and removes old ones.
pub(super) fn create(record: &JobRecord) -> Result<(Id, PathBuf)> {
    create_or_else(&directory::trusted_directory()?, directory::temporary_directory, record)
}

/// A look-up whose record has no room in `folder` gets a temporary one: a full disk must not keep
/// anybody from looking.
fn create_or_else(
    folder: &Path,
    temporary: impl Fn() -> Result<PathBuf>,
    record: &JobRecord,
) -> Result<(Id, PathBuf)> {
    if !record.spec.look {
        return create_in(folder, record);
    }
    let created = if has_room(folder) { create_in(folder, record).ok() } else { None };
    created.map_or_else(|| create_in(&temporary()?, record), Ok)
}

/// Whether the file system of `folder`, or of what is above it, has room for a job's record.
fn has_room(folder: &Path) -> bool {
    let there = folder.ancestors().find(|dir| dir.exists());
    let free = there.and_then(|dir| nix::sys::statvfs::statvfs(dir).ok());
    free.is_none_or(|s| s.blocks_available() * s.fragment_size() >= MIN_FREE_BYTES)
}

fn create_in(folder: &Path, record: &JobRecord) -> Result<(Id, PathBuf)> {
    let failed = |e: std::io::Error| error::JOB_FOLDER.with_path(folder, &e);
    // The directory above is not for jobs alone.
    if let Some(above) = folder.parent() {
        DirBuilder::new().mode(0o755).recursive(true).create(above).map_err(failed)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
        other => other.map_err(failed)?,
    }
    directory::check_trusted(folder)?;
    remove_old(folder)?;
    let mut number = next_number(&directory::all_ids()?);
    let dir = loop {
        let dir = folder.join(number.to_string());
        match DirBuilder::new().mode(0o700).create(&dir) {
            // Another process took this number first.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && number < u32::MAX => {
                number += 1
            }
            other => break other.map(|()| dir).map_err(failed)?,
        }
    };
    write(&dir.join("job.json"), record)
        .inspect_err(|_| _ = fs::remove_dir(&dir))
        .with_context(|| format!("starting job {number}"))?;
    Ok((Id(number), dir))
}

/// The number of the next job: the one behind the highest. Where that is the highest there is, the
/// lowest that is free.
fn next_number(newest_first: &[Id]) -> u32 {
    match newest_first.first().map(|id| id.0.checked_add(1)) {
        None => 1,
        Some(Some(next)) => next,
        Some(None) => (1..u32::MAX)
            .zip(newest_first.iter().rev().filter(|id| id.0 > 0))
            .find_map(|(n, id)| (id.0 > n).then_some(n))
            .unwrap_or(u32::MAX),
    }
}

/// Removes the oldest ended jobs: those beyond [`MAX_ENDED`] and [`MAX_ENDED_BYTES`]. The newest job always
/// stays.
fn remove_old(folder: &Path) -> Result<()> {
    let (mut kept, mut looks, mut bytes) = (0, 0, 0);
    for (n, id) in directory::list_ids(folder)?.into_iter().enumerate() {
        let dir = folder.join(id.to_string());
        if matches!(state(&dir), (State::Running | State::Lost { alive: true }, _)) {
            continue;
        }
        let look = read::<JobRecord>(&dir.join("job.json")).is_some_and(|a| a.spec.look);
        let (count, most) =
            if look { (&mut looks, MAX_ENDED_LOOKUPS) } else { (&mut kept, MAX_ENDED) };
        *count += 1;
        let over = *count > most;
        bytes += fs::metadata(dir.join("events.jsonl")).map_or(0, |m| m.len());
        if n > 0 && (over || bytes > MAX_ENDED_BYTES) {
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
        write(&dir.join("job.json"), &JobRecord { spec: Spec::default(), started: 7 }).unwrap();
        write(&dir.join("exit.json"), &Ended { code: Some(0), signal: None, time: 9, ms: 2000 })
            .unwrap();
        fs::File::create(dir.join("events.jsonl")).unwrap().set_len(bytes).unwrap();
    }

    fn remaining(folder: &Path) -> Vec<u32> {
        directory::list_ids(folder).unwrap().into_iter().map(|i| i.0).collect()
    }

    #[test]
    fn the_newest_fifty_stay() {
        let dir = tempfile::tempdir().unwrap();
        (1..=53).for_each(|n| ended(dir.path(), n, 10));
        fs::create_dir(dir.path().join("other")).unwrap();
        remove_old(dir.path()).unwrap();
        assert_eq!(remaining(dir.path()), (4..=53).rev().collect::<Vec<_>>());
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
            write(
                &dir.path().join(n.to_string()).join("job.json"),
                &JobRecord { spec, started: 7 },
            )
            .unwrap();
        }
        remove_old(dir.path()).unwrap();
        assert_eq!(remaining(dir.path()), [60, 59, 58, 57, 56, 1]);
    }

    #[test]
    fn a_look_up_works_where_no_record_can_be_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let temporary = dir.path().join("run/jobs");
        let create = |look| {
            let record = JobRecord { spec: Spec { look, ..Spec::default() }, started: 7 };
            create_or_else(&file.join("jobs"), || Ok(temporary.clone()), &record)
        };
        assert!(create(false).is_err());
        let (_, job) = create(true).unwrap();
        assert!(job.starts_with(&temporary) && job.join("job.json").exists());
    }

    #[test]
    fn large_ones_go_first_but_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        ended(dir.path(), 1, 1);
        ended(dir.path(), 2, 150 << 20);
        ended(dir.path(), 3, 300 << 20);
        remove_old(dir.path()).unwrap();
        assert_eq!(remaining(dir.path()), [3]);
    }

    #[test]
    fn numbers_end_and_do_not_go_round() {
        let next = |ids: &[u32]| next_number(&ids.iter().map(|n| Id(*n)).collect::<Vec<_>>());
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
        remove_old(dir.path()).unwrap();
        assert_eq!(remaining(dir.path()), [3, 2]);
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
            &RunRecord { supervisor: me.clone(), command: gone.clone(), alone: false },
        )
        .unwrap();
        assert_eq!(state(&one), (State::Running, None));
        write(
            &one.join("run.json"),
            &RunRecord { supervisor: gone.clone(), command: me.clone(), alone: false },
        )
        .unwrap();
        assert_eq!(state(&one), (State::Lost { alive: true }, Some(me.pid)));
        write(
            &one.join("run.json"),
            &RunRecord { supervisor: gone.clone(), command: gone, alone: false },
        )
        .unwrap();
        assert_eq!(state(&one), (State::Lost { alive: false }, None));
        assert_eq!(summary(&one, Id(1)).unwrap().started, 7);
        write(
            &one.join("run.json"),
            &RunRecord { supervisor: me, command: Process::find(1).unwrap(), alone: false },
        )
        .unwrap();
        assert_eq!(state(&one), (State::Running, None), "no group is signalled by the number 1");
    }
}
