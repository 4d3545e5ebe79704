//! What a directory offers, read without any package manager: package files, a repository's
//! indexes, advisories, bundles.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Format, arch, deb, rpm};
use crate::error;

/// A package that can be installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Available {
    pub name: String,
    /// As in [`super::Package`].
    pub version: String,
    pub arch: String,
    /// One line for people; empty where none is known.
    pub summary: String,
    /// Bytes of the package file.
    pub size: u64,
    /// Bytes when installed.
    pub installed_size: u64,
    /// The package file, in the directory that was read.
    pub file: Option<PathBuf>,
    /// It counts only where it is named with this version (backports).
    pub on_request: bool,
}

/// A fix: what brings it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fix {
    /// `DSA-5678-1`, `RHSA-2024:1234`, `CVE-2024-33599`, `#1068412`, `LP#2012345`.
    pub id: String,
    /// Other names of it: CVE numbers and bugs of an advisory.
    pub names: Vec<String>,
    /// For people; empty where none is known.
    pub title: String,
    /// Packages (binary packages of the location) and the version from which on they have the fix.
    pub packages: Vec<(String, String)>,
}

/// What a directory offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    pub format: Format,
    pub packages: Vec<Available>,
    /// Files that look like packages and are none, with why.
    pub damaged: Vec<(PathBuf, String)>,
}

/// Reads what packages a directory (a directory of packages, or a repository) offers.
///
/// # Errors
/// ALT-732 where there are none, or packages of several formats.
pub fn read(dir: &Path) -> Result<Contents> {
    let mut found: Vec<Contents> =
        [deb::read(dir)?, rpm::read(dir)?, arch::read(dir)?].into_iter().flatten().collect();
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(error::BAD_LOCATION.with_remedy(
            format!("{} holds packages of several formats", dir.display()),
            "name the directory that holds those of one format",
        )),
        (None, _) => {
            Err(error::BAD_LOCATION
                .with_cause(format!("there are no packages in {}", dir.display())))
        }
    }
}

/// Which of two versions of this format is newer.
pub fn compare(format: Format, a: &str, b: &str) -> Ordering {
    match format {
        Format::Deb => deb::compare(a, b),
        Format::Rpm => rpm::compare(a, b),
        Format::Arch => arch::compare(a, b),
    }
}

/// The order to sort versions of this format by, oldest first. It is total, which [`compare`] is
/// not: pacman's releases count only where both have one.
pub fn order(format: Format, a: &str, b: &str) -> Ordering {
    match format {
        Format::Deb => deb::compare(a, b),
        Format::Rpm => rpm::compare(a, b),
        Format::Arch => arch::order(a, b),
    }
}

/// Whether `asked`, in any writing of it, means the fix that this format calls `id`. A bare number,
/// or `bug N`, is that number of any tracker; one with a tracker is that tracker's.
pub fn same_fix(format: Format, asked: &str, id: &str) -> bool {
    match format {
        Format::Deb => deb::names::same(asked, id),
        Format::Rpm => rpm::same_fix(asked, id),
        Format::Arch => asked.trim().eq_ignore_ascii_case(id),
    }
}

/// Whether a word means this package: by its name, or with the architecture as the format's manager
/// writes it (`vim:amd64`, `vim.x86_64`).
pub fn is_named(format: Format, word: &str, name: &str, arch: &str) -> bool {
    let sign = match format {
        Format::Deb => ':',
        Format::Rpm => '.',
        Format::Arch => return word == name,
    };
    word.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(sign).is_some_and(|a| a == arch))
}

/// `12.11` of `12.11`, `12.11_ML`, `9.4-GA`: a level of the distribution, as AIX's -F takes
/// keywords of the form `4.2.1.0_AIX_ML`.
pub fn level(word: &str) -> Option<&str> {
    let level = word.trim().split(['_', '-']).next().unwrap_or_default();
    let numbers: Vec<&str> = level.split('.').collect();
    let number = |n: &&str| (1..=4).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
    ((2..=4).contains(&numbers.len()) && numbers.iter().all(number)).then_some(level)
}

/// Reads what fixes a directory's advisories and changelogs know. `asked`: the names that are
/// looked for, any writing of them; with some, packages are opened for their changelogs only if
/// advisories do not know them all; empty: everything, which is slow.
///
/// # Errors
/// As [`read`].
pub fn fixes(contents: &Contents, dir: &Path, asked: &[String]) -> Result<Vec<Fix>> {
    match contents.format {
        Format::Deb => deb::fixes(contents, dir, asked),
        Format::Rpm => rpm::fixes(contents, dir, asked),
        Format::Arch => arch::fixes(contents, dir, asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fixes_are_one_however_written() {
        use Format::{Arch, Deb, Rpm};
        for (format, asked, id) in [
            (Deb, "LP: #12", "LP#12"),
            (Deb, "bug 12", "#12"),
            (Deb, "12", "LP#12"),
            (Deb, "Closes: #12", "#12"),
            (Deb, "dsa-12", "DSA-12-1"),
            (Rpm, "rhsa-2024:1234", "RHSA-2024:1234"),
            (Rpm, "bsc#12", "#12"),
            (Arch, "avg-12", "AVG-12"),
        ] {
            assert!(same_fix(format, asked, id), "{asked} {id}");
        }
        for (format, asked, id) in [
            (Deb, "LP#12", "#12"),
            (Deb, "lp: #12", "#12"),
            (Deb, "#12", "CVE-2024-12"),
            (Deb, "closes: #12", "LP#12"),
            (Deb, "bsc#12", "#12"),
            (Deb, "CVE-2024-12", "12"),
            (Deb, "DSA-12-1", "DSA-12-2"),
            (Rpm, "LP#12", "#12"),
            (Arch, "AVG-1", "AVG-12"),
        ] {
            assert!(!same_fix(format, asked, id), "{asked} {id}");
        }
    }

    #[test]
    fn names_with_architectures() {
        for (format, word, meant) in [
            (Format::Deb, "python3", true),
            (Format::Deb, "python3:all", true),
            // To apt this is a pattern.
            (Format::Deb, "python3.all", false),
            (Format::Deb, "python3:amd64", false),
            (Format::Rpm, "python3.all", true),
            (Format::Rpm, "python3:all", false),
            (Format::Arch, "python3", true),
            (Format::Arch, "python3.all", false),
            (Format::Rpm, "python3.", false),
            (Format::Deb, "python", false),
        ] {
            assert_eq!(is_named(format, word, "python3", "all"), meant, "{word}");
        }
    }

    #[test]
    fn levels_of_a_distribution() {
        let words = [
            "12.11",
            "12.11_ML",
            "22.04.5-LTS",
            "4.2.1.0_AIX_ML",
            "1068412",
            "CVE-1.2",
            "12.",
            "1.2.3.4.5",
            "12.12345",
        ];
        let want = [
            Some("12.11"),
            Some("12.11"),
            Some("22.04.5"),
            Some("4.2.1.0"),
            None,
            None,
            None,
            None,
            None,
        ];
        assert_eq!(words.map(level), want);
    }
}
