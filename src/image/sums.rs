//! The checksums at the end of an image: one line for each regular file, as `b3sum` writes and
//! checks them.
//!
//! Making an image writes lines with [`line`]; reading one computes them again ([`FileHash`])
//! into an unlinked file ([`Computed`]) and compares at the end, because only there the list
//! stands. Memory is bounded however many files there are.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::libc::O_TMPFILE;

use crate::error;
use crate::text::path::show_path;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// The content of one regular file, hashed as it would be read from disk: holes are zeros.
///
/// A file with more than [`HOLES_HASHED`] of holes would keep a processor busy for minutes with
/// nothing but zeros (/var/log/lastlog can be a terabyte): there the hash is that of the map (each
/// offset and length as u64, little-endian) followed by the stored bytes.
pub struct FileHash {
    hasher: blake3::Hasher,
    holes: Option<Holes>,
}

/// The place for the next stored bytes.
struct Holes {
    map: Vec<(u64, u64)>,
    /// Of the map, to be taken next.
    next: usize,
    at: u64,
    /// Of the current entry.
    left: u64,
    size: u64,
}

/// Up to so many bytes of holes are hashed as zeros.
pub const HOLES_HASHED: u64 = 64 << 20;

impl FileHash {
    /// For a file of `size` bytes with the `map` that [`crate::archive::tar::Member`] describes.
    pub fn new(size: u64, map: Option<&[(u64, u64)]>) -> Self {
        let mut hash = Self { hasher: blake3::Hasher::new(), holes: None };
        let Some(map) = map else { return hash };
        let stored: u64 = map.iter().map(|(_, length)| length).sum();
        if size.saturating_sub(stored) > HOLES_HASHED {
            for (offset, length) in map {
                hash.hasher.update(&offset.to_le_bytes());
                hash.hasher.update(&length.to_le_bytes());
            }
        } else {
            hash.holes = Some(Holes { map: map.to_vec(), next: 0, at: 0, left: 0, size });
        }
        hash
    }

    /// The next stored bytes, in order.
    pub fn update(&mut self, stored: &[u8]) {
        let Some(holes) = &mut self.holes else {
            self.hasher.update(stored);
            return;
        };
        let mut rest = stored;
        while !rest.is_empty() {
            while holes.left == 0 {
                // More than the map tells cannot come; nothing of it is lost all the same.
                let Some((offset, length)) = holes.map.get(holes.next).copied() else {
                    self.hasher.update(rest);
                    return;
                };
                holes.next += 1;
                zeros(&mut self.hasher, offset.saturating_sub(holes.at));
                holes.at = offset.saturating_add(length);
                holes.left = length;
            }
            let n = rest.len().min(usize::try_from(holes.left).unwrap_or(usize::MAX));
            let (now, later) = rest.split_at(n);
            self.hasher.update(now);
            holes.left -= n as u64;
            rest = later;
        }
    }

    /// The hash of the whole file.
    pub fn finish(mut self) -> Hash {
        if let Some(holes) = &self.holes {
            zeros(&mut self.hasher, holes.size.saturating_sub(holes.at));
        }
        *self.hasher.finalize().as_bytes()
    }
}

fn zeros(hasher: &mut blake3::Hasher, n: u64) {
    static SOME: [u8; 65536] = [0; 65536];
    let mut left = n;
    while left > 0 {
        let some = usize::try_from(left).unwrap_or(usize::MAX).min(SOME.len());
        hasher.update(&SOME[..some]);
        left -= some as u64;
    }
}

/// The line of one file, with its line end. `path` as it stands in the archive (`./etc/passwd`),
/// escaped as `b3sum` does: backslashes and line ends by a backslash, which then also stands at the
/// line's beginning, and what is not UTF-8 by U+FFFD.
pub fn line(path: &[u8], hash: &Hash) -> Vec<u8> {
    let (mark, path) = escaped(path);
    format!("{mark}{}  {path}\n", blake3::Hash::from_bytes(*hash).to_hex()).into_bytes()
}

