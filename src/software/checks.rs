//! Checks of a transaction before it is applied: does it do what was requested, could it do harm,
//! and which packages stay outdated. Pure functions.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::error;
use crate::software::changes::{Changes, Package};
use crate::software::formats::Format;
use crate::software::model::{Available, PackageRequest};
use crate::software::names::join_names;
use crate::text::path::show_path;

/// Architectures of packages that are for every machine: a package may change between these and one
/// of its own.
const ANY_MACHINE: [&str; 3] = ["all", "noarch", "any"];

/// Refuses to install an older version of a package that was not named with that version, and the
/// removal of a package that the system needs. `words` are the names that the user gave.
///
/// # Errors
/// ALT-745, ALT-746.
pub fn refuse_harm(
    format: Format,
    changes: &Changes,
    words: &[String],
    essential: &[String],
) -> Result<()> {
    let named = |name: &str, arch: &str, version: &str| {
        let words = words.iter().filter_map(|w| w.split_once('='));
        words
            .filter(|(n, _)| format.is_named(n, name, arch))
            .any(|(_, v)| format.compare(v, version).is_eq())
    };
    let older = changes.updated.iter().filter(|u| format.compare(&u.after, &u.before).is_lt());
    let older: BTreeSet<String> = older
        .filter(|u| !named(&u.name, &u.arch, &u.after))
        .map(|u| {
            format!(
                "{} ({} to {})",
                show_path(u.name.as_bytes()),
                show_path(u.before.as_bytes()),
                show_path(u.after.as_bytes())
            )
        })
        .collect();
    if !older.is_empty() {
        return Err(error::OLDER_VERSION
            .with_cause(format!("older versions would be installed: {}", join_names(older))));
    }
    let gone: BTreeSet<String> = changes
        .removed
        .iter()
        .filter(|p| essential.contains(&p.name))
        .map(|p| show_path(p.name.as_bytes()))
        .collect();
    if !gone.is_empty() {
        return Err(error::ESSENTIAL_REMOVED
            .with_cause(format!("essential packages would be removed: {}", join_names(gone))));
    }
    Ok(())
}

/// A warning about requested packages that the transaction does not install. Those that are already
/// installed in that version must have been left out of `requests`.
///
/// # Errors
/// ALT-747 if the transaction is empty: that would look like a success.
pub fn check_requested(
    format: Format,
    changes: &Changes,
    requests: &[PackageRequest],
) -> Result<Option<String>> {
    let updated = changes.updated.iter().map(|u| (&u.name, &u.arch));
    let coming: Vec<(&String, &String)> =
        changes.installed.iter().map(|p| (&p.name, &p.arch)).chain(updated).collect();
    let missing =
        |word: &&String| !coming.iter().any(|(name, arch)| format.is_named(word, name, arch));
    let names = requests
        .iter()
        .filter_map(|g| if let PackageRequest::Named { name, .. } = g { Some(name) } else { None });
    let names: BTreeSet<String> = names.filter(missing).map(|n| show_path(n.as_bytes())).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let names = join_names(names);
    if changes.is_empty() {
        return Err(error::PACKAGE_HELD.with_cause(format!(
            "the package manager would not install {names}, although the location has it"
        )));
    }
    Ok(Some(format!(
        "the package manager does not install {names}: held, pinned, or replaced by other packages"
    )))
}

