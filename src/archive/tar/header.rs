//! One header block of 512 bytes, in any of the forms that tar has had: v7, ustar (POSIX), GNU,
//! star.
//!
//! Where fields are: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
//! Format"; star(5).

use std::ops::Range;

use super::BLOCK;

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const LINK: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..265;
const UNAME: Range<usize> = 265..297;
const GNAME: Range<usize> = 297..329;
const MAJOR: Range<usize> = 329..337;
const MINOR: Range<usize> = 337..345;
const PREFIX: Range<usize> = 345..500;
/// star keeps times behind a shorter prefix, and signs at the end of the block.
const STAR_PREFIX: Range<usize> = 345..476;
const STAR_MAGIC: Range<usize> = 508..512;
/// GNU tar: the first four entries of a sparse file's map, whether more blocks of them follow, and
/// the file's real size.
const GNU_MAP: Range<usize> = 386..482;
const GNU_EXTENDED: usize = 482;
const GNU_REAL_SIZE: Range<usize> = 483..495;
/// A block of further entries.
const MORE_MAP: Range<usize> = 0..504;
const MORE_EXTENDED: usize = 504;
/// Offset and length, 12 bytes each.
const MAP_ENTRY: usize = 24;

/// A header block.
pub struct Header(pub [u8; BLOCK]);

impl Header {
    /// The end of an archive is made of such blocks.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|b| *b == 0)
    }

    /// True if the sum of its bytes is what it says. Old programs added them up as signed numbers.
    pub fn is_sound(&self) -> bool {
        let Ok(told) = number(&self.0[CHECKSUM]) else { return false };
        let spaces = i64::try_from(CHECKSUM.len()).unwrap_or_default() * i64::from(b' ');
        let others = || self.0[..CHECKSUM.start].iter().chain(&self.0[CHECKSUM.end..]);
        told == spaces + others().map(|b| i64::from(*b)).sum::<i64>()
            || told == spaces + others().map(|b| i64::from(b.cast_signed())).sum::<i64>()
    }

    /// The letter for the kind of member.
    pub fn typeflag(&self) -> u8 {
        self.0[LINK.start - 1]
    }

    /// True for the form of GNU tar.
    pub fn is_gnu(&self) -> bool {
        &self.0[MAGIC] == b"ustar  \0"
    }

    fn is_ustar(&self) -> bool {
        self.0[MAGIC].starts_with(b"ustar\0")
    }

    /// The name, put together of its two halves where the form has two.
    pub fn path(&self) -> Vec<u8> {
        let name = text(&self.0[NAME]);
        if !self.is_ustar() {
            return name.to_vec();
        }
        let prefix =
            text(&self.0[if &self.0[STAR_MAGIC] == b"tar\0" { STAR_PREFIX } else { PREFIX }]);
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// The target of a link, symbolic or hard.
    pub fn link(&self) -> Vec<u8> {
        text(&self.0[LINK]).to_vec()
    }

    /// The owner's name; v7 has none.
    pub fn user(&self) -> &[u8] {
        if self.is_gnu() || self.is_ustar() { text(&self.0[UNAME]) } else { b"" }
    }

    /// The group's name; v7 has none.
    pub fn group(&self) -> &[u8] {
        if self.is_gnu() || self.is_ustar() { text(&self.0[GNAME]) } else { b"" }
    }

    /// Permission bits with setuid, setgid and sticky. Some programs put the kind of the file in
    /// too.
    pub fn mode(&self) -> Result<u32, String> {
        number(&self.0[MODE])
            .map(|n| u32::try_from(n & 0o7777).unwrap_or_default())
            .map_err(|()| "its mode is not a number".to_owned())
    }

    /// The owner's number.
    pub fn uid(&self) -> Result<u32, String> {
        self.unsigned(UID, "owner")
    }

    /// The group's number.
    pub fn gid(&self) -> Result<u32, String> {
        self.unsigned(GID, "group")
    }

    /// Bytes of content in the archive.
    pub fn size(&self) -> Result<u64, String> {
        self.unsigned(SIZE, "size")
    }

    /// Seconds since the epoch; before 1970 in GNU's form only.
    pub fn mtime(&self) -> Result<i64, String> {
        number(&self.0[MTIME]).map_err(|()| "its time is not a number".to_owned())
    }

    /// The same as libarchive writes it beside an extended header: one byte shorter, then a blank.
    pub fn short_mtime(&self) -> Option<i64> {
        let (last, field) = self.0[MTIME].split_last()?;
        number(field).ok().filter(|_| *last == b' ')
    }

    /// The major number of a device.
    pub fn major(&self) -> Result<u32, String> {
        self.unsigned(MAJOR, "device number")
    }

    /// The minor number of a device.
    pub fn minor(&self) -> Result<u32, String> {
        self.unsigned(MINOR, "device number")
    }

    /// GNU's old sparse form: the size with holes.
    pub fn real_size(&self) -> Result<u64, String> {
        self.unsigned(GNU_REAL_SIZE, "real size")
    }

    /// GNU's old sparse form: the entries of the map in this block (`more`: a block behind the
    /// header), and whether a block follows.
    pub fn map(&self, more: bool) -> Result<(Vec<(u64, u64)>, bool), String> {
        let (entries, extended) =
            if more { (MORE_MAP, MORE_EXTENDED) } else { (GNU_MAP, GNU_EXTENDED) };
        let mut all = vec![];
        for entry in self.0[entries].chunks_exact(MAP_ENTRY) {
            let (offset, length) = entry.split_at(MAP_ENTRY / 2);
            // The first entry that is not used is empty; the rest of the block may be anything.
            if length.iter().all(|b| *b == 0) {
                break;
            }
            let of = |field: &[u8]| number(field).ok().and_then(|n| u64::try_from(n).ok());
            match (of(offset), of(length)) {
                (Some(o), Some(l)) => all.push((o, l)),
                _ => return Err("its map of holes is damaged".to_owned()),
            }
        }
        Ok((all, self.0[extended] != 0))
    }

    fn unsigned<T: TryFrom<i64>>(&self, at: Range<usize>, what: &str) -> Result<T, String> {
        number(&self.0[at])
            .ok()
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| format!("its {what} is not a number that a file can have"))
    }
}

