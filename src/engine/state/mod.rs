//! What stands: the stored plan and the journal under /var/lib/altdisk, and the lock that keeps
//! runs apart.
//!
//! `altinst/plan.json` is written before the first byte goes to a disk; `altinst/journal.jsonl`
//! gets a line, flushed to the device, before and after each step acts. Together they tell what a
//! phase may build on, where `--resume` continues, and what `-X` has to undo, after a crash at any
//! moment too. No directory `altinst` means: there is no alternate.
//!
//! Parts: [`files`] is how they lie on disk and when they are believed, [`secrets`] keeps passwords
//! apart, [`lock`] is the lock.

pub mod relocate;
pub mod standing;
pub mod updates;

mod files;
mod lock;
mod secrets;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use serde::{Deserialize, Serialize};

use crate::boot::bootlist::Before;
use crate::engine::plan::{self, Base, Plan};
use crate::error;
use crate::host::files::write_own;
use crate::host::own_file::{self, Refused};
use crate::host::trusted;
use crate::secret;

/// Where altdisk keeps its state; never copied to an alternate.
pub const DIR: &str = "/var/lib/altdisk";

/// The directory of the stored alternate in it.
pub const ALTERNATE: &str = "altinst";

/// Everybody may look at the record, whatever the umask is.
const MODE: u32 = 0o755;

/// Of the state directory: everybody gets to the record by its name, and only root opens the
/// directory itself. Whoever opens it can lock it (flock(2)), and would keep every run from
/// working.
const TOP_MODE: u32 = 0o711;

/// Room that the journal keeps free: -X must be able to note that it has begun when there is no
/// other room left.
const REMOVAL_ROOM: usize = 4096;

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
    /// Lines of the journal are lost or damaged: it does not tell all that was done.
    pub journal_damaged: bool,
}

/// What is stored of an alternate.
#[derive(Debug)]
pub enum Stored<T = Alternate> {
    /// There is none.
    None,
    Known(T),
    /// Something is stored and cannot be believed: ALT-702 where it is damaged, ALT-716 where a
    /// newer altdisk stored it.
    Unreadable(anyhow::Error),
}

impl<T> Stored<T> {
    /// For those who can do nothing without it: what is stored, or None where there is nothing.
    ///
    /// # Errors
    /// ALT-702 or ALT-716 where it cannot be read.
    pub fn known(self) -> Result<Option<T>> {
        match self {
            Self::None => Ok(None),
            Self::Known(stored) => Ok(Some(stored)),
            Self::Unreadable(why) => Err(why),
        }
    }

    fn map<U>(self, f: impl FnOnce(T) -> U) -> Stored<U> {
        match self {
            Self::None => Stored::None,
            Self::Known(stored) => Stored::Known(f(stored)),
            Self::Unreadable(why) => Stored::Unreadable(why),
        }
    }
}

