//! Members as PAX writes them: a ustar header, and before it the extended header with what ustar
//! cannot say.
//!
//! Every member has an extended header, as ustar knows neither access times nor parts of a second;
//! it holds nothing that the plain header already says, so that it mostly stays within one block.
//! Names that fit are stored as they are, since the extended header's are meant to be UTF-8.
//! Sources: POSIX.1-2017 (pax, ustar), the GNU tar manual (sparse format 1.0, `SCHILY.acl`,
//! `RHT.security.selinux`), star's manual (`SCHILY.xattr`, `SCHILY.fflags`).

use std::io::Write;

use super::{BLOCK, Kind, Member, acl, padding};
use crate::host::fs_calls::Time;

/// The largest numbers of ustar's fields: 11 and 7 octal digits.
const MAX_OCTAL: u64 = 0o777_7777_7777;
const LARGEST_ID: u32 = 0o777_7777;

const NAME: usize = 100;
const PREFIX: usize = 155;

/// Where the access ACL, the default ACL and the SELinux label are among the attributes, and what
/// PAX calls them.
const ACLS: [(&[u8], &str); 2] = [
    (b"system.posix_acl_access", "SCHILY.acl.access"),
    (b"system.posix_acl_default", "SCHILY.acl.default"),
];
const SELINUX: &[u8] = b"security.selinux";

/// Appends a member's headers, and its map where it has holes. Its `stored` bytes of content
/// follow, then [`pad`].
pub fn header(out: &mut Vec<u8>, member: &Member) {
    let map = member.map.as_deref().map(|m| sparse_map(m, member.size));
    let size = match member.kind {
        Kind::Regular => member.stored + map.as_ref().map_or(0, |m| m.len() as u64),
        _ => 0,
    };
    let mut records = Records::default();
    let place = if map.is_some() { sparse_name(&member.path) } else { member.path.clone() };
    let (prefix, name) = split(&place).unwrap_or_else(|| {
        if map.is_none() {
            records.add("path", &place);
        }
        (b"", &place[..place.len().min(NAME)])
    });
    records.extend(member, size);
    if map.is_some() {
        records.add("GNU.sparse.major", b"1");
        records.add("GNU.sparse.minor", b"0");
        records.add("GNU.sparse.name", &member.path);
        records.add("GNU.sparse.realsize", member.size.to_string().as_bytes());
    }
    if !records.0.is_empty() {
        let length = records.0.len() as u64;
        block(
            out,
            &Fields {
                name: b"././@PaxHeader",
                mode: 0o644,
                size: length,
                kind: b'x',
                ..Fields::default()
            },
        );
        out.extend_from_slice(&records.0);
        pad(out, length);
    }
    let (kind, link, device): (u8, &[u8], (u32, u32)) = match &member.kind {
        Kind::Regular => (b'0', b"", (0, 0)),
        Kind::HardLink(to) => (b'1', to, (0, 0)),
        Kind::Symlink(to) => (b'2', to, (0, 0)),
        Kind::Char(major, minor) => (b'3', b"", (*major, *minor)),
        Kind::Block(major, minor) => (b'4', b"", (*major, *minor)),
        Kind::Directory => (b'5', b"", (0, 0)),
        Kind::Fifo => (b'6', b"", (0, 0)),
    };
    let fields = Fields {
        name,
        prefix,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        size,
        mtime: member.mtime.secs,
        kind,
        link,
        device,
    };
    block(out, &fields);
    out.extend_from_slice(map.as_deref().unwrap_or_default());
}

/// Fills the last block of `stored` bytes that were appended.
pub fn pad(out: &mut Vec<u8>, stored: u64) {
    // Less than a block.
    out.resize(out.len() + usize::try_from(padding(stored)).unwrap_or_default(), 0);
}

/// The archive's end.
pub fn end(out: &mut Vec<u8>) {
    out.resize(out.len() + 2 * BLOCK, 0);
}

/// Records of an extended header: `length keyword=value\n`, the length counting itself.
#[derive(Default)]
struct Records(Vec<u8>);

