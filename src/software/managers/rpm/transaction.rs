//! What a transaction comes to: packages and bytes, from what a manager says it would do.

use std::collections::BTreeMap;

use anyhow::Result;

use super::database::Installed;
use crate::error;
use crate::software::changes::Update;
use crate::software::changes::{Changes, Package};
use crate::software::formats::rpm::version::compare;
use crate::software::model::{Available, PackageRequest, Transaction};
use crate::software::source::PackageSource;
use crate::text::printable;

/// What is to come and to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acts {
    pub comes: Vec<Package>,
    /// What goes without being replaced by another version of itself.
    pub goes: Vec<Package>,
}

impl Acts {
    /// Two transactions, one after the other: what the second says again of the first counts once.
    pub fn and(mut self, more: Self) -> Self {
        for (all, more) in [(&mut self.comes, more.comes), (&mut self.goes, more.goes)] {
            let fresh: Vec<Package> = more.into_iter().filter(|p| !all.contains(p)).collect();
            all.extend(fresh);
        }
        self
    }
}

/// The transaction, given what is installed and what the location offers.
pub fn transaction(
    acts: Acts,
    installed: &[Installed],
    available: &[Available],
    source: &PackageSource,
) -> Transaction {
    let offered: BTreeMap<(&str, &str, &str), &Available> = available
        .iter()
        .map(|a| ((a.name.as_str(), a.version.as_str(), a.arch.as_str()), a))
        .collect();
    let mut out = Transaction::default();
    let mut changes = Changes::default();
    for new in acts.comes {
        let offer = offered.get(&(new.name.as_str(), new.version.as_str(), new.arch.as_str()));
        out.growth = out.growth.saturating_add(bytes(offer.map_or(0, |o| o.installed_size)));
        out.download = out.download.saturating_add(offer.map_or(0, |o| o.size));
        match replaced(&new, installed) {
            Some(old) => {
                out.growth = out.growth.saturating_sub(bytes(old.size));
                changes.updated.push(Update {
                    name: new.name,
                    arch: new.arch,
                    before: old.package.version.clone(),
                    after: new.version,
                });
            }
            None => changes.installed.push(new),
        }
    }
    for old in acts.goes {
        let size = installed.iter().find(|i| i.package == old).map_or(0, |i| i.size);
        out.growth = out.growth.saturating_sub(bytes(size));
        changes.removed.push(old);
    }
    // Packages of a directory are read where they lie.
    if matches!(source, PackageSource::Directory { .. }) {
        out.download = 0;
    }
    changes.installed.sort();
    changes.updated.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    changes.removed.sort();
    Transaction { changes, ..out }
}

/// Nothing becomes older that was not named with a version: what comes with such a one may become
/// older too.
///
/// # Errors
/// ALT-740.
pub fn nothing_older(transaction: &Transaction, requests: &[PackageRequest]) -> Result<()> {
    let versioned =
        requests.iter().any(|g| matches!(g, PackageRequest::Named { version: Some(_), .. }));
    match transaction.changes.updated.iter().find(|u| compare(&u.after, &u.before).is_lt()) {
        Some(update) if !versioned => {
            let [name, before, after] =
                [&update.name, &update.before, &update.after].map(|t| printable(t, false));
            Err(error::CONFLICTING_UPDATE.with_remedy(
                format!("{name} {before} would be replaced by the older {after}"),
                format!("an older version is installed only where it is named: -w {name}={after}"),
            ))
        }
        _ => Ok(()),
    }
}

fn bytes(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The installed package that a new one takes the place of: of the same architecture, else (a
/// package became `noarch`) the only one of its name. Kernels take nobody's place.
fn replaced<'a>(new: &Package, installed: &'a [Installed]) -> Option<&'a Installed> {
    let same: Vec<&Installed> = installed.iter().filter(|i| i.package.name == new.name).collect();
    if same.iter().any(|i| i.several) {
        return None;
    }
    let of_arch = same
        .iter()
        .filter(|i| i.package.arch == new.arch)
        .max_by(|a, b| compare(&a.package.version, &b.package.version));
    match (of_arch, same.as_slice()) {
        (Some(one), _) => Some(one),
        (None, [one]) if one.package.arch == "noarch" || new.arch == "noarch" => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(text: &str) -> Package {
        let [name, version, arch] = text.split(' ').collect::<Vec<_>>()[..] else { unreachable!() };
        Package { name: name.into(), version: version.into(), arch: arch.into() }
    }

    fn installed(text: &str, size: u64, several: bool) -> Installed {
        Installed { package: package(text), size, several }
    }

    #[test]
    fn what_a_transaction_comes_to() {
        let there = [
            installed("foo 1-1 x86_64", 100, false),
            installed("foo 1-1 i686", 90, false),
            installed("bar 1-1 x86_64", 50, false),
            installed("old 1-1 noarch", 7, false),
            installed("kernel 1-1 x86_64", 1000, true),
        ];
        let offer = |text: &str, installed_size, size| {
            let Package { name, version, arch } = package(text);
            Available { name, version, arch, size, installed_size, ..Available::default() }
        };
        let offered = [
            offer("foo 2-1 x86_64", 150, 10),
            offer("bar 2-1 noarch", 40, 4),
            offer("new 1-1 noarch", 5, 1),
            offer("kernel 2-1 x86_64", 1100, 100),
        ];
        let comes = offered
            .iter()
            .map(|a| Package {
                name: a.name.clone(),
                version: a.version.clone(),
                arch: a.arch.clone(),
            })
            .collect();
        let acts = Acts { comes, goes: vec![package("old 1-1 noarch")] };
        let twice = acts.clone().and(acts.clone());
        assert_eq!(twice, acts);
        let url = PackageSource::Url { url: "".into(), rest: vec![] };
        let done = transaction(acts.clone(), &there, &offered, &url);
        let updated: Vec<String> = done
            .changes
            .updated
            .iter()
            .map(|u| format!("{}.{} {} {}", u.name, u.arch, u.before, u.after))
            .collect();
        assert_eq!(updated, ["bar.noarch 1-1 2-1", "foo.x86_64 1-1 2-1"]);
        assert_eq!(
            done.changes.installed,
            [package("kernel 2-1 x86_64"), package("new 1-1 noarch")]
        );
        assert_eq!(done.changes.removed, [package("old 1-1 noarch")]);
        assert_eq!((done.download, done.growth), (115, 50 - 10 + 5 + 1100 - 7));
        assert!(nothing_older(&done, &[PackageRequest::AllUpdates]).is_ok());
        let mut older = done.clone();
        older.changes.updated[0].after = "0-1".into();
        let named = |version: Option<&str>| PackageRequest::Named {
            name: "bar".into(),
            version: version.map(str::to_owned),
        };
        let why = format!(
            "{:#}",
            nothing_older(&older, &[PackageRequest::AllUpdates, named(None)]).unwrap_err()
        );
        assert!(
            why.contains("ALT-740") && why.contains("bar 1-1 would be replaced by the older 0-1"),
            "{why}"
        );
        assert!(nothing_older(&older, &[named(Some("0-1"))]).is_ok());
        let outside = PackageSource::Directory { inside: "/a".into(), outside: "/b".into() };
        assert_eq!(transaction(acts, &there, &offered, &outside).download, 0);
    }
}
