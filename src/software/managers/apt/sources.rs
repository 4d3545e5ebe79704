//! The sources of apt: a sources.list(5) of our own below the directory of the job, and its
//! lists.
//!
//! A directory is trusted, because root named it. A repository at a URL must be signed by
//! a key that the alternate trusts, unless `-I` holds `--allow-unauthenticated`.

use std::path::Path;

use anyhow::Result;

use super::call::{Call, last_lines};
use super::work::work_path;
use super::{auth, repo};
use crate::error;
use crate::software::formats::deb;
use crate::software::formats::deb::catalog::{self, Form};
use crate::software::formats::deb::index::{self, Suite};
use crate::software::managers::manager::Job;
use crate::software::source::PackageSource;
use crate::text::path::show_path;
use crate::text::printable;

/// Writes the sources, and has apt read or fetch their lists.
///
/// # Errors
/// ALT-732 if the location is not a repository, ALT-730 if its lists cannot be fetched.
pub fn write(job: &Job) -> Result<()> {
    let lines = match job.source {
        PackageSource::Directory { inside, outside } => sources_of_directory(job, inside, outside)?,
        PackageSource::Url { url, rest } => sources_of_url(job, &auth::write(job, url)?, rest)?,
        PackageSource::Configured => {
            return fetch_lists(
                job,
                "fetch the lists of the copy's own repositories",
                "-q",
                &error::UPDATE_FAILED,
            );
        }
    };
    // A URL may hold a token.
    job.copy()?.replace(work_path(job, "sources.list"), lines.as_bytes(), 0o600)?;
    match job.source {
        // With one q it reports every missing form of an index.
        PackageSource::Directory { .. } => {
            fetch_lists(job, "read the lists of the location", "-qq", &error::BAD_LOCATION)
        }
        _ => fetch_lists(job, "fetch the lists of the location", "-q", &error::BAD_LOCATION),
    }
}

/// Lists that cannot be fetched are an error: apt alone would go on with none, and everything would
/// seem to be up to date.
fn fetch_lists(
    job: &Job,
    sentence: &str,
    quiet: &str,
    on_failure: &'static error::Entry,
) -> Result<()> {
    let done = Call::new(job, "apt-get", sentence)
        .args([quiet, "-o", "APT::Update::Error-Mode=any", "update"])
        .cmd()
        .accept(&[100])
        .run(job.events)?;
    if !done.success() {
        return Err(on_failure.with_cause(("apt cannot use the location", last_lines(&done))));
    }
    Ok(())
}

fn sources_of_directory(job: &Job, inside: &Path, outside: &Path) -> Result<String> {
    match catalog::form(outside) {
        Form::Flat => {
            repo::create(job, outside, inside)?;
            Ok(format!(
                "deb [trusted=yes] file:{} ./\n",
                percent_encode(&work_path(job, repo::REPO))
            ))
        }
        Form::Archive(all) => {
            let suites = suites(job, &all)?;
            require_components(&suites)?;
            let lines = suites.iter().filter(|s| !s.components.is_empty());
            Ok(lines
                .map(|s| {
                    format!(
                        "deb [trusted=yes] file:{} {} {}\n",
                        percent_encode(inside),
                        s.name,
                        s.components.join(" ")
                    )
                })
                .collect())
        }
    }
}

/// Without components apt has nothing to read there, and everything would seem to be up to date.
fn require_components(suites: &[Suite]) -> Result<()> {
    if suites.iter().any(|s| !s.components.is_empty()) {
        return Ok(());
    }
    let names: Vec<String> = suites.iter().map(|s| show_path(s.name.as_bytes())).collect();
    Err(error::BAD_LOCATION.with_remedy(
        format!(
            "the Release file of the suite {} lists no components (main, ...)",
            names.join(", ")
        ),
        "create the Release file of the repository again, or give the directory that contains the packages",
    ))
}

