//! `Packages` indexes and the `Release` files above them: a repository as Debian's archive has it
//! (`dists/SUITE/COMPONENT/binary-ARCH/Packages.xz`), or a flat one (`Packages` beside the
//! packages).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use super::control::{Paragraph, Paragraphs};
use super::entry::Entry;
use crate::error;
use crate::host::signals;
use crate::software::budget::Budget;
use crate::software::unpack::unpacked;
use crate::software::walk;

/// The forms of an index, the one that costs least first.
const FORMS: [&str; 4] = ["Packages", "Packages.gz", "Packages.zst", "Packages.xz"];
/// The most bytes of a Release file (Debian's have 200 KiB).
const MAX_RELEASE: u64 = 8 << 20;
/// The most bytes of an index, unpacked. Debian's largest has 60 MiB.
const MAX_INDEX: u64 = 4 << 30;

/// A suite of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suite {
    /// Its directory below `dists`.
    pub name: String,
    /// `stable`, as its Release file has it.
    pub suite: String,
    /// `bookworm`, as its Release file has it.
    pub codename: String,
    /// `main`, `contrib` and so on.
    pub components: Vec<String>,
    /// `NotAutomatic`: only for packages that are asked for by version (backports, experimental).
    pub on_request: bool,
}

impl Suite {
    /// Parses a Release or InRelease file.
    pub fn parse(name: &str, release: &[u8]) -> Self {
        // In an InRelease file the first paragraph is the armour's.
        let mut reader = Paragraphs::new(release);
        let mut fields = Paragraph::default();
        while let Ok(Some(next)) = reader.next() {
            if next.get("Codename").or(next.get("Suite")).or(next.get("Components")).is_some() {
                fields = next;
                break;
            }
        }
        let text = |field: &str| fields.get(field).unwrap_or_default().to_owned();
        // A component may be written with the suite's directory before it (`updates/main`).
        let components = text("Components")
            .split_whitespace()
            .filter_map(|c| c.rsplit('/').next())
            .map(str::to_owned)
            .collect();
        Self {
            name: name.to_owned(),
            suite: text("Suite"),
            codename: text("Codename"),
            components,
            on_request: text("NotAutomatic").eq_ignore_ascii_case("yes"),
        }
    }

    /// Whether it belongs to the release `codename`: `bookworm`, `bookworm-security`.
    pub fn is_of(&self, codename: &str) -> bool {
        let of = |name: &str| {
            name == codename
                || name.strip_prefix(codename).is_some_and(|rest| rest.starts_with(['-', '/']))
        };
        !codename.is_empty() && (of(&self.name) || of(&self.codename))
    }
}

/// The suites below `dir/dists`; of several names for one (links) only the directory counts.
pub fn suites(dir: &Path) -> Vec<Suite> {
    let mut found = vec![];
    let list = |at: &Path| -> Vec<String> {
        let entries = fs::read_dir(at).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    };
    let dists = dir.join("dists");
    for name in list(&dists) {
        // `bookworm/updates` was how security suites were named.
        let below = [name.clone(), format!("{name}/updates")];
        for name in below {
            let release = ["Release", "InRelease"]
                .iter()
                .find_map(|f| read_some(regular(&dists.join(&name).join(f))?));
            found.extend(release.map(|text| Suite::parse(&name, &text)));
        }
    }
    found
}

fn regular(path: &Path) -> Option<File> {
    File::open(path).ok().filter(|f| f.metadata().is_ok_and(|m| m.is_file()))
}

/// The suites for `codename`; if none is, and there is only one suite, that one.
pub fn choose_suites(all: &[Suite], codename: &str) -> Vec<Suite> {
    let of: Vec<Suite> = all.iter().filter(|s| s.is_of(codename)).cloned().collect();
    if of.is_empty() && all.len() == 1 { all.to_vec() } else { of }
}

/// The text of a Release file, up to a limit; None if it cannot be read.
pub fn read_some(release: File) -> Option<Vec<u8>> {
    let mut text = vec![];
    release.take(MAX_RELEASE).read_to_end(&mut text).ok()?;
    Some(text)
}

/// The indexes of packages below `dir` (relative to it), each in one form.
///
/// # Errors
/// As [`walk::files`].
pub fn find_indexes(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut best: BTreeMap<PathBuf, usize> = BTreeMap::new();
    // by-hash holds the same files under other names.
    for file in walk::files(dir, &|d| !d.ends_with("by-hash") && !d.ends_with("source"))? {
        let name = file.file_name().unwrap_or_default();
        let Some(form) = FORMS.iter().position(|f| *f == name) else { continue };
        let at = file.parent().unwrap_or(Path::new("")).to_owned();
        best.entry(at).and_modify(|had| *had = form.min(*had)).or_insert(form);
    }
    Ok(best.into_iter().map(|(at, form)| at.join(FORMS[form])).collect())
}

/// The form of the flat index in `dir`, if there is one.
pub fn flat(dir: &Path) -> Option<PathBuf> {
    FORMS.iter().map(|f| dir.join(f)).find(|p| p.is_file())
}

/// Visits each package of an index, with its paragraph; invalid ones are skipped. Errors call the
/// file `index`.
///
/// # Errors
/// If it cannot be read; ALT-711 if a signal interrupts it.
pub fn read(file: File, index: &Path, visit: &mut dyn FnMut(Entry, Paragraph)) -> Result<()> {
    let reading = || format!("reading {}", index.display());
    let mut reader =
        Paragraphs::new(BufReader::new(unpacked(file).with_context(reading)?.take(MAX_INDEX)));
    let mut budget = Budget::default();
    while let Some(fields) = reader.next().with_context(reading)? {
        if signals::interrupted() {
            return Err(
                error::INTERRUPTED.with_cause("stopped by a signal while an index was read")
            );
        }
        if let Some(entry) = entry(&fields) {
            // Visitors keep the package, not its whole paragraph.
            let kept = [
                &entry.name,
                &entry.version,
                &entry.arch,
                &entry.summary,
                &entry.source,
                &entry.source_version,
            ];
            let kept = kept.map(|t| t.len()).iter().sum::<usize>() + entry.file.as_os_str().len();
            budget.count_text(kept).map_err(|why| anyhow::anyhow!("{}: {why}", index.display()))?;
            visit(entry, fields);
        }
    }
    Ok(())
}

/// The package that a paragraph of an index describes; None if it is invalid. `Filename` is
/// relative and leads nowhere else.
pub fn entry(fields: &Paragraph) -> Option<Entry> {
    let name: PathBuf = Path::new(fields.get("Filename")?)
        .components()
        .filter(|c| *c != Component::CurDir)
        .collect();
    let within = name.components().all(|c| matches!(c, Component::Normal(_)))
        && !name.as_os_str().is_empty();
    within.then(|| Entry::parse(fields, &name).ok()).flatten()
}
