//! The packages of a directory: what its indexes list, or else each file opened.
//!
//! A repository (`dists/`) is what its indexes say. Of any other directory every package counts:
//! those that a `Packages` index there knows are not opened, which saves time on large ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::control::Paragraph;
use super::entry::Entry;
use super::file::Deb;
use super::index;
use crate::error;
use crate::software::formats::damaged::is_interruption;
use crate::software::walk;

/// At most this many damaged files are reported.
const MAX_DAMAGED: usize = 100;

/// The structure of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A repository with `dists/`.
    Archive(Vec<index::Suite>),
    /// Any other directory.
    Flat,
}

/// The structure of `dir`.
pub fn form(dir: &Path) -> Form {
    let suites = index::suites(dir);
    if suites.is_empty() { Form::Flat } else { Form::Archive(suites) }
}

/// Files that look like packages but cannot be used, with the reason.
pub type Damaged = Vec<(PathBuf, String)>;

/// Visits the packages of `dir`, each once; of an archive only those of `suites`, if given.
///
/// # Errors
/// If the directory cannot be read; ALT-711 if a signal interrupts it.
pub fn visit(
    dir: &Path,
    suites: Option<&[index::Suite]>,
    visit: &mut dyn FnMut(Entry, Paragraph),
) -> Result<Damaged> {
    let mut damaged = Found::default();
    match form(dir) {
        Form::Archive(all) => visit_archive(dir, suites.unwrap_or(&all), visit, &mut damaged)?,
        Form::Flat => visit_flat(dir, visit, &mut damaged)?,
    }
    Ok(damaged.0)
}

#[derive(Default)]
struct Found(Damaged);

impl Found {
    fn add(&mut self, path: PathBuf, why: impl Into<String>) {
        if self.0.len() < MAX_DAMAGED {
            self.0.push((path, why.into()));
        }
    }
}

fn read_index(index: &Path, visit: &mut dyn FnMut(Entry, Paragraph)) -> Result<()> {
    let file =
        std::fs::File::open(index).with_context(|| format!("reading {}", index.display()))?;
    index::read(file, index, visit)
}

fn visit_archive(
    dir: &Path,
    suites: &[index::Suite],
    visit: &mut dyn FnMut(Entry, Paragraph),
    damaged: &mut Found,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    // A package that an ordinary suite has too is an ordinary one.
    let (last, first): (Vec<_>, Vec<_>) = suites.iter().partition(|s| s.on_request);
    for suite in first.into_iter().chain(last) {
        let at = dir.join("dists").join(&suite.name);
        for name in index::find_indexes(&at)? {
            let read = read_index(&at.join(&name), &mut |entry, fields| {
                if !seen.insert((entry.name.clone(), entry.version.clone(), entry.arch.clone())) {
                    return;
                }
                if dir.join(&entry.file).is_file() {
                    visit(Entry { on_request: suite.on_request, ..entry }, fields);
                } else {
                    damaged.add(entry.file, "the index lists it, and it is not there");
                }
            });
            match read {
                Err(e) if !is_interruption(&e) => damaged
                    .add(Path::new("dists").join(&suite.name).join(name), error::chain_of(&e)),
                other => other?,
            }
        }
    }
    Ok(())
}

fn visit_flat(
    dir: &Path,
    visit: &mut dyn FnMut(Entry, Paragraph),
    damaged: &mut Found,
) -> Result<()> {
    let files: BTreeSet<PathBuf> = walk::files(dir, &|_| true)?
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("deb")))
        .collect();
    let mut known: BTreeMap<PathBuf, u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut once = |entry: Entry, fields: Paragraph| {
        if seen.insert((entry.name.clone(), entry.version.clone(), entry.arch.clone())) {
            visit(entry, fields);
        }
    };
    if let Some(index) = index::flat(dir) {
        let read = read_index(&index, &mut |entry, fields| {
            // One that was replaced since is opened.
            let same = files.contains(&entry.file)
                && dir.join(&entry.file).metadata().is_ok_and(|m| m.len() == entry.size);
            if same {
                known.insert(entry.file.clone(), entry.size);
                once(entry, fields);
            }
        });
        match read {
            Err(e) if !is_interruption(&e) => damaged.add(index, error::chain_of(&e)),
            other => other?,
        }
    }
    for name in files.iter().filter(|f| !known.contains_key(*f)) {
        let opened = Deb::open(&dir.join(name))
            .map_err(anyhow::Error::msg)
            .and_then(|deb| Ok((deb.size(), deb.control()?)));
        match opened {
            Ok((size, fields)) => match Entry::parse(&fields, name) {
                Ok(entry) => once(Entry { size, ..entry }, fields),
                Err(why) => damaged.add(name.clone(), why),
            },
            Err(e) if is_interruption(&e) => return Err(e),
            Err(e) => damaged.add(name.clone(), error::cause(&e)),
        }
    }
    Ok(())
}
