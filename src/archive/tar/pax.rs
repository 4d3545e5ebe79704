//! PAX extended headers: records `LENGTH KEY=VALUE\n` that say what a ustar header cannot.
//!
//! A record's length is the only thing that ends it: values hold newlines and anything else.
//! POSIX.1-2017, pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files"; star(5) for
//! SCHILY.*; tar(5) of libarchive for LIBARCHIVE.*.

use std::ffi::CString;

use super::Bad;
use crate::error;
use crate::host::fs_calls::Time;
use crate::text::path::show_path;

/// The longest text of one header, bytes. Values of attributes have at most 64 KiB.
pub const MAX_RECORDS: u64 = 1 << 20;
/// The longest name and value that the kernel takes.
const XATTR_NAME: usize = 255;
const XATTR_VALUE: usize = 65536;
/// All names of one file together, each with its NUL: `XATTR_LIST_MAX`.
const XATTR_LIST: usize = 65536;

/// The records of extended headers for the next member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pax {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub mtime: Option<Time>,
    pub atime: Option<Time>,
    pub device: (Option<u32>, Option<u32>),
    pub user: Option<Vec<u8>>,
    pub group: Option<Vec<u8>>,
    pub xattrs: Vec<(CString, Vec<u8>)>,
    /// Bytes of their names.
    pub names: usize,
    /// A label without the NUL that the kernel wants.
    pub selinux: Option<Vec<u8>>,
    /// ACLs as text.
    pub access: Option<Vec<u8>>,
    pub default: Option<Vec<u8>>,
    pub flags: Option<String>,
    pub sparse: Sparse,
    /// Keys that hold something which is not restored.
    pub unknown: Vec<String>,
}

/// GNU tar's records about holes; the version decides which of it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    pub major: Option<u64>,
    pub minor: Option<u64>,
    pub name: Option<Vec<u8>>,
    pub real_size: Option<u64>,
    /// 0.0: entries one by one; 0.1: all in one record.
    pub map: Option<Vec<(u64, u64)>>,
    /// An offset that waits for its length.
    offset: Option<u64>,
}

/// Splits the text of an extended header.
pub fn records(text: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), Bad>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        // Some programs count the padding of the last block in.
        if rest.iter().all(|b| *b == 0) {
            return None;
        }
        let record = first(rest);
        match record {
            Ok((len, _, _)) => rest = rest.get(len..).unwrap_or_default(),
            Err(_) => rest = b"",
        }
        Some(record.map(|(_, key, value)| (key, value)))
    })
}

/// Length, key and value of the first record.
fn first(text: &[u8]) -> Result<(usize, &[u8], &[u8]), Bad> {
    let parse = || {
        let blank = text.iter().take(8).position(|b| *b == b' ')?;
        let len = usize::try_from(decimal(text.get(..blank)?)?).ok()?;
        let record = text.get(blank + 1..len)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|b| *b == b'=')?;
        Some((len, &record[..equals], &record[equals + 1..]))
    };
    parse().ok_or_else(|| Bad::damaged("its extended header is damaged"))
}

impl Pax {
    /// Takes in the records of one header. A `global` one speaks of all members behind it: what can
    /// only be said of one is passed over.
    pub fn take(&mut self, text: &[u8], global: bool) -> Result<(), Bad> {
        for record in records(text) {
            let (key, value) = record?;
            self.record(key, value, global)?;
        }
        Ok(())
    }

