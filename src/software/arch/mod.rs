//! Packages of pacman: files, repositories, advisories.
//!
//! [`catalog`] goes through the packages of a directory, by its databases ([`db`]) or by opening
//! each file; [`entry`] is what is known of one.

mod advisories;
pub mod catalog;
pub mod db;
pub mod entry;
mod version;

use std::path::Path;

use anyhow::Result;

use super::{Contents, Fix, Format};

pub use version::{compare, order};

/// What a directory offers; None where there is nothing of this format.
///
/// # Errors
/// What cannot be read.
pub fn read(dir: &Path) -> Result<Option<Contents>> {
    let (entries, damaged) = catalog::entries(dir)?;
    if entries.is_empty() && damaged.is_empty() {
        return Ok(None);
    }
    let mut packages: Vec<_> = entries.iter().map(|e| e.available(dir)).collect();
    packages.sort_by(|a, b| {
        a.name
            .cmp(&b.name)
            .then_with(|| order(&b.version, &a.version))
            .then_with(|| a.arch.cmp(&b.arch))
    });
    let damaged = damaged.into_iter().map(|(path, why)| (dir.join(path), why)).collect();
    Ok(Some(Contents { format: Format::Arch, packages, damaged }))
}

/// See [`super::contents::fixes`].
///
/// # Errors
/// What cannot be read.
pub fn fixes(contents: &Contents, dir: &Path, _asked: &[String]) -> Result<Vec<Fix>> {
    let here = |fix: &mut Fix| {
        fix.packages.retain(|(name, _)| contents.packages.iter().any(|p| p.name == *name))
    };
    let mut all = advisories::read(dir);
    all.iter_mut().for_each(here);
    all.retain(|fix| !fix.packages.is_empty());
    Ok(all)
}
