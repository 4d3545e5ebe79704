//! Where apt gets packages from: a sources.list(5) of our own below the job's directory, and its lists.
//!
//! What lies in a directory is trusted, for root named it. A repository at a URL must be signed by a key that the alternate trusts, unless
//! `-I` holds `--allow-unauthenticated`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::call::{Call, below, words};
use super::repo;
use crate::error;
use crate::host::resolve::resolve;
use crate::software::deb;
use crate::software::deb::catalog::{self, Form};
use crate::software::deb::index::{self, Suite};
use crate::software::{Job, Place};

/// Writes the sources, and has apt read or fetch their lists.
///
/// # Errors
/// ALT-732 where the place is no repository, ALT-730 where its lists cannot be had.
pub fn write(job: &Job) -> Result<()> {
    let lines = match job.place {
        Place::Directory { inside, here } => directory(job, inside, here)?,
        Place::Url { url, rest } => at_url(job, url, rest)?,
        Place::Configured => return update(job, "fetch the lists of the alternate's own repositories", "-q", &error::UPDATE_FAILED),
    };
    let at = job.work_here().join("sources.list");
    fs::write(&at, lines).with_context(|| format!("writing {}", at.display()))?;
    match job.place {
        // With one q it tells of every form of an index that is not there.
        Place::Directory { .. } => update(job, "read the lists of the location", "-qq", &error::BAD_LOCATION),
        _ => update(job, "fetch the lists of the location", "-q", &error::BAD_LOCATION),
    }
}

/// Lists that cannot be fetched are an error: apt alone would go on with none, and everything would seem to be up to date.
fn update(job: &Job, sentence: &str, quiet: &str, otherwise: &'static error::Entry) -> Result<()> {
    let done = Call::new(job, "apt-get", sentence)
        .args([quiet, "-o", "APT::Update::Error-Mode=any", "update"])
        .cmd()
        .accept(&[100])
        .run(job.events)?;
    if !done.success() {
        return Err(otherwise.because(format!("apt cannot use the location{}", words(&done))));
    }
    Ok(())
}

fn directory(job: &Job, inside: &Path, here: &Path) -> Result<String> {
    match catalog::form(here) {
        Form::Flat => {
            repo::make(job, here, inside)?;
            Ok(format!("deb [trusted=yes] file:{} ./\n", encoded(&below(job, repo::REPO))))
        }
        Form::Archive(all) => {
            let lines: Vec<String> = suites(job, &all)?
                .iter()
                .filter(|s| !s.components.is_empty())
                .map(|s| format!("deb [trusted=yes] file:{} {} {}\n", encoded(inside), s.name, s.components.join(" ")))
                .collect();
            Ok(lines.concat())
        }
    }
}

/// The suites of a repository that are for the alternate's release.
///
/// # Errors
/// ALT-732 where there are several and none is.
pub fn suites(job: &Job, all: &[Suite]) -> Result<Vec<Suite>> {
    let codename = codename(job);
    let chosen = index::chosen(all, &codename);
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
        return Err(error::BAD_LOCATION.because_do(
            format!("the repository has no suite for `{codename}`, which the alternate is; it has {}", names.join(", ")),
            "give a repository of the alternate's release",
        ));
    }
    Ok(chosen)
}

/// The alternate's release as its os-release(5) names it: `bookworm`; empty where it does not say.
pub fn codename(job: &Job) -> String {
    let read = |path: &str| fs::read(resolve(job.root, Path::new(path)).ok()?).ok();
    let text = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")).unwrap_or_default();
    deb::codename(&String::from_utf8_lossy(&text))
}

/// A path as a URI has it.
fn encoded(path: &Path) -> String {
    let mut out = String::new();
    for b in path.as_os_str().as_encoded_bytes() {
        match b {
            b'/' | b'.' | b'-' | b'_' | b'~' => out.push(char::from(*b)),
            b if b.is_ascii_alphanumeric() => out.push(char::from(*b)),
            b => out.push_str(&format!("%{b:02x}")),
        }
    }
    out
}

