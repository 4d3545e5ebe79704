//! The header of an rpm package: the lead, the signature header and the header proper, as the file
//! has them.
//!
//! A header is an index of entries (tag, type, offset, count) and a store of data that they point
//! into, all big-endian (rpm's "package file format"). Nothing in it is believed: every offset and
//! count is held against the store, and the sizes against limits, before anything is allocated;
//! what does not fit is absent.

use std::io::Read;

use crate::error;

/// Bytes of the lead: nothing but its signature and its type are of use today.
const LEAD: usize = 96;
/// The first bytes of a header.
const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
/// The most entries that an index may have, as rpm itself has it.
const MAX_ENTRIES: u32 = 0xffff;
/// The most bytes that a store may have here. Packages of hundreds of thousands of files have some
/// 60 MiB.
const MAX_DATA: u32 = 128 << 20;
/// The most values of one entry that are looked at.
const MAX_VALUES: usize = 1 << 21;

/// Tags that are read here (rpmtag.h).
pub mod tag {
    /// The name.
    pub const NAME: u32 = 1000;
    /// The version.
    pub const VERSION: u32 = 1001;
    /// The release.
    pub const RELEASE: u32 = 1002;
    /// The epoch, a number.
    pub const EPOCH: u32 = 1003;
    /// A one-line description.
    pub const SUMMARY: u32 = 1004;
    /// The description.
    pub const DESCRIPTION: u32 = 1005;
    /// The time of the build, in seconds since 1970.
    pub const BUILDTIME: u32 = 1006;
    /// The size of the installed files in bytes, 32 bits.
    pub const SIZE: u32 = 1009;
    /// The vendor.
    pub const VENDOR: u32 = 1011;
    /// The licence.
    pub const LICENSE: u32 = 1014;
    /// The architecture.
    pub const ARCH: u32 = 1022;
    /// Full paths, in packages of rpm 3.
    pub const OLD_FILE_NAMES: u32 = 1027;
    /// Modes of files, as stat(2) has them.
    pub const FILE_MODES: u32 = 1030;
    /// RPMFILE_ bits of files.
    pub const FILE_FLAGS: u32 = 1037;
    /// The file name of the source package.
    pub const SOURCE_RPM: u32 = 1044;
    /// Authors and versions of changelog entries.
    pub const CHANGELOG_NAME: u32 = 1081;
    /// Texts of changelog entries.
    pub const CHANGELOG_TEXT: u32 = 1082;
    /// Indexes of files into the directory names.
    pub const DIR_INDEXES: u32 = 1116;
    /// Names of files in their directories.
    pub const BASE_NAMES: u32 = 1117;
    /// Names of directories.
    pub const DIR_NAMES: u32 = 1118;
    /// The size of the installed files in bytes, 64 bits.
    pub const LONG_SIZE: u32 = 5009;
    /// Names, flags and versions of what a package requires; likewise the others.
    pub const REQUIRES: [u32; 3] = [1049, 1048, 1050];
    /// Likewise of provided names.
    pub const PROVIDES: [u32; 3] = [1047, 1112, 1113];
    /// Likewise of conflicts.
    pub const CONFLICTS: [u32; 3] = [1054, 1053, 1055];
    /// Likewise of obsoleted packages.
    pub const OBSOLETES: [u32; 3] = [1090, 1114, 1115];
    /// Likewise of recommended packages.
    pub const RECOMMENDS: [u32; 3] = [5046, 5048, 5047];
    /// Likewise of suggested packages.
    pub const SUGGESTS: [u32; 3] = [5049, 5051, 5050];
    /// Likewise of supplemented packages.
    pub const SUPPLEMENTS: [u32; 3] = [5052, 5054, 5053];
    /// Likewise of enhanced packages.
    pub const ENHANCES: [u32; 3] = [5055, 5057, 5056];
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u32,
    kind: u32,
    offset: u32,
    count: u32,
}

/// A header.
#[derive(Clone, Debug, Default)]
pub struct Header {
    entries: Vec<Entry>,
    store: Vec<u8>,
}

