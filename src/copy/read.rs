//! Readers: directories become batches of files that are open and on their way from the disk.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::batch::{Batch, Item, OpenDir};
use super::links::STAGING;
use super::metadata;
use super::state::Copier;
use crate::host::attrs::{self, AttrTarget};
use crate::host::fs_calls::{self, Entry, Errno, Kind, Stat};
use crate::host::make;
use crate::tree::content::start_reading;
use crate::tree::dir::{DIRECTORY, Dir, DirTask, LISTING, join, split};
use crate::tree::error::CopyError;
use crate::tree::metadata::PRIVATE;
use crate::tree::report::Tally;
use crate::tree::walk::{self, Found};

/// A reader thread.
pub fn run(copier: &Copier<'_>) {
    let _guard = copier.work.stop_on_panic();
    let mut reader = Reader { copier, buffer: vec![0; LISTING] };
    while let Some(task) = copier.stack.take() {
        let path = task.dir.path();
        if let Err(e) = reader.read_directory(&task, &path) {
            copier.record_error(path, e);
        }
        copier.stack.done();
    }
}

struct Reader<'a> {
    copier: &'a Copier<'a>,
    buffer: Vec<u8>,
}

/// An entry that is to be copied.
enum Wanted {
    Directory,
    /// With how many bytes of it are read ahead.
    File(Item, u64),
}

