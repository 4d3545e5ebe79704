//! The interface of a package format: what can be read without any package manager.

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::software::changes::Package;
use crate::software::model::{Available, Fix, Listing};

/// A package format. Implementations have no state.
pub type Format = &'static dyn PackageFormat;

/// A package format: which packages a directory offers, how versions are compared, and what names
/// mean.
pub trait PackageFormat: Sync {
    /// For users: `Debian packages (.deb)`.
    fn description(&self) -> &'static str;

    /// The packages that a directory offers: those of its repositories, and package files. None if
    /// it holds nothing of this format.
    ///
    /// # Errors
    /// If the directory or the metadata of a repository in it cannot be read.
    fn read(&self, dir: &Path) -> Result<Option<Listing>>;

    /// The packages of this format that are installed below `root`, in any order; empty if the
    /// system there has another format.
    ///
    /// # Errors
    /// If the package database cannot be read.
    fn installed(&self, root: &Path) -> Result<Vec<Package>>;

    /// Removes the packages that the system below `root` cannot install because they are for
    /// another architecture. A format whose manager ignores such packages keeps them.
    ///
    /// # Errors
    /// If the package database cannot be read.
    fn retain_installable(&self, _root: &Path, _packages: &mut Vec<Available>) -> Result<()> {
        Ok(())
    }

    /// The fixes that the advisories and changelogs in `dir` describe, for `packages`, which it
    /// offers. `asked` are the names to look for, in any spelling: packages are opened for their
    /// changelogs only if advisories do not describe all of them. An empty `asked` finds every
    /// fix, which is slow.
    ///
    /// # Errors
    /// If the metadata of a repository cannot be read.
    fn fixes(&self, packages: &[Available], dir: &Path, asked: &[String]) -> Result<Vec<Fix>>;

    /// Compares two versions as the package manager does.
    fn compare(&self, a: &str, b: &str) -> Ordering;

    /// The order to sort versions by, oldest first. It is total even where
    /// [`PackageFormat::compare`] is not: pacman ignores a release number that only one has.
    fn total_cmp(&self, a: &str, b: &str) -> Ordering {
        self.compare(a, b)
    }

    /// Whether `asked`, in any spelling, is the fix that this format calls `id`. A bare number, or
    /// `bug N`, matches that number of any tracker; one with a tracker only that tracker's.
    fn is_same_fix(&self, asked: &str, id: &str) -> bool;

    /// The character between name and architecture: `:` in `vim:amd64`, `.` in `vim.x86_64`. None
    /// if names have no architecture.
    fn arch_separator(&self) -> Option<char>;

    /// Whether a word means this package: by its name, or with its architecture appended.
    fn is_named(&self, word: &str, name: &str, arch: &str) -> bool {
        let Some(rest) = word.strip_prefix(name) else { return false };
        let given = self.arch_separator().and_then(|separator| rest.strip_prefix(separator));
        rest.is_empty() || given.is_some_and(|given| given == arch)
    }

    /// The name of a package with its architecture, as a user requests it.
    fn qualified_name(&self, name: &str, arch: &str) -> String {
        match self.arch_separator() {
            Some(separator) => format!("{name}{separator}{arch}"),
            None => name.to_owned(),
        }
    }
}

impl fmt::Debug for dyn PackageFormat {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl PartialEq for dyn PackageFormat {
    fn eq(&self, other: &Self) -> bool {
        self.description() == other.description()
    }
}
