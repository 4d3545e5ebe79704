//! Writers: batches become files.

use std::ffi::CStr;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;

use super::dirs::Dir;
use super::queue::{Content, Item, NewFile, Regular};
use super::state::Restore;
use crate::archive::input::stream::SharedBytes;
use crate::error;
use crate::host::fs_calls::{self, Errno, Kind, Stat, Sys, errno, own_umask};
use crate::host::make;
use crate::image::sums::FileHash;
use crate::text::path::show_path;
use crate::tree::error::CopyError;

/// A writer thread.
pub fn run(restore: &Restore<'_>) {
    let work = &restore.work;
    let _guard = work.stop_on_panic();
    if let Err(e) = own_umask() {
        let cause = format!("a thread could not set a umask of its own: {}", error::text_of(&e));
        return work.fail(error::KERNEL.with_cause(cause));
    }
    let mut left = None;
    while let Some((batch, taken)) = restore.queue.take(left) {
        for mut item in batch.items {
            if work.is_stopped() {
                break;
            }
            let done = make_member(restore, &mut item);
            let path = || item.dir.path_of(&item.name);
            match done {
                Ok(()) => {
                    restore.count_name(&path);
                    if !matches!(item.file, NewFile::HardLink(..)) {
                        work.count_file();
                    }
                }
                Err(e) => {
                    if let Some(e) = restore.record_error(&path(), e) {
                        work.fail(e);
                    }
                }
            }
        }
        restore.queue.release_content(batch.bytes);
        left = Some(taken);
    }
}

/// Makes one member with everything it has.
fn make_member(restore: &Restore<'_>, item: &mut Item) -> Result<(), CopyError> {
    let Item { dir, name, file: new, metadata, offset } = item;
    let (dir, name, offset): (&Dir, &CStr, u64) = (dir, name, *offset);
    let path = || dir.path_of(name);
    let writer = restore.metadata(&dir.system, &path);
    match new {
        NewFile::Regular(file) => {
            let to =
                replace(dir, name, offset, || make::create_file(dir, name, metadata.mode & 0o777));
            if let Ok(to) = &to {
                writer.prepare(to, metadata.flags);
            }
            let to = write_content(restore, to, file, offset)?;
            Ok(writer.apply_to_file(&to, metadata)?)
        }
        NewFile::HardLink(from, old) => make_link(dir, name, from, old, offset),
        NewFile::Symlink(target) => {
            let target = std::ffi::OsString::from_vec(std::mem::take(target));
            replace(dir, name, offset, || make::symlink(dir, name, &target))?;
            Ok(writer.apply_to_name(dir, name, metadata, true)?)
        }
        NewFile::Char(..) | NewFile::Block(..) | NewFile::Fifo => {
            let (kind, rdev) = match new {
                NewFile::Char(major, minor) => (nix::libc::S_IFCHR, (*major, *minor)),
                NewFile::Block(major, minor) => (nix::libc::S_IFBLK, (*major, *minor)),
                _ => (nix::libc::S_IFIFO, (0, 0)),
            };
            let like = Stat { mode: kind | (metadata.mode & 0o777), rdev, ..Stat::default() };
            replace(dir, name, offset, || make::create_node(dir, name, &like))?;
            Ok(writer.apply_to_name(dir, name, metadata, false)?)
        }
    }
}

/// Makes something; an existing file with its name is replaced.
fn replace<T>(
    dir: &Dir,
    name: &CStr,
    offset: u64,
    make: impl Fn() -> Sys<T>,
) -> Result<T, CopyError> {
    match make() {
        Err(Errno::EEXIST) => {
            remove(dir, name, offset)?;
            Ok(make()?)
        }
        other => Ok(other?),
    }
}

