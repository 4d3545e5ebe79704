//! The rpm database of the alternate: queries with rpm itself, and repair after a run that was
//! killed.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::host::beneath::Beneath;
use crate::host::cmd::Cmd;
use crate::host::sandbox::Sandbox;
use crate::software::changes::Package;
use crate::software::formats::rpm::version::{compare, format_evr};
use crate::software::managers::manager::Job;
use crate::text::printable;

/// An installed package, with the bytes of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The package.
    pub package: Package,
    /// Size of its files in bytes.
    pub size: u64,
    /// May be there in is_multiversion versions at once: kernels.
    pub is_multiversion: bool,
}

const FORMAT: &str = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{LONGSIZE}\\t[%{PROVIDENAME} ]\\n";
/// Provided by packages that may be installed in is_multiversion versions: names of dnf, of zypper,
/// and of kernels.
const MULTIVERSION: [&str; 7] = [
    "installonlypkg(",
    "multiversion(kernel)",
    "kernel",
    "kernel-uname-r",
    "kernel-core",
    "kernel-modules",
    "kernel-devel",
];

fn list() -> Cmd {
    Cmd::new("rpm", "ask which packages are installed").args(["-qa", "--qf", FORMAT])
}

/// The installed packages, sorted by name and version. Keys, which rpm stores as if they were
/// packages, are left out.
///
/// # Errors
/// ALT-730 with the output of rpm.
pub fn installed(inside: &Sandbox) -> Result<Vec<Installed>> {
    let done =
        list().in_sandbox(inside).read().map_err(|e| error::UPDATE_FAILED.with_cause_of(&e))?;
    Ok(parse(&done.text()))
}

fn parse(text: &str) -> Vec<Installed> {
    let one = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, epoch, version, release, arch, size, provides] = fields[..] else { return None };
        if name == "gpg-pubkey" {
            return None;
        }
        let is_multiversion = provides
            .split(' ')
            .any(|p| MULTIVERSION.iter().any(|s| p == *s || s.ends_with('(') && p.starts_with(s)));
        let package = Package {
            name: name.to_owned(),
            version: format_evr(epoch, version, release),
            arch: arch.to_owned(),
        };
        Some(Installed { package, size: size.parse().unwrap_or(0), is_multiversion })
    };
    let mut all: Vec<Installed> = text.lines().filter_map(one).collect();
    let key = |i: &Installed| (i.package.name.clone(), i.package.arch.clone());
    all.sort_by(|a, b| {
        key(a).cmp(&key(b)).then_with(|| compare(&a.package.version, &b.package.version))
    });
    all
}

/// Packages of which an older version is still recorded beside a newer one: an update was killed
/// between the two.
fn find_left_over(installed: &[Installed]) -> Vec<&Package> {
    let mut by_name: BTreeMap<(&str, &str), Vec<&Installed>> = BTreeMap::new();
    for one in installed {
        by_name.entry((&one.package.name, &one.package.arch)).or_default().push(one);
    }
    by_name.into_values().flat_map(older).collect()
}

/// All but the newest version of one package.
fn older(all: Vec<&Installed>) -> Vec<&Package> {
    let newest = all
        .iter()
        .map(|i| i.package.version.as_str())
        .max_by(|a, b| compare(a, b))
        .unwrap_or_default();
    if all.iter().any(|i| i.is_multiversion) {
        return vec![];
    }
    all.into_iter()
        .map(|i| &i.package)
        .filter(|p| compare(&p.version, newest) == Ordering::Less)
        .collect()
}

/// Repairs the database: stale locks, a database that cannot be opened, updates that were killed.
///
/// # Errors
/// ALT-730 with the output of rpm if it cannot be repaired.
pub fn repair(job: &Job) -> Result<()> {
    let (inside, events) = (job.inside, job.events);
    let failed = |e: anyhow::Error| error::UPDATE_FAILED.with_cause_of(&e);
    let copy = job.copy()?;
    for dir in ["var/lib/rpm", "usr/lib/sysimage/rpm"] {
        remove_environment(&copy, Path::new(dir));
    }
    let opens = || list().in_sandbox(inside).read();
    if let Err(e) = opens() {
        events.warn(format!(
            "the package database of the copy cannot be opened and is rebuilt: {}",
            error::chain_of(&e)
        ));
        Cmd::new("rpm", "rebuild the package database")
            .arg("--rebuilddb")
            .in_sandbox(inside)
            .run(events)
            .map_err(failed)?;
    }
    if !job.interrupted {
        // Two versions of a package at once may be as the administrator wants it (installonlypkgs,
        // multiversion).
        return Ok(());
    }
    let all = parse(&opens().map_err(failed)?.text());
    let old = find_left_over(&all);
    if !old.is_empty() {
        let names: Vec<String> = old
            .iter()
            .map(|p| format!("{}-{}.{}", p.name, without_epoch(&p.version), p.arch))
            .collect();
        events.warn(format!(
            "an update was interrupted: {} is installed in two versions; the older one is removed now, but scripts of the newer one may not have finished",
            old.iter().map(|p| printable(&p.name, false)).collect::<Vec<_>>().join(", ")
        ));
        // As the update itself would have ended: the older one goes, and its scripts know that a
        // newer one stays.
        Cmd::new("rpm", "finish an update that was interrupted: remove the older versions")
            .args(["-e", "--nodeps", "--"])
            .args(names)
            .in_sandbox(inside)
            .run(events)
            .map_err(failed)?;
    }
    Ok(())
}

/// rpm's own name for an installed version has no epoch.
pub fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

/// The shared memory of Berkeley DB: after a kill it holds locks for ever. It is nothing but a
/// cache.
fn remove_environment(copy: &Beneath, dir: &Path) {
    for entry in copy.read_dir(dir).unwrap_or_default() {
        if entry.name.to_string_lossy().starts_with("__db.") {
            // rpm reports it if one cannot be removed.
            let _ = copy.remove(dir.join(&entry.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "foo\t0\t1.0\t1\tx86_64\t100\tfoo foo(x86-64) \n\
        foo\t0\t1.1\t1\tx86_64\t110\tfoo \n\
        foo\t0\t1.0\t1\ti686\t90\tfoo \n\
        bar\t2\t0.1\t1\tnoarch\t7\tbar \n\
        kernel-core\t0\t6.1\t1\tx86_64\t1000\tkernel-core installonlypkg(kernel) \n\
        kernel-core\t0\t6.2\t1\tx86_64\t1000\tkernel-core installonlypkg(kernel) \n\
        gpg-pubkey\t0\tabc\t1\t(none)\t0\tgpg(x) \n\
        torn line\n";

    #[test]
    fn what_rpm_lists() {
        let all = parse(TEXT);
        let lines: Vec<String> = all
            .iter()
            .map(|i| format!("{}={}.{}", i.package.name, i.package.version, i.package.arch))
            .collect();
        assert_eq!(
            lines,
            [
                "bar=2:0.1-1.noarch",
                "foo=1.0-1.i686",
                "foo=1.0-1.x86_64",
                "foo=1.1-1.x86_64",
                "kernel-core=6.1-1.x86_64",
                "kernel-core=6.2-1.x86_64"
            ]
        );
        assert!(all[4].is_multiversion && !all[0].is_multiversion && all[3].size == 110);
        let old: Vec<&str> = find_left_over(&all).iter().map(|p| p.version.as_str()).collect();
        assert_eq!(old, ["1.0-1"]);
    }
}
