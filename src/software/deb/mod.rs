//! Debian packages: files, repositories, changelogs, advisories.
//!
//! [`catalog`] goes through the packages of a directory, by its indexes ([`index`]) or by opening each file ([`file`], which is [`ar`] around
//! two tar archives, [`unpack`]ed as they are read).

mod ar;
pub mod catalog;
pub mod control;
pub mod entry;
pub mod file;
pub mod index;
pub(super) mod unpack;
mod version;
pub(super) mod walk;

use std::path::Path;

use anyhow::Result;

use super::{Contents, Fix, Format};

pub use version::compare;

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
    packages.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| compare(&b.version, &a.version)).then_with(|| a.arch.cmp(&b.arch)));
    let damaged = damaged.into_iter().map(|(path, why)| (dir.join(path), why)).collect();
    Ok(Some(Contents { format: Format::Deb, packages, damaged }))
}

/// See [`super::contents::fixes`].
///
/// # Errors
/// What cannot be read.
pub fn fixes(_contents: &Contents, _dir: &Path, _asked: &[String]) -> Result<Vec<Fix>> {
    Ok(vec![])
}
