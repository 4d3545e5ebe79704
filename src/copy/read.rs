//! Readers: directories become batches of files that are open and on their way from the disk.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::fcntl::OFlag;

use super::meta;
use super::queue::{Batch, Item};
use super::run::{Fault, Run};
use crate::host::attrs::{self, Of};
use crate::host::make;
use crate::host::tree::{self, Entry, Errno, Kind, Stat};
use crate::tree::dir::{Dir, Open, Task, join};
use crate::tree::filter::ExcludeFilter;
use crate::tree::report::Tally;

/// What one listing call fills: about a thousand entries.
const LISTING: usize = 32 << 10;

/// The same when very many directories wait: a tree both deep and broad must not fill the memory.
const SHORT_LISTING: usize = 1 << 10;
const MANY: usize = 50_000;

/// Of a file so much is read ahead here; the rest while it is copied.
const AHEAD: u64 = 2 << 20;

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);

struct Reader<'a> {
    run: &'a Run<'a>,
    buffer: Vec<u8>,
    filter: ExcludeFilter<'a>,
}

/// A reader thread's whole life.
pub fn reader(run: &Run<'_>) {
    let filter = ExcludeFilter::new(run.job.excludes, run.source, run.dev, run.job.prefix);
    let mut reader = Reader { run, buffer: vec![0; LISTING], filter };
    while let Some(task) = run.stack.take() {
        let path = task.dir.path();
        if let Err(fault) = reader.directory(&task, &path) {
            run.judge(path, fault);
        }
        run.stack.done();
    }
}

