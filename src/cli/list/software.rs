//! Software that can be installed from a location: packages, bundles, fixes. Read from the directory itself,
//! nothing is run and nothing is changed.
//!
//! Beside each package stands what is installed: in the alternate, if one is mounted, else in the
//! running system, which is what a clone begins as.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::rows::{Row, truncate_text};
use crate::engine::paths::ALT_INST;
use crate::error;
use crate::host::mounts;
use crate::software::formats::{self, Contents, Format};
use crate::software::model::{Available, Fix};
use crate::software::{Location, Package, location, wanted};
use crate::text::path::show_path;
use crate::text::printable;

/// The lists of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Packages,
    Bundles,
    Fixes,
    FixBundles,
}

/// A list for people: of more packages than this, only those are shown that update something.
const MAX_ROWS: usize = 2000;
/// Columns of a line: those of a pop-up list on a terminal with 80, without its marks.
const WIDTH: usize = 70;
/// Columns of names and versions, where they fit.
const NAME: usize = 28;
const VERSION: usize = 20;
/// A summary needs so many to say something.
const SUMMARY: usize = 12;

/// The heading and the rows.
///
/// # Errors
/// ALT-754 without a location, ALT-743 for one that cannot be listed, ALT-732 where nothing is
/// there, ALT-738 for packages of another system.
pub fn rows(what: What, place: Option<&str>) -> Result<(String, Vec<Row>)> {
    match (what, place) {
        (What::Bundles | What::FixBundles, None) => Ok(bundles(what, None)),
        (_, None) => Err(error::NO_LOCATION_YET.with_cause("no directory is named")),
        (_, Some(place)) => {
            let dir = directory(location::parse(place)?)?;
            match what {
                What::Bundles | What::FixBundles => Ok(bundles(what, dir.as_deref().ok())),
                What::Packages => packages(&dir.map_err(|place| no_listing(&place))?),
                What::Fixes => fixes(&dir.map_err(|place| no_listing(&place))?),
            }
        }
    }
}

/// The directory that can be looked at; Err: the location, which has none.
fn directory(location: Location) -> Result<Result<PathBuf, Location>> {
    Ok(match location {
        Location::Directory(dir) => Ok(dir),
        // A medium that somebody has mounted can be read where it is.
        Location::Device(device) => {
            let real = device.canonicalize().unwrap_or_else(|_| device.clone());
            let at = mounts::mounted()?
                .into_iter()
                .find(|m| m.root.as_os_str() == "/" && Path::new(&m.source) == real)
                .map(|m| m.mount_point);
            at.ok_or(Location::Device(device))
        }
        other => Err(other),
    })
}

/// Where packages may be: what the copy is configured with, media that are mounted, drives.
///
/// # Errors
/// Where mounts cannot be read.
pub fn locations() -> Result<(String, Vec<Row>)> {
    let mounts = mounts::mounted()?;
    let media: Vec<(String, String)> = mounts
        .iter()
        .filter(|m| {
            ["/mnt", "/media", "/run/media"].iter().any(|top| m.mount_point.starts_with(top))
        })
        .map(|m| {
            (
                show_path(m.mount_point.as_os_str().as_encoded_bytes()),
                show_path(m.source.as_bytes()),
            )
        })
        .collect();
    let drives: Vec<String> =
        (0..4).map(|n| format!("/dev/sr{n}")).filter(|d| Path::new(d).exists()).collect();
    Ok(location_rows(&media, &drives))
}

fn location_rows(media: &[(String, String)], drives: &[String]) -> (String, Vec<Row>) {
    let row = |place: &str, what: &str| {
        let refused = place.contains(char::is_whitespace) || place.contains('\\');
        let notes = if refused {
            vec!["There are blanks or the like in its name: type it into the field.".to_owned()]
        } else {
            vec![]
        };
        Row {
            text: truncate_text(&format!("{place:<32} {what}"), WIDTH.max(place.len())),
            refused,
            notes,
        }
    };
    let mut rows = vec![row(location::CONFIGURED, "the repositories that this system has")];
    rows.extend(media.iter().map(|(at, from)| row(at, &format!("mounted from {from}"))));
    rows.extend(drives.iter().map(|d| row(d, "drive: its medium is mounted for you")));
    (format!("{:<32} WHAT IT IS", "LOCATION"), rows)
}

