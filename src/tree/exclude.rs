//! The exclude list: grep patterns, one a line, on lines like `./var/tmp/x` as `find .` at `/`
//! would print them.
//!
//! Every file's line is tested by itself, a directory's too. What each pattern matched is counted,
//! so that the report can point out those that matched nothing and those that took more than was
//! meant (`/tmp/` also hits `./var/tmp/`).

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use regex::bytes::RegexSet;

use super::pattern;
use crate::error;

/// The patterns of a list, and what they matched so far. Safe to share between threads.
#[derive(Debug, Default)]
pub struct Excludes {
    patterns: Vec<Pattern>,
    set: RegexSet,
    blank: Vec<usize>,
    /// Lines of directories that are made whatever the list says.
    needed: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Pattern {
    line: usize,
    text: String,
    anchored: bool,
    matches: AtomicU64,
    /// The top-level trees that an unanchored pattern hit (a few suffice).
    trees: Mutex<BTreeSet<Vec<u8>>>,
}

/// How often one pattern matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternUse {
    /// Line in the list, from 1.
    pub line: usize,
    /// The pattern.
    pub text: String,
    /// How many names it matched.
    pub matches: u64,
    /// A warning for the user.
    pub warning: Option<String>,
}

impl PatternUse {
    /// How often it matched, in a sentence.
    pub fn note(&self) -> String {
        format!("exclude list, line {}: `{}` matched {}", self.line, self.text, self.matches)
    }

    /// The warning, with the pattern and its place.
    pub fn full_warning(&self) -> Option<String> {
        let warning = self.warning.as_ref()?;
        Some(format!("exclude list, line {}: `{}`: {warning}", self.line, self.text))
    }
}

/// Matches of patterns, kept apart until it is known that the matches count.
#[derive(Debug, Default)]
pub struct MatchCounts(Vec<(usize, u64, BTreeSet<Vec<u8>>)>);

impl MatchCounts {
    /// True if nothing matched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How many top-level trees are named.
const MAX_TREES: usize = 8;

impl Excludes {
    /// Reads the text of a list; `file` is its name for messages. Empty lines are left out (to grep
    /// they match every line, and nothing would be copied) and warned of in the report.
    ///
    /// # Errors
    /// ALT-401 with file:line:column and what is wrong there.
    pub fn parse(text: &[u8], file: &Path) -> Result<Self> {
        let mut patterns = Vec::new();
        let mut blank = Vec::new();
        let mut expressions = Vec::new();
        let lines: Vec<&[u8]> =
            text.strip_suffix(b"\n").unwrap_or(text).split(|b| *b == b'\n').collect();
        for (i, raw) in lines.iter().enumerate().filter(|_| !text.is_empty()) {
            let line = i + 1;
            let wrong = |column: usize, why: &str| {
                error::BAD_PATTERN.with_cause(format!(
                    "{}:{line}:{column}: {why}: `{}`",
                    file.display(),
                    String::from_utf8_lossy(raw)
                ))
            };
            if raw.is_empty() {
                blank.push(line);
                continue;
            }
            if raw.ends_with(b"\r") {
                return Err(wrong(
                    raw.len(),
                    "the line ends with a carriage return; write the list with Unix line ends",
                ));
            }
            let expression = pattern::translate(raw).map_err(|bad| wrong(bad.column, &bad.why))?;
            regex::bytes::Regex::new(&expression).map_err(|e| match e {
                regex::Error::CompiledTooBig(_) => {
                    wrong(1, "this pattern is too large; use smaller repetitions")
                }
                other => wrong(1, &other.to_string()),
            })?;
            expressions.push(expression);
            patterns.push(Pattern {
                line,
                text: String::from_utf8_lossy(raw).into_owned(),
                anchored: raw.starts_with(b"^"),
                matches: AtomicU64::new(0),
                trees: Mutex::default(),
            });
        }
        let set = RegexSet::new(&expressions).map_err(|_| {
            error::BAD_PATTERN.with_cause(format!(
                "{}: the patterns together are too large; use fewer or simpler ones",
                file.display()
            ))
        })?;
        Ok(Self { patterns, set, blank, needed: vec![] })
    }

    /// The same patterns, with nothing counted.
    #[must_use]
    pub fn with_zero_counts(&self) -> Self {
        let fresh = |p: &Pattern| Pattern {
            line: p.line,
            text: p.text.clone(),
            anchored: p.anchored,
            matches: AtomicU64::new(0),
            trees: Mutex::default(),
        };
        Self {
            patterns: self.patterns.iter().map(fresh).collect(),
            set: self.set.clone(),
            blank: self.blank.clone(),
            needed: self.needed.clone(),
        }
    }

    /// True if there is nothing to exclude.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// True if a line is excluded; if so, it counts.
    pub fn matches(&self, line: &[u8]) -> bool {
        let mut counts = MatchCounts::default();
        let hit = self.matches_uncounted(line, &mut counts);
        self.add_counts(counts);
        hit
    }

