//! How dnf is started in the alternate.
//!
//! With a location of our own, dnf's repositories, caches and downloads are below the job's directory, and every other repository is off. With
//! `configured`, the repositories are the alternate's own, and only caches and downloads are ours, so that nothing large stays behind. The record of
//! what was installed why (/var/lib/dnf) is the alternate's own: it belongs to it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::error;
use crate::host::cmd::{Cmd, find_program};
use crate::host::files;
use crate::host::resolve::resolve;
use crate::host::sandbox::Sandbox;
use crate::software::rpm::place::{self, ID, Repository};
use crate::software::{Job, Place};
use crate::text::printable;

/// Where caches are below the job's directory.
pub const CACHE: &str = "cache";
/// Where repository files are below it.
const REPOSITORIES: &str = "repos";
/// Plugins that would change the alternate's own repositories, or ask a server for them.
const PLUGINS: [&str; 3] = ["subscription-manager", "product-id", "spacewalk"];
/// Columns of the table that dnf prints: dnf 5 cuts what is wider.
const COLUMNS: &str = "1000";

/// dnf about to be run.
pub struct Call<'a> {
    job: &'a Job<'a>,
    cmd: Cmd,
}

/// The program that is dnf in the alternate.
///
/// # Errors
/// ALT-731 where there is none, or one that is not dnf although it looks so.
pub fn program(inside: &Sandbox) -> Result<&'static str> {
    let there = |name: &&str| find_program(&inside.root, name).is_some();
    let Some(name) = ["dnf", "dnf5", "yum"].into_iter().find(there) else {
        let (cause, remedy) = match ["microdnf", "rpm-ostree", "tdnf"].into_iter().find(there) {
            Some("rpm-ostree") => ("the alternate is an rpm-ostree system", "such systems make their own copies: `rpm-ostree upgrade`"),
            Some(_) => {
                ("there is no dnf in the alternate, only a smaller one of its kind", "install dnf on this system, then clone it again")
            }
            None => ("there is no dnf in the alternate", "use a customization script (-s)"),
        };
        return Err(error::NO_MANAGER.because_do(cause, remedy));
    };
    // From EL 8 on, yum is dnf by another name; older ones speak Python 2, and other words.
    let version = Cmd::new(name, "ask dnf for its version").arg("--version").inside(inside).read()?.text();
    match generation(&version) {
        Some(4..) => Ok(name),
        _ => Err(error::NO_MANAGER.because_do(
            format!("{name} in the alternate is of version {}", printable(version.lines().next().unwrap_or_default(), false)),
            "altdisk works with dnf 4 and 5 (Fedora, EL 8 and later); use a customization script (-s)",
        )),
    }
}

/// The first number of a version, wherever it is: `4.14.0`, `dnf5 version 5.2.8.1`.
pub fn generation(version: &str) -> Option<u32> {
    let number = version.lines().next()?.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split('.').next()?.parse().ok()
}

impl<'a> Call<'a> {
    /// # Errors
    /// As [`program`].
    pub fn new(job: &'a Job<'a>, sentence: &str) -> Result<Self> {
        let below = |name: &str| job.work.join(name).display().to_string();
        let mut cmd = Cmd::new(program(job.inside)?, sentence)
            .inside(job.inside)
            .env("COLUMNS", COLUMNS)
            .env("FORCE_COLUMNS", COLUMNS)
            // Not chunked: our reader could not read the lists.
            .args(["--setopt=zchunk=False", "--setopt=keepcache=False"])
            .arg(format!("--setopt=cachedir={}", below(CACHE)))
            // dnf 5 has another one for root.
            .arg(format!("--setopt=system_cachedir={}", below(CACHE)));
        if *job.place != Place::Configured {
            cmd = cmd.arg(format!("--setopt=reposdir={}", below(REPOSITORIES))).args(["--disablerepo=*", &format!("--enablerepo={ID}*")]);
            let plugins = resolve(job.root, Path::new("/etc/dnf/plugins"))?;
            let there = |name: &&str| plugins.join(format!("{name}.conf")).exists();
            cmd = cmd.args(PLUGINS.iter().filter(|p| there(p)).map(|p| format!("--disableplugin={p}")));
        }
        Ok(Self { job, cmd })
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(mut self, args: I) -> Self {
        self.cmd = self.cmd.args(args);
        self
    }

    /// Adds the flags of `-I`. There are no defaults that they replace: without any, dnf works as its configuration in the alternate says.
    pub fn flags(self) -> Self {
        let own = self.job.flags.own.clone().unwrap_or_default();
        self.args(own)
    }

    pub fn cmd(self) -> Cmd {
        self.cmd
    }
}

/// Writes the repository file for the location.
///
/// # Errors
/// Where it cannot be written.
pub fn write_repositories(job: &Job, repositories: &[Repository]) -> Result<()> {
    let dir = job.work_here().join(REPOSITORIES);
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let keys = place::keys(job.root, &["/etc/yum.repos.d", "/etc/distro.repos.d"]);
    files::replace(&dir.join("altdisk.repo"), text(repositories, &keys).as_bytes(), 0o644)
}

fn text(repositories: &[Repository], keys: &[String]) -> String {
    let mut text = String::new();
    for Repository { id, url, local } in repositories {
        let kind = match url {
            u if u.contains("metalink") => "metalink",
            u if u.contains("mirrorlist") => "mirrorlist",
            _ => "baseurl",
        };
        let _ = writeln!(text, "[{id}]\nname={id}\n{kind}={url}\nenabled=1\nskip_if_unavailable=0\nmetadata_expire=0");
        // What root named is trusted; modular packages of a directory need no stream to be enabled.
        let _ = match (local, keys) {
            (true, _) => writeln!(text, "gpgcheck=0\nrepo_gpgcheck=0\nmodule_hotfixes=1\n"),
            (false, []) => writeln!(text, "gpgcheck=1\n"),
            (false, keys) => writeln!(text, "gpgcheck=1\ngpgkey={}\n", keys.join("\n  ")),
        };
    }
    text
}

/// Removes locks of runs that are no more: they name processes by number, and numbers are used again. Nothing else works in the alternate.
///
/// # Errors
/// Where they cannot be removed.
pub fn remove_locks(job: &Job) -> Result<()> {
    for dir in ["/var/cache/dnf", "/var/lib/dnf", "/var/log"] {
        let dir = resolve(job.root, Path::new(dir))?;
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().ends_with("_lock.pid") {
                files::remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_files() {
        let repository = |url: &str, local| Repository { id: "altdisk-1".into(), url: url.into(), local };
        let text_of =
            |url: &str, local, keys: &[&str]| text(&[repository(url, local)], &keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>());
        let local = text_of("file:///x", true, &["file:///k"]);
        assert!(local.contains("baseurl=file:///x\n") && local.contains("\ngpgcheck=0\n") && !local.contains("gpgkey"), "{local}");
        let url = text_of("https://x/", false, &["file:///k", "file:///l"]);
        assert!(url.contains("\ngpgcheck=1\ngpgkey=file:///k\n  file:///l\n"), "{url}");
        assert!(text_of("https://x/metalink?repo=y", false, &[]).contains("\nmetalink=https://x/metalink?repo=y\n"));
    }
}
