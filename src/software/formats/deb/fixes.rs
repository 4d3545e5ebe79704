//! Finds the packages of a directory with a fix.
//!
//! Advisories are read first: they are short, and say in which version each release has the fix.
//! Fixes without an advisory are searched in the changelogs inside the packages, one for each
//! source package, which means unpacking them; in all of them, for one CVE may be in several.
//!
//! A mention counts for the version of its entry; of several the newest counts, for the first
//! attempt at a fix is not always the last. What was fixed when the source had another name is in
//! every version that it has under the present one. Binary packages whose versions are not their
//! source's (the kernel's, for one) have the fix in the version that the location has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::advisories::{self, Advice};
use super::changelog;
use super::documents::{self, Found};
use super::entry::Entry;
use super::names::Asked;
use super::version::compare;
use crate::error;
use crate::host::signals;
use crate::software::budget::Budget;
use crate::software::formats::damaged::is_interruption;
use crate::software::formats::level::parse_level;
use crate::software::model::Fix;

/// At most this many packages of one source are opened for a changelog.
const MAX_OPENED: usize = 6;
/// More names than this are not kept: a location has some thousands.
const MAX_FIXES: usize = 200_000;
/// Of a location with at most this many packages all are opened: a directory of updates has no
/// more, a medium with a whole release has thousands.
const MAX_SMALL_LOCATION: usize = 500;
/// The package whose changelog has the levels of the release.
const BASE_FILES: &str = "base-files";

/// The fixes to look for, and the packages to search.
pub struct Search<'a> {
    /// The directory with the packages and advisories.
    pub dir: &'a Path,
    /// The packages; those that must be requested with their version are ignored.
    pub entries: &'a [Entry],
    /// The names to look for, in any spelling; empty for every fix.
    pub asked: &'a [String],
    /// The release that is updated (`bookworm`); empty if unknown.
    pub codename: &'a str,
}

/// The fixes, by name. `asked` words stand among the names of those that they mean; where one of
/// them is not known, all others that there are come along, for the error to list. Packages of
/// sources that `installed` (names of packages) has nothing of bring nothing: they are opened last,
/// and not where there are many.
///
/// # Errors
/// If the directory cannot be read; ALT-711 if a signal interrupts it.
pub fn relevant(search: &Search, installed: &BTreeSet<String>) -> Result<Vec<Fix>> {
    let ours: BTreeSet<&String> =
        search.entries.iter().filter(|e| installed.contains(&e.name)).map(|e| &e.source).collect();
    let some: Vec<Entry> =
        search.entries.iter().filter(|e| ours.contains(&e.source)).cloned().collect();
    let all = search.entries.len() <= MAX_SMALL_LOCATION || some.is_empty();
    let most = if all { search.entries } else { &some };
    if search.asked.is_empty() {
        return find(&Search { entries: most, ..*search });
    }
    let known = |found: &[Fix]| {
        let asked = Asked::new(search.asked);
        asked
            .words_not_in(
                found
                    .iter()
                    .flat_map(|f| std::iter::once(&f.id).chain(&f.names))
                    .map(String::as_str),
            )
            .is_empty()
    };
    let mut found = find(&Search { entries: &some, ..*search })?;
    if !known(&found) && most.len() > some.len() {
        found = find(&Search { entries: most, ..*search })?;
    }
    if !known(&found) {
        let others = find(&Search { entries: most, asked: &[], ..*search })?;
        let new: Vec<Fix> =
            others.into_iter().filter(|other| !found.iter().any(|f| f.id == other.id)).collect();
        found.extend(new);
    }
    Ok(found)
}

/// Those that are asked for, in these packages.
fn find(search: &Search) -> Result<Vec<Fix>> {
    let asked = Asked::new(search.asked);
    let mut found = Collected::default();
    let location = Location::new(search.entries);
    add_levels(&location, &asked, &mut found);
    for name in advisories::files(search.dir)? {
        if signals::interrupted() {
            return Err(
                error::INTERRUPTED.with_cause("stopped by a signal while advisories were read")
            );
        }
        // Any file may have such a name; one that is not an advisory is skipped.
        let _ = advisories::read(&search.dir.join(name), &asked, &mut |advice| {
            let packages = location.packages_for(&advice, search.codename);
            found.add(advice.id, advice.names, &advice.title, packages);
        });
    }
    let left = found.unknown(&asked);
    if search.asked.is_empty() || !left.is_empty() {
        read_changelogs(search.dir, &location, &Asked::new(&left), &mut found)?;
    }
    Ok(found.finish(&asked))
}