fn escaped(path: &[u8]) -> (&'static str, String) {
    let path = String::from_utf8_lossy(path);
    if path.contains(['\\', '\n']) {
        ("\\", path.replace('\\', "\\\\").replace('\n', "\\n"))
    } else {
        ("", path.into_owned())
    }
}

/// The part of a path that is kept for the comparison.
fn key(path: &str) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&blake3::hash(path.as_bytes()).as_bytes()[..16]);
    key
}

/// Hash, key of the path, offset in the archive.
const RECORD: usize = 32 + 16 + 8;
/// The longest line: a path of the longest header, every byte escaped.
const LINE: usize = 4 << 20;

/// The checksums computed while an image was read, in an unlinked file.
#[derive(Debug)]
pub struct Computed {
    spool: File,
    dir: PathBuf,
}

impl Computed {
    /// `dir`: a directory on disk with room for 56 bytes a file; nothing is left there.
    ///
    /// # Errors
    /// ALT-642.
    pub fn new(dir: &Path) -> Result<Self> {
        let open =
            || File::options().read(true).write(true).mode(0o600).custom_flags(O_TMPFILE).open(dir);
        let spool = open().or_else(|_| unlinked(dir)).map_err(|e| spooling(dir, &e))?;
        Ok(Self { spool, dir: dir.to_owned() })
    }

    /// The hash of a regular file, number `index` among the regular files of the archive, counted
    /// from 0 (`Archive::regular() - 1`). Any thread, any order.
    ///
    /// # Errors
    /// ALT-642 if it cannot be kept.
    pub fn add(&self, index: u64, path: &[u8], offset: u64, hash: &Hash) -> Result<()> {
        let mut record = [0; RECORD];
        record[..32].copy_from_slice(hash);
        record[32..48].copy_from_slice(&key(&escaped(path).1));
        record[48..].copy_from_slice(&offset.to_le_bytes());
        self.spool
            .write_all_at(&record, index.saturating_mul(RECORD as u64))
            .map_err(|e| spooling(&self.dir, &e))
    }

    /// Record number `index`; zeros where nothing was put.
    fn records(&self, index: u64, to: &mut [u8]) -> Result<usize> {
        let mut have = 0;
        while have < to.len() {
            let at = index.saturating_mul(RECORD as u64).saturating_add(have as u64);
            match self.spool.read_at(&mut to[have..], at).map_err(|e| spooling(&self.dir, &e))? {
                0 => break,
                n => have += n,
            }
        }
        Ok(have)
    }
}

/// A file system without O_TMPFILE.
fn unlinked(dir: &Path) -> io::Result<File> {
    let path = dir.join(format!(".altdisk-sums-{}", uuid::Uuid::new_v4()));
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn spooling(dir: &Path, e: &io::Error) -> anyhow::Error {
    error::IMAGE_SPOOL.with_cause(format!(
        "checksums could not be kept in {}: {}",
        dir.display(),
        error::text_of(e)
    ))
}

/// Compares the text of the checksums with what the archive held: `regular` files, and what was
/// `computed` of them, if anything was.
pub struct Compare<'a> {
    computed: Option<&'a Computed>,
    regular: u64,
    lines: u64,
    line: Vec<u8>,
    /// Records read ahead, and the number of the first.
    ahead: (u64, Vec<u8>),
}

impl<'a> Compare<'a> {
    /// Nothing is compared yet.
    pub fn new(computed: Option<&'a Computed>, regular: u64) -> Self {
        Self { computed, regular, lines: 0, line: vec![], ahead: (0, vec![]) }
    }

