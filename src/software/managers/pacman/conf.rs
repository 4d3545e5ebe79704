//! pacman.conf(5): the alternate's own options that count for us too, and a file of our own.
//!
//! pacman knows one directory for what is installed and for the lists of repositories. A link in
//! one of our own to the alternate's would not do: pacman replaces links on the way to where it
//! unpacks. So it works in the alternate's, over whose lists ours are laid meanwhile.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::error;
use crate::host::beneath::Beneath;
use crate::software::formats::arch::catalog;
use crate::software::managers::manager::Job;
use crate::software::source::PackageSource;

/// Below the job's directory: our configuration, our lists of repositories, what is fetched.
pub const FILE: &str = "pacman.conf";
/// Our lists of repositories, below the directory of the job.
pub const SYNC: &str = "sync";
const CACHE: &str = "cache";

/// The name of the repository that is made of a directory.
pub const REPOSITORY: &str = "altdisk";

const CONFIGURATION: &str = "/etc/pacman.conf";
const DEFAULT_DATABASE: &str = "/var/lib/pacman";
const DEFAULT_LOG: &str = "/var/log/pacman.log";

/// Options of the administrator's that hold for our configuration too.
const COPIED_OPTIONS: [&str; 9] = [
    "HoldPkg",
    "IgnorePkg",
    "IgnoreGroup",
    "NoUpgrade",
    "NoExtract",
    "HookDir",
    "GPGDir",
    "LogFile",
    "Architecture",
];

/// The values of the options of a pacman.conf, in their order. Files that it includes are not read.
fn parse_options(text: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut all = vec![];
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.to_owned();
        } else if section == "options"
            && !line.starts_with('#')
            && let Some((key, value)) = line.split_once('=')
        {
            all.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    all
}

fn read_options(root: &Path) -> Result<Vec<(String, String)>> {
    let text = Beneath::open(root)?.read(CONFIGURATION)?.unwrap_or_default();
    Ok(parse_options(&String::from_utf8_lossy(&text)))
}

/// The alternate's database directory, as seen from inside.
///
/// # Errors
/// If the configuration cannot be read.
pub fn database(root: &Path) -> Result<PathBuf> {
    let option = read_options(root)?
        .into_iter()
        .rfind(|(key, _)| key == "DBPath")
        .map(|(_, value)| PathBuf::from(value));
    Ok(option.filter(|p| p.is_absolute()).unwrap_or_else(|| PathBuf::from(DEFAULT_DATABASE)))
}

/// pacman's log, as seen from inside.
///
/// # Errors
/// If the configuration cannot be read.
pub fn log(root: &Path) -> Result<PathBuf> {
    let option = read_options(root)?
        .into_iter()
        .rfind(|(key, _)| key == "LogFile")
        .map(|(_, value)| PathBuf::from(value));
    Ok(option.filter(|p| p.is_absolute()).unwrap_or_else(|| PathBuf::from(DEFAULT_LOG)))
}