fn no_listing(place: &Location) -> anyhow::Error {
    match place {
        Location::Device(device) => error::NO_LISTING.with_remedy(
            format!("{} is not mounted", show_path(device.as_os_str().as_encoded_bytes())),
            format!(
                "mount it (`mount -r {0} /mnt`) and name the directory; or type the names, phase 2 mounts it by itself",
                device.display()
            ),
        ),
        other => error::NO_LISTING.with_remedy(
            format!("what {other} offers is not known here"),
            "type the names; the package manager of the copy asks the repository in phase 2",
        ),
    }
}

/// Where what is installed is looked up.
fn root() -> PathBuf {
    let alternate =
        mounts::mounted().is_ok_and(|all| all.iter().any(|m| m.mount_point == Path::new(ALT_INST)));
    PathBuf::from(if alternate { ALT_INST } else { "/" })
}

/// The installed packages, by name.
struct Installed {
    versions: BTreeMap<String, Vec<Package>>,
    archs: BTreeSet<String>,
    native: String,
}

/// Architectures that fit everywhere.
const ANY: [&str; 4] = ["all", "noarch", "any", ""];

impl Installed {
    fn new(all: Vec<Package>) -> Self {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for p in all.iter().filter(|p| !ANY.contains(&p.arch.as_str())) {
            *count.entry(p.arch.clone()).or_default() += 1;
        }
        let native =
            count.iter().max_by_key(|(_, n)| **n).map(|(a, _)| a.clone()).unwrap_or_default();
        let mut versions: BTreeMap<String, Vec<Package>> = BTreeMap::new();
        for p in all {
            versions.entry(p.name.clone()).or_default().push(p);
        }
        Self { versions, archs: count.into_keys().collect(), native }
    }

    fn fits(&self, arch: &str) -> bool {
        ANY.contains(&arch) || self.archs.is_empty() || self.archs.contains(arch)
    }

    fn is_native(&self, arch: &str) -> bool {
        ANY.contains(&arch) || self.native.is_empty() || self.native == arch
    }

    /// The version that is installed; of several the last.
    fn version(&self, name: &str, arch: &str) -> Option<&str> {
        let all = self.versions.get(name)?;
        let same =
            |p: &&Package| p.arch == arch || ANY.contains(&arch) || ANY.contains(&p.arch.as_str());
        all.iter().rfind(same).map(|p| p.version.as_str())
    }
}

fn read_installed(contents: &Contents, dir: &Path) -> Result<Installed> {
    let found = formats::installed(&root(), contents.format)?;
    if found.is_empty() {
        return Err(error::WRONG_FORMAT.with_cause(format!(
            "{} contains {}, which this system does not use",
            dir.display(),
            contents.format.description()
        )));
    }
    Ok(Installed::new(found))
}

fn packages(dir: &Path) -> Result<(String, Vec<Row>)> {
    let contents = formats::read(dir)?;
    let here = read_installed(&contents, dir)?;
    let (heading, mut rows) = package_rows(&contents, &here);
    rows.insert(
        0,
        Row { text: "all    every update of what is installed".to_owned(), ..Row::default() },
    );
    Ok((heading, rows))
}

/// One package, as its row shows it.
struct Line<'a> {
    value: String,
    package: &'a Available,
    installed: Option<&'a str>,
}

fn package_rows(contents: &Contents, here: &Installed) -> (String, Vec<Row>) {
    let mut seen = BTreeSet::new();
    let lines = contents.packages.iter().map(|p| Line {
        value: value(p, contents.format, here, !seen.insert((p.name.as_str(), p.arch.as_str()))),
        package: p,
        installed: here.version(&p.name, &p.arch),
    });
    let mut lines: Vec<Line> = lines.collect();
    let all = lines.len();
    if all > MAX_ROWS {
        lines.retain(|l| {
            here.is_native(&l.package.arch) && l.installed.is_some_and(|v| v != l.package.version)
        });
        lines.truncate(MAX_ROWS);
    }
    let widest = |least: usize, most: usize, of: &dyn Fn(&Line) -> usize| {
        lines.iter().map(of).max().unwrap_or(0).clamp(least, most)
    };
    let columns = [
        widest(4, NAME, &|l| l.value.chars().count()),
        widest(7, VERSION, &|l| l.package.version.chars().count()),
        widest(9, VERSION, &|l| l.installed.unwrap_or("new").chars().count()),
    ];
    let mut rows: Vec<Row> = lines.iter().map(|l| package_row(l, here, &columns)).collect();
    if rows.len() < all {
        let text = format!(
            "{} more packages are there: type their names into the field.",
            all - rows.len()
        );
        rows.push(Row { text, refused: true, notes: vec![] });
    }
    rows.extend(contents.damaged.iter().map(|(file, why)| Row {
        text: truncate_text(
            &show_path(file.file_name().unwrap_or(OsStr::new("?")).as_encoded_bytes()),
            WIDTH,
        ),
        refused: true,
        notes: vec![format!("It cannot be used: {}", printable(why, false))],
    }));
    (format_columns(&columns, "NAME", "VERSION", "INSTALLED", "WHAT IT IS"), rows)
}

