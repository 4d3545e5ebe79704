//! Package formats, read without their package managers: for lists, and to refuse a request before
//! anything is changed.
//!
//! Each format is a directory that implements [`PackageFormat`], and an entry of [`FORMATS`].

pub mod arch;
mod damaged;
pub mod deb;
pub mod level;
mod members;
mod package_format;
pub mod rpm;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::changes::Package;
use super::model::{Available, Fix, Listing};
use crate::error;

pub use package_format::{Format, PackageFormat};

/// Every format that can be read.
pub const FORMATS: [Format; 3] = [&deb::DebFormat, &rpm::RpmFormat, &arch::PacmanFormat];

/// The packages that a directory offers, and their format.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The format of all of them.
    pub format: Format,
    /// Every package that can be installed.
    pub packages: Vec<Available>,
    /// Files that look like packages but cannot be used, and why.
    pub damaged: Vec<(PathBuf, String)>,
}

impl Contents {
    /// The fixes for these packages that `dir`, where they are, describes. See
    /// [`PackageFormat::fixes`].
    ///
    /// # Errors
    /// If the metadata of a repository cannot be read.
    pub fn fixes(&self, dir: &Path, asked: &[String]) -> Result<Vec<Fix>> {
        self.format.fixes(&self.packages, dir, asked)
    }
}

/// Reads which packages a directory offers: one with package files, or a repository.
///
/// # Errors
/// ALT-732 if there are none, or packages of several formats.
pub fn read(dir: &Path) -> Result<Contents> {
    let mut found = vec![];
    for format in FORMATS {
        if let Some(Listing { packages, damaged }) = format.read(dir)? {
            found.push(Contents { format, packages, damaged });
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(contents), true) => Ok(contents),
        (Some(_), false) => Err(error::BAD_LOCATION.with_remedy(
            format!("{} contains packages of several formats", dir.display()),
            "give a directory with packages of one format",
        )),
        (None, _) => {
            Err(error::BAD_LOCATION
                .with_cause(format!("there are no packages in {}", dir.display())))
        }
    }
}

/// The packages of this format that are installed below `root`, sorted by name; empty if the system
/// there has another format. Nothing is run in that system.
///
/// # Errors
/// If the package database cannot be read.
pub fn installed(root: &Path, format: Format) -> Result<Vec<Package>> {
    let mut packages = format.installed(root)?;
    packages.sort();
    Ok(packages)
}

#[cfg(test)]
mod tests;
