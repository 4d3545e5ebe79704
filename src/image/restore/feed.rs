//! The reading thread: members become batches. It decides where each belongs, opens and makes the
//! directories, and lets nothing go on that depends on what is not finished.

use std::ffi::CString;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::mpsc;

use anyhow::Result;

use super::dirs::{Dir, Dirs, Trouble};
use super::later::Notes;
use super::meta::{FORBIDDING, Meta, PRIVATE};
use super::path::{clean, split};
use super::queue::{Batch, Content, Item, Regular, SMALL, What};
use super::run::Run;
use crate::archive::input::stream::{Keeper, Piece};
use crate::archive::tar::{Kind, Member};
use crate::error;
use crate::host::make;
use crate::host::tree::{self, Errno, Kind as FileKind};
use crate::image::archive::Archive;
use crate::image::shown::{is_shown, left_out};
use crate::text::path::show_path;

/// Content that waits may keep the archive's buffers in memory up to here, bytes.
const PINNED: usize = 16 << 20;

pub struct Feed<'a> {
    run: &'a Run<'a>,
    dirs: Dirs,
    /// Metadata of directories, for the end.
    directories: Notes,
    /// Flags that forbid changes, for the end.
    flags: Notes,
    /// Is being filled.
    batch: Batch,
    /// Of the pieces of content that wait.
    keeper: Keeper,
    hashes: RandomState,
    own: bool,
    regular: u64,
    told_absolute: bool,
    systems: usize,
    /// Members that are left out.
    shown: u64,
}

/// The member that is worked on, for messages.
struct At {
    name: Vec<u8>,
    offset: u64,
}

impl At {
    fn says(&self, what: impl std::fmt::Display) -> String {
        format!("{} (offset {} of the archive): {what}", show_path(&self.name), self.offset)
    }

    fn escapes(&self, what: impl std::fmt::Display) -> anyhow::Error {
        error::IMAGE_ESCAPES.with_cause(self.says(what))
    }

    /// A directory on the way is none.
    fn blocked(&self, path: &[u8], kind: Option<FileKind>) -> anyhow::Error {
        match kind {
            Some(FileKind::Symlink) => self
                .escapes(format!("it goes through {}, which is a symbolic link", show_path(path))),
            _ => error::RESTORE_IN_THE_WAY
                .with_cause(self.says(format!("{} is not a directory", show_path(path)))),
        }
    }
}

impl<'a> Feed<'a> {
    pub fn new(run: &'a Run<'a>, dirs: Dirs, directories: Notes, flags: Notes) -> Self {
        Self {
            run,
            dirs,
            directories,
            flags,
            batch: Batch::default(),
            keeper: Keeper::new(PINNED),
            hashes: RandomState::new(),
            own: false,
            regular: 0,
            told_absolute: false,
            systems: 0,
            shown: 0,
        }
    }

    pub fn into_notes(self) -> (Notes, Notes) {
        (self.directories, self.flags)
    }

    /// The whole archive. False when the restore was stopped.
    pub fn all(&mut self, archive: &mut Archive) -> Result<bool> {
        self.own = archive.head.manifest.is_some();
        self.new_systems();
        while let Some(member) = archive.next()? {
            let far = self.batch.is_far_from(member.offset);
            if self.run.is_stopped() || far && !self.hand_over() || !self.member(archive, member)? {
                return Ok(false);
            }
        }
        if self.shown > 0 {
            self.run.events.warn(left_out(self.shown));
        }
        Ok(self.hand_over())
    }

