//! Debian changelogs (deb-changelog(5)): at which version which bug and CVE is mentioned.

use std::io::{self, BufRead, Read};
use std::sync::LazyLock;

use regex::Regex;

/// Reading stops after this many bytes; the changelog of the kernel has 6 MiB.
const MAX_CHANGELOG: u64 = 64 << 20;
/// The largest entry and the longest line that are searched, in bytes.
const MAX_ENTRY: usize = 1 << 20;
const MAX_LINE: u64 = 64 << 10;

/// `None` never happens: the patterns are ours, and a test compiles them.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static CLOSES: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)closes:\s*(?:bug)?#?\s?\d+(?:,\s*(?:bug)?#?\s?\d+)*"));
static LAUNCHPAD: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)\blp:\s*#\d+(?:,\s*#\d+)*"));
static CVE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?i)\bCVE-\d{4}-\d{4,12}\b"));
static LEVEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:debian_version to|for debian|version to|version:) (\d{1,3}\.\d{1,3}(?:\.\d{1,3})?)\b",
    )
});
static DIGITS: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\d+"));

/// The names that one entry mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The name of the source package.
    pub source: String,
    /// The version of the entry.
    pub version: String,
    /// Bugs and CVEs, in the form of [`super::names`].
    pub ids: Vec<String>,
    /// If the source package had another name at that time: its present name, and the oldest
    /// version that it has under it.
    pub renamed: Option<(String, String)>,
    /// Levels of the release; of use only in base-files.
    pub levels: Vec<String>,
}

/// Visits the entries that mention fixes, the newest first, until `visit` returns false. Returns
/// the version of the first entry; None if the text is not a changelog of this form.
///
/// # Errors
/// If it cannot be read.
pub fn read(
    from: impl BufRead,
    visit: &mut dyn FnMut(Entry) -> bool,
) -> io::Result<Option<String>> {
    let mut from = from.take(MAX_CHANGELOG);
    let (mut newest, mut entry, mut text, mut line) =
        (None, None::<(String, String)>, String::new(), vec![]);
    let mut present: Option<(String, String)> = None;
    loop {
        line.clear();
        let n = (&mut from).take(MAX_LINE).read_until(b'\n', &mut line)?;
        let shown = String::from_utf8_lossy(&line);
        let header = parse_header(&shown);
        if n == 0 || header.is_some() {
            if let Some((source, version)) = entry.take() {
                let renamed = present.clone().filter(|(name, _)| *name != source);
                let found = Entry { renamed, ..parse_entry(source, version, &text) };
                let more = (found.ids.is_empty() && found.levels.is_empty()) || visit(found);
                if !more {
                    return Ok(newest);
                }
            }
            text.clear();
            entry = header;
            if entry
                .as_ref()
                .is_some_and(|(name, _)| present.as_ref().is_none_or(|(had, _)| had == name))
            {
                present.clone_from(&entry);
            }
            newest = newest.or_else(|| entry.as_ref().map(|(_, version)| version.clone()));
        } else if newest.is_none() && !shown.trim().is_empty() {
            // Upstream's own news have no entries.
            return Ok(None);
        } else if text.len() + shown.len() <= MAX_ENTRY {
            text.push_str(&shown);
        }
        if n == 0 {
            return Ok(newest);
        }
    }
}

/// `openssl (3.0.11-1~deb12u2) bookworm-security; urgency=medium`.
fn parse_header(line: &str) -> Option<(String, String)> {
    if !line.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let (source, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let fine =
        !source.contains(' ') && !version.contains(char::is_whitespace) && rest.contains(';');
    fine.then(|| (source.to_owned(), version.to_owned()))
}

fn parse_entry(source: String, version: String, text: &str) -> Entry {
    let mut ids = vec![];
    let mut add = |id: String| {
        if !ids.contains(&id) {
            ids.push(id);
        }
    };
    for (found, sign) in [(&CLOSES, "#"), (&LAUNCHPAD, "LP#")] {
        for bugs in found.iter().flat_map(|f| f.find_iter(text)) {
            DIGITS
                .iter()
                .flat_map(|d| d.find_iter(bugs.as_str()))
                .for_each(|n| add(format!("{sign}{}", n.as_str())));
        }
    }
    CVE.iter()
        .flat_map(|c| c.find_iter(text))
        .for_each(|cve| add(cve.as_str().to_ascii_uppercase()));
    let levels = LEVEL
        .iter()
        .flat_map(|l| l.captures_iter(text))
        .filter_map(|c| c.get(1))
        .map(|m| m.as_str().to_owned())
        .collect();
    Entry { source, version, ids, renamed: None, levels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> (Option<String>, Vec<Entry>) {
        let mut found = vec![];
        let newest = read(text, &mut |e| {
            found.push(e);
            true
        });
        (newest.unwrap(), found)
    }

    #[test]
    fn recorded_changelogs() {
        let (newest, found) =
            all(include_bytes!("../../../../tests/fixtures/software/deb/openssl.changelog"));
        assert!(newest.is_some_and(|v| v.starts_with("3.0.")) && !found.is_empty());
        let of = |id: &str| {
            found.iter().find(|e| e.ids.iter().any(|i| i == id)).map(|e| e.version.as_str())
        };
        assert_eq!(of("CVE-2023-5678"), Some("3.0.13-1~deb12u1"));
        let (newest, found) =
            all(include_bytes!("../../../../tests/fixtures/software/deb/base-files.changelog"));
        let of = |level: &str| {
            found.iter().find(|e| e.levels.iter().any(|l| l == level)).map(|e| e.version.as_str())
        };
        assert_eq!((of("12.11"), of("12.1")), (Some("12.4+deb12u11"), Some("12.4+deb12u1")));
        assert!(newest.is_some());
    }

    #[test]
    fn older_names_of_a_source() {
        let text = b"new (3) x; a=b\n\n  * CVE-2024-0003\n\nnew (2) x; a=b\n\n  * Renamed\n\nold (1.5) x; a=b\n\n  * CVE-2024-0002\n\nold (1) x; a=b\n  * CVE-2024-0001\n";
        let renamed: Vec<Option<(String, String)>> =
            all(text).1.into_iter().map(|e| e.renamed).collect();
        let new = Some(("new".to_owned(), "2".to_owned()));
        assert_eq!(renamed, [None, new.clone(), new]);
    }

    #[test]
    fn writings() {
        let text = b"\nx (1.0-1) unstable; urgency=low\n\n  * Fix (Closes: #1, #2,\n    #3, bug 4) lp: #55, #56 cve-2024-0001x CVE-2024-00012.\n\
                     \n -- A B <a@b>  Mon, 01 Jan 2024 00:00:00 +0000\n\nx (0.9) unstable; urgency=low\n\n  * Nothing\n\nx (0.8) a; b=c\n  * closes:77\n\
                     \xff\n  Bump version to 22.04.5 for the point release";
        let (newest, found) = all(text);
        assert_eq!(newest.as_deref(), Some("1.0-1"));
        assert_eq!(found[0].ids, ["#1", "#2", "#3", "#4", "LP#55", "LP#56", "CVE-2024-00012"]);
        assert_eq!(
            (found[1].version.as_str(), &*found[1].ids, &*found[1].levels),
            ("0.8", &["#77".to_owned()][..], &["22.04.5".to_owned()][..])
        );
        assert_eq!(found.len(), 2);
        assert_eq!(all(b"2024-01-01  Somebody\n\n * news (1.0) of; upstream\n"), (None, vec![]));
        assert_eq!(all(b""), (None, vec![]));
    }
}
