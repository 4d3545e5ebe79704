//! The repositories of a location, for dnf and zypper.
//!
//! A directory's repositories are used as they are, its other package files become one of our own
//! (`write`), all below the job's directory by names that need no quoting in a URL or a
//! configuration file: dnf, librepo and zypp do not agree on how to undo it.

use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::host::beneath::Beneath;
use crate::software::formats::rpm::{tree, write};
use crate::software::managers::manager::Job;
use crate::software::source::PackageSource;

/// A repository of the location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// `altdisk-1`: its section in a configuration file.
    pub id: String,
    /// Its address.
    pub url: String,
    /// A directory: root named it, its packages are trusted.
    pub local: bool,
}

/// The beginning of every [`Repository::id`].
pub const ID: &str = "altdisk-";

/// The location's repositories; none for those that the alternate is configured with.
///
/// # Errors
/// ALT-732 if there are none, or the URL is invalid.
pub fn repositories(job: &Job) -> Result<Vec<Repository>> {
    match job.source {
        PackageSource::Configured => Ok(vec![]),
        PackageSource::Url { url, rest } => {
            let url = url.expose();
            let plain = !url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"');
            match rest.first() {
                Some(word) => Err(error::BAD_LOCATION.with_remedy(
                    format!("`{word}` follows the URL, but suites and components exist only in Debian's repositories"),
                    "give only the URL of the repository, the directory that contains repodata/",
                )),
                None if !plain => {
                    Err(error::BAD_LOCATION
                        .with_cause("the URL contains invalid characters"))
                }
                None => {
                    Ok(vec![Repository { id: format!("{ID}1"), url: url.to_owned(), local: false }])
                }
            }
        }
        PackageSource::Directory { inside, outside } => {
            repositories_of_directory(job, inside, outside)
        }
    }
}

fn repositories_of_directory(job: &Job, inside: &Path, outside: &Path) -> Result<Vec<Repository>> {
    let tree = tree::find(outside)?;
    let seen = |path: &Path| inside.join(path.strip_prefix(outside).unwrap_or(path));
    let (mut all, copy) = (vec![], job.copy()?);
    let add = |all: &mut Vec<Repository>| {
        let id = format!("{ID}{}", all.len() + 1);
        let url = format!("file://{}/{id}", job.work.display());
        all.push(Repository { id: id.clone(), url, local: true });
        job.work.join(id)
    };
    for repository in &tree.repositories {
        let at = add(&mut all);
        copy.symlink(seen(repository), &at)?;
    }
    if !tree.files.is_empty() {
        let at = add(&mut all);
        copy.make_directories(&at)?;
        let files: Vec<_> = tree.files.iter().map(|f| (f.clone(), seen(f))).collect();
        let dir = copy.directory(&at)?;
        write::create_repository(&dir.path(), &files)?;
    }
    if all.is_empty() {
        return Err(error::BAD_LOCATION
            .with_cause(format!("there are no packages in {}", outside.display())));
    }
    Ok(all)
}

/// The signing keys of configured repositories: the files in the alternate that `gpgkey` names.
/// Keys that would have to be fetched are not among them.
pub fn signing_keys(root: &Path, directories: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = vec![];
    let Ok(root) = Beneath::open(root) else { return all };
    for dir in directories.iter().map(Path::new) {
        let found = root.read_dir(dir).unwrap_or_default();
        for file in found
            .iter()
            .map(|e| dir.join(&e.name))
            .filter(|p| p.extension().is_some_and(|e| e == "repo"))
        {
            parse_keys(&root.text(file).unwrap_or_default(), &mut all);
        }
    }
    all.sort();
    all.dedup();
    all
}

fn parse_keys(text: &str, all: &mut Vec<String>) {
    let mut section: (bool, Vec<String>) = (true, vec![]);
    // A key may be on lines of its own that begin with a blank.
    let mut within = false;
    for line in text.lines().chain(["[end]"]) {
        let continued = within && line.starts_with([' ', '\t']);
        let (key, value) =
            if continued { ("gpgkey", line) } else { line.split_once('=').unwrap_or((line, "")) };
        within = key.trim() == "gpgkey";
        match key.trim() {
            "gpgkey" => {
                let urls = value
                    .split([' ', '\t', ','])
                    .filter(|u| u.starts_with("file:///") && !u.contains(char::is_control));
                section.1.extend(urls.map(str::to_owned));
            }
            "enabled" => section.0 = !matches!(value.trim(), "0" | "false" | "no" | "False"),
            head if head.starts_with('[') => {
                let (enabled, keys) = std::mem::replace(&mut section, (true, vec![]));
                all.extend(keys.into_iter().filter(|_| enabled));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_enabled_repositories() {
        let text = "[a]\nenabled=1\ngpgkey=file:///etc/pki/rpm-gpg/KEY-$releasever https://x/key\n  file:///etc/pki/rpm-gpg/OTHER\n\
                    [b]\nenabled = 0\ngpgkey = file:///etc/pki/no\n[c]\ngpgkey=file:///c\n";
        let mut all = vec![];
        parse_keys(text, &mut all);
        assert_eq!(
            all,
            [
                "file:///etc/pki/rpm-gpg/KEY-$releasever",
                "file:///etc/pki/rpm-gpg/OTHER",
                "file:///c"
            ]
        );
    }
}