    fn record(&mut self, key: &[u8], value: &[u8], global: bool) -> Result<(), Bad> {
        let bad = || {
            Bad::damaged(format!(
                "its extended header says `{}={}`",
                show_path(key),
                show_path(&value[..value.len().min(40)])
            ))
        };
        let text = || (!value.is_empty()).then(|| value.to_vec());
        // An empty value takes back what a global header said.
        macro_rules! parsed {
            ($parse:expr) => {
                if value.is_empty() { None } else { Some($parse(value).ok_or_else(bad)?) }
            };
        }
        match key {
            b"uid" => self.uid = parsed!(id),
            b"gid" => self.gid = parsed!(id),
            b"mtime" => self.mtime = parsed!(time),
            b"atime" => self.atime = parsed!(time),
            b"uname" => self.user = text(),
            b"gname" => self.group = text(),
            b"SCHILY.fflags" => {
                self.flags = text().map(|t| String::from_utf8_lossy(&t).into_owned())
            }
            _ if global => {}
            b"path" => self.path = text(),
            b"linkpath" => self.link = text(),
            b"size" => self.size = parsed!(decimal),
            b"SCHILY.devmajor" => self.device.0 = parsed!(id),
            b"SCHILY.devminor" => self.device.1 = parsed!(id),
            b"SCHILY.acl.access" => self.access = text(),
            b"SCHILY.acl.default" => self.default = text(),
            b"RHT.security.selinux" => self.selinux = text(),
            _ => match split(key) {
                // bsdtar, which has said it already as LIBARCHIVE's, encodes this name too.
                (b"SCHILY.xattr.", name) if self.has_record(&url_decoded(name), value) => {}
                (b"SCHILY.xattr.", name) => self.xattr(&gnu_decoded(name), value.to_vec(), true)?,
                (b"LIBARCHIVE.xattr.", name) => {
                    self.xattr(&url_decoded(name), base64(value).ok_or_else(bad)?, false)?
                }
                (b"GNU.sparse.", name) => self.sparse.record(name, value).ok_or_else(bad)?,
                _ => self.pass_over(key),
            },
        }
        Ok(())
    }

    fn has_record(&self, name: &[u8], value: &[u8]) -> bool {
        self.xattrs.iter().any(|(n, v)| n.as_bytes() == name && v == value)
    }

    /// bsdtar says each attribute in two ways; the raw one is `sure`.
    fn xattr(&mut self, name: &[u8], value: Vec<u8>, sure: bool) -> Result<(), Bad> {
        if value.len() > XATTR_VALUE || name.len() > XATTR_NAME {
            let text = format!(
                "attribute {} of {} bytes: no file has one so large",
                show_path(&name[..name.len().min(80)]),
                value.len()
            );
            return Err(Bad { entry: &error::IMAGE_LIMIT, text });
        }
        let name = CString::new(name)
            .ok()
            .filter(|n| !n.is_empty())
            .ok_or_else(|| Bad::damaged("an attribute without a name"))?;
        match self.xattrs.iter_mut().find(|(n, _)| *n == name) {
            Some(have) if sure => have.1 = value,
            Some(_) => {}
            None => {
                self.names += name.as_bytes_with_nul().len();
                if self.names > XATTR_LIST {
                    let text = format!(
                        "its attributes have names of more than {XATTR_LIST} bytes: no file has so many"
                    );
                    return Err(Bad { entry: &error::IMAGE_LIMIT, text });
                }
                self.xattrs.push((name, value));
            }
        }
        Ok(())
    }

    /// Some keys are known to say nothing that is restored, or what is known otherwise.
    fn pass_over(&mut self, key: &[u8]) {
        const QUIET: [&[u8]; 12] = [
            b"comment",
            b"charset",
            b"hdrcharset",
            b"ctime",
            b"LIBARCHIVE.creationtime",
            b"LIBARCHIVE.symlinktype",
            b"SCHILY.dev",
            b"SCHILY.ino",
            b"SCHILY.nlink",
            b"SCHILY.filetype",
            b"SCHILY.tarfiletype",
            b"SCHILY.release",
        ];
        let quiet = QUIET.contains(&key)
            || key.starts_with(b"SCHILY.volhdr.")
            || key.starts_with(b"SCHILY.archtype");
        if !quiet && self.unknown.len() < 8 {
            self.unknown.push(show_path(&key[..key.len().min(80)]));
        }
    }
}

impl Sparse {
    fn record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"major" => self.major = Some(decimal(value)?),
            b"minor" => self.minor = Some(decimal(value)?),
            b"name" => self.name = Some(value.to_vec()),
            b"realsize" | b"size" => self.real_size = Some(decimal(value)?),
            b"offset" => self.offset = Some(decimal(value)?),
            b"numbytes" => {
                let entry = (self.offset.take()?, decimal(value)?);
                self.map.get_or_insert_default().push(entry);
            }
            b"map" => self.map = Some(pairs(value)?),
            // The number of blocks is told by the map itself.
            b"numblocks" => _ = self.map.get_or_insert_default(),
            _ => {}
        }
        Some(())
    }
}

/// `0,512,4096,100`
fn pairs(text: &[u8]) -> Option<Vec<(u64, u64)>> {
    let mut all = vec![];
    if text.is_empty() {
        return Some(all);
    }
    let mut numbers = text.split(|b| *b == b',').map(decimal);
    while let Some(offset) = numbers.next() {
        all.push((offset?, numbers.next()??));
    }
    Some(all)
}

