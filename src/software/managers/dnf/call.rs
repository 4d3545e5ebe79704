//! Runs dnf in the alternate.
//!
//! With a location of our own, dnf's repositories, caches and downloads are below the job's
//! directory, and every other repository is off. With `configured`, the repositories are the
//! alternate's own, and only caches and downloads are ours, so that nothing large stays behind. The
//! record of what was installed why (/var/lib/dnf) is the alternate's own: it belongs to it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::host::cmd::{Cmd, find_program};
use crate::host::sandbox::Sandbox;
use crate::software::managers::manager::Job;
use crate::software::managers::rpm::repositories::{self, ID, Repository};
use crate::software::source::PackageSource;
use crate::text::printable;

/// The directory of caches, below that of the job.
pub const CACHE: &str = "cache";
/// The copy's configuration with the options of `-I` that hold passwords, below it.
const CONFIGURATION: &str = "dnf.conf";
/// The directory of repository files, below that of the job.
const REPOSITORIES: &str = "repos";
/// Plugins that would change the alternate's own repositories, or ask a server for them.
const PLUGINS: [&str; 3] = ["subscription-manager", "product-id", "spacewalk"];
/// The width of the table that dnf prints: dnf 5 truncates wider ones.
const COLUMNS: &str = "1000";

/// dnf about to be run.
pub struct Call<'a> {
    job: &'a Job<'a>,
    cmd: Cmd,
}

/// The program that is dnf in the alternate.
///
/// # Errors
/// ALT-731 if there is none, or one that is not dnf although it has that name.
pub fn program(inside: &Sandbox) -> Result<&'static str> {
    let there = |name: &&str| find_program(&inside.root, name).is_some();
    let Some(name) = ["dnf", "dnf5", "yum"].into_iter().find(there) else {
        let (cause, remedy) = match ["microdnf", "rpm-ostree", "tdnf"].into_iter().find(there) {
            Some("rpm-ostree") => (
                "the copy is an rpm-ostree system",
                "such systems make their own copies: `rpm-ostree upgrade`",
            ),
            Some(_) => (
                "there is no dnf in the copy, only a reduced variant of it",
                "install dnf on this system, then clone it again",
            ),
            None => ("there is no dnf in the copy", "use a customization script (-s)"),
        };
        return Err(error::NO_MANAGER.with_remedy(cause, remedy));
    };
    // From EL 8 on, yum is another name of dnf; older versions have other options.
    let version = Cmd::new(name, "ask dnf for its version")
        .arg("--version")
        .in_sandbox(inside)
        .read()?
        .text();
    match generation(&version) {
        Some(4..) => Ok(name),
        _ => Err(error::NO_MANAGER.with_remedy(
            format!("{name} in the copy is of version {}", printable(version.lines().next().unwrap_or_default(), false)),
            "altdisk works with dnf 4 and 5 (Fedora, EL 8 and later); use a customization script (-s)",
        )),
    }
}

/// The first number of a version, wherever it is: `4.14.0`, `dnf5 version 5.2.8.1`.
pub fn generation(version: &str) -> Option<u32> {
    let number = version
        .lines()
        .next()?
        .split_whitespace()
        .find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split('.').next()?.parse().ok()
}