/// The word that requests this package: the name alone is the newest version for this machine.
fn value(p: &Available, format: Format, here: &Installed, older: bool) -> String {
    let name = if here.is_native(&p.arch) {
        p.name.clone()
    } else {
        format.qualified_name(&p.name, &p.arch)
    };
    if older { format!("{name}={}", p.version) } else { name }
}

fn package_row(l: &Line, here: &Installed, columns: &[usize; 3]) -> Row {
    let p = l.package;
    let plain = |text: &str| printable(text, false).replace('\t', " ");
    let shown = plain(&l.value);
    let mut notes = vec![];
    let mut refused = !here.is_native(&p.arch);
    if !here.fits(&p.arch) {
        notes.push(format!(
            "It is for {}, and nothing of that architecture is installed.",
            plain(&p.arch)
        ));
    } else if refused {
        notes.push(format!(
            "It is for {}, and comes along with those for {} that need it.",
            plain(&p.arch),
            here.native
        ));
    }
    if shown.contains(char::is_whitespace) || shown != l.value {
        refused = true;
        notes.push("Its name is none that a package can have.".to_owned());
    }
    let installed = match l.installed {
        Some(version) if version == p.version => "same",
        Some(version) => version,
        None => "new",
    };
    Row {
        text: format_columns(
            columns,
            &shown,
            &plain(&p.version),
            &plain(installed),
            &plain(&p.summary),
        ),
        refused,
        notes,
    }
}

/// The name whole, for it is the value; the rest as far as it fits.
fn format_columns(
    columns: &[usize; 3],
    name: &str,
    version: &str,
    installed: &str,
    summary: &str,
) -> String {
    let [n, v, i] = *columns;
    let mut text =
        format!("{name:<n$} {:<v$} {:<i$}", truncate_text(version, v), truncate_text(installed, i));
    let left = WIDTH.saturating_sub(text.chars().count() + 1);
    if left >= SUMMARY {
        text.push_str(&format!(" {}", truncate_text(summary, left)));
    }
    let long = name.chars().count() > WIDTH - 2;
    if long { name.to_owned() } else { truncate_text(text.trim_end(), WIDTH) }
}

/// Files that list packages or fixes, by what they are called.
fn bundles(what: What, dir: Option<&Path>) -> (String, Vec<Row>) {
    let of_fixes = what == What::FixBundles;
    let ends: &[&str] =
        if of_fixes { &["fix", "fixes", "apar"] } else { &["bnd", "bundle", "list"] };
    let mut rows = vec![];
    if !of_fixes {
        let text = format!("{:<40} every update that there is", wanted::UPDATE_ALL);
        rows.push(Row { text, refused: false, notes: vec![] });
    }
    let entries = dir
        .and_then(|d| std::fs::read_dir(d).ok())
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path());
    let named = |p: &PathBuf| {
        p.extension()
            .and_then(OsStr::to_str)
            .is_some_and(|e| ends.contains(&e.to_ascii_lowercase().as_str()))
            && p.is_file()
    };
    let mut files: Vec<PathBuf> = entries.filter(named).collect();
    files.sort();
    rows.extend(files.iter().map(|f| bundle_row(f, of_fixes)));
    if rows.is_empty() {
        let text = "No file with a list is there: name one by its full path.".to_owned();
        rows.push(Row { text, refused: true, notes: vec![] });
    }
    (format!("{:<40} {}", "FILE", "WHAT IT LISTS"), rows)
}

