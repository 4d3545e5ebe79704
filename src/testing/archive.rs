//! Small archives in memory, put together by hand, including some that no program would write.

use anyhow::Result;

use crate::archive::input::stream::{SharedBytes, Source};
use crate::archive::tar::BLOCK;
use crate::archive::tar::header::tests::{header, sign};
use crate::archive::tar::pax::tests::record;

/// Bytes in memory, in pieces of any size.
#[derive(Debug)]
pub struct Memory(pub Vec<Vec<u8>>);

impl Memory {
    /// All bytes in one piece.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(vec![bytes.into()])
    }
}

impl Source for Memory {
    fn next(&mut self) -> Result<Option<SharedBytes>> {
        while !self.0.is_empty() {
            let first = self.0.remove(0);
            if !first.is_empty() {
                return Ok(Some(SharedBytes::new(first.into())));
            }
        }
        Ok(None)
    }
}

/// A header and its content, padded.
pub fn member(path: &str, typeflag: u8, content: &[u8]) -> Vec<u8> {
    with_size(path, typeflag, content.len() as u64, content)
}

/// A header that tells another size than there is content.
pub fn with_size(path: &str, typeflag: u8, size: u64, content: &[u8]) -> Vec<u8> {
    let mut h = header(path, typeflag, size);
    if matches!(typeflag, b'1' | b'2') {
        h.0[157..163].copy_from_slice(b"target");
        sign(&mut h);
    }
    let mut out = h.0.to_vec();
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out
}

/// An extended header.
pub fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let text: Vec<u8> = records.iter().flat_map(|(k, v)| record(k, v)).collect();
    member("PaxHeaders/x", b'x', &text)
}

/// GNU's old sparse form: a header with up to four entries, whether more follow, then anything.
pub fn old_sparse(path: &str, map: &[(u64, u64)], more: bool, real: u64, stored: u64) -> Vec<u8> {
    let mut h = header(path, b'S', stored);
    h.0[257..265].copy_from_slice(b"ustar  \0");
    for (n, (offset, length)) in map.iter().enumerate() {
        entry(&mut h.0[386 + n * 24..], *offset, *length);
    }
    h.0[482] = u8::from(more);
    h.0[483..495].copy_from_slice(format!("{real:011o}\0").as_bytes());
    sign(&mut h);
    h.0.to_vec()
}

/// A block of further entries.
pub fn more_sparse(map: &[(u64, u64)], more: bool) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    for (n, (offset, length)) in map.iter().enumerate() {
        entry(&mut block[n * 24..], *offset, *length);
    }
    block[504] = u8::from(more);
    block
}

fn entry(to: &mut [u8], offset: u64, length: u64) {
    to[..24].copy_from_slice(format!("{offset:011o}\0{length:011o}\0").as_bytes());
}

/// The members, and the mark of the end.
pub fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    let mut out = members.concat();
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// A little of everything, for what damages it.
pub fn zoo() -> Vec<u8> {
    let map_1_0 = [&b"2\n0\n3\n600\n2\n"[..], &[0; BLOCK - 12], b"abcde"].concat();
    archive(&[
        member("PaxHeaders/g", b'g', &record("comment", b"all")),
        member("./", b'5', b""),
        pax(&[
            ("path", b"./long/name"),
            ("mtime", b"1700000000.5"),
            ("SCHILY.xattr.user.x", b"a\nb"),
            ("size", b"5"),
        ]),
        member("short", b'0', b"hello"),
        pax(&[
            ("SCHILY.acl.access", b"user::rwx,user:joe:rw-:1000,group::r-x,mask::rwx,other::---"),
            ("RHT.security.selinux", b"u:r:t:s0"),
        ]),
        member("./acl", b'0', b""),
        member("././@LongLink", b'L', b"./a/long/name/of/gnu\0"),
        member("././@LongLink", b'K', b"./a/long/target\0"),
        member("x", b'2', b""),
        member("./hard", b'1', b""),
        member("./fifo", b'6', b""),
        member("./null", b'3', b""),
        old_sparse("./old", &[(0, 2), (10, 1)], true, 100, 5),
        [more_sparse(&[(20, 2), (100, 0)], false), b"abcde".to_vec(), vec![0; BLOCK - 5]].concat(),
        pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"./new"),
            ("GNU.sparse.realsize", b"1000"),
        ]),
        member("./GNUSparseFile.1/new", b'0', &map_1_0),
        pax(&[
            ("GNU.sparse.size", b"1000"),
            ("GNU.sparse.numblocks", b"2"),
            ("GNU.sparse.map", b"0,3,600,2"),
            ("LIBARCHIVE.xattr.user.y", b"eA"),
        ]),
        member("./middle", b'0', b"abcde"),
        member("./big", b'0', &[b'x'; 1500]),
    ])
}
