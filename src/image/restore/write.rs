//! Writers: batches become files.

use std::ffi::CStr;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;

use super::dirs::Dir;
use super::meta::Goal;
use super::queue::{Content, Item, Regular, What};
use super::run::{Fault, Panicked, Run};
use crate::archive::input::stream::Piece;
use crate::error;
use crate::host::make;
use crate::host::tree::{self, Errno, Kind, Stat, Sys, errno, own_umask};
use crate::image::sums::FileHash;
use crate::text::path::show_path;

/// A writer thread's whole life.
pub fn writer(run: &Run<'_>) {
    let _ends = Panicked(run);
    if let Err(e) = own_umask() {
        return run.fail(
            error::KERNEL.with_cause(format!("a thread could not have a umask of its own: {e}")),
        );
    }
    let mut left = None;
    while let Some((batch, taken)) = run.queue.take(left) {
        for mut item in batch.items {
            if run.is_stopped() {
                break;
            }
            let done = member(run, &mut item);
            let path = || item.dir.path_of(item.name.to_bytes());
            match done {
                Ok(()) => run.made(&path, !matches!(item.what, What::HardLink(..))),
                failed => {
                    if let Some(e) = run.judge(&path(), failed) {
                        run.fail(e);
                    }
                }
            }
        }
        run.queue.let_go(batch.bytes);
        left = Some(taken);
    }
}

/// Makes one member with all that it has.
fn member(run: &Run<'_>, item: &mut Item) -> Result<(), Fault> {
    let Item { dir, name, what, meta, offset } = item;
    let (dir, name, offset): (&Dir, &CStr, u64) = (dir, name, *offset);
    let path = || dir.path_of(name.to_bytes());
    let goal = Goal { run, system: &dir.system, path: &path };
    match what {
        What::Regular(file) => {
            let to = anew(dir, name, offset, || make::create(dir, name, meta.mode & 0o777));
            if let Ok(to) = &to {
                goal.before_content(to, meta);
            }
            let to = content(run, to, file, offset)?;
            Ok(goal.open_file(&to, meta, false)?)
        }
        What::HardLink(from, old) => link(dir, name, from, old, offset),
        What::Symlink(target) => {
            let target = std::ffi::OsString::from_vec(std::mem::take(target));
            anew(dir, name, offset, || make::symlink(dir, name, &target))?;
            Ok(goal.name(dir, name, meta, true)?)
        }
        What::Char(..) | What::Block(..) | What::Fifo => {
            let (kind, rdev) = match what {
                What::Char(major, minor) => (nix::libc::S_IFCHR, (*major, *minor)),
                What::Block(major, minor) => (nix::libc::S_IFBLK, (*major, *minor)),
                _ => (nix::libc::S_IFIFO, (0, 0)),
            };
            let like = Stat { mode: kind | (meta.mode & 0o777), rdev, ..Stat::default() };
            anew(dir, name, offset, || make::node(dir, name, &like))?;
            Ok(goal.name(dir, name, meta, false)?)
        }
    }
}

/// Makes something; what has its name already is replaced.
fn anew<T>(dir: &Dir, name: &CStr, offset: u64, make: impl Fn() -> Sys<T>) -> Result<T, Fault> {
    match make() {
        Err(Errno::EEXIST) => {
            remove(dir, name, offset)?;
            Ok(make()?)
        }
        other => Ok(other?),
    }
}

/// Removes what stands where a member belongs: a file, or a directory that is empty.
fn remove(dir: &Dir, name: &CStr, offset: u64) -> Result<(), Fault> {
    let there = tree::stat_at(dir, name)?;
    let removed = if there.kind() == Some(Kind::Directory) {
        make::remove_directory(dir, name)
    } else {
        make::unlink(dir, name)
    };
    let member =
        || format!("{} (offset {offset} of the archive)", show_path(&dir.path_of(name.to_bytes())));
    match removed {
        Err(Errno::ENOTEMPTY | Errno::EEXIST) => {
            let cause = format!(
                "{} is not a directory, but a directory of that name with files in it is there",
                member()
            );
            Err(Fault::Fatal(error::RESTORE_IN_THE_WAY.with_cause(cause)))
        }
        Err(Errno::EBUSY) => Err(Fault::Fatal(
            error::IMAGE_ESCAPES
                .with_cause(format!("{}: a file system is mounted in its place", member())),
        )),
        other => Ok(other?),
    }
}