    fn member(&mut self, archive: &mut Archive, mut m: Member) -> Result<bool> {
        let at = At { name: std::mem::take(&mut m.path), offset: m.offset };
        let path = self.place(&at, &at.name)?;
        if !self.own && is_shown(&path) {
            self.shown += 1;
            return Ok(true);
        }
        let Some((dir, name)) = split(&path) else {
            return match m.kind {
                Kind::Directory => self.directory(&at, &path, Meta::take(&mut m)),
                _ => Err(at.escapes("the root itself would be replaced")),
            };
        };
        if m.kind == Kind::Directory {
            return self.directory(&at, &path, Meta::take(&mut m));
        }
        let Some(dir) = self.parent(&at, dir)? else { return Ok(false) };
        let here = self.hash(&path);
        if !self.finished(here) {
            return Ok(false);
        }
        // It may take the place of an empty directory.
        self.dirs.forget(&path);
        let meta = Meta::take(&mut m);
        if meta.flags & FORBIDDING != 0 {
            let flags = Meta { flags: meta.flags & FORBIDDING, ..Meta::default() };
            self.flags.add(&path, &flags).map_err(|e| self.run.target_failed(&path, e))?;
        }
        let name = CString::new(name)?;
        let offset = m.offset;
        let item = |what, meta| Item { dir: Arc::clone(&dir), name, what, meta, offset };
        match m.kind {
            Kind::Regular => return self.regular(archive, &at, here, m, |what| item(what, meta)),
            Kind::HardLink(target) => {
                let target = self.place(&at, &target)?;
                let Some((from, old)) = split(&target) else {
                    return Err(at.escapes("it is a hard link to the root itself"));
                };
                let (from, old, there) = (from.to_vec(), CString::new(old)?, self.hash(&target));
                if !self.finished(there) {
                    return Ok(false);
                }
                // Its way may be a link that is not made yet: that must be seen.
                if self.dirs.cached(&from).is_none() && !self.way_finished(&from) {
                    return Ok(false);
                }
                let from = self.link_directory(&at, &from)?;
                self.batch.dirs += 1;
                self.push(item(What::HardLink(from, old), Meta::default()), here);
            }
            Kind::Symlink(target) => self.push(item(What::Symlink(target), meta), here),
            Kind::Char(major, minor) => self.push(item(What::Char(major, minor), meta), here),
            Kind::Block(major, minor) => self.push(item(What::Block(major, minor), meta), here),
            Kind::Fifo => self.push(item(What::Fifo, meta), here),
            Kind::Directory => {}
        }
        Ok(!self.batch.is_full() || self.hand_over())
    }

