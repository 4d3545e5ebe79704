//! Debian packages: files, repositories, changelogs, advisories.
//!
//! [`catalog`] visits the packages of a directory: through its indexes ([`index`]), or by opening
//! each file ([`file`]: an archive of [`ar`] around two tar archives, unpacked while they are
//! read). [`fixes`] reads [`advisories`], then the [`changelog`]s inside packages ([`documents`]).

mod advisories;
mod ar;
pub mod catalog;
mod changelog;
pub mod control;
mod documents;
pub mod entry;
mod file;
pub mod fixes;
pub mod index;
mod installed;
mod names;
mod version;

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::package_format::PackageFormat;
use crate::host::beneath::Beneath;
use crate::software::changes::Package;
use crate::software::model::{Available, Fix, Listing};

pub use version::compare;

/// The architecture of packages that are for every machine.
const ALL: &str = "all";

/// Debian's format, which dpkg(1) installs.
pub struct DebFormat;

impl PackageFormat for DebFormat {
    fn description(&self) -> &'static str {
        "Debian packages (.deb)"
    }

    fn read(&self, dir: &Path) -> Result<Option<Listing>> {
        let mut packages = vec![];
        let damaged =
            catalog::visit(dir, None, &mut |entry, _| packages.push(entry.available(dir)))?;
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
        Ok(Some(Listing { packages, damaged }))
    }

    fn installed(&self, root: &Path) -> Result<Vec<Package>> {
        installed::installed(root)
    }

    fn retain_installable(&self, root: &Path, packages: &mut Vec<Available>) -> Result<()> {
        let architectures = architectures(root)?;
        packages.retain(|p| is_for(&p.arch, &architectures));
        Ok(())
    }

    fn fixes(&self, _packages: &[Available], dir: &Path, asked: &[String]) -> Result<Vec<Fix>> {
        let mut entries = vec![];
        catalog::visit(dir, None, &mut |entry, _| entries.push(entry))?;
        // A repository states its release. Anything else is taken to be for the running system's.
        let codename = match catalog::form(dir) {
            catalog::Form::Archive(suites) => suites
                .first()
                .map(|s| s.codename.split(['-', '/']).next().unwrap_or_default().to_owned()),
            catalog::Form::Flat => {
                fs::read_to_string("/etc/os-release").ok().map(|text| codename(&text))
            }
        };
        // The system to update is a copy of the running system.
        let installed = installed::installed(Path::new("/"))?.into_iter().map(|p| p.name).collect();
        let codename = codename.unwrap_or_default();
        let search = fixes::Search { dir, entries: &entries, asked, codename: &codename };
        fixes::relevant(&search, &installed)
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        compare(a, b)
    }

    fn is_same_fix(&self, asked: &str, id: &str) -> bool {
        names::is_same(asked, id)
    }

    fn arch_separator(&self) -> Option<char> {
        Some(':')
    }
}

/// The architectures whose packages the system below `root` can install: that of its dpkg, and the
/// foreign ones that were added to it (dpkg(1), `--add-architecture`); empty if they are unknown.
///
/// # Errors
/// If the package database cannot be read.
pub fn architectures(root: &Path) -> Result<Vec<String>> {
    let mut all: Vec<String> = Beneath::open(root)?
        .text("/var/lib/dpkg/arch")
        .unwrap_or_default()
        .lines()
        .map(|l| l.trim().to_owned())
        .filter(|l| !l.is_empty())
        .collect();
    let dpkg = installed::installed(root)?.into_iter().find(|p| p.name == "dpkg" && p.arch != ALL);
    match dpkg {
        Some(dpkg) => all.push(dpkg.arch),
        None => all.clear(),
    }
    Ok(all)
}

/// Whether a package of this architecture can be installed where these are allowed.
pub fn is_for(arch: &str, architectures: &[String]) -> bool {
    architectures.is_empty() || arch == ALL || architectures.iter().any(|a| a == arch)
}

/// The codename of the release in an os-release(5): `bookworm`; empty if it has none.
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
