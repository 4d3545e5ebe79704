//! What stands: the stored plan and the journal under /var/lib/altdisk, and the lock that keeps runs apart.
//!
//! `altinst/plan.json` is written before the first byte goes to a disk; `altinst/journal.jsonl` gets a line, flushed to the device,
//! before and after each step acts. Together they tell what a phase may build on, where `--resume` goes on, and what
//! `-X` has to undo, after a crash at any moment too. No directory `altinst` means: there is no alternate.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::boot::bootlist::Before;
use crate::engine::plan::{self, Base, Plan};
use crate::error;
use crate::host::files;

/// Where altdisk keeps its state; never copied to an alternate.
pub const DIR: &str = "/var/lib/altdisk";

/// The file with the speed of the last copy.
const RATE: &str = "copy-rate";

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "r", rename_all = "snake_case")]
pub enum Record {
    /// An invocation starts on the alternate.
    Run {
        run: u32,
        argv: Vec<String>,
        time: u64,
    },
    Begin {
        id: String,
    },
    Done {
        id: String,
    },
    Failed {
        id: String,
        error: String,
    },
    /// A phase is complete.
    Phase {
        phase: u8,
    },
    /// The boot list as it was, before the first change to it.
    Before {
        before: Before,
    },
    /// -X has begun: nothing can go on from here.
    CleanUp,
}

/// The stored alternate.
#[derive(Clone, Debug)]
pub struct Alternate {
    pub base: Base,
    /// Of the last run, which has this number.
    pub plan: Plan,
    pub run: u32,
    pub journal: Vec<Record>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    run: u32,
    base: Base,
    plan: Plan,
}

