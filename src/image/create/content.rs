//! The chunk that is being filled, and files read into it. Whatever a file does while it is read,
//! its member has the length that its header says.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::state::Saver;
use crate::archive::output::pack::{self, ChunkSender, Packer};
use crate::archive::tar::{Member, write};
use crate::host::fs_calls::{Errno, Stat, Sys, errno, read_ahead, stat_fd};
use crate::host::make;
use crate::image::sums::{FileHash, Hash};
use crate::tree::content::{
    MAX_TRIES, READ_AHEAD, RETRY_PAUSE, has_changed, may_have_holes, next_data_range,
};

/// A file up to this size is read at once, and again if it changed meanwhile.
const SMALL: u64 = 256 << 10;

/// It is put into a chunk that is not full yet, with its headers.
const _: () = assert!(pack::MAX_CHUNK >= pack::CHUNK + 2 * SMALL as usize);

/// How much of a large file is read at a time.
const PIECE: usize = 256 << 10;

/// A file with holes has at most this many ranges with data: in files with more, small holes are
/// data.
const MAX_RANGES: usize = 1 << 15;

/// How a file was read.
pub struct Saved {
    pub hash: Hash,
    /// How often it was read.
    pub tries: u32,
    /// It changed during the last time, too.
    pub changed: bool,
    /// It could not be read to its end; zeros stand for the rest.
    pub broken: Option<Errno>,
}

/// The archive as it grows, in chunks.
pub struct Chunks<'a> {
    packer: &'a Packer<'a>,
    sender: ChunkSender,
    buffer: Vec<u8>,
    /// Bytes in the chunks before this one.
    before: u64,
    /// Nobody receives chunks any more.
    pub gone: bool,
}

impl<'a> Chunks<'a> {
    /// An empty archive.
    pub fn new(packer: &'a Packer<'a>, sender: ChunkSender) -> Self {
        Self { packer, sender, buffer: packer.buffer(), before: 0, gone: false }
    }

    /// The place for headers and small things. [`Chunks::send_if_full`] must follow.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Sends the chunk if it is full.
    pub fn send_if_full(&mut self) {
        if self.buffer.len() >= self.packer.chunk() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.before += self.buffer.len() as u64;
        let full = std::mem::replace(&mut self.buffer, self.packer.buffer());
        self.gone |= !self.sender.send(full);
    }

    /// Sends the last chunk; returns how long the archive is.
    pub fn finish(mut self) -> u64 {
        if !self.buffer.is_empty() {
            self.flush();
        }
        self.before
    }

    /// Appends bytes of any number.
    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.packer.chunk().saturating_sub(self.buffer.len()).max(1);
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            self.buffer.extend_from_slice(now);
            bytes = rest;
            self.send_if_full();
        }
    }

    /// Appends a regular file with its headers. `member` has its names and all that does not
    /// change; the rest is as `stat` says.
    pub fn append_file(
        &mut self,
        saver: &Saver<'_>,
        file: &File,
        stat: &Stat,
        member: &mut Member,
    ) -> Sys<Saved> {
        let mut stat = *stat;
        for tries in 1..=MAX_TRIES {
            if stat.size > SMALL || may_have_holes(&stat) {
                return self.append_large(saver, file, &stat, member, tries);
            }
            let begin = self.buffer.len();
            set_times_and_size(member, &stat, stat.size, None);
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
            let changed = got < length || has_changed(&stat, &after);
            if changed && tries < MAX_TRIES {
                self.buffer.truncate(begin);
                stat = after;
                std::thread::sleep(RETRY_PAUSE);
                continue;
            }
            let hash = *blake3::hash(&self.buffer[content..]).as_bytes();
            saver.work.count_bytes(stat.size);
            write::pad(&mut self.buffer, stat.size);
            self.send_if_full();
            return Ok(Saved { hash, tries, changed, broken: None });
        }
        Err(Errno::EAGAIN)
    }

    /// In pieces, which may already be on their way when the file changes: that is reported then.
    fn append_large(
        &mut self,
        saver: &Saver<'_>,
        file: &File,
        stat: &Stat,
        member: &mut Member,
        tries: u32,
    ) -> Sys<Saved> {
        let map =
            if may_have_holes(stat) { data_ranges(file, stat.size)? } else { vec![(0, stat.size)] };
        let stored = map.iter().map(|(_, length)| length).sum();
        let whole = map == [(0, stat.size)] || stat.size == 0;
        set_times_and_size(member, stat, stored, if whole { None } else { Some(map.clone()) });
        write::header(&mut self.buffer, member);
        self.send_if_full();
        make::read_in_order(file);
        let mut hash = FileHash::new(stat.size, member.map.as_deref());
        let mut broken = None;
        let mut short = false;
        for (begin, length) in map {
            let mut at = begin;
            let end = begin + length;
            let mut ahead = at + READ_AHEAD / 2;
            while at < end && !self.gone && !saver.work.is_stopped() {
                if at + READ_AHEAD / 2 >= ahead && ahead < end {
                    read_ahead(file, ahead, READ_AHEAD);
                    ahead += READ_AHEAD;
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
                saver.work.count_bytes(want as u64);
                self.send_if_full();
            }
        }
        write::pad(&mut self.buffer, stored);
        self.send_if_full();
        let changed = short || stat_fd(file).is_ok_and(|after| has_changed(stat, &after));
        Ok(Saved { hash: hash.finish(), tries, changed, broken })
    }
}

fn set_times_and_size(member: &mut Member, stat: &Stat, stored: u64, map: Option<Vec<(u64, u64)>>) {
    (member.size, member.stored, member.map) = (stat.size, stored, map);
    (member.mtime, member.atime) = (stat.mtime, Some(stat.atime));
    (member.mode, member.uid, member.gid) = (stat.permissions(), stat.uid, stat.gid);
}

/// The ranges of a file that hold data, as offset and length.
fn data_ranges(file: &File, size: u64) -> Sys<Vec<(u64, u64)>> {
    let mut max_gap = 0;
    'larger_gaps: loop {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let mut at = 0;
        while at < size
            && let Some((begin, end)) = next_data_range(file, at, size)?
        {
            match ranges.last_mut() {
                Some((first, length)) if begin - (*first + *length) <= max_gap => {
                    *length = end - *first;
                }
                _ => ranges.push((begin, end - begin)),
            }
            if ranges.len() > MAX_RANGES {
                max_gap = (max_gap * 2).max(64 << 10);
                continue 'larger_gaps;
            }
            at = end;
        }
        return Ok(ranges);
    }
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