/// The architectures of packages that can be installed, beside `any`.
///
/// # Errors
/// If the configuration cannot be read.
pub fn architectures(root: &Path) -> Result<BTreeSet<String>> {
    let option = read_options(root)?.into_iter().filter(|(key, _)| key == "Architecture");
    let mut all: BTreeSet<String> = option
        .flat_map(|(_, value)| value.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    if all.remove("auto") || all.is_empty() {
        all.insert(std::env::consts::ARCH.to_owned());
    }
    Ok(all)
}

/// Writes our configuration, and makes the directories that it names; not for
/// [`PackageSource::Configured`].
///
/// # Errors
/// If it cannot be written; ALT-732 if the URL does not identify a repository.
pub fn write(job: &Job) -> Result<()> {
    let mut sections = String::new();
    let mut caches = vec![job.work.join(CACHE)];
    match job.source {
        PackageSource::Configured => return Ok(()),
        PackageSource::Directory { inside, outside } => {
            // Packages are used in place.
            let below: BTreeSet<PathBuf> = catalog::entries(outside)?
                .0
                .iter()
                .map(|e| inside.join(e.file.parent().unwrap_or(Path::new(""))))
                .collect();
            caches.extend(below);
            let _ = write!(
                sections,
                "\n[{REPOSITORY}]\nSigLevel = Never\nServer = file://{}\n",
                inside.display()
            );
        }
        PackageSource::Url { url, rest } => {
            let url = url.expose();
            for name in repositories(url, rest)? {
                let _ = write!(
                    sections,
                    "\n[{name}]\nSigLevel = Required DatabaseOptional\nServer = {url}\n"
                );
            }
        }
    }
    let mut text = format!("[options]\nRootDir = /\nDBPath = {}/\n", database(job.root)?.display());
    for cache in &caches {
        let line = cache.to_string_lossy();
        // If a line cannot contain the name, pacman copies the packages.
        if !line.contains(|c: char| c.is_control()) {
            let _ = writeln!(text, "CacheDir = {line}/");
        }
    }
    for (key, value) in read_options(job.root)?
        .into_iter()
        .filter(|(key, _)| COPIED_OPTIONS.contains(&key.as_str()))
    {
        let _ = writeln!(text, "{key} = {value}");
    }
    let copy = job.copy()?;
    // Mount points must exist.
    for dir in [job.work.join(SYNC), job.work.join(CACHE), database(job.root)?.join("sync")] {
        copy.make_directories(&dir)?;
    }
    // A server's URL may hold a password.
    copy.replace(job.work.join(FILE), (text + &sections).as_bytes(), 0o600)
}

/// The names of the repositories at a URL: those that were given, else as mirrors have them
/// (`.../core/os/x86_64`), else its last part.
fn repositories(url: &str, rest: &[String]) -> Result<Vec<String>> {
    let name = |w: &str| {
        !w.is_empty()
            && w.chars().all(|c| c.is_ascii_alphanumeric() || "._+-@".contains(c))
            && w != "options"
    };
    let found = if rest.is_empty() {
        let parts: Vec<&str> = url.trim_end_matches('/').split('/').skip(3).collect();
        let at = parts
            .iter()
            .rposition(|p| *p == "os")
            .and_then(|at| at.checked_sub(1))
            .unwrap_or(parts.len().saturating_sub(1));
        parts.get(at).map(|p| vec![(*p).to_owned()]).unwrap_or_default()
    } else {
        rest.to_vec()
    };
    if found.is_empty() || !found.iter().all(|w| name(w)) {
        return Err(error::BAD_LOCATION.with_remedy(
            format!("{url} does not identify a repository of pacman"),
            "add its name: -l 'https://host/$repo/os/$arch core extra'",
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn own_options() {
        let text = "# x\n[options]\nIgnorePkg = linux linux-lts\n#NoUpgrade = x\n DBPath=/srv/db/\nArchitecture = auto x86_64_v3\nColor\n\n[core]\nDBPath = /no\n";
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(database(dir.path()).unwrap(), Path::new("/var/lib/pacman"));
        fs::create_dir(dir.path().join("etc")).unwrap();
        fs::write(dir.path().join("etc/pacman.conf"), text).unwrap();
        assert_eq!(database(dir.path()).unwrap(), Path::new("/srv/db/"));
        let archs: Vec<String> = architectures(dir.path()).unwrap().into_iter().collect();
        assert_eq!(archs.last().unwrap(), "x86_64_v3");
        assert!(
            archs.contains(&std::env::consts::ARCH.to_owned())
                && !archs.contains(&"auto".to_owned())
        );
    }

    #[test]
    fn names_of_repositories() {
        let told = |url: &str, rest: &str| {
            let rest: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
            repositories(url, &rest).map(|all| all.join(" ")).unwrap_or_default()
        };
        assert_eq!(told("https://m.example.org/archlinux/core/os/x86_64", ""), "core");
        assert_eq!(told("https://m.example.org/mine/", ""), "mine");
        assert_eq!(told("https://m.example.org/$repo/os/$arch", "core extra"), "core extra");
        for (url, rest) in [
            ("https://m.example.org", ""),
            ("https://m/$repo/os/$arch", ""),
            ("https://m/x", "options"),
            ("https://m/x", "a/b"),
        ] {
            assert_eq!(told(url, rest), "", "{url} {rest}");
        }
    }
}