impl Alternate {
    /// The names of its disks, for people.
    pub fn disks(&self) -> String {
        self.base.layout.disks.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Phases that are complete.
    pub fn phases_done(&self) -> BTreeSet<u8> {
        self.journal.iter().filter_map(|r| if let Record::Phase { phase } = r { Some(*phase) } else { None }).collect()
    }

    /// The journal of the last run.
    fn of_run(&self) -> &[Record] {
        let last = self.journal.iter().position(|r| matches!(r, Record::Run { run, .. } if *run == self.run));
        &self.journal[last.unwrap_or(self.journal.len())..]
    }

    /// Phases that the last run completed.
    pub fn phases_of_run(&self) -> BTreeSet<u8> {
        self.of_run().iter().filter_map(|r| if let Record::Phase { phase } = r { Some(*phase) } else { None }).collect()
    }

    /// Steps of the last run that are done.
    pub fn steps_done(&self) -> BTreeSet<&str> {
        self.of_run().iter().filter_map(|r| if let Record::Done { id } = r { Some(id.as_str()) } else { None }).collect()
    }

    /// Whether the last run did all its steps, and said so of its phases.
    pub fn run_complete(&self) -> bool {
        let (done, phases) = (self.steps_done(), self.phases_of_run());
        let complete = self.plan.request.phases.list().iter().all(|p| phases.contains(p));
        !self.cleaning() && complete && self.plan.steps.iter().all(|s| done.contains(s.id.as_str()))
    }

    /// Whether a step was ever begun.
    pub fn begun(&self, id: &str) -> bool {
        self.journal.iter().any(|r| matches!(r, Record::Begin { id: i } if i == id))
    }

    /// The command line that phase 1 was given.
    pub fn made_by(&self) -> &[String] {
        let first = self.journal.iter().find_map(|r| if let Record::Run { argv, .. } = r { Some(argv.as_slice()) } else { None });
        first.unwrap_or(&self.plan.request.argv)
    }

    /// Whether installing packages was begun and did not end well, and no phase 2 came to its end since.
    pub fn half_updated(&self) -> bool {
        let of_update = |id: &str| id == plan::UPDATE;
        let begun = self.journal.iter().rposition(|r| matches!(r, Record::Begin { id } if of_update(id)));
        let ended = |r: &Record| matches!(r, Record::Phase { phase: 2 }) || matches!(r, Record::Done { id } if of_update(id));
        begun.is_some_and(|at| !self.journal[at..].iter().any(ended))
    }

    pub fn cleaning(&self) -> bool {
        self.journal.contains(&Record::CleanUp)
    }

    /// The boot list before we changed it, if we did.
    pub fn before(&self) -> Option<&Before> {
        self.journal.iter().find_map(|r| if let Record::Before { before } = r { Some(before) } else { None })
    }
}

/// The state directory, locked.
pub struct State {
    dir: PathBuf,
    journal: Option<File>,
    _lock: File,
}

impl State {
    /// Takes the lock; the directory is made if need be.
    ///
    /// # Errors
    /// ALT-701 where another run holds it.
    pub fn lock() -> Result<Self> {
        let dir = PathBuf::from(DIR);
        fs::create_dir_all(&dir).with_context(|| format!("making {DIR}"))?;
        // Everybody may see what stands: `disks` and previews need no root.
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).with_context(|| format!("opening {DIR} to readers"))?;
        let path = dir.join("lock");
        let mut lock = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(busy(&path));
            }
            Err(fs::TryLockError::Error(e)) => return Err(e).with_context(|| format!("locking {}", path.display())),
        }
        lock.set_len(0)?;
        let argv: Vec<String> = std::env::args().collect();
        writeln!(lock, "process {}: {}", std::process::id(), argv.join(" "))?;
        Ok(Self { dir, journal: None, _lock: lock })
    }

    /// The same for a short work that others do too: a lock that is held for a moment is waited for.
    ///
    /// # Errors
    /// As [`State::lock`].
    pub fn lock_soon() -> Result<Self> {
        const TRIES: u32 = 50;
        for _ in 1..TRIES {
            if let Ok(state) = Self::lock() {
                return Ok(state);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Self::lock()
    }

    /// Whether a run could begin now; nothing is made or kept.
    ///
    /// # Errors
    /// ALT-701 where another run is at work.
    pub fn not_busy() -> Result<()> {
        let path = PathBuf::from(DIR).join("lock");
        let Ok(lock) = File::open(&path) else { return Ok(()) };
        match lock.try_lock_shared() {
            Err(fs::TryLockError::WouldBlock) => Err(busy(&path)),
            _ => Ok(()),
        }
    }

    /// Keeps how many bytes a second were copied, for the next run's estimate. A number that cannot be kept is no harm.
    pub fn keep_copy_rate(rate: u64) {
        let _ = files::replace(&PathBuf::from(DIR).join(RATE), format!("{rate}\n").as_bytes(), 0o644);
    }

    /// Bytes a second, as the last copy had them.
    pub fn copy_rate() -> Option<u64> {
        files::line(PathBuf::from(DIR).join(RATE)).and_then(|l| l.trim().parse().ok()).filter(|r| *r > 0)
    }

    fn alternate_dir(&self) -> PathBuf {
        self.dir.join("altinst")
    }

    /// The stored alternate, read without the lock (for listings and previews).
    ///
    /// # Errors
    /// ALT-702 where it is there but unreadable.
    pub fn peek() -> Result<Option<Alternate>> {
        load(&PathBuf::from(DIR).join("altinst"))
    }

    /// What phase 1 settled for the stored alternate. Anyone may ask: the journal, which is root's, is not read.
    ///
    /// # Errors
    /// ALT-702 where it is there but unreadable.
    pub fn peek_base() -> Result<Option<Base>> {
        Ok(stored(&PathBuf::from(DIR).join("altinst"))?.map(|s| s.base))
    }

    pub fn load(&self) -> Result<Option<Alternate>> {
        load(&self.alternate_dir())
    }

    /// Stores a plan (phase 1: with a new base) and begins a run.
    ///
    /// # Errors
    /// Where the state cannot be written; nothing else has happened then.
    pub fn begin_run(&mut self, base: &Base, plan: &Plan, run: u32, time: u64) -> Result<()> {
        self.store(base, plan, run).map_err(no_room)?;
        self.append(&Record::Run { run, argv: plan.request.argv.clone(), time })
    }

    fn store(&self, base: &Base, plan: &Plan, run: u32) -> Result<()> {
        let dir = self.alternate_dir();
        fs::create_dir_all(&dir)?;
        let stored = serde_json::to_vec_pretty(&Stored { run, base: base.clone(), plan: plan.clone() })?;
        files::replace(&dir.join("image.data"), crate::image::parse::write(&base.image)?.as_bytes(), 0o644)?;
        // A crash before the run's record leaves a run with nothing done: the number tells.
        files::replace(&dir.join("plan.json"), &stored, 0o644)
    }

    /// Adds a record, on the device when this returns.
    ///
    /// # Errors
    /// Where it cannot be written: then the step must not act.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.write(record).map_err(no_room)
    }

    fn write(&mut self, record: &Record) -> Result<()> {
        if self.journal.is_none() {
            let path = self.alternate_dir().join("journal.jsonl");
            let file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(&path)
                .with_context(|| format!("opening {}", path.display()))?;
            self.journal = Some(file);
        }
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        if let Some(file) = &mut self.journal {
            file.write_all(&line).and_then(|()| file.sync_all()).context("writing the journal")?;
        }
        Ok(())
    }

    /// Forgets the alternate. The last thing that -X does.
    ///
    /// # Errors
    /// Where files cannot be removed.
    pub fn forget(&mut self) -> Result<()> {
        self.journal = None;
        let dir = self.alternate_dir();
        // plan.json goes last: while it is there, -X can be repeated.
        for name in ["image.data", "journal.jsonl", "plan.json"] {
            let path = dir.join(name);
            // Something else may stand in its place.
            if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
                fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
            } else {
                files::remove(&path)?;
            }
        }
        match fs::remove_dir_all(&dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).with_context(|| format!("removing {}", dir.display())),
            _ => Ok(()),
        }
    }
}