/// A text field: to its NUL, or to its end.
fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

/// A number field: octal digits between blanks and NULs (nothing at all: 0), or GNU's base 256,
/// two's complement behind a set first bit.
fn number(field: &[u8]) -> Result<i64, ()> {
    let first = *field.first().ok_or(())?;
    if first & 0x80 != 0 {
        // The bit below the mark is the sign.
        let head = i128::from(((first & 0x7f) << 1).cast_signed() >> 1);
        let value = field[1..].iter().fold(head, |n, b| (n << 8) | i128::from(*b));
        return i64::try_from(value).map_err(drop);
    }
    let blank = |b: &u8| *b == b' ' || *b == 0;
    let digits: Vec<u8> =
        field.iter().copied().skip_while(blank).take_while(|b| !blank(b)).collect();
    digits.iter().try_fold(0i64, |n, d| match d {
        b'0'..=b'7' => n.checked_mul(8).map(|n| n + i64::from(d - b'0')).ok_or(()),
        _ => Err(()),
    })
}

/// Tests, and headers for the tests of other modules.
#[cfg(test)]
pub mod tests {
    use super::*;

    /// A sound ustar header, for tests of what reads them.
    pub fn header(path: &str, typeflag: u8, size: u64) -> Header {
        let mut h = Header([0; BLOCK]);
        h.0[..path.len()].copy_from_slice(path.as_bytes());
        h.0[MODE].copy_from_slice(b"0000644\0");
        h.0[UID].copy_from_slice(b"0001750\0");
        h.0[GID].copy_from_slice(b"0001751\0");
        h.0[SIZE].copy_from_slice(format!("{size:011o}\0").as_bytes());
        h.0[MTIME].copy_from_slice(b"14000000000\0");
        h.0[LINK.start - 1] = typeflag;
        h.0[MAGIC].copy_from_slice(b"ustar\x0000");
        sign(&mut h);
        h
    }

    /// Sets the checksum.
    pub fn sign(h: &mut Header) {
        h.0[CHECKSUM].copy_from_slice(b"        ");
        let sum: u32 = h.0.iter().map(|b| u32::from(*b)).sum();
        h.0[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }

    #[test]
    fn numbers() {
        for (field, want) in [
            (&b"0000644\0"[..], Ok(0o644)),
            (b"  644 \0\0", Ok(0o644)),
            (b"77777777", Ok(0o77_777_777)),
            (b"\0\0\0\0\0\0\0\0", Ok(0)),
            (b"12x4567\0", Err(())),
            (b"0000008\0", Err(())),
            (b"\x80\0\0\0\0\0\0\0\0\0\x01\x02", Ok(258)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Ok(-1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", Ok(-256)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Ok(i64::MAX)),
            (b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", Err(())),
            (b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Err(())),
            (b"7777777777777777777777777", Err(())),
        ] {
            assert_eq!(number(field), want, "{field:?}");
        }
    }

    #[test]
    fn fields() {
        let mut h = header("passwd", b'0', 5);
        h.0[PREFIX.start..PREFIX.start + 3].copy_from_slice(b"etc");
        h.0[UNAME.start..UNAME.start + 4].copy_from_slice(b"root");
        assert!(!h.is_sound());
        sign(&mut h);
        assert!(h.is_sound() && !h.is_zero());
        assert_eq!((h.path(), h.user()), (b"etc/passwd".to_vec(), &b"root"[..]));
        assert_eq!((h.mode(), h.uid(), h.gid(), h.size()), (Ok(0o644), Ok(1000), Ok(1001), Ok(5)));
        assert_eq!(h.mtime(), Ok(0o14_000_000_000));
        // star: 131 bytes of prefix, then times.
        h.0[STAR_PREFIX.end..STAR_PREFIX.end + 4].copy_from_slice(b"1234");
        h.0[STAR_PREFIX].fill(b'p');
        h.0[STAR_MAGIC].copy_from_slice(b"tar\0");
        assert_eq!(h.path().len(), 131 + 1 + 6);
        // GNU has other things there.
        h.0[MAGIC].copy_from_slice(b"ustar  \0");
        assert_eq!(h.path(), b"passwd");
        h.0[NAME].fill(b'n');
        assert_eq!(h.path().len(), 100);
        h.0[SIZE].copy_from_slice(&[0xff; 12]);
        assert!(h.size().unwrap_err().contains("size"));
    }

    #[test]
    fn signed_checksums() {
        let mut h = header("caf\u{e9}", b'0', 0);
        h.0[CHECKSUM].copy_from_slice(b"        ");
        let sum: i32 = h.0.iter().map(|b| i32::from(b.cast_signed())).sum();
        h.0[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(h.is_sound());
        h.0[0] += 1;
        assert!(!h.is_sound());
    }
}