/// A warning about packages that stay outdated although the location has newer ones; None if
/// everything will be up to date.
pub fn describe_outdated(
    format: Format,
    changes: &Changes,
    installed: &[Package],
    available: &[Available],
) -> Option<String> {
    let mut offered: BTreeMap<&str, Vec<&Available>> = BTreeMap::new();
    for a in available.iter().filter(|a| !a.on_request) {
        offered.entry(&a.name).or_default().push(a);
    }
    let one = |a: &str, b: &str| a == b || ANY_MACHINE.contains(&a) || ANY_MACHINE.contains(&b);
    // Of packages that are there in several versions (rpm's kernels) the newest counts.
    let mut there: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let updated =
        changes.updated.iter().map(|u| (u.name.as_str(), u.arch.as_str(), u.after.as_str()));
    let new = changes
        .installed
        .iter()
        .chain(installed)
        .map(|p| (p.name.as_str(), p.arch.as_str(), p.version.as_str()));
    for (name, arch, version) in updated.chain(new) {
        let had = there.entry((name, arch)).or_insert(version);
        if format.compare(version, had) == Ordering::Greater {
            *had = version;
        }
    }
    // One that changes its architecture is there under both.
    let now = |name: &str, arch: &str| {
        let all = there
            .range((name, "")..)
            .take_while(|((n, _), _)| *n == name)
            .filter(|((_, a), _)| one(a, arch));
        all.map(|(_, version)| *version).max_by(|a, b| format.total_cmp(a, b))
    };
    let is_old = |name: &str, arch: &str| {
        let Some(now) = now(name, arch) else { return false };
        offered.get(name).is_some_and(|all| {
            all.iter().any(|a| one(&a.arch, arch) && format.compare(&a.version, now).is_gt())
        })
    };
    let removed =
        |name: &str, arch: &str| changes.removed.iter().any(|p| p.name == name && p.arch == arch);
    let old = there.keys().filter(|(name, arch)| !removed(name, arch) && is_old(name, arch));
    let old: BTreeSet<String> = old.map(|(name, _)| show_path(name.as_bytes())).collect();
    let number = old.len();
    (number > 0).then(|| {
        let what = if number == 1 { "1 package stays".to_owned() } else { format!("{number} packages stay") };
        format!("{what} outdated although there is a newer version, held or kept back by the package manager: {}", join_names(old))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::changes::Update;
    use crate::software::formats::deb::DebFormat;
    use crate::software::formats::rpm::RpmFormat;

    fn package(name: &str, version: &str) -> Package {
        Package { name: name.into(), version: version.into(), arch: "amd64".into() }
    }

    fn available(name: &str, version: &str) -> Available {
        Available {
            name: name.into(),
            version: version.into(),
            arch: "amd64".into(),
            ..Available::default()
        }
    }

    fn updates(all: &[(&str, &str, &str)]) -> Changes {
        let update = |(name, before, after): &(&str, &str, &str)| Update {
            name: (*name).into(),
            arch: "amd64".into(),
            before: (*before).into(),
            after: (*after).into(),
        };
        Changes { updated: all.iter().map(update).collect(), ..Changes::default() }
    }

    #[test]
    fn older_only_what_was_named() {
        let changes = updates(&[("tool", "2", "1"), ("lib", "9", "10")]);
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let judge = |said: &[&str]| {
            refuse_harm(&DebFormat, &changes, &words(said), &[]).map_err(|e| format!("{e:#}"))
        };
        assert!(judge(&["tool=1"]).is_ok() && judge(&["tool:amd64=0:1"]).is_ok());
        for said in [&[][..], &["tool"], &["tool=2"], &["lib=1"], &["tool:i386=1"]] {
            let err = judge(said).unwrap_err();
            assert!(err.contains("ALT-745") && err.contains("tool (2 to 1)"), "{err}");
        }
        let changes = Changes {
            removed: vec![package("libc6", "1"), package("toy", "1")],
            ..Changes::default()
        };
        assert!(refuse_harm(&DebFormat, &changes, &[], &words(&["bash"])).is_ok());
        let err = format!(
            "{:#}",
            refuse_harm(&DebFormat, &changes, &[], &words(&["bash", "libc6"])).unwrap_err()
        );
        assert!(err.contains("ALT-746") && err.contains("libc6") && !err.contains("toy"), "{err}");
    }

    #[test]
    fn what_was_named_happens() {
        let requests = |names: &[&str]| {
            names
                .iter()
                .map(|n| PackageRequest::Named { name: (*n).into(), version: None })
                .collect::<Vec<_>>()
        };
        let some = updates(&[("tool", "1", "2")]);
        let told = |changes: &Changes, names: &[&str]| {
            check_requested(&DebFormat, changes, &requests(names)).map_err(|e| format!("{e:#}"))
        };
        assert_eq!(told(&some, &["tool:amd64"]), Ok(None));
        assert!(told(&some, &["tool", "held"]).unwrap().unwrap().contains("install held:"));
        let err = told(&Changes::default(), &["held"]).unwrap_err();
        assert!(err.contains("ALT-747") && err.contains("would not install held"), "{err}");
        assert_eq!(
            check_requested(&DebFormat, &Changes::default(), &[PackageRequest::AllUpdates])
                .unwrap(),
            None
        );
    }

    #[test]
    fn what_stays_old_is_told() {
        let installed = [
            package("held", "1"),
            package("tool", "1"),
            package("new", "3"),
            package("port", "1"),
            package("own", "1"),
        ];
        let mut there = ["held", "tool", "new", "port"].map(|n| available(n, "2")).to_vec();
        there[3].on_request = true;
        let kept = |changes: &Changes| describe_outdated(&DebFormat, changes, &installed, &there);
        let said = kept(&updates(&[("tool", "1", "2")])).unwrap();
        assert!(said.starts_with("1 package stays") && said.ends_with(": held"), "{said}");
        assert!(kept(&Changes::default()).unwrap().ends_with(": held, tool"));
        assert_eq!(kept(&updates(&[("tool", "1", "2"), ("held", "1", "2")])), None);
        let gone =
            Changes { removed: vec![package("held", "1")], ..updates(&[("tool", "1", "2")]) };
        assert_eq!(kept(&gone), None);
        // From one architecture to all, and a kernel beside the one that is there.
        let all = Available { arch: "all".into(), ..available("tool", "2") };
        let mut moved = updates(&[("tool", "1", "2")]);
        moved.updated[0].arch = "all".into();
        assert_eq!(
            describe_outdated(&DebFormat, &moved, &installed, std::slice::from_ref(&all)),
            None
        );
        let beside = Changes { installed: vec![package("tool", "2")], ..Changes::default() };
        assert_eq!(
            describe_outdated(&RpmFormat, &beside, &installed, &[available("tool", "2")]),
            None
        );
        let many: Vec<Package> = (0..20).map(|n| package(&format!("p{n:02}"), "1")).collect();
        let newer: Vec<Available> = (0..20).map(|n| available(&format!("p{n:02}"), "2")).collect();
        let said = describe_outdated(&DebFormat, &Changes::default(), &many, &newer).unwrap();
        assert!(said.starts_with("20 packages stay") && said.ends_with("p11 and 8 more"), "{said}");
    }
}