    fn regular(
        &mut self,
        archive: &mut Archive,
        at: &At,
        here: u64,
        m: Member,
        item: impl FnOnce(What) -> Item,
    ) -> Result<bool> {
        let index = self.regular;
        self.regular += 1;
        self.batch.weight += m.map.as_ref().map_or(0, |map| map.len() * 16);
        let sum = self.run.sums.is_some().then(|| (index, at.name.clone()));
        let mut rest = m.stored;
        let short = || error::IMAGE_CUT.with_cause(at.says("its content ends too early"));
        let file = |content| {
            What::Regular(Regular { size: m.size, stored: m.stored, map: m.map, content, sum })
        };
        if rest <= SMALL {
            let mut pieces = vec![];
            while rest > 0 {
                let piece = self.piece(archive, rest)?.ok_or_else(short)?;
                if !self.run.queue.hold(piece.len()) {
                    return Ok(false);
                }
                rest -= piece.len() as u64;
                self.batch.bytes += piece.len();
                pieces.push(piece);
            }
            self.push(item(file(Content::Small(pieces))), here);
            return Ok(!self.batch.is_full() || self.hand_over());
        }
        let (send, receive) = mpsc::channel();
        self.push(item(file(Content::Stream(receive))), here);
        if !self.hand_over() {
            return Ok(false);
        }
        while rest > 0 {
            let piece = self.piece(archive, rest)?.ok_or_else(short)?;
            rest -= piece.len() as u64;
            if !self.run.queue.hold(piece.len()) || send.send(piece).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next content, which is to wait.
    fn piece(&mut self, archive: &mut Archive, rest: u64) -> Result<Option<Piece>> {
        Ok(archive
            .piece()?
            .filter(|p| !p.is_empty() && p.len() as u64 <= rest)
            .map(|p| self.keeper.keep(p)))
    }

    /// A stored name as a path below the root.
    fn place(&mut self, at: &At, stored: &[u8]) -> Result<Vec<u8>> {
        let clean = clean(stored, self.own).map_err(|why| at.escapes(why))?;
        if clean.absolute && !self.told_absolute {
            self.told_absolute = true;
            self.run
                .events
                .note("names in the archive begin with /; they are restored below the target");
        }
        if self.run.divert.is_taken(&clean.path) {
            return Err(at.escapes(format!(
                "{} is kept for files of another place",
                show_path(&clean.path)
            )));
        }
        Ok(self.run.divert.apply(clean.path))
    }

    /// Makes a directory, or takes one that is there; its metadata is for the end. Something else
    /// with that name is replaced.
    fn directory(&mut self, at: &At, path: &[u8], meta: Meta) -> Result<bool> {
        let run = self.run;
        if let Some((dir, name)) = split(path) {
            let Some(dir) = self.parent(at, dir)? else { return Ok(false) };
            let here = self.hash(path);
            if self.batch.paths.contains(&here) && !self.hand_over() || !run.queue.wait_for(here) {
                return Ok(false);
            }
            let name = CString::new(name)?;
            if run.divert.is_prefix(path)
                && tree::stat_at(&*dir, &name).is_ok_and(|s| s.kind() == Some(FileKind::Symlink))
            {
                // What it leads to is where the rest goes: `lib` of a boot image, where /lib is a
                // link to usr/lib.
                return Ok(true);
            }
            if let Err(e) = self.make(&dir, &name, path) {
                return match e {
                    Errno::EBUSY => Err(at.escapes("a file is mounted in its place")),
                    Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS | Errno::EIO => {
                        Err(run.target_failed(path, e))
                    }
                    e => {
                        run.tally
                            .failed(path.to_vec(), format!("cannot be made on the target: {e}"));
                        Ok(true)
                    }
                };
            }
            self.new_systems();
        }
        self.directories.add(path, &meta).map_err(|e| run.target_failed(path, e))?;
        run.made(&|| path.to_vec(), true);
        Ok(true)
    }

    fn make(&mut self, dir: &Dir, name: &CString, path: &[u8]) -> tree::Sys<()> {
        match make::directory(dir, name, PRIVATE) {
            Err(Errno::EEXIST) => {}
            other => return other,
        }
        if tree::stat_at(dir, name)?.kind() == Some(FileKind::Directory) {
            if self.dirs.cached(path).is_none() {
                self.dirs.adopt(make::open_directory(dir, name)?, path, None)?;
            }
            return Ok(());
        }
        make::unlink(dir, name)?;
        make::directory(dir, name, PRIVATE)
    }

    /// The directory that a member belongs in; None when all was stopped.
    fn parent(&mut self, at: &At, path: &[u8]) -> Result<Option<Arc<Dir>>> {
        if let Some(dir) = self.dirs.cached(path) {
            return Ok(Some(dir));
        }
        // Something on the way may not be finished, and be no directory.
        if !self.way_finished(path) {
            return Ok(None);
        }
        let (run, directories) = (self.run, &mut self.directories);
        let found = self.dirs.parent(path, &mut |path, meta| directories.add(path, &meta));
        self.new_systems();
        match found {
            Ok(dir) => Ok(Some(dir)),
            Err(Trouble::NotADirectory(place, kind)) => Err(at.blocked(&place, kind)),
            Err(Trouble::Kernel(e)) => Err(run.target_failed(path, e)),
        }
    }

    /// The directory that a hard link's target is in: nothing is made there.
    fn link_directory(&mut self, at: &At, path: &[u8]) -> Result<Arc<Dir>> {
        match self.dirs.existing(path) {
            Ok(dir) => Ok(dir),
            Err(Errno::ELOOP | Errno::ENOTDIR) => Err(at.escapes(format!(
                "it is a hard link through {}, which is not a directory",
                show_path(path)
            ))),
            Err(Errno::ENOENT) => Err(error::RESTORE_NO_TARGET.with_cause(at.says(format!(
                "it is a hard link to a file in {}, which is not there",
                show_path(path)
            )))),
            Err(e) => Err(self.run.target_failed(path, e)),
        }
    }

    fn new_systems(&mut self) {
        let all = self.dirs.systems();
        if all.len() != self.systems {
            self.systems = all.len();
            self.run.now_systems(all);
        }
    }

    fn hash(&self, path: &[u8]) -> u64 {
        path.split(|b| *b == b'/').fold(0, |h, name| self.hashes.hash_one((h, name)))
    }

    /// Waits until this path is finished, unless it is in the batch that is being filled: there
    /// order holds.
    fn finished(&mut self, path: u64) -> bool {
        self.batch.paths.contains(&path) || self.run.queue.wait_for(path)
    }

    /// Waits until a path and everything above it is finished.
    fn way_finished(&mut self, path: &[u8]) -> bool {
        let mut way = Vec::new();
        path.split(|b| *b == b'/').fold(0, |h, name| {
            way.push(self.hashes.hash_one((h, name)));
            way.last().copied().unwrap_or_default()
        });
        if way.iter().any(|h| self.batch.paths.contains(h)) && !self.hand_over() {
            return false;
        }
        !self.run.queue.is_pending(way) || self.run.queue.wait_all()
    }

    fn push(&mut self, item: Item, path: u64) {
        if self.batch.items.last().is_none_or(|last| !Arc::ptr_eq(&last.dir, &item.dir)) {
            self.batch.dirs += 1;
        }
        self.batch.weight += item.meta.weight();
        self.batch.paths.push(path);
        self.batch.items.push(item);
    }

    fn hand_over(&mut self) -> bool {
        if self.batch.items.is_empty() {
            return !self.run.is_stopped();
        }
        self.run.queue.put(std::mem::take(&mut self.batch))
    }
}