/// The suites of a repository that are for the alternate's release.
///
/// # Errors
/// ALT-732 if there are several, and none is for it.
pub fn suites(job: &Job, all: &[Suite]) -> Result<Vec<Suite>> {
    let codename = codename(job);
    let chosen = index::choose_suites(all, &codename);
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
        return Err(error::BAD_LOCATION.with_remedy(
            format!(
                "the repository has no suite for `{codename}`, which the copy is; it has {}",
                names.join(", ")
            ),
            "give a repository of the copy's release",
        ));
    }
    Ok(chosen)
}

/// The alternate's release as its os-release(5) names it: `bookworm`; empty if it has none.
pub fn codename(job: &Job) -> String {
    let read = |path: &str| job.copy().ok()?.read(path).ok()?;
    let text = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")).unwrap_or_default();
    deb::codename(&String::from_utf8_lossy(&text))
}

/// A path as a URI has it.
fn percent_encode(path: &Path) -> String {
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

fn sources_of_url(job: &Job, url: &str, rest: &[String]) -> Result<String> {
    let unsigned = job
        .flags
        .native
        .as_ref()
        .is_some_and(|own| own.iter().any(|f| f == "--allow-unauthenticated"));
    let options = if unsigned { "[trusted=yes] " } else { "" };
    let line = |suite: &str, components: &[String]| {
        format!("deb {options}{url} {suite} {}\n", components.join(" "))
    };
    let given: Vec<String> =
        rest.iter().flat_map(|r| r.split_whitespace()).map(str::to_owned).collect();
    match given.split_first() {
        // A suite that ends with a slash is the directory of a flat repository.
        Some((suite, components)) if !components.is_empty() || suite.ends_with('/') => {
            return Ok(line(suite, components));
        }
        Some((suite, _)) => {
            let mut probe = Probe::new(job);
            let found = probe.release(url, suite).filter(|s| !s.components.is_empty()).ok_or_else(|| {
                let why = (format!("{url} has no suite {suite}: it has no Release file that lists its components"), probe.reason());
                error::BAD_LOCATION.with_cause(why)
            })?;
            return Ok(line(suite, &found.components));
        }
        None => {}
    }
    let codename = codename(job);
    let mut probe = Probe::new(job);
    if let Some(found) = probe.release(url, &codename).filter(|s| !s.components.is_empty()) {
        return Ok(line(&codename, &found.components));
    }
    let flat = ["Packages.gz", "Packages.xz", "Packages"];
    if flat
        .iter()
        .any(|name| probe.fetch(&format!("{}/{name}", url.trim_end_matches('/'))).is_some())
    {
        return Ok(line("./", &[]));
    }
    Err(error::BAD_LOCATION.with_remedy(
        (
            format!("{url} cannot be used as a repository for `{codename}`: neither dists/{codename}/InRelease nor Packages can be fetched"),
            probe.reason(),
        ),
        "give suite and components too: -l 'https://host/debian bookworm main'; if the message above is about the network, repair the connection",
    ))
}

/// Probes a URL with the tools of apt, and keeps the reason of the last failure.
struct Probe<'a> {
    job: &'a Job<'a>,
    failed: Option<String>,
}

impl<'a> Probe<'a> {
    fn new(job: &'a Job<'a>) -> Self {
        Self { job, failed: None }
    }

    /// The Release file of a suite.
    fn release(&mut self, url: &str, suite: &str) -> Option<Suite> {
        if suite.is_empty() {
            return None;
        }
        let at = format!("{}/dists/{suite}", url.trim_end_matches('/'));
        ["InRelease", "Release"]
            .iter()
            .find_map(|name| self.fetch(&format!("{at}/{name}")))
            .map(|text| Suite::parse(suite, &text))
    }