/// `12.11` is what base-files 12.4+deb12u11 makes of a system, and every one after it.
fn add_levels(location: &Location, asked: &Asked, found: &mut Collected) {
    for entry in location.newest.get(BASE_FILES).into_iter().flatten() {
        let Some((start, release, update)) = parse_update(&entry.version) else { continue };
        let here = (format!("{release}.{update}"), entry.version.clone());
        let before = asked.levels().filter_map(|level| {
            let (major, minor) = level.split_once('.')?;
            let minor: u64 = minor.parse().ok()?;
            (major == release && minor < update && minor > 0)
                .then(|| (level.to_owned(), format!("{start}+deb{release}u{minor}")))
        });
        for (id, version) in before.chain(std::iter::once(here)).filter(|(id, _)| asked.wants(id)) {
            let title = format!("level {id} of the release");
            found.add(id, vec![], &title, vec![(BASE_FILES.to_owned(), version)]);
        }
    }
}

/// Splits `12.4+deb12u11` into `12.4`, the release 12 and the number 11 of the update.
fn parse_update(version: &str) -> Option<(&str, &str, u64)> {
    let (start, end) = version.rsplit_once("+deb")?;
    let (release, number) = end.split_once('u')?;
    Some((start, release, number.parse().ok()?))
}

/// The newest packages of the location.
struct Location<'a> {
    /// By source package: its binary packages, each in its newest version.
    sources: BTreeMap<&'a str, Vec<&'a Entry>>,
    newest: BTreeMap<&'a str, Vec<&'a Entry>>,
}

impl<'a> Location<'a> {
    fn new(entries: &'a [Entry]) -> Self {
        let mut best: BTreeMap<(&str, &str), &Entry> = BTreeMap::new();
        for entry in entries.iter().filter(|e| !e.on_request) {
            let had = best.entry((&entry.name, &entry.arch)).or_insert(entry);
            if compare(&entry.version, &had.version).is_gt() {
                *had = entry;
            }
        }
        let mut location = Self { sources: BTreeMap::new(), newest: BTreeMap::new() };
        for ((name, _), entry) in best {
            location.sources.entry(&entry.source).or_default().push(entry);
            location.newest.entry(name).or_default().push(entry);
        }
        location
    }

    /// The packages that contain the fix of an advisory.
    fn packages_for(&self, advice: &Advice, codename: &str) -> Vec<(String, String)> {
        let mut out = vec![];
        // If the release is unknown, the highest of all versions certainly has the fix.
        let chosen = |all: &[(String, String, String)]| {
            let here: Vec<(String, String, String)> =
                all.iter().filter(|(release, _, _)| release == codename).cloned().collect();
            if !here.is_empty() || !codename.is_empty() {
                return here;
            }
            let mut highest: BTreeMap<String, String> = BTreeMap::new();
            for (_, name, version) in all {
                let had = highest.entry(name.clone()).or_insert_with(|| version.clone());
                if compare(version, had).is_gt() {
                    had.clone_from(version);
                }
            }
            highest.into_iter().map(|(name, version)| (String::new(), name, version)).collect()
        };
        for (_, name, version) in chosen(&advice.binaries) {
            let has = |e: &&&Entry| compare(&e.version, &version).is_ge();
            out.extend(
                self.newest
                    .get(name.as_str())
                    .into_iter()
                    .flatten()
                    .find(has)
                    .map(|e| (e.name.clone(), version.clone())),
            );
        }
        for (_, source, version) in chosen(&advice.fixed) {
            let has = |e: &&&Entry| compare(&e.source_version, &version).is_ge();
            out.extend(
                self.sources
                    .get(source.as_str())
                    .into_iter()
                    .flatten()
                    .filter(has)
                    .map(|e| (e.name.clone(), first_fixed(e, &version))),
            );
        }
        out
    }
}

/// From which version of a binary package on it has what its source has since `version`.
fn first_fixed(entry: &Entry, version: &str) -> String {
    if without_rebuild(&entry.version) == entry.source_version {
        version.to_owned()
    } else {
        entry.version.clone()
    }
}

/// From which version of a binary package on it has what an entry of its source's changelog tells;
/// None where the location's has it not: a changelog may be newer than another package of the same
/// source.
fn fixed_since(package: &Entry, entry: &changelog::Entry) -> Option<String> {
    let renamed = || {
        entry
            .renamed
            .as_ref()
            .filter(|(name, _)| *name == package.source)
            .map(|(_, version)| version)
    };
    let version = if package.source == entry.source { Some(&entry.version) } else { renamed() };
    match version {
        Some(version) => {
            compare(&package.source_version, version).is_ge().then(|| first_fixed(package, version))
        }
        // The changelog is of another source: the present version certainly has the fix.
        None => Some(package.version.clone()),
    }
}