    /// The same, with the count kept in `counts`: [`Excludes::add_counts`] adds it.
    pub fn matches_uncounted(&self, line: &[u8], counts: &mut MatchCounts) -> bool {
        let hits = self.set.matches(line);
        for i in &hits {
            let at = counts.0.iter().position(|t| t.0 == i).unwrap_or_else(|| {
                counts.0.push((i, 0, BTreeSet::new()));
                counts.0.len() - 1
            });
            let (_, count, trees) = &mut counts.0[at];
            *count += 1;
            if !self.patterns[i].anchored && trees.len() < MAX_TREES {
                trees.insert(top_level(line).to_vec());
            }
        }
        hits.matched_any()
    }

    /// The same list, but it never excludes these directories (from `/` on) and those above them,
    /// only what is in them.
    #[must_use]
    pub fn keeping(self, directories: impl Iterator<Item = PathBuf>) -> Self {
        let line = |p: PathBuf| [b".", p.as_os_str().as_bytes()].concat();
        Self { needed: directories.map(line).collect(), ..self }
    }

    /// True if the directory with this line is one that must be there.
    pub fn is_needed(&self, line: &[u8]) -> bool {
        self.needed.iter().any(|n| {
            n.strip_prefix(line).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    }

    /// Adds counts that were kept apart.
    pub fn add_counts(&self, counts: MatchCounts) {
        for (i, count, trees) in counts.0 {
            self.patterns[i].matches.fetch_add(count, Ordering::Relaxed);
            if !trees.is_empty() {
                let mut all = self.patterns[i]
                    .trees
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                all.extend(trees);
            }
        }
    }

    /// How often each pattern matched so far, in the list's order, with a warning if there is a
    /// reason for one; empty lines too.
    pub fn report(&self) -> Vec<PatternUse> {
        let blank = self.blank.iter().map(|line| PatternUse {
            line: *line,
            text: String::new(),
            matches: 0,
            warning: Some(
                "an empty line is left out (to grep it would match every file)".to_owned(),
            ),
        });
        let mut all: Vec<PatternUse> =
            self.patterns.iter().map(Pattern::used).chain(blank).collect();
        all.sort_by_key(|u| u.line);
        all
    }
}

impl Pattern {
    fn used(&self) -> PatternUse {
        let matches = self.matches.load(Ordering::Relaxed);
        let trees = self.trees.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let warning = if matches == 0 {
            Some("it matched nothing".to_owned())
        } else if trees.len() > 1 {
            let names: Vec<_> = trees
                .iter()
                .take(MAX_TREES)
                .map(|t| String::from_utf8_lossy(t).into_owned())
                .collect();
            let more = if trees.len() >= MAX_TREES { " and maybe more" } else { "" };
            Some(format!(
                "it is not anchored and matched in {}{more}; begin it with `^./` to mean one tree",
                names.join(", ")
            ))
        } else {
            None
        };
        PatternUse { line: self.line, text: self.text.clone(), matches, warning }
    }
}

/// `./var/tmp/x` -> `./var`
fn top_level(line: &[u8]) -> &[u8] {
    let end = line.iter().skip(2).position(|b| *b == b'/').map_or(line.len(), |i| i + 2);
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Excludes {
        Excludes::parse(text.as_bytes(), Path::new("/etc/exclude")).unwrap()
    }

    #[test]
    fn counts_and_points_out() {
        let e = list("^./tmp/\n/tmp/\n^./nothing$\n\n\\.o$\n");
        for (line, hit) in [
            ("./tmp", false),
            ("./tmp/x", true),
            ("./var/tmp/y", true),
            ("./src/a.o", true),
            ("./src/a.c", false),
        ] {
            assert_eq!(e.matches(line.as_bytes()), hit, "{line}");
        }
        let r = e.report();
        assert_eq!(
            r.iter().map(|u| (u.line, u.matches)).collect::<Vec<_>>(),
            [(1, 1), (2, 2), (3, 0), (4, 0), (5, 1)]
        );
        assert_eq!(r[0].warning, None);
        assert!(r[1].warning.as_ref().unwrap().contains("./tmp, ./var"), "{:?}", r[1]);
        assert_eq!(r[2].warning.as_deref(), Some("it matched nothing"));
        assert!(r[3].warning.as_ref().unwrap().contains("empty line"));
        assert_eq!(r[4].warning, None);
    }

    #[test]
    fn counts_are_added_only_when_asked() {
        let e = list("x");
        let mut t = MatchCounts::default();
        assert!(e.matches_uncounted(b"./x", &mut t));
        assert_eq!(e.report()[0].matches, 0);
        e.add_counts(t);
        assert_eq!(e.report()[0].matches, 1);
        assert!(list("").is_empty() && !list("").matches(b"./x"));
        assert!(e.matches(b"./new\nline/x"));
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, place) in [
            ("^./a\nb\\(c\n", "/etc/exclude:2:2: "),
            ("[a\n", "/etc/exclude:1:1: "),
            ("ok\r\n", "/etc/exclude:1:3: "),
        ] {
            let err = Excludes::parse(text.as_bytes(), Path::new("/etc/exclude")).unwrap_err();
            let alt = error::find(&err).unwrap();
            assert!(alt.entry.id == "ALT-401" && alt.cause.starts_with(place), "{}", alt.cause);
        }
        let err = Excludes::parse(br"\(a\{1000\}\)\{1000\}", Path::new("e")).unwrap_err();
        assert!(error::find(&err).unwrap().cause.contains("too large"), "{err}");
    }
}