impl Records {
    /// A keyword may hold any bytes: attributes' names need not be UTF-8.
    fn add(&mut self, keyword: impl AsRef<[u8]>, value: &[u8]) {
        let keyword = keyword.as_ref();
        let rest = keyword.len() + value.len() + 3;
        let digits = |n: usize| n.checked_ilog10().unwrap_or(0) as usize + 1;
        let mut length = rest + digits(rest);
        if digits(length) > digits(rest) {
            length = rest + digits(length);
        }
        // Writing to memory does not fail.
        let _ = write!(self.0, "{length} ");
        self.0.extend_from_slice(keyword);
        self.0.push(b'=');
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
    }

    fn extend(&mut self, member: &Member, size: u64) {
        if let Kind::HardLink(to) | Kind::Symlink(to) = &member.kind
            && to.len() > NAME
        {
            self.add("linkpath", to);
        }
        if size > MAX_OCTAL {
            self.add("size", size.to_string().as_bytes());
        }
        for (keyword, id) in [("uid", member.uid), ("gid", member.gid)] {
            if id > LARGEST_ID {
                self.add(keyword, id.to_string().as_bytes());
            }
        }
        let mtime = member.mtime;
        if mtime.nanos != 0
            || u64::try_from(mtime.secs).is_ok_and(|s| s > MAX_OCTAL)
            || mtime.secs < 0
        {
            self.add("mtime", time(mtime).as_bytes());
        }
        if let Some(atime) = member.atime {
            self.add("atime", time(atime).as_bytes());
        }
        if let Some(flags) = &member.flags {
            self.add("SCHILY.fflags", flags.as_bytes());
        }
        for (name, value) in &member.xattrs {
            self.attribute(name.to_bytes(), value);
        }
    }

    fn attribute(&mut self, name: &[u8], value: &[u8]) {
        if let Some((_, keyword)) = ACLS.iter().find(|(attribute, _)| *attribute == name)
            && let Some(text) = acl::to_text(value)
        {
            return self.add(keyword, text.as_bytes());
        }
        if name == SELINUX {
            return self.add("RHT.security.selinux", value.strip_suffix(b"\0").unwrap_or(value));
        }
        // A keyword ends at the first `=`: GNU tar writes such names so.
        let mut keyword = b"SCHILY.xattr.".to_vec();
        for byte in name {
            match byte {
                b'%' => keyword.extend_from_slice(b"%25"),
                b'=' => keyword.extend_from_slice(b"%3D"),
                other => keyword.push(*other),
            }
        }
        self.add(&keyword, value);
    }
}

/// Seconds with a fraction. Before 1970 the sign goes for both: -1.5 is a second and a half before.
fn time(t: Time) -> String {
    let fraction = |nanos: u32| format!(".{nanos:09}").trim_end_matches('0').to_owned();
    match (t.secs, t.nanos) {
        (secs, 0) => secs.to_string(),
        (secs, nanos) if secs >= 0 => format!("{secs}{}", fraction(nanos)),
        (secs, nanos) => format!("-{}{}", -(secs + 1), fraction(1_000_000_000 - nanos)),
    }
}

/// Prefix and name, where a path fits into ustar's two fields.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME {
        return Some((b"", path));
    }
    // A directory's last slash belongs to its name.
    let first = path.len().checked_sub(NAME + 1)?;
    let cut = (first..=PREFIX.min(path.len() - 2)).find(|i| path[*i] == b'/')?;
    Some((&path[..cut], &path[cut + 1..]))
}

/// The name of a member with holes for programs that do not know them.
fn sparse_name(path: &[u8]) -> Vec<u8> {
    let cut = path.iter().rposition(|b| *b == b'/').map_or(0, |c| c + 1);
    let (dir, base) = path.split_at(cut);
    let name = [dir, b"GNUSparseFile.0/", base].concat();
    if name.len() <= NAME {
        name
    } else {
        [b"./GNUSparseFile.0/", &base[..base.len().min(80)]].concat()
    }
}

/// The map as lines of numbers in whole blocks: how many, then offset and length of each; an empty
/// one at the size, where a hole ends the file.
fn sparse_map(map: &[(u64, u64)], size: u64) -> Vec<u8> {
    let end = map.last().map_or(0, |(at, length)| at + length);
    let last = (end < size || map.is_empty()).then_some((size, 0));
    let mut out = Vec::with_capacity(BLOCK);
    let _ = writeln!(out, "{}", map.len() + usize::from(last.is_some()));
    for (at, length) in map.iter().copied().chain(last) {
        let _ = write!(out, "{at}\n{length}\n");
    }
    let length = out.len() as u64;
    pad(&mut out, length);
    out
}