/// The header of a package file, and its position in the file.
#[derive(Clone, Debug)]
pub struct Lead {
    /// A source package.
    pub source: bool,
    /// The header proper.
    pub header: Header,
    /// Byte offsets of the header proper: its first byte, and the one behind its last.
    pub range: (u64, u64),
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Reads `n` bytes; memory is allocated for the bytes that are read, not for those that are
/// claimed.
fn take(from: &mut impl Read, n: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(n).read_to_end(&mut bytes).map_err(|e| error::text_of(&e))?;
    if (bytes.len() as u64) < n { Err("it is cut off".to_owned()) } else { Ok(bytes) }
}

/// Reads a package file's beginning, up to its payload.
///
/// # Errors
/// Why it is not a package, or is damaged.
pub fn read(from: &mut impl Read) -> Result<Lead, String> {
    let lead = take(from, LEAD as u64)?;
    if !lead.starts_with(&[0xed, 0xab, 0xee, 0xdb]) {
        return Err("it is not an rpm package".to_owned());
    }
    let (_, length) = Header::read(from).map_err(|why| format!("its signature: {why}"))?;
    // The signature is filled up to a multiple of 8 bytes.
    let padding = length.next_multiple_of(8) - length;
    take(from, padding)?;
    let begin = LEAD as u64 + length + padding;
    let (header, length) = Header::read(from)?;
    Ok(Lead { source: lead.get(6..8) == Some(&[0, 1]), header, range: (begin, begin + length) })
}

impl Header {
    /// Reads one header; returns its length in bytes too.
    fn read(from: &mut impl Read) -> Result<(Self, u64), String> {
        let head = take(from, 16)?;
        if !head.starts_with(&MAGIC) {
            return Err("its header is damaged".to_owned());
        }
        let (count, size) = (word(&head, 8), word(&head, 12));
        if count > MAX_ENTRIES || size > MAX_DATA {
            return Err(format!("its header claims {count} entries and {size} bytes"));
        }
        let index = take(from, u64::from(count) * 16)?;
        let entries = index.chunks_exact(16).map(|e| Entry {
            tag: word(e, 0),
            kind: word(e, 4),
            offset: word(e, 8),
            count: word(e, 12),
        });
        let entries = entries.collect();
        let store = take(from, u64::from(size))?;
        Ok((Self { entries, store }, 16 + u64::from(count) * 16 + u64::from(size)))
    }

    fn find(&self, tag: u32) -> Option<(Entry, &[u8])> {
        let entry = *self.entries.iter().find(|e| e.tag == tag)?;
        Some((entry, self.store.get(entry.offset as usize..)?))
    }

    /// The texts of an entry (types 6, 8 and 9), invalid UTF-8 replaced; empty if there are none.
    pub fn texts(&self, tag: u32) -> Vec<String> {
        let Some((entry, data)) = self.find(tag).filter(|(e, _)| matches!(e.kind, 6 | 8 | 9))
        else {
            return vec![];
        };
        let count = if entry.kind == 6 { 1 } else { (entry.count as usize).min(MAX_VALUES) };
        // A text without NUL at the end of the store is incomplete.
        let whole = data.iter().rposition(|b| *b == 0).map_or(&data[..0], |last| &data[..last]);
        if data.first() == Some(&0) && whole.is_empty() && count == 1 {
            return vec![String::new()];
        }
        whole
            .split(|b| *b == 0)
            .take(count)
            .map(|t| String::from_utf8_lossy(t).into_owned())
            .collect()
    }

    /// The first text of an entry: for one that is translated, the one without a language.
    pub fn text(&self, tag: u32) -> Option<String> {
        self.first(tag).map(|t| String::from_utf8_lossy(t).into_owned())
    }

    fn first(&self, tag: u32) -> Option<&[u8]> {
        let (_, data) =
            self.find(tag).filter(|(e, _)| matches!(e.kind, 6 | 8 | 9) && e.count > 0)?;
        data.iter().position(|b| *b == 0).map(|end| &data[..end])
    }

    /// The numbers of an entry (types 2 to 5, of 1, 2, 4 and 8 bytes).
    pub fn numbers(&self, tag: u32) -> Vec<u64> {
        let Some((entry, data)) = self.find(tag) else { return vec![] };
        let width = match entry.kind {
            2 => 1,
            3 => 2,
            4 => 4,
            5 => 8,
            _ => return vec![],
        };
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b));
        data.chunks_exact(width).take((entry.count as usize).min(MAX_VALUES)).map(number).collect()
    }

    /// The first number of an entry.
    pub fn number(&self, tag: u32) -> Option<u64> {
        self.numbers(tag).first().copied()
    }
}