impl Alternate {
    /// The kernel's names of its disks, as commands take them; for people see
    /// [`Layout::disk_names`](super::layout::Layout::disk_names).
    pub fn disks(&self) -> String {
        self.base.layout.disks.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Phases that are complete.
    pub fn phases_done(&self) -> BTreeSet<u8> {
        self.journal
            .iter()
            .filter_map(|r| if let Record::Phase { phase } = r { Some(*phase) } else { None })
            .collect()
    }

    /// The journal of the last run.
    fn of_run(&self) -> &[Record] {
        let last = self
            .journal
            .iter()
            .position(|r| matches!(r, Record::Run { run, .. } if *run == self.run));
        &self.journal[last.unwrap_or(self.journal.len())..]
    }

    /// Phases that the last run completed.
    pub fn phases_of_run(&self) -> BTreeSet<u8> {
        self.of_run()
            .iter()
            .filter_map(|r| if let Record::Phase { phase } = r { Some(*phase) } else { None })
            .collect()
    }

    /// Steps of the last run that are done.
    pub fn steps_done(&self) -> BTreeSet<&str> {
        self.of_run()
            .iter()
            .filter_map(|r| if let Record::Done { id } = r { Some(id.as_str()) } else { None })
            .collect()
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

    /// Whether a step was ever done.
    pub fn done(&self, id: &str) -> bool {
        self.journal.iter().any(|r| matches!(r, Record::Done { id: i } if i == id))
    }

    /// The command line that phase 1 was given.
    pub fn made_by(&self) -> &[String] {
        let first = self.journal.iter().find_map(|r| {
            if let Record::Run { argv, .. } = r { Some(argv.as_slice()) } else { None }
        });
        first.unwrap_or(&self.plan.request.argv)
    }

    /// Whether installing packages was begun and did not end well, and no phase 2 came to its end
    /// since.
    pub fn half_updated(&self) -> bool {
        let of_update = |id: &str| id == plan::UPDATE;
        let begun =
            self.journal.iter().rposition(|r| matches!(r, Record::Begin { id } if of_update(id)));
        let ended = |r: &Record| {
            matches!(r, Record::Phase { phase: 2 })
                || matches!(r, Record::Done { id } if of_update(id))
        };
        begun.is_some_and(|at| !self.journal[at..].iter().any(ended))
    }

    pub fn cleaning(&self) -> bool {
        self.journal.contains(&Record::CleanUp)
    }

    /// The boot list before we changed it, if we did.
    pub fn before(&self) -> Option<&Before> {
        self.journal
            .iter()
            .find_map(|r| if let Record::Before { before } = r { Some(before) } else { None })
    }
}

/// The state directory, locked.
pub struct State {
    dir: PathBuf,
    journal: Option<File>,
    _lock: lock::Lock,
}

impl State {
    /// Takes the lock; the directory is made if need be.
    ///
    /// # Errors
    /// ALT-701 where another run holds it, ALT-717 where somebody else can have changed what is
    /// stored, ALT-712 and ALT-718 where the directory cannot be made.
    pub fn lock() -> Result<Self> {
        let dir = PathBuf::from(DIR);
        trust_above(&dir)?;
        // Everybody may see what stands: `disks` and previews need no root.
        let opened = own_file::make_directory(&dir, TOP_MODE).map_err(files::refused_directory)?;
        // As version 0.1.0 made it. On a read-only file system it stays so.
        let _ = opened.set_permissions(std::fs::Permissions::from_mode(TOP_MODE));
        Self::locked(dir, lock::take(Path::new(DIR), opened)?)
    }

    /// The same for what writes nothing new (-X): where the directory is not there and cannot be
    /// made, there is nothing stored, and the nearest directory above it is locked in its place.
    ///
    /// # Errors
    /// As [`State::lock`], but for ALT-712 and ALT-718.
    pub fn lock_to_remove() -> Result<Self> {
        match Self::lock() {
            Err(e) if files::is_no_room(&e) => {
                let above =
                    Path::new(DIR).ancestors().find(|p| p.is_dir()).unwrap_or(Path::new("/"));
                let opened = own_file::directory(above).map_err(files::refused)?;
                Self::locked(PathBuf::from(DIR), lock::take(above, opened)?)
            }
            other => other,
        }
    }

    fn locked(dir: PathBuf, lock: lock::Lock) -> Result<Self> {
        let state = Self { dir, journal: None, _lock: lock };
        match own_file::directory(&state.alternate_dir()) {
            Err(Refused::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(state)
            }
            Err(no @ Refused::Unsafe { .. }) => Err(files::refused(no)),
            // Anything else in its place is an alternate that cannot be read.
            _ => Ok(state),
        }
    }

    /// The same for a short work that others do too: a lock that is held for a moment is waited
    /// for.
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
        lock::is_free(Path::new(DIR))
    }

    /// Keeps how many bytes a second were copied, for the next run's estimate. A number that cannot
    /// be kept is no harm.
    pub fn keep_copy_rate(rate: u64) {
        let _ = write_own(&PathBuf::from(DIR).join(RATE), format!("{rate}\n").as_bytes(), 0o644);
    }

    /// Bytes a second, as the last copy had them.
    pub fn copy_rate() -> Option<u64> {
        const MAX_BYTES: u64 = 100;
        let text = own_file::read(&PathBuf::from(DIR).join(RATE), MAX_BYTES).ok().flatten()?;
        String::from_utf8(text).ok()?.trim().parse().ok().filter(|r| *r > 0)
    }

    fn alternate_dir(&self) -> PathBuf {
        self.dir.join(ALTERNATE)
    }

    /// The stored alternate, read without the lock (for listings and previews).
    ///
    /// # Errors
    /// ALT-717 where somebody else can have changed it.
    pub fn peek() -> Result<Stored> {
        files::load(&believed()?)
    }

    /// What phase 1 settled for the stored alternate. Anyone may ask: the journal, which is root's,
    /// is not read.
    ///
    /// # Errors
    /// As [`State::peek`].
    pub fn peek_base() -> Result<Stored<Base>> {
        Ok(files::load_plan(&believed()?)?.map(|s| s.base))
    }

    /// The stored alternate. One that an earlier version stored with its passwords in plan.json is
    /// stored anew without them.
    ///
    /// # Errors
    /// As [`State::peek`].
    pub fn load(&self) -> Result<Stored> {
        let dir = self.alternate_dir();
        let stored = files::load(&dir)?;
        if let Stored::Known(a) = &stored {
            files::hide_secrets(&dir, a);
        }
        Ok(stored)
    }

    /// Stores a plan (phase 1: with a new base) and begins a run.
    ///
    /// # Errors
    /// Where the state cannot be written; nothing else has happened then.
    pub fn begin_run(&mut self, base: &Base, plan: &Plan, run: u32, time: u64) -> Result<()> {
        let dir = self.alternate_dir();
        own_file::make_directory(&dir, MODE).map_err(files::refused)?;
        let kept = files::Kept { run, base: base.clone(), plan: plan.clone() };
        files::store(&dir, &kept, needs_secrets(plan)).map_err(files::no_room)?;
        self.append(&Record::Run { run, argv: secret::masked_words(&plan.request.argv), time })
    }

    /// Adds a record, on the device when this returns. Room for the record that -X makes is left.
    ///
    /// # Errors
    /// Where it cannot be written: then the step must not act.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.write(record, REMOVAL_ROOM).map_err(files::no_room)?;
        if matches!(record, Record::Phase { phase: 2.. }) {
            secrets::forget(&self.alternate_dir())?;
        }
        if *record == (Record::Phase { phase: 3 }) {
            files::note_finished(&self.alternate_dir());
        }
        Ok(())
    }

