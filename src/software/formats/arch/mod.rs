//! Packages of pacman: files, repositories, advisories.
//!
//! [`catalog`] lists the packages of a directory, from its databases ([`db`]) or by opening each
//! file; [`entry`] is one package.

mod advisories;
pub mod catalog;
pub mod db;
pub mod entry;
mod version;

use std::cmp::Ordering;
use std::path::Path;

use anyhow::Result;

use super::package_format::PackageFormat;
use crate::host::beneath::Beneath;
use crate::software::changes::Package;
use crate::software::model::{Available, Fix, Listing};

pub use version::{compare, order};

/// pacman's database of installed packages.
const LOCAL: &str = "var/lib/pacman/local";

/// The format of pacman(8).
pub struct PacmanFormat;

impl PackageFormat for PacmanFormat {
    fn description(&self) -> &'static str {
        "packages of pacman (.pkg.tar.zst)"
    }

    fn read(&self, dir: &Path) -> Result<Option<Listing>> {
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
        Ok(Some(Listing { packages, damaged }))
    }

    fn installed(&self, root: &Path) -> Result<Vec<Package>> {
        let (entries, _) = db::local(&Beneath::open(root)?, Path::new(LOCAL));
        Ok(entries.into_iter().map(|entry| entry.package()).collect())
    }

    fn fixes(&self, packages: &[Available], dir: &Path, _asked: &[String]) -> Result<Vec<Fix>> {
        let mut all = advisories::read(dir);
        for fix in &mut all {
            fix.packages.retain(|(name, _)| packages.iter().any(|p| p.name == *name));
        }
        all.retain(|fix| !fix.packages.is_empty());
        Ok(all)
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        compare(a, b)
    }

    fn total_cmp(&self, a: &str, b: &str) -> Ordering {
        order(a, b)
    }

    fn is_same_fix(&self, asked: &str, id: &str) -> bool {
        asked.trim().eq_ignore_ascii_case(id)
    }

    fn arch_separator(&self) -> Option<char> {
        None
    }
}