impl Reader<'_> {
    /// Reads a directory up to its end, or to where it has subdirectories: those go first then.
    fn directory(&mut self, task: &Task, path: &[u8]) -> Result<(), Fault> {
        let run = self.run;
        let source = match tree::open_below(run.source, path, DIRECTORY) {
            Ok(source) => source,
            Err(e) => return self.cannot_open(path, e),
        };
        let target = tree::open_below(run.target, path, DIRECTORY).map_err(Fault::Target)?;
        let at = Arc::new(Open { dir: Arc::clone(&task.dir), source, target });
        if task.position == 0 {
            if !self.begin(&at)? {
                run.part_done(&at);
                return Ok(());
            }
        } else {
            make::go_to(&at.source, task.position).map_err(Fault::Source)?;
        }
        while !run.stopped.load(Ordering::Relaxed) {
            let length = if run.stack.len() > MANY { SHORT_LISTING } else { LISTING };
            let mut entries = match tree::list(&at.source, &mut self.buffer[..length]) {
                Ok(Some(entries)) => entries,
                Ok(None) => break,
                Err(e) => {
                    run.unreadable(path.to_vec(), e);
                    break;
                }
            };
            entries.sort_unstable_by_key(|e| e.ino);
            let subdirectories = self.entries(&at, path, entries);
            if !subdirectories.is_empty() {
                let position = make::position(&at.source).map_err(Fault::Source)?;
                let rest = Task { dir: Arc::clone(&at.dir), position };
                let first = subdirectories.into_iter().rev().map(|dir| Task { dir, position: 0 });
                run.stack.push(std::iter::once(rest).chain(first));
                return Ok(());
            }
        }
        run.part_done(&at);
        Ok(())
    }

    /// A directory that was listed and is not there any more leaves nothing behind.
    fn cannot_open(&self, path: &[u8], e: Errno) -> Result<(), Fault> {
        if matches!(e, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) {
            let cut = path.iter().rposition(|b| *b == b'/');
            let (parent, name) =
                cut.map_or((b"".as_slice(), path), |c| (&path[..c], &path[c + 1..]));
            let name = std::ffi::CString::new(name).unwrap_or_default();
            let _ = tree::open_below(self.run.target, parent, DIRECTORY)
                .and_then(|p| make::remove_directory(p, &name));
            return Err(Fault::Source(Errno::ENOENT));
        }
        Err(Fault::Source(e))
    }

    /// The first look at a directory; false if its content is not copied.
    fn begin(&self, at: &Open) -> Result<bool, Fault> {
        let run = self.run;
        let stat = tree::stat_fd(&at.source).map_err(Fault::Source)?;
        let other = stat.dev != run.dev;
        // A reader that goes on with it later finds the same.
        let _ = at.dir.stat.set(stat);
        run.made(&|| at.dir.path());
        run.made_file();
        if other {
            let path = at.dir.path();
            if !run.job.apart.iter().any(|p| p.as_os_str().as_bytes() == path) {
                run.tally.subvolume(path);
            }
            return Ok(false);
        }
        meta::neutral(run, at).map_err(Fault::Target)?;
        meta::casefold(run, at);
        Ok(true)
    }

    /// Sorts out a part of a listing: subdirectories are made and returned, other files queued.
    fn entries(&self, at: &Arc<Open>, path: &[u8], entries: Vec<Entry>) -> Vec<Arc<Dir>> {
        let run = self.run;
        let mut subdirectories = vec![];
        let new = || Batch { at: Arc::clone(at), items: Vec::new(), bytes: 0 };
        let mut batch = new();
        for entry in entries {
            if run.stopped.load(Ordering::Relaxed) {
                break;
            }
            match self.entry(at, path, &entry) {
                Ok(Some(Found::Directory)) => subdirectories.push(Dir::child(&at.dir, entry.name)),
                Ok(Some(Found::File(item, ahead))) => {
                    batch.items.push(item);
                    batch.bytes += ahead;
                    if batch.is_full() {
                        self.queue(std::mem::replace(&mut batch, new()));
                    }
                }
                Ok(None) => {}
                Err(fault) => run.judge(join(path, &entry.name), fault),
            }
        }
        self.queue(batch);
        subdirectories
    }

    fn queue(&self, batch: Batch) {
        if !batch.items.is_empty() {
            batch.at.dir.add_part();
            self.run.queue.put(batch);
        }
    }

    fn entry(&self, at: &Open, dir: &[u8], entry: &Entry) -> Result<Option<Found>, Fault> {
        let run = self.run;
        let path = || join(dir, &entry.name);
        let mut stat = None;
        let mut kind = entry.kind;
        if kind.is_none() {
            let s = tree::stat_at(&at.source, &entry.name).map_err(Fault::Source)?;
            (stat, kind) = (Some(s), s.kind());
        }
        if self.filter.is_excluded(&path, kind == Some(Kind::Directory)).map_err(Fault::Source)? {
            Tally::add(&run.tally.excluded, 1);
            return Ok(None);
        }
        // Only the staging directory is always there to be skipped; paths are built where there are
        // more.
        let named = run.skip_paths.contains(entry.name.to_bytes()) || run.skip_paths.len() > 1;
        let left_out = named && run.skip_paths.contains(&path());
        if left_out
            && (kind != Some(Kind::Directory) || entry.name.as_c_str() == super::links::STAGING)
        {
            Tally::add(&run.tally.left_out, 1);
            return Ok(None);
        }
        let mut file = None;
        if kind == Some(Kind::Regular) {
            match make::open_file(&at.source, &entry.name) {
                Ok(open) => {
                    stat = Some(tree::stat_fd(&open).map_err(Fault::Source)?);
                    file = Some(open);
                }
                // Something else by now: a link, or a socket.
                Err(Errno::ELOOP | Errno::ENXIO) => {}
                Err(e) => return Err(Fault::Source(e)),
            }
        }
        let stat = match stat {
            Some(stat) => stat,
            None => tree::stat_at(&at.source, &entry.name).map_err(Fault::Source)?,
        };
        let skipped = left_out || run.skip_inodes.contains(&(stat.dev, stat.ino));
        if stat.kind() == Some(Kind::Directory) {
            self.make_directory(at, entry)?;
            if !skipped {
                return Ok(Some(Found::Directory));
            }
            Tally::add(&run.tally.left_out, 1);
            self.empty_directory(at, entry, &stat)?;
            return Ok(None);
        }
        if skipped {
            Tally::add(&run.tally.left_out, 1);
            return Ok(None);
        }
        self.file(at, entry, stat, file).map(Some)
    }

    fn file(
        &self,
        at: &Open,
        entry: &Entry,
        stat: Stat,
        file: Option<std::fs::File>,
    ) -> Result<Found, Fault> {
        let file = file.filter(|_| stat.kind() == Some(Kind::Regular));
        let mut ahead = 0;
        if let Some(file) = file.as_ref().filter(|_| stat.allocated > 0) {
            ahead = stat.size.min(AHEAD);
            tree::read_ahead(file, 0, ahead);
        }
        let of =
            file.as_ref().map_or(Of::Name(at.source.as_fd(), &entry.name), |f| Of::File(f.as_fd()));
        let attributes = attrs::names(of).map_err(Fault::Source)?;
        Ok(Found::File(Item { name: entry.name.clone(), stat, attributes, file }, ahead))
    }

    /// Makes a directory for its owner only; its metadata comes when everything in it is there.
    fn make_directory(&self, at: &Open, entry: &Entry) -> Result<(), Fault> {
        match make::directory(&at.target, &entry.name, meta::PRIVATE) {
            Err(Errno::EEXIST) => {}
            other => return other.map_err(Fault::Target),
        }
        let there = tree::stat_at(&at.target, &entry.name).map_err(Fault::Target)?;
        if there.kind() == Some(Kind::Directory) {
            return Ok(());
        }
        make::unlink(&at.target, &entry.name)
            .and_then(|()| make::directory(&at.target, &entry.name, meta::PRIVATE))
            .map_err(Fault::Target)
    }

    /// Gives a directory its metadata whose content is left out.
    fn empty_directory(&self, at: &Open, entry: &Entry, stat: &Stat) -> Result<(), Fault> {
        let open = |dir: &OwnedFd| make::open_directory(dir, &entry.name);
        let dir = Dir::child(&at.dir, entry.name.clone());
        let both = Open {
            dir,
            source: open(&at.source).map_err(Fault::Source)?,
            target: open(&at.target).map_err(Fault::Target)?,
        };
        self.run.made(&|| both.dir.path());
        meta::directory(self.run, &both, stat)
    }
}

/// What an entry is.
enum Found {
    Directory,
    /// With how much of it is read ahead.
    File(Item, u64),
}