    /// Notes that the removal has begun. On a file system that takes nothing any more, what only
    /// people read is given up for it.
    ///
    /// # Errors
    /// ALT-712 or ALT-718: it is not noted, and should the removal be interrupted, `--resume` would
    /// not know of it.
    pub fn append_removal(&mut self) -> Result<()> {
        let first = self.write(&Record::CleanUp, 0);
        first.or_else(|_| {
            files::make_room(&self.alternate_dir());
            self.write(&Record::CleanUp, 0).map_err(files::no_room)
        })
    }

    /// `spare`: bytes that must have room after the record.
    fn write(&mut self, record: &Record, spare: usize) -> Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let path = self.alternate_dir().join(files::JOURNAL);
        let file = match &mut self.journal {
            Some(file) => file,
            none => {
                let mut opened = own_file::append_believed(&path, 0o600).map_err(files::refused)?;
                files::end_line(&path, &mut opened)?;
                none.insert(opened)
            }
        };
        if spare > 0 {
            reserve(file, line.len() + spare)
                .with_context(|| format!("making room in {}", path.display()))?;
        }
        file.write_all(&line)
            .and_then(|()| file.sync_all())
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Forgets the alternate. The last thing that -X does.
    ///
    /// # Errors
    /// Where files cannot be removed.
    pub fn forget(&mut self) -> Result<()> {
        self.journal = None;
        files::forget(&self.alternate_dir()).map_err(files::no_room)
    }
}

/// Has the file system keep room for so many bytes at the end of the file; one that cannot do that
/// keeps none.
fn reserve(file: &File, bytes: usize) -> std::io::Result<()> {
    let (Ok(end), Ok(bytes)) = (i64::try_from(file.metadata()?.len()), i64::try_from(bytes)) else {
        return Ok(());
    };
    match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, end, bytes) {
        Err(e @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS)) => Err(e.into()),
        _ => Ok(()),
    }
}

/// Only phase 2 needs passwords: for the location of packages, and for proxies.
fn needs_secrets(plan: &Plan) -> bool {
    plan.steps.iter().any(|s| s.id == plan::UPDATE)
}

/// The directory of the alternate, if nobody else can have changed what is in it. Who is not root
/// looks and does nothing.
fn believed() -> Result<PathBuf> {
    let dir = PathBuf::from(DIR);
    let inner = dir.join(ALTERNATE);
    if nix::unistd::geteuid().is_root() {
        trust_above(&dir)?;
        for dir in [&dir, &inner] {
            if let Err(no @ Refused::Unsafe { .. }) = own_file::directory(dir) {
                return Err(files::refused(no));
            }
        }
    }
    Ok(inner)
}

/// What is above the state directory is root's.
fn trust_above(dir: &Path) -> Result<()> {
    let there = dir.ancestors().skip(1).find(|p| p.exists()).unwrap_or(Path::new("/"));
    trusted::trust_path(there).map_err(|no| {
        let remedy = if no.right.is_empty() {
            error::UNSAFE_STATE.remedy.to_owned()
        } else {
            format!("`{} {}`", no.right, no.path.display())
        };
        error::UNSAFE_STATE.with_remedy(format!("{} {}", no.path.display(), no.wrong), remedy)
    })
}

/// For the tests of crashes: with ALTDISK_TEST_KILL=`before|after|done`:`STEP`, this process is
/// killed as by `kill -9` when that step is about to act, has acted but is not yet journalled as
/// done, or is done. With ALTDISK_TEST_STOP it is stopped there, and goes on with SIGCONT: for the
/// tests of what others do meanwhile.
pub fn crash_point(moment: &str, step: &str) {
    use nix::sys::signal::Signal;
    for (variable, signal) in
        [("ALTDISK_TEST_KILL", Signal::SIGKILL), ("ALTDISK_TEST_STOP", Signal::SIGSTOP)]
    {
        if std::env::var(variable).is_ok_and(|v| v == format!("{moment}:{step}")) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), signal);
        }
    }
}
