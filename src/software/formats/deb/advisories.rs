//! Advisories in a directory of packages: Debian's lists of DSAs and DLAs (`data/DSA/list` of the
//! security tracker), the tracker's JSON, and Ubuntu's USN database (`database.json`). All name
//! source packages, and for each release the version that has the fix.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::names::Asked;
use crate::software::unpack::unpacked;
use crate::software::walk;

/// Reading stops after this many bytes, unpacked; and the longest line of a list.
const MAX_FILE: u64 = 1 << 30;
const MAX_LINE: u64 = 1 << 20;
/// The most bytes of one advisory; the kernel's have some hundred thousand. In memory it takes some
/// twenty times as much.
const MAX_ADVICE: usize = 8 << 20;
/// The most names and versions of one advisory.
const MAX_NAMES: usize = 100_000;

/// A fix of one source package, or of one binary package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// `DSA-5678-1`, `USN-6986-1`, or a CVE number.
    pub id: String,
    /// CVEs and bugs, in the form of [`super::names`].
    pub names: Vec<String>,
    /// The title; empty if there is none.
    pub title: String,
    /// Release, source package, the version that has it.
    pub fixed: Vec<(String, String, String)>,
    /// Release, binary package, version; if the advisory lists them.
    pub binaries: Vec<(String, String, String)>,
}

impl Advice {
    fn concerns(&self, asked: &Asked) -> bool {
        asked.wants(&self.id) || self.names.iter().any(|n| asked.wants(n))
    }
}

/// Files below `dir` that may be advisories.
///
/// # Errors
/// As [`walk::files`].
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let enter = |at: &Path| !at.ends_with("pool") && !at.ends_with("dists");
    Ok(walk::files(dir, &enter)?.into_iter().filter(|f| kind(f).is_some()).collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    List,
    Json,
}

/// By the name: `DSA/list`, `dsa-list.txt`, `database.json.xz`.
fn kind(file: &Path) -> Option<Kind> {
    let lower = |name: Option<&std::ffi::OsStr>| {
        name.map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
    };
    let name = lower(file.file_name());
    let name =
        [".gz", ".xz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let name = name.strip_suffix(".txt").unwrap_or(name);
    let of_advisories = |text: &str| ["dsa", "dla", "dtsa"].contains(&text);
    if name.ends_with(".json") {
        return Some(Kind::Json);
    }
    let in_directory =
        name == "list" && of_advisories(&lower(file.parent().and_then(Path::file_name)));
    let by_itself = name
        .split_once(['-', '_', '.'])
        .is_some_and(|(first, rest)| of_advisories(first) && rest == "list")
        || of_advisories(name);
    (in_directory || by_itself).then_some(Kind::List)
}

/// Visits the advisories of a file that are asked for. A file of another kind has none.
///
/// # Errors
/// If it cannot be read.
pub fn read(file: &Path, asked: &Asked, visit: &mut dyn FnMut(Advice)) -> Result<()> {
    let from = BufReader::new(unpacked(File::open(file)?)?.take(MAX_FILE));
    match kind(file) {
        Some(Kind::List) => read_list(from, asked, visit),
        Some(Kind::Json) => Ok(read_json(from, asked, visit)?),
        None => Ok(()),
    }
}

/// A reader that brings no more than [`MAX_ADVICE`] bytes between two advisories.
struct LimitedReader<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let most = to.len().min(self.left.get());
        if most == 0 && !to.is_empty() {
            return Err(std::io::Error::other("an advisory is longer than any is"));
        }
        let n = self.inner.read(&mut to[..most])?;
        self.left.set(self.left.get() - n);
        Ok(n)
    }
}

fn read_json(
    from: impl Read,
    asked: &Asked,
    visit: &mut dyn FnMut(Advice),
) -> serde_json::Result<()> {
    let left = Rc::new(Cell::new(MAX_ADVICE));
    let mut from = serde_json::Deserializer::from_reader(LimitedReader {
        inner: from,
        left: Rc::clone(&left),
    });
    from.deserialize_map(Top { asked, visit, left: &left })
}

/// `[05 Nov 2024] DSA-5805-1 guix - security update`, then indented `{CVE-...}` and `[release] -
/// source version`.
fn read_list(from: impl BufRead, asked: &Asked, visit: &mut dyn FnMut(Advice)) -> Result<()> {
    let mut from = from;
    let mut now: Option<Advice> = None;
    let mut line = vec![];
    loop {
        line.clear();
        let n = (&mut from).take(MAX_LINE).read_until(b'\n', &mut line)?;
        let text = String::from_utf8_lossy(&line);
        let next = parse_heading(&text);
        if n == 0 || next.is_some() {
            if let Some(done) = now.take().filter(|a| a.concerns(asked)) {
                visit(done);
            }
            now = next;
        } else if let (Some(now), Some(text)) = (&mut now, text.strip_prefix('\t')) {
            add_detail(text.trim(), now);
        }
        if n == 0 {
            return Ok(());
        }
    }
}