fn at_url(job: &Job, url: &str, rest: &[String]) -> Result<String> {
    let unsigned = job.flags.own.as_ref().is_some_and(|own| own.iter().any(|f| f == "--allow-unauthenticated"));
    let options = if unsigned { "[trusted=yes] " } else { "" };
    let line = |suite: &str, components: &[String]| format!("deb {options}{url} {suite} {}\n", components.join(" "));
    let given: Vec<String> = rest.iter().flat_map(|r| r.split_whitespace()).map(str::to_owned).collect();
    match given.split_first() {
        // A suite that ends with a slash is the directory of a flat repository.
        Some((suite, components)) if !components.is_empty() || suite.ends_with('/') => return Ok(line(suite, components)),
        Some((suite, _)) => {
            let found = release(job, url, suite).filter(|s| !s.components.is_empty()).ok_or_else(|| {
                error::BAD_LOCATION.because(format!("{url} has no suite {suite}: there is no Release file that names its components"))
            })?;
            return Ok(line(suite, &found.components));
        }
        None => {}
    }
    let codename = codename(job);
    if let Some(found) = release(job, url, &codename).filter(|s| !s.components.is_empty()) {
        return Ok(line(&codename, &found.components));
    }
    let flat = ["Packages.gz", "Packages.xz", "Packages"];
    if flat.iter().any(|name| fetch(job, &format!("{}/{name}", url.trim_end_matches('/'))).is_some()) {
        return Ok(line("./", &[]));
    }
    Err(error::BAD_LOCATION.because_do(
        format!("{url} is no repository for `{codename}`: there is neither dists/{codename}/InRelease nor Packages"),
        "give suite and components too: -l 'https://host/debian bookworm main'",
    ))
}

/// The Release file of a suite.
fn release(job: &Job, url: &str, suite: &str) -> Option<Suite> {
    if suite.is_empty() {
        return None;
    }
    let at = format!("{}/dists/{suite}", url.trim_end_matches('/'));
    ["InRelease", "Release"].iter().find_map(|name| fetch(job, &format!("{at}/{name}"))).map(|text| Suite::of(suite, &text))
}

/// A file of the repository; None where it is not there. What it says is only believed after apt has looked at its signature.
fn fetch(job: &Job, url: &str) -> Option<Vec<u8>> {
    let name = "probe";
    let here = job.work_here().join(name);
    let call = Call::new(job, "/usr/lib/apt/apt-helper", "look what the location is");
    let call = call.args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1", "download-file", url]).args([below(job, name)]);
    let got = call.cmd().read().ok().and_then(|_| fs::read(&here).ok());
    // What is left must not be taken for the next one.
    let _ = fs::remove_file(&here);
    got
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths() {
        assert_eq!(deb::codename("ID=debian\nVERSION_CODENAME=\"bookworm\"\n"), "bookworm");
        assert_eq!(deb::codename("VERSION_CODENAME=x [trusted=yes]\n"), "xtrustedyes");
        assert_eq!(deb::codename("ID=x\n"), "");
        assert_eq!(encoded(Path::new("/run/alt disk/a%b+c")), "/run/alt%20disk/a%25b%2bc");
    }

    #[test]
    fn suites_of_a_release() {
        let text = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\nSuite: oldstable\nCodename: bookworm-security\n\
                     Components: updates/main updates/contrib\nNotAutomatic: yes\nSHA256:\n abc 1 main/binary-amd64/Packages\n-----BEGIN PGP SIGNATURE-----\n";
        let got = Suite::of("bookworm-security", text);
        assert_eq!((got.codename.as_str(), got.on_request), ("bookworm-security", true));
        assert_eq!(got.components, ["main", "contrib"]);
        let suite = |name: &str| Suite { name: name.into(), ..Suite::default() };
        let all = [suite("bookworm"), suite("bookworm-updates"), suite("bookwormy"), suite("trixie")];
        let names = |codename: &str| index::chosen(&all, codename).into_iter().map(|s| s.name).collect::<Vec<_>>();
        assert_eq!(names("bookworm"), ["bookworm", "bookworm-updates"]);
        assert!(names("jammy").is_empty() && names("").is_empty());
        assert_eq!(index::chosen(&all[3..], "jammy").len(), 1);
    }
}
