//! RPM packages: files, repositories, changelogs, advisories, read without rpm.
//!
//! `tree` finds repositories and package files in a directory. A repository's packages are those
//! that its metadata list (`repomd`, `primary`), as the managers see it; a package file tells by
//! its `header` what it is (`package`). `advisories` knows which fixes there are. `write` makes a
//! repository of package files for the managers. `database` asks what is installed, and mends what
//! a killed run left.

pub mod account;
mod advisories;
pub mod database;
mod header;
mod names;
pub mod offer;
mod open;
mod package;
pub mod place;
mod primary;
mod repomd;
pub mod said;
pub mod tree;
mod updateinfo;
mod version;
mod write;
pub mod xml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Available, Contents, Fix, Format};
use crate::error;
use package::Package;
use tree::Tree;

pub use names::same as same_fix;
pub use version::{compare, normal};

/// What a directory offers; None where there is nothing of this format.
///
/// # Errors
/// ALT-748 where a repository's metadata cannot be read.
pub fn read(dir: &Path) -> Result<Option<Contents>> {
    let tree = tree::look(dir)?;
    if tree == Tree::default() {
        return Ok(None);
    }
    let mut contents = Contents {
        format: Format::Rpm,
        packages: of_repositories(&tree.repositories)?,
        damaged: vec![],
    };
    for file in &tree.files {
        match Package::read(file) {
            Ok(package) if package.source => {}
            Ok(package) => contents.packages.push(available(&package, file)),
            Err(why) => contents.damaged.push((file.clone(), why)),
        }
    }
    let key = |p: &Available| (p.name.clone(), p.arch.clone());
    contents
        .packages
        .sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| compare(&a.version, &b.version)));
    Ok(Some(contents))
}

/// The packages that repositories list.
///
/// # Errors
/// ALT-748.
pub fn of_repositories(repositories: &[PathBuf]) -> Result<Vec<Available>> {
    let mut all = vec![];
    for repository in repositories {
        let failed = |why: String| {
            error::BAD_REPOSITORY.with_cause(format!("{}: {why}", repository.display()))
        };
        let Some((file, reader)) = repomd::metadata(repository, "primary").map_err(failed)? else {
            return Err(failed("it has no list of packages (primary.xml)".to_owned()));
        };
        let mut packages =
            primary::read(reader).map_err(|e| failed(format!("{}: {e}", file.display())))?;
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

/// See [`super::contents::fixes`]. Names are compared whatever way they are written: see `names`.
///
/// # Errors
/// ALT-748 where a repository's metadata cannot be read.
pub fn fixes(contents: &Contents, dir: &Path, asked: &[String]) -> Result<Vec<Fix>> {
    fixes_of(&contents.packages, &tree::look(dir)?, asked)
}

/// The same for packages and repositories that are known already.
///
/// # Errors
/// As [`fixes`].
pub fn fixes_of(packages: &[Available], tree: &Tree, asked: &[String]) -> Result<Vec<Fix>> {
    let mut all = advisories::of_repositories(tree)?;
    all.extend(advisories::levels(packages));
    if !advisories::know(&all, asked) {
        all.extend(advisories::of_changelogs(packages));
    }
    Ok(all)
}

/// Of each name the newest.
fn newest(packages: &[Available]) -> Vec<&Available> {
    let mut by_name: BTreeMap<&str, &Available> = BTreeMap::new();
    for package in packages {
        let there = by_name.entry(&package.name).or_insert(package);
        if compare(&there.version, &package.version).is_lt() {
            *there = package;
        }
    }
    by_name.into_values().collect()
}

#[cfg(test)]
pub mod real;
#[cfg(test)]
pub mod tests;