fn bundle_row(file: &Path, of_fixes: bool) -> Row {
    let shown = show_path(file.as_os_str().as_encoded_bytes());
    let odd = shown.contains(char::is_whitespace) || file.to_str() != Some(&shown);
    let (text, mut notes) = match wanted::read_list(file, of_fixes) {
        Ok((true, _)) => ("every update".to_owned(), vec![]),
        Ok((false, names)) => {
            let n = names.len();
            let kind = if of_fixes { ("fix", "fixes") } else { ("package", "packages") };
            (
                format!("{n} {}", if n == 1 { kind.0 } else { kind.1 }),
                vec![truncate_text(&names.join(" "), WIDTH - 5)],
            )
        }
        Err(e) => (String::new(), vec![error::cause(&e)]),
    };
    let refused = odd || text.is_empty();
    if odd {
        notes.push("There are blanks or the like in its name: type it into the field.".to_owned());
    }
    Row { text: format!("{shown:<40} {text}"), refused, notes }
}

fn fixes(dir: &Path) -> Result<(String, Vec<Row>)> {
    let contents = formats::read(dir)?;
    let here = read_installed(&contents, dir)?;
    let found = contents.fixes(dir, &[])?;
    if found.is_empty() {
        return Err(error::BAD_LOCATION.with_remedy(
            format!("neither advisories nor changelogs that name a fix are in {}", dir.display()),
            "ask for packages (-w), or for every update (-w all)",
        ));
    }
    Ok(fix_rows(&found, &here, contents.format))
}

/// The fixes that this system has not: changelogs know everything that was ever mended.
fn fix_rows(all: &[Fix], here: &Installed, format: Format) -> (String, Vec<Row>) {
    const ID: usize = 22;
    let lacks = |(name, fixed): &(String, String)| {
        here.versions
            .get(name)
            .and_then(|v| v.last())
            .is_some_and(|p| format.compare(&p.version, fixed) == Ordering::Less)
    };
    let mut found: Vec<&Fix> = all.iter().filter(|f| f.packages.iter().any(lacks)).collect();
    // The newest first, advisories and CVEs before bugs: they are what is asked for.
    let key = |f: &Fix| {
        let numbers: Vec<u64> =
            f.id.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        (
            !f.id.starts_with(['#', 'L']),
            f.id.starts_with(|c: char| c.is_ascii_alphabetic()),
            numbers,
        )
    };
    found.sort_by_cached_key(|f| std::cmp::Reverse(key(f)));
    let plain = |text: &str| printable(text, false).replace('\t', " ");
    let row = |fix: &&Fix| {
        // A line that begins with # would be a note.
        let id = plain(fix.id.trim_start_matches('#'));
        let refused = id.is_empty() || id.contains(char::is_whitespace);
        let mut notes = vec![];
        if !fix.names.is_empty() {
            notes.push(some(fix.names.iter().map(|n| plain(n))));
        }
        let version =
            |name: &str, version: &str| match here.versions.get(name).and_then(|v| v.last()) {
                Some(p) => {
                    format!("{} {} (installed: {})", plain(name), plain(version), plain(&p.version))
                }
                None => format!("{} {} (not installed)", plain(name), plain(version)),
            };
        notes.push(some(fix.packages.iter().map(|(n, v)| version(n, v))));
        notes.retain(|n| !n.is_empty());
        Row {
            text: truncate_text(&format!("{id:<ID$} {}", plain(&fix.title)), WIDTH),
            refused,
            notes,
        }
    };
    let mut rows: Vec<Row> = found.iter().take(MAX_ROWS).map(row).collect();
    if found.len() > MAX_ROWS {
        rows.push(refused(format!(
            "{} more fixes are there: type their names into the field.",
            found.len() - MAX_ROWS
        )));
    }
    match all.len() - found.len() {
        0 => {}
        1 => rows.push(refused(
            "1 other fix is there: it is already installed, or does not apply to this system."
                .to_owned(),
        )),
        n => rows.push(refused(format!(
            "{n} other fixes are there: on this system already, or for what it has not."
        ))),
    }
    (format!("{:<ID$} WHAT IT MENDS", "FIX"), rows)
}

fn refused(text: String) -> Row {
    Row { text, refused: true, notes: vec![] }
}

/// The first of many, for a note.
fn some(all: impl Iterator<Item = String>) -> String {
    const NAMED: usize = 6;
    let all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(NAMED);
    let text = all.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{text}, and {more} more") } else { text }
}

#[cfg(test)]
mod tests;