    /// Fetches a file of the repository; None if that fails. It is not trusted: apt checks its
    /// signature later.
    fn fetch(&mut self, url: &str) -> Option<Vec<u8>> {
        let name = "probe";
        let outside = work_path(self.job, name);
        let copy = self.job.copy().map_err(|e| self.failed = Some(error::chain_of(&e))).ok()?;
        let call = Call::new(self.job, "/usr/lib/apt/apt-helper", "look what the location is");
        let call = call.args([
            "-o",
            "APT::Sandbox::User=root",
            "-o",
            "Acquire::Retries=1",
            "download-file",
            url,
        ]);
        let got = match call.args([&outside]).cmd().accept(&[100]).read() {
            Ok(done) if done.success() => copy
                .read(&outside)
                .map_err(|e| error::chain_of(&e))
                .and_then(|got| got.ok_or_else(|| "apt-helper left no file".to_owned())),
            Ok(done) => Err(failure_reason(&done.stderr)),
            Err(e) => Err(error::chain_of(&e)),
        };
        // The next probe must not read this file.
        let _ = copy.remove(&outside);
        got.map_err(|why| self.failed = Some(why)).ok()
    }

    /// The reason of the last failure, for an error, after a line break.
    fn reason(&self) -> String {
        self.failed.as_ref().map(|why| format!("\n  {why}")).unwrap_or_default()
    }
}

/// The reason that apt-helper gives: the last line about one file. A general line follows it.
fn failure_reason(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let line = lines.iter().rev().find(|l| l.starts_with("E: Failed to fetch")).or(lines.last());
    line.map_or_else(|| "apt-helper does not say why".to_owned(), |l| printable(l, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths() {
        assert_eq!(deb::codename("ID=debian\nVERSION_CODENAME=\"bookworm\"\n"), "bookworm");
        assert_eq!(deb::codename("VERSION_CODENAME=x [trusted=yes]\n"), "xtrustedyes");
        assert_eq!(deb::codename("ID=x\n"), "");
        assert_eq!(percent_encode(Path::new("/run/alt disk/a%b+c")), "/run/alt%20disk/a%25b%2bc");
    }

    #[test]
    fn why_a_file_cannot_be_had() {
        let said = b"E: Failed to fetch http://x.invalid/InRelease  Could not resolve 'x.invalid'\nE: Download Failed\n";
        assert_eq!(
            failure_reason(said),
            "E: Failed to fetch http://x.invalid/InRelease  Could not resolve 'x.invalid'"
        );
        assert_eq!(failure_reason(b"no \x1b[m idea\n\n"), "no \\x1b[m idea");
        assert!(!failure_reason(b"").is_empty());
    }

    #[test]
    fn suites_need_components() {
        let suite = |name: &str, components: &[&str]| Suite {
            name: name.into(),
            components: components.iter().map(|c| (*c).into()).collect(),
            ..Suite::default()
        };
        let err = format!(
            "{:#}",
            require_components(&[suite("bookworm", &[]), suite("bookworm-updates", &[])])
                .unwrap_err()
        );
        assert!(err.contains("ALT-732") && err.contains("bookworm, bookworm-updates"), "{err}");
        assert!(
            require_components(&[suite("bookworm", &[]), suite("bookworm-updates", &["main"])])
                .is_ok()
        );
    }

    #[test]
    fn suites_of_a_release() {
        let text = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\nSuite: oldstable\nCodename: bookworm-security\n\
                     Components: updates/main updates/contrib\nNotAutomatic: yes\nSHA256:\n abc 1 main/binary-amd64/Packages\n-----BEGIN PGP SIGNATURE-----\n";
        let got = Suite::parse("bookworm-security", text);
        assert_eq!((got.codename.as_str(), got.on_request), ("bookworm-security", true));
        assert_eq!(got.components, ["main", "contrib"]);
        let suite = |name: &str| Suite { name: name.into(), ..Suite::default() };
        let all =
            [suite("bookworm"), suite("bookworm-updates"), suite("bookwormy"), suite("trixie")];
        let names = |codename: &str| {
            index::choose_suites(&all, codename).into_iter().map(|s| s.name).collect::<Vec<_>>()
        };
        assert_eq!(names("bookworm"), ["bookworm", "bookworm-updates"]);
        assert!(names("jammy").is_empty() && names("").is_empty());
        assert_eq!(index::choose_suites(&all[3..], "jammy").len(), 1);
    }
}