fn parse_heading(line: &str) -> Option<Advice> {
    let (_, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (id, title) = rest.trim_end().split_once(' ')?;
    let (start, number) = id.split_once('-')?;
    let fine =
        ["DSA", "DLA", "DTSA"].contains(&start) && number.starts_with(|c: char| c.is_ascii_digit());
    fine.then(|| Advice { id: id.to_owned(), title: title.to_owned(), ..Advice::default() })
}

fn add_detail(text: &str, now: &mut Advice) {
    if let Some(names) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        let room = MAX_NAMES.saturating_sub(now.names.len());
        now.names.extend(names.split_whitespace().take(room).map(str::to_owned));
    } else if let Some((release, rest)) = text.strip_prefix('[').and_then(|t| t.split_once("] - "))
    {
        let mut words = rest.split_whitespace();
        if let (Some(source), Some(version)) = (words.next(), words.next())
            && !version.starts_with('<')
            && now.fixed.len() < MAX_NAMES
        {
            now.fixed.push((release.to_owned(), source.to_owned(), version.to_owned()));
        }
    }
}

/// A database is large: entry by entry, only those that are wanted are kept.
struct Top<'a> {
    asked: &'a Asked,
    visit: &'a mut dyn FnMut(Advice),
    /// Of the [`LimitedReader`] reader, filled up with every advisory.
    left: &'a Cell<usize>,
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("advisories by name, or packages with their CVEs")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.left.set(MAX_ADVICE);
            if let Some(id) = notice_id(&key) {
                let advice = map.next_value::<Notice>()?.advice(id);
                if advice.concerns(self.asked) {
                    (self.visit)(advice);
                }
            } else {
                map.next_value_seed(Package {
                    source: &key,
                    asked: self.asked,
                    visit: &mut *self.visit,
                    left: self.left,
                })?;
            }
        }
        Ok(())
    }
}

/// The CVEs of one source package.
struct Package<'a> {
    source: &'a str,
    asked: &'a Asked,
    visit: &'a mut dyn FnMut(Advice),
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Package<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Package<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the CVEs of a package")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(id) = map.next_key::<String>()? {
            self.left.set(MAX_ADVICE);
            let advice = map.next_value::<Cve>()?.advice(id, self.source);
            if !advice.fixed.is_empty() && advice.concerns(self.asked) {
                (self.visit)(advice);
            }
        }
        Ok(())
    }
}

