//! Installed packages, and how an update changes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::path::show_path;

/// The widest column of names.
const MAX_NAME_WIDTH: usize = 32;

/// An installed package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// The name, without version and architecture.
    pub name: String,
    /// As the manager writes it: `1:2.3-4` for dpkg, `[epoch:]version-release` for rpm (no epoch
    /// where it is 0).
    pub version: String,
    /// The architecture in the format's own spelling.
    pub arch: String,
}

/// The packages that an update changed or would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Packages that were not installed before.
    pub installed: Vec<Package>,
    /// Name, architecture, the version before and the one after.
    pub updated: Vec<Update>,
    /// Packages that are no longer installed.
    pub removed: Vec<Package>,
}

/// A package in two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The name of the package.
    pub name: String,
    /// The architecture of the new version.
    pub arch: String,
    /// The version before.
    pub before: String,
    /// The version after.
    pub after: String,
}

impl Changes {
    /// The difference between the packages before and after. For packages that can be installed in
    /// several versions at once (kernels of rpm), a new version counts as newly installed.
    pub fn between(before: &[Package], after: &[Package]) -> Self {
        let by_key = |all: &[Package]| {
            let mut map: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
            for p in all {
                map.entry((p.name.clone(), p.arch.clone())).or_default().push(p.version.clone());
            }
            map
        };
        let (old, new) = (by_key(before), by_key(after));
        let mut changes = Self::default();
        let package = |(name, arch): &(String, String), version: &str| Package {
            name: name.clone(),
            version: version.to_owned(),
            arch: arch.clone(),
        };
        for (key, versions) in &new {
            let had = old.get(key).map(Vec::as_slice).unwrap_or_default();
            let fresh: Vec<&String> = versions.iter().filter(|v| !had.contains(v)).collect();
            let gone: Vec<&String> = had.iter().filter(|v| !versions.contains(v)).collect();
            match (fresh.as_slice(), gone.as_slice()) {
                ([after], [before]) => changes.updated.push(Update {
                    name: key.0.clone(),
                    arch: key.1.clone(),
                    before: (*before).clone(),
                    after: (*after).clone(),
                }),
                _ => {
                    changes.installed.extend(fresh.into_iter().map(|v| package(key, v)));
                    changes.removed.extend(gone.into_iter().map(|v| package(key, v)));
                }
            }
        }
        for (key, versions) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
            changes.removed.extend(versions.iter().map(|v| package(key, v)));
        }
        changes
    }

    /// For users: a line for each package, in columns, updates first.
    pub fn lines(&self) -> Vec<String> {
        let updated = self.updated.iter().map(|u| {
            (
                &u.name,
                format!("{} -> {}", show_path(u.before.as_bytes()), show_path(u.after.as_bytes())),
            )
        });
        let new = self
            .installed
            .iter()
            .map(|p| (&p.name, format!("{}, new", show_path(p.version.as_bytes()))));
        let gone = self
            .removed
            .iter()
            .map(|p| (&p.name, format!("{}, removed", show_path(p.version.as_bytes()))));
        let all: Vec<(String, String)> =
            updated.chain(new).chain(gone).map(|(n, v)| (show_path(n.as_bytes()), v)).collect();
        let width = all.iter().map(|(n, _)| n.len()).max().unwrap_or(0).min(MAX_NAME_WIDTH);
        all.into_iter().map(|(name, versions)| format!("{name:width$}  {versions}")).collect()
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.installed.is_empty() && self.updated.is_empty() && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(text: &str) -> Package {
        let (name, version) = text.split_once('=').unwrap();
        Package { name: name.into(), version: version.into(), arch: "amd64".into() }
    }

    fn packages(text: &[&str]) -> Vec<Package> {
        text.iter().map(|t| package(t)).collect()
    }

    #[test]
    fn what_is_new_gone_and_other() {
        let changes = Changes::between(
            &packages(&["a=1", "b=1", "c=1", "k=1"]),
            &packages(&["a=1", "b=2", "d=1", "k=1", "k=2"]),
        );
        assert_eq!(changes.installed, packages(&["d=1", "k=2"]));
        assert_eq!(changes.removed, packages(&["c=1"]));
        assert_eq!(
            changes.updated,
            [Update {
                name: "b".into(),
                arch: "amd64".into(),
                before: "1".into(),
                after: "2".into()
            }]
        );
        assert_eq!(changes.lines(), ["b  1 -> 2", "d  1, new", "k  2, new", "c  1, removed"]);
        assert!(Changes::between(&packages(&["a=1"]), &packages(&["a=1"])).is_empty());
    }
}