#[derive(Default)]
struct Fields<'a> {
    name: &'a [u8],
    prefix: &'a [u8],
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    mtime: i64,
    kind: u8,
    link: &'a [u8],
    device: (u32, u32),
}

/// One ustar header. A number that does not fit stands in the extended header; here it is 0.
fn block(out: &mut Vec<u8>, f: &Fields<'_>) {
    let begin = out.len();
    out.resize(begin + BLOCK, 0);
    let Some(b) = out.get_mut(begin..) else { return };
    let text = |b: &mut [u8], at: usize, most: usize, bytes: &[u8]| {
        let n = bytes.len().min(most);
        b[at..at + n].copy_from_slice(&bytes[..n]);
    };
    text(b, 0, NAME, f.name);
    octal(&mut b[100..107], u64::from(f.mode & 0o7777));
    octal(&mut b[108..115], u64::from(f.uid));
    octal(&mut b[116..123], u64::from(f.gid));
    octal(&mut b[124..135], f.size);
    octal(&mut b[136..147], u64::try_from(f.mtime).unwrap_or(0));
    b[156] = f.kind;
    text(b, 157, NAME, f.link);
    text(b, 257, 8, b"ustar\x0000");
    octal(&mut b[329..336], u64::from(f.device.0));
    octal(&mut b[337..344], u64::from(f.device.1));
    text(b, 345, PREFIX, f.prefix);
    b[148..156].fill(b' ');
    let sum: u64 = b.iter().map(|x| u64::from(*x)).sum();
    octal(&mut b[148..154], sum);
    b[154] = 0;
}

/// Octal digits as many as there is room for; 0 for a number that does not fit.
fn octal(field: &mut [u8], number: u64) {
    let bits = 3 * field.len();
    let mut rest = if bits < 64 && number >> bits != 0 { 0 } else { number };
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (rest & 7) as u8;
        rest >>= 3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_itself() {
        for length in 0..1100 {
            let mut records = Records::default();
            records.add("path", &vec![b'x'; length]);
            let text = String::from_utf8(records.0).unwrap();
            let (number, rest) = text.split_once(' ').unwrap();
            assert_eq!(number.parse::<usize>().unwrap(), text.len(), "{length}");
            assert!(rest.starts_with("path=") && rest.ends_with('\n'));
        }
    }

    #[test]
    fn times() {
        let at = |secs, nanos| time(Time { secs, nanos });
        assert_eq!(at(12, 0), "12");
        assert_eq!(at(12, 500_000_000), "12.5");
        assert_eq!(at(0, 1), "0.000000001");
        assert_eq!(at(-1, 500_000_000), "-0.5");
        assert_eq!(at(-2, 999_999_999), "-1.000000001");
        assert_eq!(at(-2, 0), "-2");
    }

    #[test]
    fn names_that_fit() {
        let path =
            |dir: usize, base: usize| [vec![b'd'; dir], b"/".to_vec(), vec![b'b'; base]].concat();
        assert_eq!(split(&path(49, 50)), Some((b"".as_slice(), path(49, 50).as_slice())));
        let long = path(155, 100);
        assert_eq!(split(&long), Some((&long[..155], &long[156..])));
        assert_eq!(split(&path(156, 100)), None);
        assert_eq!(split(&path(100, 101)), None);
        // A directory's slash is not where it is cut.
        assert_eq!(split(&[vec![b'd'; 110], b"/".to_vec()].concat()), None);
    }

    #[test]
    fn maps() {
        assert_eq!(&sparse_map(&[(512, 5)], 1000)[..20], b"2\n512\n5\n1000\n0\n\0\0\0\0\0");
        assert_eq!(&sparse_map(&[(512, 488)], 1000)[..11], b"1\n512\n488\n\0");
        assert_eq!(&sparse_map(&[], 7)[..7], b"1\n7\n0\n\0");
        assert_eq!(sparse_map(&vec![(1 << 40, 1); 100], 1 << 41).len() % BLOCK, 0);
    }
}
