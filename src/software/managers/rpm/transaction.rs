//! Computes a transaction, packages and bytes, from the changes that a manager plans.

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

/// The packages that a manager would install and remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlannedChanges {
    /// Packages that are installed, new or in place of another version.
    pub installs: Vec<Package>,
    /// Packages that are removed and not replaced by another version.
    pub removes: Vec<Package>,
}

impl PlannedChanges {
    /// Combines two transactions, one after the other; changes that both have count once.
    pub fn merge(mut self, more: Self) -> Self {
        for (all, more) in [(&mut self.installs, more.installs), (&mut self.removes, more.removes)]
        {
            let fresh: Vec<Package> = more.into_iter().filter(|p| !all.contains(p)).collect();
            all.extend(fresh);
        }
        self
    }
}

/// Computes the transaction, from the installed packages and those that the location offers.
pub fn transaction(
    planned: PlannedChanges,
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
    for new in planned.installs {
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
    for old in planned.removes {
        let size = installed.iter().find(|i| i.package == old).map_or(0, |i| i.size);
        out.growth = out.growth.saturating_sub(bytes(size));
        changes.removed.push(old);
    }
    // Packages of a directory are not downloaded.
    if matches!(source, PackageSource::Directory { .. }) {
        out.download = 0;
    }
    changes.installed.sort();
    changes.updated.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    changes.removed.sort();
    Transaction { changes, ..out }
}

/// Refuses older versions, unless a package was requested with a version: its dependencies may
/// become older too.
///
/// # Errors
/// ALT-745.
pub fn nothing_older(transaction: &Transaction, requests: &[PackageRequest]) -> Result<()> {
    let versioned =
        requests.iter().any(|g| matches!(g, PackageRequest::Named { version: Some(_), .. }));
    match transaction.changes.updated.iter().find(|u| compare(&u.after, &u.before).is_lt()) {
        Some(update) if !versioned => {
            let [name, before, after] =
                [&update.name, &update.before, &update.after].map(|t| printable(t, false));
            Err(error::OLDER_VERSION.with_remedy(
                format!("{name} {before} would be replaced by the older {after}"),
                format!("to install an older version, name it: -w {name}={after}"),
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
    if same.iter().any(|i| i.is_multiversion) {
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

    fn installed(text: &str, size: u64, is_multiversion: bool) -> Installed {
        Installed { package: package(text), size, is_multiversion }
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
        let installs = offered
            .iter()
            .map(|a| Package {
                name: a.name.clone(),
                version: a.version.clone(),
                arch: a.arch.clone(),
            })
            .collect();
        let planned = PlannedChanges { installs, removes: vec![package("old 1-1 noarch")] };
        let twice = planned.clone().merge(planned.clone());
        assert_eq!(twice, planned);
        let url = PackageSource::Url { url: "".into(), rest: vec![] };
        let done = transaction(planned.clone(), &there, &offered, &url);
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
            why.contains("ALT-745") && why.contains("bar 1-1 would be replaced by the older 0-1"),
            "{why}"
        );
        assert!(nothing_older(&older, &[named(Some("0-1"))]).is_ok());
        let outside = PackageSource::Directory { inside: "/a".into(), outside: "/b".into() };
        assert_eq!(transaction(planned, &there, &offered, &outside).download, 0);
    }
}
