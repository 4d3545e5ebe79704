//! The reading thread: members become batches. It decides where each belongs, opens and makes the
//! directories, and holds back whatever depends on something that is not finished.

use std::ffi::CString;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::mpsc;

use anyhow::Result;

use super::deferred::DeferredMetadata;
use super::dirs::{Dir, OpenDirs, OpenError};
use super::path::parse_name;
use super::queue::{Batch, Content, Item, NewFile, Regular, SMALL};
use super::state::Restore;
use crate::archive::input::stream::{RetentionLimit, SharedBytes};
use crate::archive::tar::{Kind, Member, flags};
use crate::error;
use crate::host::fs_calls::{self, Errno, Kind as FileKind};
use crate::host::make;
use crate::image::archive::Archive;
use crate::image::kernel_files::{is_kernel_file, left_out_note};
use crate::text::path::show_path;
use crate::tree::dir::split;
use crate::tree::error::is_device_error;
use crate::tree::metadata::{FORBIDDING_FLAGS, Metadata, PRIVATE};

/// Content that waits may keep the archive's buffers in memory up to here, bytes.
const MAX_PINNED: usize = 16 << 20;

/// The reading thread's state.
pub struct MemberReader<'a> {
    restore: &'a Restore<'a>,
    dirs: OpenDirs,
    /// Metadata of directories, for the end.
    directories: DeferredMetadata,
    /// Flags that forbid changes, for the end.
    flags: DeferredMetadata,
    /// Is being filled.
    batch: Batch,
    /// Of the pieces of content that wait.
    keeper: RetentionLimit,
    hashes: RandomState,
    own: bool,
    regular: u64,
    noted_absolute: bool,
    systems: usize,
    /// Members that are left out.
    shown: u64,
}

/// The member that is being handled, for messages.
struct MemberName {
    name: Vec<u8>,
    offset: u64,
}

impl MemberName {
    fn describe(&self, what: impl std::fmt::Display) -> String {
        format!("{} (offset {} of the archive): {what}", show_path(&self.name), self.offset)
    }

    fn escape_error(&self, what: impl std::fmt::Display) -> anyhow::Error {
        error::IMAGE_ESCAPES.with_cause(self.describe(what))
    }

    /// Something on the way is not a directory.
    fn blocked_error(&self, path: &[u8], kind: Option<FileKind>) -> anyhow::Error {
        match kind {
            Some(FileKind::Symlink) => self.escape_error(format!(
                "it goes through {}, which is a symbolic link",
                show_path(path)
            )),
            _ => error::RESTORE_IN_THE_WAY
                .with_cause(self.describe(format!("{} is not a directory", show_path(path)))),
        }
    }
}

impl<'a> MemberReader<'a> {
    /// Nothing is read yet.
    pub fn new(
        restore: &'a Restore<'a>,
        dirs: OpenDirs,
        directories: DeferredMetadata,
        flags: DeferredMetadata,
    ) -> Self {
        Self {
            restore,
            dirs,
            directories,
            flags,
            batch: Batch::default(),
            keeper: RetentionLimit::new(MAX_PINNED),
            hashes: RandomState::new(),
            own: false,
            regular: 0,
            noted_absolute: false,
            systems: 0,
            shown: 0,
        }
    }

    /// Metadata to be set at the end: of directories everything, of files the flags.
    pub fn into_deferred(self) -> (DeferredMetadata, DeferredMetadata) {
        (self.directories, self.flags)
    }

    /// Reads the whole archive. False if the restore was stopped.
    pub fn read_all(&mut self, archive: &mut Archive) -> Result<bool> {
        self.own = archive.head.manifest.is_some();
        self.update_file_systems();
        while let Some(member) = archive.next()? {
            let far = self.batch.is_far_from(member.offset);
            if self.restore.work.is_stopped()
                || far && !self.hand_over()
                || !self.handle_member(archive, member)?
            {
                return Ok(false);
            }
        }
        if self.shown > 0 {
            self.restore.work.events.warn(left_out_note(self.shown));
        }
        Ok(self.hand_over())
    }