/// Rebuilding a package for one architecture adds `+b1`.
fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((start, number))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            start
        }
        _ => version,
    }
}

fn read_changelogs(
    dir: &Path,
    location: &Location,
    asked: &Asked,
    found: &mut Collected,
) -> Result<()> {
    for (source, binaries) in &location.sources {
        read_source_changelog(dir, location, binaries, &mut |entry| {
            found.entry(source, &entry, binaries, asked)
        })?;
    }
    Ok(())
}

/// The changelog of a source package, out of the smallest of its packages that has it.
fn read_source_changelog(
    dir: &Path,
    location: &Location,
    binaries: &[&Entry],
    visit: &mut dyn FnMut(changelog::Entry),
) -> Result<()> {
    let mut order: Vec<&Entry> = binaries.to_vec();
    order.sort_by(|a, b| compare(&b.source_version, &a.source_version).then(a.size.cmp(&b.size)));
    let mut tried = BTreeSet::new();
    let mut waiting: Vec<&Entry> = order.into_iter().rev().collect();
    while let Some(entry) = waiting.pop() {
        if !tried.insert(&entry.file) || tried.len() > MAX_OPENED {
            continue;
        }
        let read = documents::read(&dir.join(&entry.file), &entry.name, &mut |e| {
            visit(e);
            true
        });
        match read {
            Ok(Found::Read(_)) => return Ok(()),
            Ok(Found::In(other)) => {
                waiting.extend(location.newest.get(other.as_str()).into_iter().flatten())
            }
            Ok(Found::Linked | Found::None) => {}
            Err(e) if is_interruption(&e) => return Err(e),
            // Damaged packages are reported with the list of packages.
            Err(_) => {}
        }
    }
    Ok(())
}

#[derive(Default)]
struct Collected(BTreeMap<String, Fix>, Budget);

impl Collected {
    fn add(
        &mut self,
        id: String,
        names: Vec<String>,
        title: &str,
        packages: Vec<(String, String)>,
    ) {
        if packages.is_empty() || (self.0.len() >= MAX_FIXES && !self.0.contains_key(&id)) {
            return;
        }
        let kept = names
            .iter()
            .map(|n| n.len() + 48)
            .chain(packages.iter().map(|(n, v)| n.len() + v.len() + 96))
            .sum::<usize>();
        if self.1.count_text(id.len() + title.len() + kept).is_err() {
            return;
        }
        let fix = self.0.entry(id.clone()).or_insert_with(|| Fix {
            id,
            title: title.to_owned(),
            ..Fix::default()
        });
        for name in names {
            if !fix.names.contains(&name) {
                fix.names.push(name);
            }
        }
        for (name, version) in packages {
            // The newest mention comes first.
            if !fix.packages.iter().any(|(had, _)| *had == name) {
                fix.packages.push((name, version));
            }
        }
    }

    /// Adds the fixes in one entry of the changelog of a source package.
    fn entry(
        &mut self,
        source: &str,
        entry: &changelog::Entry,
        binaries: &[&Entry],
        asked: &Asked,
    ) {
        let title = format!("{} {}", entry.source, entry.version);
        let levels =
            entry.levels.iter().filter(|l| source == BASE_FILES && parse_level(l).is_some());
        for id in entry.ids.iter().chain(levels).filter(|id| asked.wants(id)) {
            let packages = binaries
                .iter()
                .filter_map(|e| Some((e.name.clone(), fixed_since(e, entry)?)))
                .collect();
            self.add(id.clone(), vec![], &title, packages);
        }
    }

    fn unknown(&self, asked: &Asked) -> Vec<String> {
        asked.words_not_in(
            self.0
                .values()
                .flat_map(|f| std::iter::once(&f.id).chain(&f.names))
                .map(String::as_str),
        )
    }

    /// Adds the words that were asked for to the names of the fixes that they mean, so that they
    /// can be found by them.
    fn finish(self, asked: &Asked) -> Vec<Fix> {
        let mut all: Vec<Fix> = self.0.into_values().collect();
        for fix in &mut all {
            let ids: Vec<String> = std::iter::once(&fix.id).chain(&fix.names).cloned().collect();
            for word in ids.iter().flat_map(|id| asked.words_for(id)) {
                if !fix.names.iter().chain([&fix.id]).any(|n| n == word) {
                    fix.names.push(word.to_owned());
                }
            }
        }
        all
    }
}
