//! Fixes: of advisories first, then of the packages' changelogs, and levels of the distribution.

use std::collections::BTreeMap;

use anyhow::Result;

use super::package::{Change, Package};
use super::tree::Tree;
use super::{names, repomd, updateinfo, version};
use crate::error;
use crate::software::model::{Available, Fix};

/// Packages that say which level the distribution is at by their version.
const RELEASES: [&str; 12] = [
    "redhat-release",
    "fedora-release-common",
    "fedora-release",
    "centos-stream-release",
    "centos-linux-release",
    "almalinux-release",
    "rocky-release",
    "oraclelinux-release",
    "openSUSE-release",
    "Leap-release",
    "SLES-release",
    "sles-release",
];

/// At most this many mentions in changelogs are counted: a medium with a whole release has some
/// hundred thousand.
const MAX_MENTIONS: usize = 2_000_000;

/// The fixes of `packages`: advisories of the repositories of `tree`, and levels of the
/// distribution. Changelogs are read only if those do not have every fix in `asked`; see
/// [`PackageFormat::fixes`](crate::software::formats::PackageFormat::fixes).
///
/// # Errors
/// ALT-748 if the metadata of a repository cannot be read.
pub fn find(packages: &[Available], tree: &Tree, asked: &[String]) -> Result<Vec<Fix>> {
    let mut all = read_updateinfo(tree)?;
    all.extend(levels(packages));
    if !has_all(&all, asked) {
        all.extend(read_changelogs(packages));
    }
    Ok(all)
}

/// The advisories of the repositories.
///
/// # Errors
/// ALT-748 if one cannot be read.
fn read_updateinfo(tree: &Tree) -> Result<Vec<Fix>> {
    let mut all = vec![];
    for repository in &tree.repositories {
        let failed = |why: String| {
            error::BAD_REPOSITORY.with_cause(format!("{}: {why}", repository.display()))
        };
        if let Some((file, reader)) = repomd::metadata(repository, "updateinfo").map_err(failed)? {
            all.extend(
                updateinfo::read(reader)
                    .map_err(|why| failed(format!("{}: {why}", file.display())))?,
            );
        }
    }
    Ok(all)
}

/// Whether these fixes know all that is asked for.
fn has_all(fixes: &[Fix], asked: &[String]) -> bool {
    let known = |name: &String| {
        fixes
            .iter()
            .any(|f| names::is_same(&f.id, name) || f.names.iter().any(|n| names::is_same(n, name)))
    };
    !asked.is_empty() && asked.iter().all(known)
}

/// The fixes that the changelogs of the packages name, each once with all packages that have it.
fn read_changelogs(packages: &[Available]) -> Vec<Fix> {
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut left = MAX_MENTIONS;
    for (available, package) in
        packages.iter().filter_map(|a| Some((a, Package::read(a.file.as_ref()?).ok()?)))
    {
        let own = package.evr();
        // Newest first: of several entries that name a fix, the oldest introduced it.
        for change in package.changelog() {
            let since = changed_since(&change, &package.epoch, &own);
            for name in names::find_fixes(&change.text) {
                left = left.saturating_sub(1);
                if left == 0 {
                    break;
                }
                let packages = found.entry(name).or_default();
                let there = packages.entry(available.name.clone()).or_insert_with(|| since.clone());
                if version::compare(&since, there).is_lt() {
                    *there = since.clone();
                }
            }
        }
    }
    let fix = |(id, packages): (String, BTreeMap<String, String>)| Fix {
        id,
        packages: packages.into_iter().collect(),
        ..Fix::default()
    };
    found.into_iter().map(fix).collect()
}

/// The version from which on a package has a change: the one in its heading (`A B <a@b.c> -
/// 1:2.0-1`, also `[2.0-1]`), with the package's epoch where it has none; the package's own where
/// there is none, or a later one.
fn changed_since(change: &Change, epoch: &str, own: &str) -> String {
    let word = change.author.split_whitespace().last().unwrap_or_default().trim_matches(['[', ']']);
    let evr = version::Evr::parse(word);
    let Some(release) = evr
        .release
        .filter(|r| r.starts_with(|c: char| c.is_ascii_digit()) && !word.contains(['@', '<', '>']))
    else {
        return own.to_owned();
    };
    let epoch = if word.contains(':') { evr.epoch } else { epoch };
    let named = version::format_evr(epoch, evr.version, release);
    if version::compare(&named, own).is_le() { named } else { own.to_owned() }
}

/// The level of the distribution that is in the location: `9.4`, also `9.4_ML`; it is brought by
/// all of its packages.
pub fn levels(packages: &[Available]) -> Vec<Fix> {
    let newest = newest(packages);
    let all: Vec<(String, String)> =
        newest.iter().map(|p| (p.name.clone(), p.version.clone())).collect();
    let mut levels: BTreeMap<String, Fix> = BTreeMap::new();
    for release in newest.iter().filter(|p| RELEASES.contains(&p.name.as_str())) {
        let evr = version::Evr::parse(&release.version);
        let id = evr.version.to_owned();
        levels.entry(id.clone()).or_insert_with(|| Fix {
            names: vec![format!("{id}_ML"), format!("{}-{}", release.name, release.version)],
            title: format!("the level of {} {}", release.name, release.version),
            id,
            packages: all.clone(),
        });
    }
    levels.into_values().collect()
}

/// The newest package of each name.
fn newest(packages: &[Available]) -> Vec<&Available> {
    let mut by_name: BTreeMap<&str, &Available> = BTreeMap::new();
    for package in packages {
        let there = by_name.entry(&package.name).or_insert(package);
        if version::compare(&there.version, &package.version).is_lt() {
            *there = package;
        }
    }
    by_name.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_when_a_package_has_a_change() {
        for (author, epoch, own, want) in [
            ("A B <a@b.c> - 1:2.0-1", "1", "1:2.0-3.fc40", "1:2.0-1"),
            ("A B <a@b.c> - 2.0-1", "1", "1:2.0-3.fc40", "1:2.0-1"),
            ("A B <a@b.c> - [2.0-1]", "0", "2.0-3", "2.0-1"),
            ("A B <a@b.c> 2.0-1", "0", "2.0-3", "2.0-1"),
            ("A B <a@b.c> - 3.0-1", "0", "2.0-3", "2.0-3"),
            ("A B <a@b-4.c>", "0", "2.0-3", "2.0-3"),
            ("a-1b@b.c", "0", "2.0-3", "2.0-3"),
            ("A B <a@b.c> - 2.0", "0", "2.0-3", "2.0-3"),
            ("", "0", "2.0-3", "2.0-3"),
        ] {
            let change = Change { author: author.to_owned(), text: String::new() };
            assert_eq!(changed_since(&change, epoch, own), want, "{author}");
        }
    }

    #[test]
    fn levels_of_a_location() {
        let package = |name: &str, version: &str| Available {
            name: name.into(),
            version: version.into(),
            ..Available::default()
        };
        let all = [
            package("openSUSE-release", "15.6-lp156.1"),
            package("glibc", "2.38-1"),
            package("glibc", "2.38-2"),
        ];
        let fixes = levels(&all);
        assert_eq!((fixes.len(), fixes[0].id.as_str()), (1, "15.6"));
        assert!(
            has_all(&fixes, &["15.6_ML".into()])
                && !has_all(&fixes, &["15.5".into()])
                && !has_all(&fixes, &[])
        );
        assert_eq!(
            fixes[0].packages,
            [("glibc".into(), "2.38-2".into()), ("openSUSE-release".into(), "15.6-lp156.1".into())]
        );
    }
}
