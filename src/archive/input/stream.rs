//! The uncompressed bytes of an image on their way from the threads that read and unpack to the one
//! that takes the archive apart.
//!
//! They travel in large buffers that are handed over, never copied: a [`Piece`] is a share of one,
//! and when the last share is dropped the buffer goes back to be filled again. The queue between
//! the threads is what bounds the memory; who keeps pieces keeps their buffers.

use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use anyhow::Result;

/// So many empty buffers are kept; more are given back to the system.
const KEPT: usize = 2;

/// Empty buffers that wait to be filled again.
#[derive(Clone, Debug, Default)]
pub struct Bin(Arc<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    buffers: Mutex<Buffers>,
    back: Condvar,
    /// So many bytes there may be in buffers that are out; None: as many as are asked for.
    most: Option<usize>,
}

#[derive(Debug, Default)]
struct Buffers {
    free: Vec<Vec<u8>>,
    /// Bytes of those that are filled or held somewhere.
    out: usize,
}

impl Bin {
    /// One that never has more than `most` bytes out, which bounds the memory whoever holds them.
    /// Buffers must be taken in the order in which they come to their reader, and who holds some
    /// while it waits for more must be content with half of that: else all could wait for one that
    /// there is no room for.
    pub fn bounded(most: usize) -> Self {
        Self(Arc::new(Shelf { most: Some(most), ..Shelf::default() }))
    }

    /// A buffer of at least `size` bytes with anything in it: clearing what is overwritten anyway
    /// would cost time. A much larger one is not used for it.
    pub fn take(&self, size: usize) -> Vec<u8> {
        let mut all = self.0.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        while self.0.most.is_some_and(|most| all.out > 0 && all.out.saturating_add(size) > most) {
            all = self.0.back.wait(all).unwrap_or_else(PoisonError::into_inner);
        }
        let fits = |b: &Vec<u8>| b.len() >= size && b.len() <= size.saturating_add(size / 4);
        if let Some(buffer) = all.free.iter().position(fits).map(|at| all.free.swap_remove(at)) {
            all.out += buffer.len();
            return buffer;
        }
        all.out += size;
        // The sizes are others now.
        let old = all.free.pop();
        drop(all);
        drop(old);
        vec![0; size]
    }

    /// Makes a chunk of the first `len` bytes of a buffer.
    pub fn fill(&self, data: Vec<u8>, len: usize) -> Chunk {
        Chunk { len: len.min(data.len()), data, home: Some(self.clone()) }
    }

    /// Takes a buffer back, for the next [`Bin::take`].
    pub fn give(&self, buffer: Vec<u8>) {
        let mut all = self.0.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        all.out = all.out.saturating_sub(buffer.len());
        let room = self.0.most.is_none_or(|most| all.out.saturating_add(buffer.len()) <= most);
        if all.free.len() < KEPT && room {
            all.free.push(buffer);
        }
        drop(all);
        self.0.back.notify_one();
    }
}

/// A filled buffer. It goes back to its bin when it is dropped.
#[derive(Debug, Default)]
pub struct Chunk {
    data: Vec<u8>,
    len: usize,
    home: Option<Bin>,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(bin) = self.home.take() {
            bin.give(std::mem::take(&mut self.data));
        }
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(data: Vec<u8>) -> Self {
        Self { len: data.len(), data, home: None }
    }
}

/// A share of a buffer: some bytes of the archive. Cheap to clone and to send to another thread.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    chunk: Arc<Chunk>,
    at: usize,
    end: usize,
}

impl Piece {
    pub fn of(chunk: Chunk) -> Self {
        let end = chunk.len;
        Self { chunk: Arc::new(chunk), at: 0, end }
    }

    /// The first `n` bytes (or all, if there are fewer); `self` keeps the rest.
    #[must_use]
    pub fn split(&mut self, n: usize) -> Self {
        let end = self.at + n.min(self.len());
        let first = Self { chunk: Arc::clone(&self.chunk), at: self.at, end };
        self.at = end;
        first
    }

    /// Drops the first `n` bytes.
    pub fn skip(&mut self, n: usize) {
        self.at += n.min(self.len());
    }
}