    fn handle_member(&mut self, archive: &mut Archive, mut m: Member) -> Result<bool> {
        let at = MemberName { name: std::mem::take(&mut m.path), offset: m.offset };
        let path = self.resolve(&at, &at.name)?;
        if !self.own && is_kernel_file(&path) {
            self.shown += 1;
            return Ok(true);
        }
        let Some((dir, name)) = split(&path) else {
            return match m.kind {
                Kind::Directory => self.handle_directory(&at, &path, take_metadata(&mut m)),
                _ => Err(at.escape_error("the root itself would be replaced")),
            };
        };
        if m.kind == Kind::Directory {
            return self.handle_directory(&at, &path, take_metadata(&mut m));
        }
        let Some(dir) = self.open_parent(&at, dir)? else { return Ok(false) };
        let here = self.hash_path(&path);
        if !self.wait_for(here) {
            return Ok(false);
        }
        // It may take the place of an empty directory.
        self.dirs.close(&path);
        let mut metadata = take_metadata(&mut m);
        if metadata.flags & FORBIDDING_FLAGS != 0 {
            let flags = metadata.flags & FORBIDDING_FLAGS;
            metadata.flags &= !flags;
            self.flags
                .add(&path, &Metadata { flags, ..Metadata::default() })
                .map_err(|e| self.restore.target_error(&path, e))?;
        }
        let name = CString::new(name)?;
        let offset = m.offset;
        let item = |file, metadata| Item { dir: Arc::clone(&dir), name, file, metadata, offset };
        match m.kind {
            Kind::Regular => {
                return self.handle_regular(archive, &at, here, m, |file| item(file, metadata));
            }
            Kind::HardLink(target) => {
                let target = self.resolve(&at, &target)?;
                let Some((from, old)) = split(&target) else {
                    return Err(at.escape_error("it is a hard link to the root itself"));
                };
                let (from, old, there) =
                    (from.to_vec(), CString::new(old)?, self.hash_path(&target));
                if !self.wait_for(there) {
                    return Ok(false);
                }
                // Its way may be a link that is not made yet: that must be seen.
                if self.dirs.cached(&from).is_none() && !self.wait_for_way(&from) {
                    return Ok(false);
                }
                let from = self.open_link_directory(&at, &from)?;
                self.batch.dirs += 1;
                self.add_to_batch(item(NewFile::HardLink(from, old), Metadata::default()), here);
            }
            Kind::Symlink(target) => {
                self.add_to_batch(item(NewFile::Symlink(target), metadata), here)
            }
            Kind::Char(major, minor) => {
                self.add_to_batch(item(NewFile::Char(major, minor), metadata), here)
            }
            Kind::Block(major, minor) => {
                self.add_to_batch(item(NewFile::Block(major, minor), metadata), here)
            }
            Kind::Fifo => self.add_to_batch(item(NewFile::Fifo, metadata), here),
            Kind::Directory => {}
        }
        Ok(!self.batch.is_full() || self.hand_over())
    }

