//! Debian packages: files, repositories, changelogs, advisories.
//!
//! [`catalog`] goes through the packages of a directory, by its indexes ([`index`]) or by opening
//! each file ([`file`], which is [`ar`] around two tar archives, unpacked as they are read).
//! [`fixes`] asks [`advisories`], then the [`changelog`]s inside packages ([`documents`]).

mod advisories;
mod ar;
pub mod catalog;
pub mod changelog;
pub mod control;
mod documents;
pub mod entry;
pub mod file;
pub mod fixes;
pub mod index;
pub mod names;
mod version;

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{Contents, Fix, Format, installed};
use crate::host::beneath::Beneath;

pub use version::compare;

/// The architecture of packages that are for every machine.
const ALL: &str = "all";

/// What a directory offers; None where there is nothing of this format.
///
/// # Errors
/// What cannot be read.
pub fn read(dir: &Path) -> Result<Option<Contents>> {
    let mut packages = vec![];
    let damaged = catalog::each(dir, None, &mut |entry, _| packages.push(entry.available(dir)))?;
    if packages.is_empty() && damaged.is_empty() {
        return Ok(None);
    }
    packages.sort_by(|a, b| {
        a.name
            .cmp(&b.name)
            .then_with(|| compare(&b.version, &a.version))
            .then_with(|| a.arch.cmp(&b.arch))
    });
    let damaged = damaged.into_iter().map(|(path, why)| (dir.join(path), why)).collect();
    Ok(Some(Contents { format: Format::Deb, packages, damaged }))
}

/// The architectures whose packages the system below `root` takes: that of its dpkg, and the
/// foreign ones that were added (dpkg(1), `--add-architecture`); empty where it does not say.
///
/// # Errors
/// What cannot be read.
pub fn architectures(root: &Path) -> Result<Vec<String>> {
    let mut all: Vec<String> = Beneath::open(root)?
        .text("/var/lib/dpkg/arch")
        .unwrap_or_default()
        .lines()
        .map(|l| l.trim().to_owned())
        .filter(|l| !l.is_empty())
        .collect();
    let dpkg = installed::installed(root, Format::Deb)?
        .into_iter()
        .find(|p| p.name == "dpkg" && p.arch != ALL);
    match dpkg {
        Some(dpkg) => all.push(dpkg.arch),
        None => all.clear(),
    }
    Ok(all)
}

/// Whether a package of this architecture is for a system with those.
pub fn fits(architectures: &[String], arch: &str) -> bool {
    architectures.is_empty() || arch == ALL || architectures.iter().any(|a| a == arch)
}

/// See [`super::contents::fixes`].
///
/// # Errors
/// What cannot be read.
pub fn fixes(_contents: &Contents, dir: &Path, asked: &[String]) -> Result<Vec<Fix>> {
    let mut entries = vec![];
    catalog::each(dir, None, &mut |entry, _| entries.push(entry))?;
    // A repository says of which release it is; else it is taken for the running system's.
    let codename = match catalog::form(dir) {
        catalog::Form::Archive(suites) => suites
            .first()
            .map(|s| s.codename.split(['-', '/']).next().unwrap_or_default().to_owned()),
        catalog::Form::Flat => {
            fs::read_to_string("/etc/os-release").ok().map(|text| codename(&text))
        }
    };
    // What it could be installed on is a copy of the running system.
    let installed =
        installed::installed(Path::new("/"), Format::Deb)?.into_iter().map(|p| p.name).collect();
    fixes::relevant(
        &fixes::Search { dir, entries: &entries, asked, codename: &codename.unwrap_or_default() },
        &installed,
    )
}

/// The name of the release in an os-release(5): `bookworm`; empty where it does not say.
pub fn codename(os_release: &str) -> String {
    let value =
        os_release.lines().find_map(|l| l.strip_prefix("VERSION_CODENAME=")).unwrap_or_default();
    value
        .trim()
        .trim_matches(['"', '\''])
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect()
}

#[cfg(test)]
mod tests;