/// Who keeps pieces for later, and how much memory their buffers take together. A byte of a large
/// buffer keeps it whole: where too much is kept in that way, further pieces are copied.
#[derive(Debug)]
pub struct Keeper {
    limit: usize,
    /// Buffers with kept pieces; the newest last.
    kept: Vec<Weak<Chunk>>,
    /// At most so many bytes are in those.
    bytes: usize,
}

impl Keeper {
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: vec![], bytes: 0 }
    }

    /// The piece, or a copy of it without the rest of its buffer.
    pub fn keep(&mut self, piece: Piece) -> Piece {
        let whole = piece.chunk.data.len();
        // Of so much the copy would not be much smaller. The newest buffer is counted already.
        if piece.len() >= whole / 2
            || self.kept.last().is_some_and(|c| c.as_ptr() == Arc::as_ptr(&piece.chunk))
        {
            return piece;
        }
        if self.bytes + whole > self.limit {
            self.kept.retain(|c| c.strong_count() > 0);
            self.bytes = self.kept.iter().filter_map(Weak::upgrade).map(|c| c.data.len()).sum();
            if self.bytes + whole > self.limit {
                return Piece::of(piece.to_vec().into());
            }
        }
        self.kept.push(Arc::downgrade(&piece.chunk));
        self.bytes += whole;
        piece
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.chunk.data.get(self.at..self.end).unwrap_or_default()
    }
}

/// Where the uncompressed bytes come from.
pub trait Source: Send {
    /// The next bytes, never empty; None at the end.
    ///
    /// # Errors
    /// What reading or unpacking met.
    fn next(&mut self) -> Result<Option<Piece>>;

    /// Whether it ends with the archive; a disk goes on behind it.
    fn ends(&self) -> bool {
        true
    }
}

/// Bytes in memory, in pieces of any size.
#[cfg(test)]
#[derive(Debug)]
pub struct Memory(pub Vec<Vec<u8>>);

#[cfg(test)]
impl Memory {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(vec![bytes.into()])
    }
}

#[cfg(test)]
impl Source for Memory {
    fn next(&mut self) -> Result<Option<Piece>> {
        while !self.0.is_empty() {
            let first = self.0.remove(0);
            if !first.is_empty() {
                return Ok(Some(Piece::of(first.into())));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_one_buffer_which_comes_back() {
        let bin = Bin::default();
        let mut data = bin.take(100);
        data[..6].copy_from_slice(b"abcdef");
        let place = data.as_ptr().addr();
        let mut all = Piece::of(bin.fill(data, 6));
        let first = all.split(2);
        assert_eq!((&*first, &*all), (&b"ab"[..], &b"cdef"[..]));
        all.skip(3);
        assert_eq!(&*all, b"f");
        let rest = all.split(99);
        assert_eq!((&*rest, all.len()), (&b"f"[..], 0));
        drop(all);
        drop(rest);
        let other = bin.take(100);
        assert_ne!(other.as_ptr().addr(), place, "a share is still held");
        drop(first);
        let again = bin.take(90);
        assert_eq!((again.as_ptr().addr(), again.len()), (place, 100));
    }

    #[test]
    fn a_byte_does_not_keep_many_buffers() {
        let (bin, mut keeper) = (Bin::default(), Keeper::new(4000));
        let large = || Piece::of(bin.fill(vec![7; 1000], 1000));
        let buffer = |p: &Piece| p.chunk.data.len();
        let mut kept: Vec<_> = (0..10).map(|_| keeper.keep(large().split(1))).collect();
        assert_eq!(kept.iter().map(buffer).sum::<usize>(), 4 * 1000 + 6);
        assert!(kept.iter().all(|p| **p == [7]));
        // A second piece of the newest buffer costs nothing; most of a buffer is not copied.
        kept.drain(1..);
        let mut newest = large();
        let (a, b) = (keeper.keep(newest.split(1)), keeper.keep(newest.split(1)));
        assert!(std::ptr::eq(a.chunk.as_ref(), b.chunk.as_ref()) && buffer(&a) == 1000);
        kept.extend((0..9).map(|_| keeper.keep(large().split(999))));
        assert_eq!(kept.iter().map(buffer).sum::<usize>(), 10 * 1000);
    }
}