    fn handle_regular(
        &mut self,
        archive: &mut Archive,
        at: &MemberName,
        here: u64,
        m: Member,
        item: impl FnOnce(NewFile) -> Item,
    ) -> Result<bool> {
        let index = self.regular;
        self.regular += 1;
        self.batch.weight += m.map.as_ref().map_or(0, |map| map.len() * 16);
        let sum = self.restore.sums.is_some().then(|| (index, at.name.clone()));
        let mut rest = m.stored;
        let short = || error::IMAGE_CUT.with_cause(at.describe("its content ends too early"));
        let file = |content| {
            NewFile::Regular(Regular { size: m.size, stored: m.stored, map: m.map, content, sum })
        };
        if rest <= SMALL {
            let mut pieces = vec![];
            while rest > 0 {
                let piece = self.next_piece(archive, rest)?.ok_or_else(short)?;
                if !self.restore.queue.reserve_content(piece.len()) {
                    return Ok(false);
                }
                rest -= piece.len() as u64;
                self.batch.bytes += piece.len();
                pieces.push(piece);
            }
            self.add_to_batch(item(file(Content::Small(pieces))), here);
            return Ok(!self.batch.is_full() || self.hand_over());
        }
        let (send, receive) = mpsc::channel();
        self.add_to_batch(item(file(Content::Stream(receive))), here);
        if !self.hand_over() {
            return Ok(false);
        }
        while rest > 0 {
            let piece = self.next_piece(archive, rest)?.ok_or_else(short)?;
            rest -= piece.len() as u64;
            if !self.restore.queue.reserve_content(piece.len()) || send.send(piece).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next content, which is to wait.
    fn next_piece(&mut self, archive: &mut Archive, rest: u64) -> Result<Option<SharedBytes>> {
        Ok(archive
            .piece()?
            .filter(|p| !p.is_empty() && p.len() as u64 <= rest)
            .map(|p| self.keeper.retain(p)))
    }

    /// A stored name as a path below the root.
    fn resolve(&mut self, at: &MemberName, stored: &[u8]) -> Result<Vec<u8>> {
        let name = parse_name(stored, self.own).map_err(|why| at.escape_error(why))?;
        if name.absolute && !self.noted_absolute {
            self.noted_absolute = true;
            self.restore
                .work
                .events
                .note("names in the archive begin with /; they are restored below the target");
        }
        if self.restore.diversions.is_taken(&name.path) {
            return Err(at.escape_error(format!(
                "{} is kept for files of another place",
                show_path(&name.path)
            )));
        }
        Ok(self.restore.diversions.apply(name.path))
    }

    /// Makes a directory, or takes one that is there; its metadata is for the end. Something else
    /// with that name is replaced.
    fn handle_directory(&mut self, at: &MemberName, path: &[u8], meta: Metadata) -> Result<bool> {
        let restore = self.restore;
        if let Some((dir, name)) = split(path) {
            let Some(dir) = self.open_parent(at, dir)? else { return Ok(false) };
            let here = self.hash_path(path);
            if self.batch.paths.contains(&here) && !self.hand_over()
                || !restore.queue.wait_for(here)
            {
                return Ok(false);
            }
            let name = CString::new(name)?;
            if restore.diversions.is_prefix(path)
                && fs_calls::stat_at(&*dir, &name)
                    .is_ok_and(|s| s.kind() == Some(FileKind::Symlink))
            {
                // The rest goes where the link leads: `lib` of a boot image, where /lib is a link to
                // usr/lib.
                return Ok(true);
            }
            if let Err(e) = self.make_directory(&dir, &name, path) {
                return match e {
                    Errno::EBUSY => Err(at.escape_error("a file is mounted in its place")),
                    e if is_device_error(e) => Err(restore.target_error(path, e)),
                    e => {
                        restore.record_failed(path, e);
                        Ok(true)
                    }
                };
            }
            self.update_file_systems();
        }
        self.directories.add(path, &meta).map_err(|e| restore.target_error(path, e))?;
        restore.count_name(&|| path.to_vec());
        restore.work.count_file();
        Ok(true)
    }

    fn make_directory(&mut self, dir: &Dir, name: &CString, path: &[u8]) -> fs_calls::Sys<()> {
        match make::create_directory(dir, name, PRIVATE) {
            Err(Errno::EEXIST) => {}
            other => return other,
        }
        if fs_calls::stat_at(dir, name)?.kind() == Some(FileKind::Directory) {
            if self.dirs.cached(path).is_none() {
                self.dirs.adopt(make::open_directory(dir, name)?, path, None)?;
            }
            return Ok(());
        }
        make::unlink(dir, name)?;
        make::create_directory(dir, name, PRIVATE)
    }

    /// The directory that a member belongs in; None when all was stopped.
    fn open_parent(&mut self, at: &MemberName, path: &[u8]) -> Result<Option<Arc<Dir>>> {
        if let Some(dir) = self.dirs.cached(path) {
            return Ok(Some(dir));
        }
        // Something on the way may not be finished, and be no directory.
        if !self.wait_for_way(path) {
            return Ok(None);
        }
        let (restore, directories) = (self.restore, &mut self.directories);
        let found = self.dirs.parent(path, &mut |path, meta| directories.add(path, &meta));
        self.update_file_systems();
        match found {
            Ok(dir) => Ok(Some(dir)),
            Err(OpenError::NotADirectory(place, kind)) => Err(at.blocked_error(&place, kind)),
            Err(OpenError::Kernel(e)) => Err(restore.target_error(path, e)),
        }
    }

    /// The directory that a hard link's target is in: nothing is made there.
    fn open_link_directory(&mut self, at: &MemberName, path: &[u8]) -> Result<Arc<Dir>> {
        match self.dirs.existing(path) {
            Ok(dir) => Ok(dir),
            Err(Errno::ELOOP | Errno::ENOTDIR) => Err(at.escape_error(format!(
                "it is a hard link through {}, which is not a directory",
                show_path(path)
            ))),
            Err(Errno::ENOENT) => Err(error::RESTORE_NO_TARGET.with_cause(at.describe(format!(
                "it is a hard link to a file in {}, which is not there",
                show_path(path)
            )))),
            Err(e) => Err(self.restore.target_error(path, e)),
        }
    }

    fn update_file_systems(&mut self) {
        let all = self.dirs.file_systems();
        if all.len() != self.systems {
            self.systems = all.len();
            self.restore.set_file_systems(all);
        }
    }

    fn hash_path(&self, path: &[u8]) -> u64 {
        path.split(|b| *b == b'/').fold(0, |h, name| self.hashes.hash_one((h, name)))
    }

    /// Waits until this path is finished, unless it is in the batch that is being filled: there
    /// order holds.
    fn wait_for(&mut self, path: u64) -> bool {
        self.batch.paths.contains(&path) || self.restore.queue.wait_for(path)
    }

    /// Waits until a path and everything above it is finished.
    fn wait_for_way(&mut self, path: &[u8]) -> bool {
        let mut way = Vec::new();
        path.split(|b| *b == b'/').fold(0, |h, name| {
            way.push(self.hashes.hash_one((h, name)));
            way.last().copied().unwrap_or_default()
        });
        if way.iter().any(|h| self.batch.paths.contains(h)) && !self.hand_over() {
            return false;
        }
        !self.restore.queue.is_pending(way) || self.restore.queue.wait_for_all()
    }

    fn add_to_batch(&mut self, item: Item, path: u64) {
        if self.batch.items.last().is_none_or(|last| !Arc::ptr_eq(&last.dir, &item.dir)) {
            self.batch.dirs += 1;
        }
        self.batch.weight += item.metadata.allocated_bytes();
        self.batch.paths.push(path);
        self.batch.items.push(item);
    }

    fn hand_over(&mut self) -> bool {
        if self.batch.items.is_empty() {
            return !self.restore.work.is_stopped();
        }
        self.restore.queue.push(std::mem::take(&mut self.batch))
    }
}

/// A member's metadata; its extended attributes and flags are moved.
fn take_metadata(m: &mut Member) -> Metadata {
    Metadata {
        mode: m.mode & 0o7777,
        uid: m.uid,
        gid: m.gid,
        mtime: Some(m.mtime),
        atime: m.atime,
        xattrs: std::mem::take(&mut m.xattrs),
        flags: m.flags.take().map_or(0, |w| flags::of_words(&w)),
        project: 0,
    }
}