    /// The next bytes of the text.
    ///
    /// # Errors
    /// ALT-637 for the first file that differs.
    pub fn take(&mut self, text: &[u8]) -> Result<()> {
        let mut rest = text;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let (line, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            if self.line.is_empty() {
                self.check_line(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.check_line(&whole)?;
            }
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > LINE {
            return Err(unreadable(self.lines));
        }
        Ok(())
    }

    fn check_line(&mut self, line: &[u8]) -> Result<()> {
        let index = self.lines;
        let (hash, path) = parsed(line).ok_or_else(|| unreadable(index))?;
        let shown = show_path(path.as_bytes());
        if index >= self.regular {
            return Err(error::IMAGE_SUM.with_cause(format!(
                "the checksums name {shown}, and the archive does not hold it"
            )));
        }
        self.lines += 1;
        let Some(computed) = self.computed else { return Ok(()) };
        let record = self.record(computed, index)?;
        let offset = record.last_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
        if record[32..48] != key(path) {
            let cause = format!(
                "the checksums name {shown} where the archive holds another file (at byte {offset} of the uncompressed archive)"
            );
            return Err(error::IMAGE_SUM.with_cause(cause));
        }
        if record[..32] != hash {
            let cause = format!(
                "{shown} (at byte {offset} of the uncompressed archive) has another checksum than it was saved with"
            );
            return Err(error::IMAGE_SUM.with_cause(cause));
        }
        Ok(())
    }

    fn record(&mut self, computed: &Computed, index: u64) -> Result<[u8; RECORD]> {
        const AHEAD: usize = 1024;
        let at = |first: u64| {
            usize::try_from(index.saturating_sub(first))
                .unwrap_or(usize::MAX)
                .saturating_mul(RECORD)
        };
        if self.ahead.1.len() < at(self.ahead.0).saturating_add(RECORD) {
            self.ahead.1.resize(AHEAD * RECORD, 0);
            let have = computed.records(index, &mut self.ahead.1)?;
            self.ahead.1.truncate(have);
            self.ahead.0 = index;
        }
        let at = at(self.ahead.0);
        let mut record = [0; RECORD];
        if let Some(found) = self.ahead.1.get(at..at + RECORD) {
            record.copy_from_slice(found);
        }
        Ok(record)
    }

    /// Behind the text: how many checksums there were.
    ///
    /// # Errors
    /// ALT-637 if files have none.
    pub fn finish(self) -> Result<u64> {
        if !self.line.is_empty() {
            return Err(unreadable(self.lines));
        }
        if self.lines < self.regular {
            let cause = format!(
                "the archive holds {} files, and checksums for the first {} only",
                self.regular, self.lines
            );
            return Err(error::IMAGE_SUM.with_cause(cause));
        }
        Ok(self.lines)
    }
}

fn unreadable(line: u64) -> anyhow::Error {
    error::IMAGE_SUM.with_cause(format!(
        "line {} of the checksums cannot be understood",
        line.saturating_add(1)
    ))
}

/// Hash and path, still escaped.
fn parsed(line: &[u8]) -> Option<(Hash, &str)> {
    let line = std::str::from_utf8(line.strip_prefix(b"\\").unwrap_or(line)).ok()?;
    let (hex, path) = (line.get(..64)?, line.get(64..)?.strip_prefix("  ")?);
    Some((*blake3::Hash::from_hex(hex).ok()?.as_bytes(), path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn hash(size: u64, map: Option<&[(u64, u64)]>, parts: &[&[u8]]) -> Hash {
        let mut h = FileHash::new(size, map);
        parts.iter().for_each(|p| h.update(p));
        h.finish()
    }

    #[test]
    fn holes_are_zeros() {
        let content = [&[0; 5][..], b"abc", &[0; 70_000], b"de", &[0; 9]].concat();
        let want = *blake3::hash(&content).as_bytes();
        let map = [(5, 3), (70_008, 2)];
        let size = content.len() as u64;
        for parts in [&[&b"abcde"[..]][..], &[b"a", b"bcd", b"e"], &[b"abc", b"de"]] {
            assert_eq!(hash(size, Some(&map), parts), want);
        }
        assert_eq!(hash(5, None, &[b"abc", b"de"]), *blake3::hash(b"abcde").as_bytes());
        assert_eq!(hash(9, Some(&[]), &[]), *blake3::hash(&[0; 9]).as_bytes());
        assert_eq!(hash(0, Some(&[]), &[]), *blake3::hash(b"").as_bytes());
        // Terabytes of nothing are not hashed, and their map counts.
        let large = 1 << 50;
        assert_ne!(hash(large, Some(&[(0, 1)]), &[b"x"]), hash(large, Some(&[(1, 1)]), &[b"x"]));
    }

    #[test]
    fn b3sum_reads_the_lines() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["plain", "with blank", "back\\slash", "new\nline", "caf\u{e9}"];
        let mut text = vec![];
        for name in names {
            std::fs::write(dir.path().join(name), name).unwrap();
            text.extend(line(format!("./{name}").as_bytes(), &hash(0, None, &[name.as_bytes()])));
        }
        std::fs::write(dir.path().join("sums"), &text).unwrap();
        let Ok(out) = Command::new("b3sum").args(["-c", "sums"]).current_dir(dir.path()).output()
        else {
            return println!("skipped: b3sum is not installed");
        };
        assert!(out.status.success(), "{out:?}");
        assert_eq!(String::from_utf8_lossy(&out.stdout).matches(": OK").count(), names.len());
    }

    fn compare(
        put: &[(u64, &[u8], u8)],
        regular: u64,
        lines: &[(&[u8], u8)],
        step: usize,
    ) -> Result<u64> {
        let dir = tempfile::tempdir().unwrap();
        let computed = Computed::new(dir.path()).unwrap();
        for (index, path, n) in put {
            computed.add(*index, path, 512 * index, &[*n; 32]).unwrap();
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let text: Vec<u8> = lines.iter().flat_map(|(path, n)| line(path, &[*n; 32])).collect();
        let mut compare = Compare::new(Some(&computed), regular);
        text.chunks(step).try_for_each(|part| compare.take(part))?;
        compare.finish()
    }

    #[test]
    fn the_first_that_differs_is_named() {
        let put: &[(u64, &[u8], u8)] = &[(1, b"./b\n", 2), (0, b"./a", 1), (2, b"./c\xff", 3)];
        let good: &[(&[u8], u8)] = &[(b"./a", 1), (b"./b\n", 2), (b"./c\xff", 3)];
        for step in [1, 7, 1000] {
            assert_eq!(compare(put, 3, good, step).unwrap(), 3);
        }
        for (regular, lines, want) in [
            (3, &[(&b"./a"[..], 1), (b"./b\n", 9), (b"./c\xff", 9)][..], "./b\\n (at byte 512"),
            (3, &[(b"./a", 1), (b"./c\xff", 3)], "name ./c\u{fffd} where"),
            (3, &good[..2], "holds 3 files, and checksums for the first 2"),
            (2, good, "name ./c\u{fffd}, and the archive does not"),
            // A hash that nobody put.
            (4, &[good[0], good[1], good[2], (b"./d", 0)], "./d"),
        ] {
            let err = compare(put, regular, lines, 64).unwrap_err();
            assert_eq!(error::find(&err).unwrap().entry.id, "ALT-637");
            assert!(err.to_string().contains(want), "{err}");
        }
    }

    #[test]
    fn lines_that_are_none() {
        for text in [&b"x\n"[..], b"\n", &[b'a'; 67], &[b'0'; 70], &[0xff; 100]] {
            let mut compare = Compare::new(None, 5);
            let done = compare.take(text).and_then(|()| compare.finish());
            assert!(done.unwrap_err().to_string().contains("line 1 "), "{text:?}");
        }
        assert!(Compare::new(None, 5).take(&vec![b'0'; LINE + 1]).is_err());
    }

    #[test]
    fn no_room_for_them() {
        let err = Computed::new(Path::new("/proc/self/fd/nowhere")).unwrap_err();
        assert_eq!(error::find(&err).unwrap().entry.id, "ALT-642");
    }
}
