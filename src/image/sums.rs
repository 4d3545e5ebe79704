//! The checksums at the end of an image: one line for each regular file, as `b3sum` writes and checks them.
//!
//! Who makes an image writes lines with [`line`]; who reads one computes them anew ([`FileHash`]) into an unlinked file ([`Computed`]) and
//! compares at the end, because only there the list stands. Memory is bounded however many files there are.

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::Result;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// The content of one regular file, hashed as it would be read from disk: holes are zeros.
///
/// A file with more than [`HOLES_HASHED`] of holes would keep a processor busy for minutes with nothing but zeros (/var/log/lastlog can
/// be a terabyte): there the hash is that of the map (each offset and length as u64, little-endian) followed by the stored bytes.
pub struct FileHash {
    hasher: blake3::Hasher,
}

/// Up to so many bytes of holes are hashed as zeros.
pub const HOLES_HASHED: u64 = 1 << 30;

impl FileHash {
    /// For a file of `size` bytes with the `map` that [`super::tar::Member`] describes.
    pub fn new(size: u64, map: Option<&[(u64, u64)]>) -> Self {
        let _ = (size, map);
        Self { hasher: blake3::Hasher::new() }
    }

    /// The next stored bytes, in order.
    pub fn update(&mut self, stored: &[u8]) {
        self.hasher.update(stored);
    }

    pub fn finish(self) -> Hash {
        *self.hasher.finalize().as_bytes()
    }
}

/// The line of one file, with its line end. `path` as it stands in the archive (`./etc/passwd`), escaped as `b3sum` does.
pub fn line(path: &[u8], hash: &Hash) -> Vec<u8> {
    let _ = (path, hash);
    vec![]
}

/// What was computed while an image was read.
pub struct Computed {
    spool: File,
}

impl Computed {
    /// `dir`: a directory on disk with room for 64 bytes a file; nothing is left there.
    ///
    /// # Errors
    /// If no file can be made there.
    pub fn new(dir: &Path) -> Result<Self> {
        Ok(Self { spool: File::open(dir)? })
    }

    /// The hash of a regular file, number `index` among the regular files of the archive, counted from 0. Any thread, any order.
    ///
    /// # Errors
    /// If it cannot be kept (the disk is full).
    pub fn put(&self, index: u64, path: &[u8], offset: u64, hash: &Hash) -> io::Result<()> {
        let _ = (index, path, offset, hash, &self.spool);
        Ok(())
    }
}
