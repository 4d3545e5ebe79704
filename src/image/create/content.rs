//! The chunk that is being filled, and files read into it. Whatever a file does while it is read,
//! its member has the length that its header says.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::{Run, may_have_holes};
use crate::archive::output::pack::{self, Feed, Packer};
use crate::archive::tar::{Member, write};
use crate::host::make;
use crate::host::tree::{Errno, Stat, Sys, errno, read_ahead, stat_fd};
use crate::image::sums::{FileHash, Hash};

/// A file up to this size is read at once, and again if it changed meanwhile.
const SMALL: u64 = 256 << 10;

/// It is put into a chunk that is not full yet, with its headers.
const _: () = assert!(pack::LARGEST >= pack::CHUNK + 2 * SMALL as usize);

/// How often.
const TRIES: u32 = 3;

/// What is read of a large file at a time, and how far ahead the kernel is told.
const PIECE: usize = 256 << 10;
const AHEAD: u64 = 4 << 20;

/// How a file was read.
pub struct Saved {
    pub hash: Hash,
    /// How often it was read.
    pub tries: u32,
    /// It changed during the last time, too.
    pub torn: bool,
    /// It could not be read to its end; zeros stand for the rest.
    pub broken: Option<Errno>,
}

pub struct Chunks<'a> {
    packer: &'a Packer<'a>,
    feed: Feed,
    buffer: Vec<u8>,
    /// What is in the chunks before this one.
    before: u64,
    /// Nobody takes chunks any more.
    pub gone: bool,
}

impl<'a> Chunks<'a> {
    pub fn new(packer: &'a Packer<'a>, feed: Feed) -> Self {
        Self { packer, feed, buffer: packer.buffer(), before: 0, gone: false }
    }

    /// The place for headers and small things. [`Chunks::pass_on`] must follow.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Passes a full chunk on.
    pub fn pass_on(&mut self) {
        if self.buffer.len() >= self.packer.chunk() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.before += self.buffer.len() as u64;
        let full = std::mem::replace(&mut self.buffer, self.packer.buffer());
        self.gone |= !self.feed.put(full);
    }

    /// Passes the last chunk on; returns how long the archive is.
    pub fn finish(mut self) -> u64 {
        if !self.buffer.is_empty() {
            self.flush();
        }
        self.before
    }

    /// Appends bytes of any number.
    pub fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.packer.chunk().saturating_sub(self.buffer.len()).max(1);
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            self.buffer.extend_from_slice(now);
            bytes = rest;
            self.pass_on();
        }
    }

    /// Appends a regular file with its headers. `member` has its names and all that does not
    /// change; the rest is as `stat` says.
    pub fn file(
        &mut self,
        run: &Run<'_>,
        file: &File,
        stat: &Stat,
        member: &mut Member,
    ) -> Sys<Saved> {
        let mut stat = *stat;
        for tries in 1..=TRIES {
            if stat.size > SMALL || may_have_holes(&stat) {
                return self.large(run, file, &stat, member, tries);
            }
            let begin = self.buffer.len();
            dated(member, &stat, stat.size, None);
            write::header(&mut self.buffer, member);
            let content = self.buffer.len();
            let length = usize::try_from(stat.size).unwrap_or(0);
            self.buffer.resize(content + length, 0);
            let read = read_full(file, &mut self.buffer[content..], 0);
            let after = stat_fd(file);
            let (got, after) = match (read, after) {
                (Ok(got), Ok(after)) => (got, after),
                (Err(e), _) | (_, Err(e)) => {
                    self.buffer.truncate(begin);
                    return Err(e);
                }
            };
            let torn = got < length || changed(&stat, &after);
            if torn && tries < TRIES {
                self.buffer.truncate(begin);
                stat = after;
                std::thread::sleep(std::time::Duration::from_millis(20));
                continue;
            }
            let hash = *blake3::hash(&self.buffer[content..]).as_bytes();
            run.content(stat.size);
            write::pad(&mut self.buffer, stat.size);
            self.pass_on();
            return Ok(Saved { hash, tries, torn, broken: None });
        }
        Err(Errno::EAGAIN)
    }

    /// In pieces, which may be on their way already when the file changes: then that is said.
    fn large(
        &mut self,
        run: &Run<'_>,
        file: &File,
        stat: &Stat,
        member: &mut Member,
        tries: u32,
    ) -> Sys<Saved> {
        let map = if may_have_holes(stat) {
            super::data_of(file, stat.size)?
        } else {
            vec![(0, stat.size)]
        };
        let stored = map.iter().map(|(_, length)| length).sum();
        let whole = map == [(0, stat.size)] || stat.size == 0;
        dated(member, stat, stored, if whole { None } else { Some(map.clone()) });
        write::header(&mut self.buffer, member);
        self.pass_on();
        make::read_in_order(file);
        let mut hash = FileHash::new(stat.size, member.map.as_deref());
        let mut broken = None;
        let mut short = false;
        for (begin, length) in map {
            let mut at = begin;
            let end = begin + length;
            let mut ahead = at + AHEAD / 2;
            while at < end && !self.gone && !run.is_stopped() {
                if at + AHEAD / 2 >= ahead && ahead < end {
                    read_ahead(file, ahead, AHEAD);
                    ahead += AHEAD;
                }
                let room = self.packer.chunk().saturating_sub(self.buffer.len()).clamp(1, PIECE);
                let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(room);
                let from = self.buffer.len();
                self.buffer.resize(from + want, 0);
                match read_full(file, &mut self.buffer[from..], at) {
                    _ if broken.is_some() => {}
                    Ok(got) => short |= got < want,
                    Err(e) => broken = Some(e),
                }
                hash.update(&self.buffer[from..]);
                at += want as u64;
                run.content(want as u64);
                self.pass_on();
            }
        }
        write::pad(&mut self.buffer, stored);
        self.pass_on();
        let torn = short || stat_fd(file).is_ok_and(|after| changed(stat, &after));
        Ok(Saved { hash: hash.finish(), tries, torn, broken })
    }
}

fn dated(member: &mut Member, stat: &Stat, stored: u64, map: Option<Vec<(u64, u64)>>) {
    (member.size, member.stored, member.map) = (stat.size, stored, map);
    (member.mtime, member.atime) = (stat.mtime, Some(stat.atime));
    (member.mode, member.uid, member.gid) = (stat.permissions(), stat.uid, stat.gid);
}

/// A change of status says that content may have changed though the times say no; a link made or
/// removed says so too, and is none.
fn changed(before: &Stat, after: &Stat) -> bool {
    after.size != before.size
        || after.mtime != before.mtime
        || (after.ctime != before.ctime && after.nlink == before.nlink)
}

/// Fills the buffer from `at` on, less where the file ends; what is not filled stays as it is.
fn read_full(file: &File, buffer: &mut [u8], at: u64) -> Sys<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], at + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(errno(&e)),
        }
    }
    Ok(got)
}