impl Reader<'_> {
    /// Reads a directory up to its end, or to where it has subdirectories: those go first then.
    fn read_directory(&mut self, task: &DirTask, path: &[u8]) -> Result<(), CopyError> {
        let copier = self.copier;
        let source = match copier.walk.open(path) {
            Ok(source) => source,
            Err(e) => return Err(self.remove_unopened(path, e)),
        };
        let target = fs_calls::open_below(copier.target.top.as_fd(), path, DIRECTORY)
            .map_err(CopyError::Target)?;
        let at = Arc::new(OpenDir { dir: Arc::clone(&task.dir), source, target });
        if task.position == 0 {
            if !self.begin(&at)? {
                metadata::finish_part(copier, &at);
                return Ok(());
            }
        } else {
            make::set_position(&at.source, task.position).map_err(CopyError::Source)?;
        }
        while !copier.work.is_stopped() {
            let entries = match walk::next_entries(&at.source, &mut self.buffer, copier.stack.len())
            {
                Ok(Some(entries)) => entries,
                Ok(None) => break,
                Err(e) => {
                    copier.record_unreadable(path.to_vec(), e);
                    break;
                }
            };
            let subdirectories = self.queue_entries(&at, path, entries);
            if !subdirectories.is_empty() {
                let position = make::position(&at.source).map_err(CopyError::Source)?;
                let rest = DirTask { dir: Arc::clone(&at.dir), position };
                let first =
                    subdirectories.into_iter().rev().map(|dir| DirTask { dir, position: 0 });
                copier.stack.push(std::iter::once(rest).chain(first));
                return Ok(());
            }
        }
        metadata::finish_part(copier, &at);
        Ok(())
    }

    /// A directory that was listed and no longer exists leaves nothing behind.
    fn remove_unopened(&self, path: &[u8], e: Errno) -> CopyError {
        if !matches!(e, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) {
            return CopyError::Source(e);
        }
        if let Some((parent, name)) = split(path) {
            let name = std::ffi::CString::new(name).unwrap_or_default();
            let _ = fs_calls::open_below(self.copier.target.top.as_fd(), parent, DIRECTORY)
                .and_then(|p| make::remove_directory(p, &name));
        }
        CopyError::Source(Errno::ENOENT)
    }

    /// The first look at a directory; false if its content is not copied.
    fn begin(&self, at: &OpenDir) -> Result<bool, CopyError> {
        let copier = self.copier;
        let stat = fs_calls::stat_fd(&at.source).map_err(CopyError::Source)?;
        // A reader that continues with it later finds the same.
        let _ = at.dir.stat.set(stat);
        copier.count_name(&|| at.dir.path());
        copier.work.count_file();
        if !copier.walk.is_inside(&stat) {
            let path = at.dir.path();
            if !copier.job.apart.iter().any(|p| p.as_os_str().as_bytes() == path) {
                copier.work.tally.add_subvolume(path);
            }
            return Ok(false);
        }
        metadata::prepare_directory(copier, at).map_err(CopyError::Target)?;
        Ok(true)
    }

    /// Works through a part of a listing: subdirectories are made and returned, other files queued.
    fn queue_entries(&self, at: &Arc<OpenDir>, path: &[u8], entries: Vec<Entry>) -> Vec<Arc<Dir>> {
        let copier = self.copier;
        let mut subdirectories = vec![];
        let mut batch = Batch::new(at);
        for entry in entries {
            if copier.work.is_stopped() {
                break;
            }
            match self.examine(at, path, &entry) {
                Ok(Some(Wanted::Directory)) => {
                    subdirectories.push(Dir::child(&at.dir, entry.name));
                }
                Ok(Some(Wanted::File(item, ahead))) => {
                    batch.items.push(item);
                    batch.bytes += ahead;
                    if batch.is_full() {
                        self.push(std::mem::replace(&mut batch, Batch::new(at)));
                    }
                }
                Ok(None) => {}
                Err(e) => copier.record_error(join(path, &entry.name), e),
            }
        }
        self.push(batch);
        subdirectories
    }

    fn push(&self, batch: Batch) {
        if !batch.items.is_empty() {
            batch.at.dir.add_part();
            self.copier.queue.push(batch);
        }
    }

    fn examine(
        &self,
        at: &OpenDir,
        dir: &[u8],
        entry: &Entry,
    ) -> Result<Option<Wanted>, CopyError> {
        let tally = &self.copier.work.tally;
        let path = || join(dir, &entry.name);
        match self.copier.walk.examine(&at.source, entry, &path).map_err(CopyError::Source)? {
            Found::Excluded => {
                Tally::add(&tally.excluded, 1);
                Ok(None)
            }
            Found::LeftOut => {
                Tally::add(&tally.left_out, 1);
                Ok(None)
            }
            Found::Directory { left_out: true } if entry.name.as_c_str() == STAGING => {
                Tally::add(&tally.left_out, 1);
                Ok(None)
            }
            Found::Directory { left_out } => {
                let stat = fs_calls::stat_at(&at.source, &entry.name).map_err(CopyError::Source)?;
                self.make_directory(at, entry)?;
                if !left_out && !self.copier.walk.is_skipped(&stat) {
                    return Ok(Some(Wanted::Directory));
                }
                Tally::add(&tally.left_out, 1);
                self.finish_empty_directory(at, entry, &stat)?;
                Ok(None)
            }
            Found::File(stat, file) => self.open_item(at, entry, stat, file).map(Some),
        }
    }

    fn open_item(
        &self,
        at: &OpenDir,
        entry: &Entry,
        stat: Stat,
        file: Option<File>,
    ) -> Result<Wanted, CopyError> {
        let ahead = file.as_ref().map_or(0, |file| start_reading(file, &stat));
        let of = file.as_ref().map_or(AttrTarget::Name(at.source.as_fd(), &entry.name), |f| {
            AttrTarget::File(f.as_fd())
        });
        let attributes = attrs::names(of).map_err(CopyError::Source)?;
        Ok(Wanted::File(Item { name: entry.name.clone(), stat, attributes, file }, ahead))
    }

    /// Makes a directory for its owner only; its metadata follows when everything in it is there.
    fn make_directory(&self, at: &OpenDir, entry: &Entry) -> Result<(), CopyError> {
        match make::create_directory(&at.target, &entry.name, PRIVATE) {
            Err(Errno::EEXIST) => {}
            other => return other.map_err(CopyError::Target),
        }
        let existing = fs_calls::stat_at(&at.target, &entry.name).map_err(CopyError::Target)?;
        if existing.kind() == Some(Kind::Directory) {
            return Ok(());
        }
        make::unlink(&at.target, &entry.name)
            .and_then(|()| make::create_directory(&at.target, &entry.name, PRIVATE))
            .map_err(CopyError::Target)
    }

    /// Gives its metadata to a directory whose content is left out.
    fn finish_empty_directory(
        &self,
        at: &OpenDir,
        entry: &Entry,
        stat: &Stat,
    ) -> Result<(), CopyError> {
        let open = |dir: &OwnedFd| make::open_directory(dir, &entry.name);
        let both = OpenDir {
            dir: Dir::child(&at.dir, entry.name.clone()),
            source: open(&at.source).map_err(CopyError::Source)?,
            target: open(&at.target).map_err(CopyError::Target)?,
        };
        self.copier.count_name(&|| both.dir.path());
        metadata::copy_to_directory(self.copier, &both, stat)
    }
}
