//! RPM packages: files, repositories, changelogs, advisories, read without rpm.
//!
//! [`tree`] finds repositories and package files in a directory. The packages of a repository are
//! those that its metadata list (`repomd`, `primary`), as the managers see it; a package file is
//! described by its `header` (`package`). [`advisories`] finds fixes. [`write`] makes a repository
//! of package files for the managers.

pub mod advisories;
mod header;
mod installed;
mod metadata_file;
mod names;
mod package;
mod primary;
mod repomd;
pub mod tree;
mod updateinfo;
pub mod version;
pub mod write;
pub mod xml;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::package_format::PackageFormat;
use crate::error;
use crate::software::changes;
use crate::software::model::{Available, Fix, Listing};
use package::Package;
use tree::Tree;

/// The format of rpm(8).
pub struct RpmFormat;

impl PackageFormat for RpmFormat {
    fn description(&self) -> &'static str {
        "RPM packages (.rpm)"
    }

    fn read(&self, dir: &Path) -> Result<Option<Listing>> {
        let tree = tree::find(dir)?;
        if tree == Tree::default() {
            return Ok(None);
        }
        let mut listing =
            Listing { packages: read_repositories(&tree.repositories)?, damaged: vec![] };
        for file in &tree.files {
            match Package::read(file) {
                Ok(package) if package.source => {}
                Ok(package) => listing.packages.push(available(&package, file)),
                Err(why) => listing.damaged.push((file.clone(), why)),
            }
        }
        let key = |p: &Available| (p.name.clone(), p.arch.clone());
        listing.packages.sort_by(|a, b| {
            key(a).cmp(&key(b)).then_with(|| version::compare(&a.version, &b.version))
        });
        Ok(Some(listing))
    }

    fn installed(&self, root: &Path) -> Result<Vec<changes::Package>> {
        installed::installed(root)
    }

    fn fixes(&self, packages: &[Available], dir: &Path, asked: &[String]) -> Result<Vec<Fix>> {
        advisories::find(packages, &tree::find(dir)?, asked)
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        version::compare(a, b)
    }

    fn is_same_fix(&self, asked: &str, id: &str) -> bool {
        names::is_same(asked, id)
    }

    fn arch_separator(&self) -> Option<char> {
        Some('.')
    }
}

/// The packages that repositories list.
///
/// # Errors
/// ALT-748 if the metadata of one cannot be read.
pub fn read_repositories(repositories: &[PathBuf]) -> Result<Vec<Available>> {
    let mut all = vec![];
    for repository in repositories {
        let failed = |why: String| {
            error::BAD_REPOSITORY.with_cause(format!("{}: {why}", repository.display()))
        };
        let Some((file, reader)) = repomd::metadata(repository, "primary").map_err(failed)? else {
            return Err(failed("it has no list of packages (primary.xml)".to_owned()));
        };
        let mut packages =
            primary::read(reader).map_err(|why| failed(format!("{}: {why}", file.display())))?;
        primary::locate(&mut packages, repository);
        all.extend(packages);
    }
    Ok(all)
}

fn available(package: &Package, file: &Path) -> Available {
    let summary = package.header.text(header::tag::SUMMARY).unwrap_or_default();
    Available {
        name: package.name.clone(),
        version: package.evr(),
        arch: package.arch.clone(),
        summary: summary.lines().next().unwrap_or_default().to_owned(),
        size: std::fs::metadata(file).map_or(0, |m| m.len()),
        installed_size: package.installed_size(),
        file: Some(file.to_owned()),
        ..Available::default()
    }
}

#[cfg(test)]
mod tests;
