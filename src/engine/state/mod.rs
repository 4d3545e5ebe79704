//! The state of altdisk: the stored plan and the journal below /var/lib/altdisk, and the lock that
//! keeps runs apart.
//!
//! `altinst/plan.json` is written before the first byte goes to a disk; `altinst/journal.jsonl`
//! gets a line, flushed to the device, before and after each step acts. From the two follow the
//! phases that may run, the step where `--resume` continues, and what `-X` has to undo, even after
//! a crash at any moment. Without the directory `altinst` there is no alternate.
//!
//! [`files`] reads and writes them and decides whether they are trusted, [`secrets`] keeps
//! passwords apart, [`lock`] is the lock, [`record_state`] rates the record, [`relocate`] finds the
//! disks again.

mod alternate;
pub mod disk_content;
mod errors;
mod files;
mod journal;
mod lock;
pub mod record_state;
pub mod relocate;
mod secrets;
pub mod updates;

pub use alternate::{Alternate, Stored};
pub use journal::Record;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

use crate::engine::paths::{ALTERNATE, STATE};
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::Plan;
use crate::host::files::write_own;
use crate::host::own_file::{self, Refused};
use crate::host::trusted;
use crate::{error, secret};

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
    /// ALT-701 if another run holds it, ALT-717 if somebody else can have changed what is
    /// stored, ALT-712 and ALT-718 if the directory cannot be made.
    pub fn lock() -> Result<Self> {
        let dir = PathBuf::from(STATE);
        trust_above(&dir)?;
        // All users may see the record: `disks` and previews do not need root.
        let opened = own_file::make_directory(&dir, TOP_MODE).map_err(errors::refused_directory)?;
        // As version 0.1.0 made it. On a read-only file system it stays so.
        let _ = opened.set_permissions(std::fs::Permissions::from_mode(TOP_MODE));
        Self::locked(dir, lock::take(Path::new(STATE), opened)?)
    }

    /// The same for what writes nothing new (-X): where the directory is not there and cannot be
    /// made, there is nothing stored, and the nearest directory above it is locked in its place.
    ///
    /// # Errors
    /// As [`State::lock`], but for ALT-712 and ALT-718.
    pub fn lock_to_remove() -> Result<Self> {
        match Self::lock() {
            Err(e) if errors::is_no_room(&e) => {
                let above =
                    Path::new(STATE).ancestors().find(|p| p.is_dir()).unwrap_or(Path::new("/"));
                let opened = own_file::directory(above).map_err(errors::refused)?;
                Self::locked(PathBuf::from(STATE), lock::take(above, opened)?)
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
            Err(no @ Refused::Unsafe { .. }) => Err(errors::refused(no)),
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

    /// True if a run could begin now; nothing is made or kept.
    ///
    /// # Errors
    /// ALT-701 if another run is at work.
    pub fn not_busy() -> Result<()> {
        lock::is_free(Path::new(STATE))
    }

    /// Keeps how many bytes a second were copied, for the next run's estimate. A failure does not
    /// matter.
    pub fn keep_copy_rate(rate: u64) {
        let _ = write_own(&PathBuf::from(STATE).join(RATE), format!("{rate}\n").as_bytes(), 0o644);
    }

    /// Bytes a second, as the last copy had them.
    pub fn copy_rate() -> Option<u64> {
        const MAX_BYTES: u64 = 100;
        let text = own_file::read(&PathBuf::from(STATE).join(RATE), MAX_BYTES).ok().flatten()?;
        String::from_utf8(text).ok()?.trim().parse().ok().filter(|r| *r > 0)
    }

    fn alternate_dir(&self) -> PathBuf {
        self.dir.join(ALTERNATE)
    }

    /// The stored alternate, read without the lock (for listings and previews).
    ///
    /// # Errors
    /// ALT-717 if somebody else can have changed it.
    pub fn read_unlocked() -> Result<Stored> {
        files::load(&believed()?)
    }

    /// The description of the stored alternate. Any user may read it: the journal, which only root
    /// can read, is not needed.
    ///
    /// # Errors
    /// As [`State::read_unlocked`].
    pub fn read_base_unlocked() -> Result<Stored<AlternateSpec>> {
        Ok(files::load_plan(&believed()?)?.map(|s| s.base))
    }

    /// The stored alternate. One that an earlier version stored with its passwords in plan.json is
    /// stored anew without them.
    ///
    /// # Errors
    /// As [`State::read_unlocked`].
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
    /// If the state cannot be written; nothing else has happened then.
    pub fn begin_run(
        &mut self,
        base: &AlternateSpec,
        plan: &Plan,
        run: u32,
        time: u64,
    ) -> Result<()> {
        let dir = self.alternate_dir();
        own_file::make_directory(&dir, MODE).map_err(errors::refused)?;
        let kept = files::Kept { run, base: base.clone(), plan: plan.clone() };
        files::store(&dir, &kept, files::needs_secrets(plan)).map_err(errors::no_room)?;
        self.append(&Record::Run { run, argv: secret::masked_words(&plan.request.argv), time })
    }

    /// Adds a record, on the device when this returns. Room for the record that -X makes is left.
    ///
    /// # Errors
    /// If it cannot be written: then the step must not act.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.write(record, REMOVAL_ROOM).map_err(errors::no_room)?;
        if matches!(record, Record::Phase { phase: 2.. }) {
            secrets::remove_secrets(&self.alternate_dir())?;
        }
        if *record == (Record::Phase { phase: 3 }) {
            files::note_finished(&self.alternate_dir());
        }
        Ok(())
    }

    /// Notes that the removal has begun. On a file system that can no longer be written to,
    /// what only people read is given up for it.
    ///
    /// # Errors
    /// ALT-712 or ALT-718: it is not noted, and should the removal be interrupted, `--resume` would
    /// not know of it.
    pub fn append_removal(&mut self) -> Result<()> {
        let first = self.write(&Record::CleanUp, 0);
        first.or_else(|_| {
            files::make_room(&self.alternate_dir());
            self.write(&Record::CleanUp, 0).map_err(errors::no_room)
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
                let mut opened =
                    own_file::append_believed(&path, 0o600).map_err(errors::refused)?;
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
    /// If files cannot be removed.
    pub fn remove_alternate(&mut self) -> Result<()> {
        self.journal = None;
        files::remove_all(&self.alternate_dir()).map_err(errors::no_room)
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

/// The directory of the alternate, if only root can have changed its content. Other users only
/// read.
fn believed() -> Result<PathBuf> {
    let dir = PathBuf::from(STATE);
    let inner = dir.join(ALTERNATE);
    if nix::unistd::geteuid().is_root() {
        trust_above(&dir)?;
        for dir in [&dir, &inner] {
            if let Err(no @ Refused::Unsafe { .. }) = own_file::directory(dir) {
                return Err(errors::refused(no));
            }
        }
    }
    Ok(inner)
}

/// Checks that only root can change the directories above the state directory.
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