impl<'a> Call<'a> {
    /// dnf with the options of every call.
    ///
    /// # Errors
    /// As [`program`].
    pub fn new(job: &'a Job<'a>, sentence: &str) -> Result<Self> {
        let below = |name: &str| job.work.join(name).display().to_string();
        let mut cmd = Cmd::new(program(job.inside)?, sentence)
            .in_sandbox(job.inside)
            .env("COLUMNS", COLUMNS)
            .env("FORCE_COLUMNS", COLUMNS)
            // Not chunked: our reader could not read the lists.
            .args(["--setopt=zchunk=False", "--setopt=keepcache=False"])
            .arg(format!("--setopt=cachedir={}", below(CACHE)))
            // dnf 5 has another one for root.
            .arg(format!("--setopt=system_cachedir={}", below(CACHE)));
        if !job.flags.split_secrets("dnf")?.options.is_empty() {
            cmd = cmd.arg(format!("--config={}", below(CONFIGURATION)));
        }
        if *job.source != PackageSource::Configured {
            cmd = cmd
                .arg(format!("--setopt=reposdir={}", below(REPOSITORIES)))
                .args(["--disablerepo=*", &format!("--enablerepo={ID}*")]);
            let copy = job.copy()?;
            let there = |name: &&&str| copy.exists(format!("/etc/dnf/plugins/{name}.conf"));
            cmd = cmd.args(PLUGINS.iter().filter(there).map(|p| format!("--disableplugin={p}")));
        }
        Ok(Self { job, cmd })
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(mut self, args: I) -> Self {
        self.cmd = self.cmd.args(args);
        self
    }

    /// Adds the flags of `-I`. There are no defaults that they replace: without any, dnf works as
    /// its configuration in the alternate says.
    pub fn flags(self) -> Self {
        // Checked before anything began.
        let own = self.job.flags.split_secrets("dnf").unwrap_or_default();
        self.args(own.words)
    }

    /// The command, ready to run.
    pub fn cmd(self) -> Cmd {
        self.cmd
    }
}

/// Writes the configuration that has the options of `-I` with passwords, if there are such.
///
/// # Errors
/// If it cannot be written, or the configuration of the copy cannot be read.
pub fn write_configuration(job: &Job) -> Result<()> {
    let options = job.flags.split_secrets("dnf")?.options;
    if options.is_empty() {
        return Ok(());
    }
    let copy = job.copy()?;
    let own = copy.read("/etc/dnf/dnf.conf")?.unwrap_or_default();
    copy.replace(
        job.work.join(CONFIGURATION),
        with_options(&String::from_utf8_lossy(&own), &options).as_bytes(),
        0o600,
    )
}

/// A dnf.conf(5) with these options of its section `main` in place of those that it has.
fn with_options(text: &str, options: &[(String, String)]) -> String {
    let (mut out, mut is_main) = (String::from("[main]\n"), true);
    for (name, value) in options {
        let _ = writeln!(out, "{name}={value}");
    }
    for line in text.lines() {
        if line.trim_start().starts_with('[') {
            is_main = line.trim() == "[main]";
            if is_main {
                continue;
            }
        }
        let name = line.split('=').next().unwrap_or_default().trim();
        if !is_main || !options.iter().any(|(n, _)| n == name) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// Writes the repository file for the location.
///
/// # Errors
/// If it cannot be written.
pub fn write_repositories(job: &Job, repositories: &[Repository]) -> Result<()> {
    let keys = repositories::signing_keys(job.root, &["/etc/yum.repos.d", "/etc/distro.repos.d"]);
    // A URL may hold a password.
    job.copy()?.replace(
        job.work.join(REPOSITORIES).join("altdisk.repo"),
        text(repositories, &keys).as_bytes(),
        0o600,
    )
}

fn text(repositories: &[Repository], keys: &[String]) -> String {
    let mut text = String::new();
    for Repository { id, url, local } in repositories {
        let kind = match url {
            u if u.contains("metalink") => "metalink",
            u if u.contains("mirrorlist") => "mirrorlist",
            _ => "baseurl",
        };
        let _ = writeln!(
            text,
            "[{id}]\nname={id}\n{kind}={url}\nenabled=1\nskip_if_unavailable=0\nmetadata_expire=0"
        );
        // Root named the directory, so it is trusted. Its modular packages need no enabled stream.
        let _ = match (local, keys) {
            (true, _) => writeln!(text, "gpgcheck=0\nrepo_gpgcheck=0\nmodule_hotfixes=1\n"),
            (false, []) => writeln!(text, "gpgcheck=1\n"),
            (false, keys) => writeln!(text, "gpgcheck=1\ngpgkey={}\n", keys.join("\n  ")),
        };
    }
    text
}

/// Removes locks of runs that are no more: they name processes by number, and numbers are used
/// again. Nothing else works in the alternate.
///
/// # Errors
/// If they cannot be removed.
pub fn remove_locks(job: &Job) -> Result<()> {
    let copy = job.copy()?;
    for dir in ["/var/cache/dnf", "/var/lib/dnf", "/var/log"].map(Path::new) {
        for entry in copy.read_dir(dir).unwrap_or_default() {
            if entry.name.to_string_lossy().ends_with("_lock.pid") {
                copy.remove(dir.join(&entry.name))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_configuration() {
        let own = "[main]\ngpgcheck=True\nproxy_password = old\n[other]\nproxy_password=theirs\n";
        let options = [("proxy_password".to_owned(), "p w".to_owned())];
        assert_eq!(
            with_options(own, &options),
            "[main]\nproxy_password=p w\ngpgcheck=True\n[other]\nproxy_password=theirs\n"
        );
        assert_eq!(with_options("", &options), "[main]\nproxy_password=p w\n");
    }

    #[test]
    fn repository_files() {
        let repository =
            |url: &str, local| Repository { id: "altdisk-1".into(), url: url.into(), local };
        let text_of = |url: &str, local, keys: &[&str]| {
            text(
                &[repository(url, local)],
                &keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>(),
            )
        };
        let local = text_of("file:///x", true, &["file:///k"]);
        assert!(
            local.contains("baseurl=file:///x\n")
                && local.contains("\ngpgcheck=0\n")
                && !local.contains("gpgkey"),
            "{local}"
        );
        let url = text_of("https://x/", false, &["file:///k", "file:///l"]);
        assert!(url.contains("\ngpgcheck=1\ngpgkey=file:///k\n  file:///l\n"), "{url}");
        assert!(
            text_of("https://x/metalink?repo=y", false, &[])
                .contains("\nmetalink=https://x/metalink?repo=y\n")
        );
    }
}
