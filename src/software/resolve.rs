//! Resolves a request: each name becomes packages of the location, or an error with similar names.
//! Pure functions.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use anyhow::Result;

use crate::error;
use crate::software::changes::Package;
use crate::software::formats::Format;
use crate::software::formats::level::parse_level;
use crate::software::model::{Available, Fix, PackageRequest};
use crate::software::names::join_names;
use crate::software::wanted::Wanted;
use crate::text::path::show_path;

/// The packages to install, and the parts of the request that need no work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The packages to install.
    pub requests: Vec<PackageRequest>,
    /// For users: packages that are installed already, fixes that do not concern this system.
    pub notes: Vec<String>,
}

/// Names that share this many letters are similar.
const MIN_SHARED: usize = 4;

/// The packages and fixes of a location, in which names are looked up.
pub struct Offer<'a> {
    /// The packages that the location offers.
    pub available: &'a [Available],
    /// The fixes that the location has.
    pub fixes: &'a [Fix],
    /// Compares versions, and says what names mean.
    pub format: Format,
}

impl Offer<'_> {
    /// Checks that the location has everything that is wanted, whatever is installed.
    ///
    /// # Errors
    /// ALT-733, ALT-734.
    pub fn check(&self, wanted: &Wanted) -> Result<()> {
        self.resolve_for(wanted, None).map(drop)
    }

    /// The packages to install on a system with these `installed` ones.
    ///
    /// # Errors
    /// ALT-733, ALT-734: the name, and names that are there.
    pub fn resolve(&self, wanted: &Wanted, installed: &[Package]) -> Result<Resolved> {
        self.resolve_for(wanted, Some(installed))
    }

    fn resolve_for(&self, wanted: &Wanted, installed: Option<&[Package]>) -> Result<Resolved> {
        let mut out = Resolved::default();
        if wanted.all {
            out.requests.push(PackageRequest::AllUpdates);
        }
        for word in &wanted.packages {
            self.resolve_package(word, installed, &mut out)?;
        }
        for word in &wanted.fixes {
            self.resolve_fix(word, installed, &mut out)?;
        }
        let mut seen = Vec::new();
        out.requests.retain(|g| {
            !seen.contains(g) && {
                seen.push(g.clone());
                true
            }
        });
        Ok(out)
    }

    fn resolve_package(
        &self,
        word: &str,
        installed: Option<&[Package]>,
        out: &mut Resolved,
    ) -> Result<()> {
        let (name, version) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v)));
        let offered: Vec<&Available> = self
            .available
            .iter()
            .filter(|a| self.format.is_named(name, &a.name, &a.arch))
            .collect();
        if offered.is_empty() {
            return Err(error::NO_SUCH_PACKAGE.with_cause(format!(
                "there is no package `{}` in the location{}",
                show_path(name.as_bytes()),
                self.similar_names(name)
            )));
        }
        let there = installed.and_then(|all| {
            self.newest(
                all.iter()
                    .filter(|p| self.format.is_named(name, &p.name, &p.arch))
                    .map(|p| p.version.as_str()),
            )
        });
        let version = match version {
            Some(v) => {
                let fits = |a: &&&Available| {
                    a.version == v || self.compare(&a.version, v) == Ordering::Equal
                };
                let found = offered.iter().find(fits).ok_or_else(|| {
                    let versions: BTreeSet<String> =
                        offered.iter().map(|a| show_path(a.version.as_bytes())).collect();
                    let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
                    error::NO_SUCH_PACKAGE.with_cause(format!(
                        "there is no version {} of {name} in the location; it has {versions}",
                        show_path(v.as_bytes())
                    ))
                })?;
                if there == Some(found.version.as_str()) {
                    out.notes.push(format!("{name} {v} is installed already"));
                    return Ok(());
                }
                Some(found.version.clone())
            }
            None => {
                let newest = self
                    .newest(offered.iter().filter(|a| !a.on_request).map(|a| a.version.as_str()));
                if newest.is_none() {
                    let version =
                        self.newest(offered.iter().map(|a| a.version.as_str())).unwrap_or_default();
                    return Err(error::NO_SUCH_PACKAGE.with_remedy(
                        format!("{name} is only in a part of the location whose packages must be named with their version (backports)"),
                        format!("name it with its version: {name}={}", show_path(version.as_bytes())),
                    ));
                }
                if let (Some(there), Some(newest)) = (there, newest)
                    && self.compare(newest, there) != Ordering::Greater
                {
                    out.notes.push(format!(
                        "{name} {} is installed already; the location has {}",
                        show_path(there.as_bytes()),
                        show_path(newest.as_bytes())
                    ));
                    return Ok(());
                }
                None
            }
        };
        out.requests.push(PackageRequest::Named { name: name.to_owned(), version });
        Ok(())
    }

    fn resolve_fix(
        &self,
        word: &str,
        installed: Option<&[Package]>,
        out: &mut Resolved,
    ) -> Result<()> {
        let level = parse_level(word);
        let asked = level.unwrap_or(word);
        let means = |f: &&Fix| {
            std::iter::once(&f.id).chain(&f.names).any(|n| self.format.is_same_fix(asked, n))
        };
        let found: Vec<&Fix> = self.fixes.iter().filter(means).collect();
        if found.is_empty() {
            return Err(error::NO_SUCH_FIX.with_cause(format!(
                "the location has no fix {}{}",
                show_path(word.as_bytes()),
                self.known_fixes()
            )));
        }
        if level.is_some() {
            // A level is brought by everything that there is, not by the package that names it.
            out.requests.push(PackageRequest::AllUpdates);
            return Ok(());
        }
        let Some(installed) = installed else { return Ok(()) };
        let before = (out.requests.len(), out.notes.len());
        for (name, fixed) in found.iter().flat_map(|f| &f.packages) {
            let Some(there) = self
                .newest(installed.iter().filter(|p| p.name == *name).map(|p| p.version.as_str()))
            else {
                continue;
            };
            if self.compare(there, fixed) != Ordering::Less {
                out.notes
                    .push(format!("{word}: {name} {} has it already", show_path(there.as_bytes())));
                continue;
            }
            let newest = self.newest(
                self.available
                    .iter()
                    .filter(|a| a.name == *name && !a.on_request)
                    .map(|a| a.version.as_str()),
            );
            match newest.filter(|v| self.compare(v, fixed) != Ordering::Less) {
                Some(v) => out.requests.push(PackageRequest::Named {
                    name: name.clone(),
                    version: Some(v.to_owned()),
                }),
                None => {
                    return Err(error::NO_SUCH_FIX.with_remedy(
                        format!(
                            "{word} needs {} {} or newer, and the location has {}",
                            show_path(name.as_bytes()),
                            show_path(fixed.as_bytes()),
                            newest.map_or("none".to_owned(), |v| show_path(v.as_bytes()))
                        ),
                        "add that package to the location, or leave this fix out",
                    ));
                }
            }
        }
        if before == (out.requests.len(), out.notes.len()) {
            out.notes.push(format!("{word} concerns no package that is installed"));
        }
        Ok(())
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        self.format.compare(a, b)
    }

    fn newest<'v>(&self, versions: impl Iterator<Item = &'v str>) -> Option<&'v str> {
        versions.max_by(|a, b| self.format.total_cmp(a, b))
    }

    /// Names that are nearly the one that was meant.
    fn similar_names(&self, name: &str) -> String {
        let stem: String = name.to_ascii_lowercase().chars().take(MIN_SHARED).collect();
        let like = |a: &&Available| {
            !stem.is_empty()
                && (a.name.to_ascii_lowercase().contains(&stem)
                    || (a.name.len() >= MIN_SHARED && name.to_ascii_lowercase().contains(&a.name)))
        };
        let names: BTreeSet<String> =
            self.available.iter().filter(like).map(|a| show_path(a.name.as_bytes())).collect();
        suggest(names)
    }

    fn known_fixes(&self) -> String {
        let names: BTreeSet<String> =
            self.fixes.iter().map(|f| show_path(f.id.as_bytes())).collect();
        if names.is_empty() {
            ": it has no fixes at all (no advisories, no changelogs)".to_owned()
        } else {
            suggest(names)
        }
    }
}