/// `6986-1` and `USN-6986-1`.
fn notice_id(key: &str) -> Option<String> {
    let number = key.strip_prefix("USN-").unwrap_or(key);
    let (a, b) = number.split_once('-')?;
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    (digits(a) && digits(b)).then(|| format!("USN-{number}"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Notice {
    title: String,
    cves: Vec<String>,
    releases: BTreeMap<String, Release>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Release {
    sources: BTreeMap<String, Version>,
    binaries: BTreeMap<String, Version>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Version {
    version: String,
}

impl Notice {
    fn advice(self, id: String) -> Advice {
        let mut out = Advice { id, title: self.title, ..Advice::default() };
        // The CVEs include bugs, as addresses.
        out.names = self
            .cves
            .into_iter()
            .map(|name| {
                name.strip_prefix("https://launchpad.net/bugs/")
                    .map_or(name.clone(), |n| format!("LP#{n}"))
            })
            .collect();
        for (release, of) in self.releases {
            let each = |all: BTreeMap<String, Version>| {
                all.into_iter()
                    .map(|(name, v)| (release.clone(), name, v.version))
                    .collect::<Vec<_>>()
            };
            out.fixed.extend(each(of.sources));
            out.binaries.extend(each(of.binaries));
        }
        out
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cve {
    debianbug: Option<u64>,
    description: String,
    releases: BTreeMap<String, State>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    status: String,
    fixed_version: String,
}

impl Cve {
    fn advice(self, id: String, source: &str) -> Advice {
        // Version 0: it was never vulnerable.
        let resolved =
            |s: &State| s.status == "resolved" && !matches!(s.fixed_version.as_str(), "" | "0");
        let fixed = self
            .releases
            .into_iter()
            .filter(|(_, s)| resolved(s))
            .map(|(r, s)| (r, source.to_owned(), s.fixed_version))
            .collect();
        let title = self.description.chars().take(200).collect();
        Advice {
            id,
            names: self.debianbug.map(|n| format!("#{n}")).into_iter().collect(),
            title,
            fixed,
            binaries: vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, asked: &[&str]) -> Vec<Advice> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/software/deb");
        let asked: Vec<String> = asked.iter().map(|a| (*a).to_owned()).collect();
        let mut all = vec![];
        read(&dir.join(name), &Asked::new(&asked), &mut |a| all.push(a)).unwrap();
        all
    }

    fn fixed(release: &str, source: &str, version: &str) -> (String, String, String) {
        (release.into(), source.into(), version.into())
    }

    #[test]
    fn debian_lists() {
        assert_eq!(found("DSA.list", &[]).len(), 5);
        let one = found("DSA.list", &["cve-2024-6119"]);
        assert_eq!(
            (one.len(), one[0].id.as_str(), one[0].title.as_str()),
            (1, "DSA-5764-1", "openssl - security update")
        );
        assert_eq!(one[0].fixed, [fixed("bookworm", "openssl", "3.0.14-1~deb12u2")]);
        let ssh = found("DSA.list", &["DSA-5724"]);
        assert_eq!(ssh[0].fixed, [fixed("bookworm", "openssh", "1:9.2p1-2+deb12u3")]);
    }

    #[test]
    fn databases() {
        let one = found("usn.json", &["LP#2012345"]);
        assert_eq!((one.len(), one[0].id.as_str()), (1, "USN-6986-1"));
        assert!(one[0].binaries.contains(&fixed("jammy", "libssl3", "3.0.2-0ubuntu1.18")));
        assert_eq!(found("usn.json", &[]).len(), 2);
        let one = found("tracker.json", &["1080000"]);
        assert_eq!((one.len(), one[0].id.as_str()), (1, "CVE-2024-6119"));
        assert!(one[0].fixed.contains(&fixed("bookworm", "openssl", "3.0.14-1~deb12u2")));
        assert_eq!(found("tracker.json", &[]).len(), 1);
    }

    /// Text without an end, made while it is read.
    fn endless(head: &'static str, part: &'static str) -> impl BufRead {
        struct Parts(&'static [u8]);
        impl Read for Parts {
            fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
                let n = to.len() / self.0.len() * self.0.len();
                to[..n].chunks_mut(self.0.len()).for_each(|c| c.copy_from_slice(self.0));
                Ok(n)
            }
        }
        BufReader::with_capacity(64 << 10, head.as_bytes().chain(Parts(part.as_bytes())))
    }

    #[test]
    fn one_advisory_cannot_fill_the_memory() {
        let asked = Asked::new(&[]);
        for (head, part) in [
            ("{\"1234-1\": {\"title\": \"", "aaaaaaaaaa"),
            ("{\"1234-1\": {\"cves\": [\"\"", ",\"\""),
            ("{\"linux\": {\"CVE-1\": {\"description\": \"", "bbbb"),
            ("{\"", "c"),
        ] {
            let err = read_json(endless(head, part), &asked, &mut |_| {}).unwrap_err();
            assert!(err.to_string().contains("longer than any is"), "{head}: {err}");
        }
        let mut text = "[05 Nov 2024] DSA-1-1 x - y\n".to_owned();
        (0..MAX_NAMES + 9).for_each(|n| text += &format!("\t[a] - b{n} 1\n\t{{CVE-{n}}}\n"));
        let mut all = vec![];
        read_list(text.as_bytes(), &asked, &mut |a| all.push(a)).unwrap();
        assert_eq!((all.len(), all[0].fixed.len(), all[0].names.len()), (1, MAX_NAMES, MAX_NAMES));
    }

    #[test]
    fn names_of_files() {
        for (name, want) in [
            ("data/DSA/list", Some(Kind::List)),
            ("DLA/list.xz", Some(Kind::List)),
            ("dsa-list.txt.gz", Some(Kind::List)),
            ("DSA.list", Some(Kind::List)),
            ("database.json.zst", Some(Kind::Json)),
            ("packages/list", None),
            ("a.deb", None),
        ] {
            assert_eq!(kind(Path::new(name)), want, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let asked = Asked::new(&[]);
            let _ = read_list(bytes.as_slice(), &asked, &mut |_| {});
            let _ = read_json(bytes.as_slice(), &asked, &mut |_| {});
        }
    }
}