fn split(key: &[u8]) -> (&[u8], &[u8]) {
    let prefixes: [&[u8]; 3] = [b"SCHILY.xattr.", b"LIBARCHIVE.xattr.", b"GNU.sparse."];
    let prefix = prefixes.iter().find(|p| key.starts_with(p)).map_or(0, |p| p.len());
    key.split_at(prefix)
}

/// Digits and nothing else, at most `u64::MAX`.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |n, d| {
        d.is_ascii_digit().then(|| n.checked_mul(10)?.checked_add(u64::from(d - b'0')))?
    })
}

fn id(text: &[u8]) -> Option<u32> {
    u32::try_from(decimal(text)?).ok()
}

/// `-1.25`: a second and a quarter before 1970. What is finer than nanoseconds is cut towards the
/// past, as GNU tar does.
pub fn time(text: &[u8]) -> Option<Time> {
    const NANOS: u32 = 1_000_000_000;
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |t| (true, t));
    let (whole, fraction) = match text.iter().position(|b| *b == b'.') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b""[..]),
    };
    if (whole.is_empty() && fraction.is_empty()) || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let secs = i64::try_from(if whole.is_empty() { 0 } else { decimal(whole)? }).ok()?;
    let nanos = (0..9).fold(0, |n, i| n * 10 + fraction.get(i).map_or(0, |d| u32::from(d - b'0')));
    if !negative {
        return Some(Time { secs, nanos });
    }
    let finer = fraction.get(9..).unwrap_or_default().iter().any(|d| *d != b'0');
    match nanos + u32::from(finer) {
        0 => Some(Time { secs: -secs, nanos: 0 }),
        nanos => Some(Time { secs: (-secs).checked_sub(1)?, nanos: NANOS - nanos }),
    }
}

/// GNU tar writes `=` and `%` in names of attributes as `%3D` and `%25`.
fn gnu_decoded(name: &[u8]) -> Vec<u8> {
    escaped(name, |hex| matches!(hex, b"3D" | b"25"))
}

fn url_decoded(name: &[u8]) -> Vec<u8> {
    escaped(name, |_| true)
}

fn escaped(name: &[u8], which: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|h| *first == b'%' && which(h));
        match hex.and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

/// With or without padding, as libarchive writes it.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut have) = (0u32, 0);
    for c in text.iter().filter(|c| !matches!(c, b'=' | b'\n' | b'\r')) {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push(u8::try_from((bits >> have) & 0xff).ok()?);
        }
    }
    Some(out)
}

/// Tests, and records for the tests of other modules.
#[cfg(test)]
pub mod tests {
    use super::*;