/// The end of an error that lists names: nothing if there are none.
fn suggest(names: BTreeSet<String>) -> String {
    if names.is_empty() { String::new() } else { format!("; it has {}", join_names(names)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::formats::deb::DebFormat;
    use crate::software::location::Location;

    fn available(all: &[(&str, &str)]) -> Vec<Available> {
        all.iter()
            .map(|(n, v)| Available {
                name: (*n).into(),
                version: (*v).into(),
                arch: "all".into(),
                ..Available::default()
            })
            .collect()
    }

    fn installed(all: &[(&str, &str)]) -> Vec<Package> {
        all.iter()
            .map(|(n, v)| Package { name: (*n).into(), version: (*v).into(), arch: "all".into() })
            .collect()
    }

    fn wanted(packages: &[&str], fixes: &[&str]) -> Wanted {
        let words = |w: &[&str]| w.iter().map(|s| (*s).to_owned()).collect();
        Wanted {
            location: Location::Configured,
            all: false,
            packages: words(packages),
            fixes: words(fixes),
            flags: None,
            bundle: None,
            fix_bundle: None,
        }
    }

    fn fix(id: &str, names: &[&str], packages: &[(&str, &str)]) -> Fix {
        Fix {
            id: id.into(),
            names: names.iter().map(|s| (*s).to_owned()).collect(),
            title: String::new(),
            packages: packages.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        }
    }

    fn request(name: &str, version: Option<&str>) -> PackageRequest {
        PackageRequest::Named { name: name.into(), version: version.map(str::to_owned) }
    }

    #[test]
    fn packages_by_name_and_version() {
        let there = available(&[("a", "2"), ("a", "3"), ("b", "1"), ("libfoo1", "1")]);
        let offer = Offer { available: &there, fixes: &[], format: &DebFormat };
        let now = installed(&[("a", "2"), ("b", "1")]);
        let requests =
            |words: &[&str]| offer.resolve(&wanted(words, &[]), &now).map_err(|e| format!("{e:#}"));
        assert_eq!(requests(&["a"]).unwrap().requests, [request("a", None)]);
        assert_eq!(requests(&["a", "a"]).unwrap().requests, [request("a", None)]);
        assert_eq!(requests(&["a=3"]).unwrap().requests, [request("a", Some("3"))]);
        let same = requests(&["b", "a=2"]).unwrap();
        assert!(same.requests.is_empty() && same.notes.len() == 2, "{same:?}");
        assert_eq!(requests(&["a:all"]).unwrap().requests, [request("a:all", None)]);
        assert!(requests(&["a:i386"]).is_err() && requests(&["a."]).is_err());
        let err = requests(&["a=9"]).unwrap_err();
        assert!(err.contains("ALT-733") && err.contains("it has 2, 3"), "{err}");
        let err = requests(&["libfoo2"]).unwrap_err();
        assert!(err.contains("`libfoo2`") && err.contains("it has libfoo1"), "{err}");
    }

    #[test]
    fn what_is_only_for_who_names_its_version() {
        let mut there = available(&[("a", "2"), ("a", "3"), ("b", "4")]);
        there[1].on_request = true;
        there[2].on_request = true;
        let fixes = [fix("CVE-2024-1", &[], &[("a", "2")]), fix("CVE-2024-2", &[], &[("a", "3")])];
        let offer = Offer { available: &there, fixes: &fixes, format: &DebFormat };
        let requests = |packages: &[&str], fixes: &[&str], now: &str| {
            offer
                .resolve(&wanted(packages, fixes), &installed(&[("a", now)]))
                .map_err(|e| format!("{e:#}"))
        };
        assert_eq!(
            requests(&["a=3", "b=4"], &[], "1").unwrap().requests,
            [request("a", Some("3")), request("b", Some("4"))]
        );
        assert!(
            requests(&["a"], &[], "2").unwrap().requests.is_empty(),
            "the newer one is not for everybody"
        );
        assert!(requests(&["b"], &[], "1").unwrap_err().contains("ALT-733"));
        assert_eq!(
            requests(&[], &["CVE-2024-1"], "1").unwrap().requests,
            [request("a", Some("2"))]
        );
        assert!(requests(&[], &["CVE-2024-2"], "1").unwrap_err().contains("ALT-734"));
    }

    #[test]
    fn fixes_become_packages_that_have_them() {
        let there = available(&[("ssl", "5"), ("libssl", "5"), ("old", "1")]);
        let fixes = [
            fix(
                "DSA-1-1",
                &["CVE-2024-1", "#77"],
                &[("ssl", "4"), ("libssl", "4"), ("never", "4")],
            ),
            fix("CVE-2024-1", &[], &[("ssl", "5")]),
            fix("CVE-2024-2", &[], &[("old", "2")]),
            fix("CVE-2024-3", &[], &[("never", "2")]),
            fix("12.8", &[], &[("ssl", "5")]),
        ];
        let offer = Offer { available: &there, fixes: &fixes, format: &DebFormat };
        let now = installed(&[("ssl", "3"), ("libssl", "4"), ("old", "1")]);
        let requests =
            |words: &[&str]| offer.resolve(&wanted(&[], words), &now).map_err(|e| format!("{e:#}"));
        // Launchpad's of that number is another bug.
        assert!(requests(&["LP: #77"]).unwrap_err().contains("ALT-734"));
        for word in ["cve-2024-1", "DSA-1-1", "bug 77", "#77", "77"] {
            let got = requests(&[word]).unwrap();
            assert_eq!(got.requests, [request("ssl", Some("5"))], "{word}");
            assert!(got.notes[0].contains("libssl 4 has it already"), "{got:?}");
        }
        assert_eq!(requests(&["12.8_ML"]).unwrap().requests, [PackageRequest::AllUpdates]);
        assert!(
            requests(&["CVE-2024-3"]).unwrap().notes[0].contains("no package that is installed")
        );
        let err = requests(&["CVE-2024-2"]).unwrap_err();
        assert!(err.contains("ALT-734") && err.contains("old 2 or newer"), "{err}");
        let err = requests(&["CVE-1999-1"]).unwrap_err();
        assert!(err.contains("CVE-1999-1") && err.contains("it has 12.8, CVE-2024-1"), "{err}");
        assert!(
            offer.check(&wanted(&["ssl"], &["CVE-2024-2"])).is_ok(),
            "what is installed is not known yet"
        );
        assert!(offer.check(&wanted(&[], &["12.9"])).is_err());
    }
}