/// A full file system has a name of its own; every other error stays what it is.
fn no_room(e: anyhow::Error) -> anyhow::Error {
    let kind = e.chain().find_map(|c| c.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    match kind {
        Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) => {
            error::STATE_FULL.because(format!("{DIR} cannot be written: {e:#}"))
        }
        _ => e,
    }
}

fn busy(lock: &std::path::Path) -> anyhow::Error {
    let who = fs::read_to_string(lock).unwrap_or_default();
    error::BUSY.because(format!("another run of altdisk is at work ({})", who.trim()))
}

fn load(dir: &std::path::Path) -> Result<Option<Alternate>> {
    let Some(stored) = stored(dir)? else { return Ok(None) };
    // Something else in its place is no journal: it is lost then.
    let path = dir.join("journal.jsonl");
    let journal = if path.is_file() || !path.exists() { files::read_optional(&path)?.unwrap_or_default() } else { vec![] };
    Ok(Some(Alternate { base: stored.base, plan: stored.plan, run: stored.run, journal: parse_journal(&journal) }))
}

fn stored(dir: &std::path::Path) -> Result<Option<Stored>> {
    /// Of the stored form.
    const VERSION: u32 = 1;
    let path = dir.join("plan.json");
    let bad = |why: String| error::BAD_STATE.because(format!("{}: {why}", path.display()));
    let unreadable = |e: anyhow::Error| match e.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::PermissionDenied) => e,
        _ => bad(format!("{e:#}")),
    };
    let Some(plan) = files::read_optional(&path).map_err(unreadable)? else { return Ok(None) };
    let stored: Stored = serde_json::from_slice(&plan).map_err(|e| bad(e.to_string()))?;
    if stored.base.version != VERSION {
        return Err(bad(format!("it is of version {}, and this altdisk knows version {VERSION}", stored.base.version)));
    }
    Ok(Some(stored))
}

/// Reads the journal; a last line that a power cut tore is left out.
fn parse_journal(text: &[u8]) -> Vec<Record> {
    text.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice(l).ok()).collect()
}

/// For the tests of crashes: with ALTDISK_TEST_KILL=`before|after|done`:`STEP`, this process is killed as by
/// `kill -9` when that step is about to act, has acted but is not yet journalled as done, or is done.
pub fn crash_point(moment: &str, step: &str) {
    if std::env::var("ALTDISK_TEST_KILL").is_ok_and(|v| v == format!("{moment}:{step}")) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_system_has_a_name() {
        let full = anyhow::Error::new(std::io::Error::from(std::io::ErrorKind::StorageFull)).context("writing the journal");
        assert!(
            error::of(&no_room(full)).unwrap().to_string().starts_with("ALT-712: /var/lib/altdisk cannot be written: writing the journal")
        );
        let other = anyhow::Error::new(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
        assert!(error::of(&no_room(other)).is_none());
    }

    #[test]
    fn a_torn_journal_is_read_up_to_the_tear() {
        let text = br#"{"r":"begin","id":"1.gate"}
{"r":"done","id":"1.gate"}
{"r":"begin","id":"1.wi"#;
        assert_eq!(parse_journal(text), [Record::Begin { id: "1.gate".into() }, Record::Done { id: "1.gate".into() }]);
    }
}