fn link(dir: &Dir, name: &CStr, from: &Dir, old: &CStr, offset: u64) -> Result<(), Fault> {
    let missing = || {
        let (name, old) =
            (show_path(&dir.path_of(name.to_bytes())), show_path(&from.path_of(old.to_bytes())));
        Fault::Fatal(
            error::RESTORE_NO_TARGET.with_cause(format!(
                "{name} (offset {offset} of the archive) is a hard link to {old}"
            )),
        )
    };
    match make::link(from, old, dir, name) {
        Err(Errno::ENOENT) => Err(missing()),
        Err(Errno::EEXIST) => {
            let (a, b) =
                (tree::stat_at(from, old).map_err(|_| missing())?, tree::stat_at(dir, name)?);
            if (a.dev, a.ino) == (b.dev, b.ino) {
                return Ok(());
            }
            remove(dir, name, offset)?;
            Ok(make::link(from, old, dir, name)?)
        }
        other => Ok(other?),
    }
}

impl Content {
    /// The next piece of what is stored, waiting for it.
    fn next(&mut self) -> Option<Piece> {
        match self {
            Self::Small(pieces) => {
                if pieces.is_empty() {
                    None
                } else {
                    Some(pieces.remove(0))
                }
            }
            Self::Stream(from) => from.recv().ok(),
        }
    }
}

/// Writes what is stored where it belongs; the rest stays a hole.
///
/// Of a file that could not be made, or not written, the rest is taken in all the same: its sender
/// must not wait for room that nobody makes, and its checksum is that of the archive, which is not
/// to blame. A fault that ends the restore is given back at once: whoever waits is woken by the
/// failure.
fn content(
    run: &Run<'_>,
    to: Result<File, Fault>,
    file: &mut Regular,
    offset: u64,
) -> Result<File, Fault> {
    let mut to = to;
    let mut hash = file.sum.as_ref().map(|_| FileHash::new(file.size, file.map.as_deref()));
    let stream = matches!(file.content, Content::Stream(_));
    let whole = [(0, file.stored)];
    let ranges =
        file.map.as_deref().unwrap_or(&whole).iter().copied().filter(|(_, length)| *length > 0);
    let mut place = Place { ranges, at: 0, room: 0 };
    let mut rest = file.stored;
    while rest > 0 {
        if matches!(&to, Err(fault) if fault.ends_all()) {
            return to;
        }
        let Some(piece) = file.content.next() else { return Err(Fault::Stopped) };
        if let Some(hash) = &mut hash {
            hash.update(&piece);
        }
        match to.as_ref().map(|to| place.write(to, &piece)) {
            Ok(Err(e)) => to = Err(e.into()),
            Ok(Ok(())) => run.wrote(piece.len() as u64),
            Err(_) => {}
        }
        rest = rest.saturating_sub(piece.len() as u64);
        if stream {
            run.queue.let_go(piece.len());
        }
        if run.is_stopped() {
            return Err(Fault::Stopped);
        }
    }
    if place.at < file.size {
        to = to.and_then(|to| make::truncate(&to, file.size).map(|()| to).map_err(Fault::from));
    }
    if let (Some(sums), Some((index, name)), Some(hash)) = (&run.sums, &file.sum, hash) {
        sums.put(*index, name, offset, &hash.finish()).map_err(Fault::Fatal)?;
    }
    to
}

/// Where the next stored bytes belong: ranges of the file, and what is left of the current one.
struct Place<R> {
    ranges: R,
    at: u64,
    room: u64,
}

impl<R: Iterator<Item = (u64, u64)>> Place<R> {
    fn write(&mut self, to: &File, stored: &[u8]) -> Sys<()> {
        let mut bytes = stored;
        while !bytes.is_empty() {
            if self.room == 0 {
                // The reader checks that the map holds what is stored.
                (self.at, self.room) = self.ranges.next().ok_or(Errno::EINVAL)?;
            }
            let n = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
            to.write_all_at(&bytes[..n], self.at).map_err(|e| errno(&e))?;
            (self.at, self.room, bytes) = (self.at + n as u64, self.room - n as u64, &bytes[n..]);
        }
        Ok(())
    }
}