    /// One record, with its length.
    pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
        let bare = key.len() + value.len() + 3;
        let mut len = bare + 1;
        while bare + len.to_string().len() != len {
            len += 1;
        }
        [format!("{len} {key}=").as_bytes(), value, b"\n"].concat()
    }

    fn read(text: &[u8]) -> Result<Pax, Bad> {
        let mut pax = Pax::default();
        pax.take(text, false).map(|()| pax)
    }

    #[test]
    fn more_attributes_than_a_file_has() {
        let text = |n: u32| {
            (0..n)
                .flat_map(|n| record(&format!("SCHILY.xattr.user.{n:010}"), b""))
                .collect::<Vec<u8>>()
        };
        assert_eq!(read(&text(4096)).unwrap().xattrs.len(), 4096);
        assert_eq!(read(&text(4097)).unwrap_err().entry.id, "ALT-636");
        assert_eq!(read(&text(2).repeat(5000)).unwrap().xattrs.len(), 2);
    }

    #[test]
    fn a_value_may_hold_anything() {
        let evil = b"\n22 linkpath=/etc/evil\n\0=\xff";
        let text =
            [record("SCHILY.xattr.user.x", evil), record("path", b"a=b\nc"), vec![0; 20]].concat();
        let pax = read(&text).unwrap();
        assert_eq!(pax.xattrs, [(c"user.x".to_owned(), evil.to_vec())]);
        assert_eq!((pax.path.as_deref(), pax.link), (Some(&b"a=b\nc"[..]), None));
    }

    #[test]
    fn damaged_records() {
        for text in [
            &b"11 path=abc"[..],
            b"12 path=abcd",
            b"99 path=abc\n",
            b"path=abc\n",
            b" 12 path=abc\n",
            b"5 a\n",
            b"3 \n",
            b"0 \n",
            b"x",
        ] {
            assert_eq!(read(text).unwrap_err().entry.id, "ALT-633", "{}", show_path(text));
        }
        for (key, value) in [
            ("size", "-1"),
            ("uid", "4294967296"),
            ("mtime", "1e3"),
            ("size", "18446744073709551616"),
            ("mtime", "-"),
        ] {
            let bad = read(&record(key, value.as_bytes())).unwrap_err();
            assert!(bad.text.contains(key), "{}", bad.text);
        }
    }

    #[test]
    fn times() {
        for (text, want) in [
            ("0", Some((0, 0))),
            ("1700000000.123456789", Some((1_700_000_000, 123_456_789))),
            ("1.5", Some((1, 500_000_000))),
            ("1.0000000019", Some((1, 1))),
            ("-1.25", Some((-2, 750_000_000))),
            ("-3", Some((-3, 0))),
            ("-0.0000000001", Some((-1, 999_999_999))),
            (".5", Some((0, 500_000_000))),
            ("9223372036854775807", Some((i64::MAX, 0))),
            ("9223372036854775808", None),
            ("-9223372036854775807.5", Some((i64::MIN, 500_000_000))),
            ("1.2.3", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(time(text.as_bytes()).map(|t| (t.secs, t.nanos)), want, "{text}");
        }
    }

    #[test]
    fn attributes_in_every_form() {
        let text = [
            record("LIBARCHIVE.xattr.user.a%20b", b"AAEC/w"),
            record("SCHILY.xattr.user.a%20b", b"\0\x01\x02\xff"),
            record("LIBARCHIVE.xattr.user.same", b"eA=="),
            record("SCHILY.xattr.user.same", b"y"),
            record("SCHILY.xattr.user.e%3Dq%25%41", b""),
            record("RHT.security.selinux", b"system_u:object_r:bin_t:s0"),
            record("SCHILY.fflags", b"nodump"),
            record("SUN.holesdata", b" 0 1"),
            record("comment", b"x"),
        ];
        let pax = read(&text.concat()).unwrap();
        let want: Vec<(CString, Vec<u8>)> = vec![
            (c"user.a b".into(), vec![0, 1, 2, 255]),
            (c"user.same".into(), b"y".to_vec()),
            (c"user.e=q%%41".into(), vec![]),
        ];
        assert_eq!(pax.xattrs, want);
        assert_eq!(pax.selinux.unwrap(), b"system_u:object_r:bin_t:s0");
        assert_eq!(
            (pax.flags.as_deref(), pax.unknown.as_slice()),
            (Some("nodump"), &["SUN.holesdata".to_owned()][..])
        );
        assert_eq!(
            read(&record("SCHILY.xattr.user.x", &vec![0; 65537])).unwrap_err().entry.id,
            "ALT-636"
        );
        assert_eq!(read(&record("LIBARCHIVE.xattr.user.x", b"!")).unwrap_err().entry.id, "ALT-633");
        assert!(read(&record("SCHILY.xattr.", b"x")).is_err());
    }

    #[test]
    fn maps() {
        let entries = [("offset", "0"), ("numbytes", "10"), ("offset", "100"), ("numbytes", "5")];
        let text: Vec<u8> = entries
            .iter()
            .flat_map(|(k, v)| record(&format!("GNU.sparse.{k}"), v.as_bytes()))
            .collect();
        let want = Some(vec![(0, 10), (100, 5)]);
        assert_eq!(read(&text).unwrap().sparse.map, want);
        assert_eq!(read(&record("GNU.sparse.map", b"0,10,100,5")).unwrap().sparse.map, want);
        assert!(read(&record("GNU.sparse.map", b"0,10,100")).is_err());
        assert!(read(&record("GNU.sparse.numbytes", b"1")).is_err());
    }

    #[test]
    fn what_is_said_of_all_can_be_taken_back() {
        let mut pax = Pax::default();
        pax.take(
            &[
                record("uid", b"5"),
                record("mtime", b"7"),
                record("path", b"evil"),
                record("size", b"9"),
            ]
            .concat(),
            true,
        )
        .unwrap();
        assert_eq!((pax.uid, pax.path.clone(), pax.size), (Some(5), None, None));
        pax.take(&record("uid", b""), false).unwrap();
        assert_eq!((pax.uid, pax.mtime.map(|t| t.secs)), (None, Some(7)));
    }
}