/// Removes what stands where a member belongs: a file, or a directory that is empty.
fn remove(dir: &Dir, name: &CStr, offset: u64) -> Result<(), CopyError> {
    let there = fs_calls::stat_at(dir, name)?;
    let removed = if there.kind() == Some(Kind::Directory) {
        make::remove_directory(dir, name)
    } else {
        make::unlink(dir, name)
    };
    let member = || format!("{} (offset {offset} of the archive)", show_path(&dir.path_of(name)));
    match removed {
        Err(Errno::ENOTEMPTY | Errno::EEXIST) => {
            let cause = format!(
                "{} is not a directory, but a directory of that name with files in it is there",
                member()
            );
            Err(CopyError::Fatal(error::RESTORE_IN_THE_WAY.with_cause(cause)))
        }
        Err(Errno::EBUSY) => Err(CopyError::Fatal(
            error::IMAGE_ESCAPES
                .with_cause(format!("{}: a file system is mounted in its place", member())),
        )),
        other => Ok(other?),
    }
}

fn make_link(dir: &Dir, name: &CStr, from: &Dir, old: &CStr, offset: u64) -> Result<(), CopyError> {
    let missing =
        || {
            let (name, old) = (show_path(&dir.path_of(name)), show_path(&from.path_of(old)));
            CopyError::Fatal(error::RESTORE_NO_TARGET.with_cause(format!(
                "{name} (offset {offset} of the archive) is a hard link to {old}"
            )))
        };
    match make::link(from, old, dir, name) {
        Err(Errno::ENOENT) => Err(missing()),
        Err(Errno::EEXIST) => {
            let (a, b) = (
                fs_calls::stat_at(from, old).map_err(|_| missing())?,
                fs_calls::stat_at(dir, name)?,
            );
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
    fn next(&mut self) -> Option<SharedBytes> {
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
/// If the file could not be made or written, the rest is taken from the queue all the same: its
/// sender must not wait for room that nobody makes, and its checksum is that of the archive, which
/// is not to blame. An error that ends the restore is returned at once: it wakes everybody who
/// waits.
fn write_content(
    restore: &Restore<'_>,
    to: Result<File, CopyError>,
    file: &mut Regular,
    offset: u64,
) -> Result<File, CopyError> {
    let mut to = to;
    let mut hash = file.sum.as_ref().map(|_| FileHash::new(file.size, file.map.as_deref()));
    let stream = matches!(file.content, Content::Stream(_));
    let whole = [(0, file.stored)];
    let ranges =
        file.map.as_deref().unwrap_or(&whole).iter().copied().filter(|(_, length)| *length > 0);
    let mut writer = ContentWriter { ranges, at: 0, room: 0 };
    let mut rest = file.stored;
    while rest > 0 {
        if matches!(&to, Err(e) if e.is_fatal()) {
            return to;
        }
        let Some(piece) = file.content.next() else { return Err(CopyError::Stopped) };
        if let Some(hash) = &mut hash {
            hash.update(&piece);
        }
        match to.as_ref().map(|to| writer.write(to, &piece)) {
            Ok(Err(e)) => to = Err(e.into()),
            Ok(Ok(())) => restore.work.count_bytes(piece.len() as u64),
            Err(_) => {}
        }
        rest = rest.saturating_sub(piece.len() as u64);
        if stream {
            restore.queue.release_content(piece.len());
        }
        if restore.work.is_stopped() {
            return Err(CopyError::Stopped);
        }
    }
    if writer.at < file.size {
        to = to.and_then(|to| make::truncate(&to, file.size).map(|()| to).map_err(CopyError::from));
    }
    if let (Some(sums), Some((index, name)), Some(hash)) = (&restore.sums, &file.sum, hash) {
        sums.add(*index, name, offset, &hash.finish()).map_err(CopyError::Fatal)?;
    }
    to
}

/// Where the next stored bytes belong: ranges of the file, and what is left of the current one.
struct ContentWriter<R> {
    ranges: R,
    at: u64,
    room: u64,
}

impl<R: Iterator<Item = (u64, u64)>> ContentWriter<R> {
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
