//! The uncompressed bytes of an image on their way from the threads that read and unpack to the one
//! that takes the archive apart.
//!
//! They travel in large buffers that are handed over, never copied: [`SharedBytes`] are a share of
//! one, and when the last share is dropped the buffer returns to be filled again. The queue between
//! the threads bounds the memory; whoever keeps shares keeps their buffers.

use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use anyhow::Result;

/// At most this many empty buffers are kept; others are freed.
const MAX_FREE: usize = 2;

/// Empty buffers that wait to be filled again.
#[derive(Clone, Debug, Default)]
pub struct BufferPool(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    buffers: Mutex<Buffers>,
    back: Condvar,
    /// How many bytes the buffers that are out may have; None: no limit.
    most: Option<usize>,
}

#[derive(Debug, Default)]
struct Buffers {
    free: Vec<Vec<u8>>,
    /// Bytes of those that are filled or held somewhere.
    out: usize,
}

impl BufferPool {
    /// One that never has more than `most` bytes out, which bounds the memory whoever holds them.
    /// Buffers must be taken in the order in which they come to their reader, and who holds some
    /// while it waits for more must be content with half of that: else all could wait for one that
    /// there is no room for.
    pub fn bounded(most: usize) -> Self {
        Self(Arc::new(Shared { most: Some(most), ..Shared::default() }))
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

    /// Marks the first `len` bytes of a buffer as filled.
    pub fn fill(&self, data: Vec<u8>, len: usize) -> PooledBuffer {
        PooledBuffer { len: len.min(data.len()), data, home: Some(self.clone()) }
    }

    /// Takes a buffer back, for the next [`BufferPool::take`].
    pub fn put_back(&self, buffer: Vec<u8>) {
        let mut all = self.0.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        all.out = all.out.saturating_sub(buffer.len());
        let room = self.0.most.is_none_or(|most| all.out.saturating_add(buffer.len()) <= most);
        if all.free.len() < MAX_FREE && room {
            all.free.push(buffer);
        }
        drop(all);
        self.0.back.notify_one();
    }
}

/// A filled buffer. It returns to its pool when it is dropped.
#[derive(Debug, Default)]
pub struct PooledBuffer {
    data: Vec<u8>,
    len: usize,
    home: Option<BufferPool>,
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        if let Some(pool) = self.home.take() {
            pool.put_back(std::mem::take(&mut self.data));
        }
    }
}

impl From<Vec<u8>> for PooledBuffer {
    fn from(data: Vec<u8>) -> Self {
        Self { len: data.len(), data, home: None }
    }
}

/// A share of a buffer: some bytes of the archive. Cheap to clone and to send to another thread.
#[derive(Clone, Debug, Default)]
pub struct SharedBytes {
    buffer: Arc<PooledBuffer>,
    at: usize,
    end: usize,
}

impl SharedBytes {
    /// All of a buffer.
    pub fn new(buffer: PooledBuffer) -> Self {
        let end = buffer.len;
        Self { buffer: Arc::new(buffer), at: 0, end }
    }

    /// The first `n` bytes (or all, if there are fewer); `self` keeps the rest.
    #[must_use]
    pub fn split(&mut self, n: usize) -> Self {
        let end = self.at + n.min(self.len());
        let first = Self { buffer: Arc::clone(&self.buffer), at: self.at, end };
        self.at = end;
        first
    }

    /// Drops the first `n` bytes.
    pub fn skip(&mut self, n: usize) {
        self.at += n.min(self.len());
    }
}

/// Limits the memory of bytes that are kept for later. A single byte keeps its whole large buffer:
/// when too much is kept in that way, further bytes are copied.
#[derive(Debug)]
pub struct RetentionLimit {
    limit: usize,
    /// Buffers with kept pieces; the newest last.
    kept: Vec<Weak<PooledBuffer>>,
    /// At most so many bytes are in those.
    bytes: usize,
}

impl RetentionLimit {
    /// `limit`: how many bytes the kept buffers may have.
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: vec![], bytes: 0 }
    }

    /// The piece, or a copy of it without the rest of its buffer.
    pub fn retain(&mut self, piece: SharedBytes) -> SharedBytes {
        let whole = piece.buffer.data.len();
        // Of so much the copy would not be much smaller. The newest buffer is counted already.
        if piece.len() >= whole / 2
            || self.kept.last().is_some_and(|c| c.as_ptr() == Arc::as_ptr(&piece.buffer))
        {
            return piece;
        }
        if self.bytes + whole > self.limit {
            self.kept.retain(|c| c.strong_count() > 0);
            self.bytes = self.kept.iter().filter_map(Weak::upgrade).map(|c| c.data.len()).sum();
            if self.bytes + whole > self.limit {
                return SharedBytes::new(piece.to_vec().into());
            }
        }
        self.kept.push(Arc::downgrade(&piece.buffer));
        self.bytes += whole;
        piece
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.data.get(self.at..self.end).unwrap_or_default()
    }
}

/// A source of uncompressed bytes.
pub trait Source: Send {
    /// The next bytes, never empty; None at the end.
    ///
    /// # Errors
    /// If reading or unpacking fails.
    fn next(&mut self) -> Result<Option<SharedBytes>>;

    /// True if it ends with the archive; a disk goes on behind it.
    fn ends(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_one_buffer_which_comes_back() {
        let pool = BufferPool::default();
        let mut data = pool.take(100);
        data[..6].copy_from_slice(b"abcdef");
        let place = data.as_ptr().addr();
        let mut all = SharedBytes::new(pool.fill(data, 6));
        let first = all.split(2);
        assert_eq!((&*first, &*all), (&b"ab"[..], &b"cdef"[..]));
        all.skip(3);
        assert_eq!(&*all, b"f");
        let rest = all.split(99);
        assert_eq!((&*rest, all.len()), (&b"f"[..], 0));
        drop(all);
        drop(rest);
        let other = pool.take(100);
        assert_ne!(other.as_ptr().addr(), place, "a share is still held");
        drop(first);
        let again = pool.take(90);
        assert_eq!((again.as_ptr().addr(), again.len()), (place, 100));
    }

    #[test]
    fn a_byte_does_not_keep_many_buffers() {
        let (pool, mut keeper) = (BufferPool::default(), RetentionLimit::new(4000));
        let large = || SharedBytes::new(pool.fill(vec![7; 1000], 1000));
        let size = |p: &SharedBytes| p.buffer.data.len();
        let mut kept: Vec<_> = (0..10).map(|_| keeper.retain(large().split(1))).collect();
        assert_eq!(kept.iter().map(size).sum::<usize>(), 4 * 1000 + 6);
        assert!(kept.iter().all(|p| **p == [7]));
        // A second piece of the newest buffer costs nothing; most of a buffer is not copied.
        kept.drain(1..);
        let mut newest = large();
        let (a, b) = (keeper.retain(newest.split(1)), keeper.retain(newest.split(1)));
        assert!(std::ptr::eq(a.buffer.as_ref(), b.buffer.as_ref()) && size(&a) == 1000);
        kept.extend((0..9).map(|_| keeper.retain(large().split(999))));
        assert_eq!(kept.iter().map(size).sum::<usize>(), 10 * 1000);
    }
}
