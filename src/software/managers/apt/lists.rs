//! The packages that the location offers, from its directory or from the lists that apt fetched.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::call::Call;
use super::sources;
use crate::host::beneath::Beneath;
use crate::software::formats::deb;
use crate::software::formats::deb::catalog::{self, Form};
use crate::software::formats::deb::control::{Paragraph, Paragraphs};
use crate::software::formats::deb::entry::Entry;
use crate::software::formats::deb::index::{self, Suite};
use crate::software::managers::manager::Job;
use crate::software::model::Available;
use crate::software::source::PackageSource;

/// Suffixes of compressed lists.
const FORMS: [&str; 5] = ["", ".gz", ".xz", ".zst", ".lz4"];

/// The packages that can be installed from the location.
///
/// # Errors
/// If apt fails, or a list cannot be read.
pub fn available(job: &Job) -> Result<Vec<Available>> {
    let mut found = vec![];
    visit(job, &mut |entry, _| {
        let (dir, file) = match job.source {
            PackageSource::Directory { outside, .. } => (outside.as_path(), true),
            _ => (Path::new(""), false),
        };
        let available = entry.available(dir);
        found.push(Available { file: available.file.filter(|_| file), ..available });
    })?;
    Ok(found)
}

/// Visits the packages of the location that the alternate's architectures allow.
///
/// # Errors
/// If apt fails, or a list cannot be read.
pub fn visit(job: &Job, visit: &mut dyn FnMut(Entry, Paragraph)) -> Result<()> {
    let architectures = deb::architectures(job.root)?;
    let visit = &mut |entry: Entry, fields: Paragraph| {
        if deb::is_for(&entry.arch, &architectures) {
            visit(entry, fields);
        }
    };
    if let PackageSource::Directory { outside, .. } = job.source {
        let suites = match catalog::form(outside) {
            Form::Flat => None,
            Form::Archive(all) => Some(sources::suites(job, &all)?),
        };
        catalog::visit(outside, suites.as_deref(), visit)?;
        return Ok(());
    }
    let call = Call::new(job, "apt-get", "ask where apt keeps its lists").args([
        "indextargets",
        "--format",
        "$(METAKEY) $(FILENAME)",
        "Created-By: Packages",
    ]);
    let copy = job.copy()?;
    for (key, list) in call.cmd().read()?.text().lines().filter_map(|line| line.split_once(' ')) {
        let there = FORMS.iter().map(|form| format!("{list}{form}")).find(|name| copy.exists(name));
        let on_request = is_on_request(&copy, key, list);
        let visit = &mut |entry, fields| visit(Entry { on_request, ..entry }, fields);
        match there {
            Some(name) if name.ends_with(".lz4") => read_lz4(job, &PathBuf::from(name), visit)?,
            Some(name) => {
                let file = copy.open_file(&name).with_context(|| format!("reading {name}"))?;
                index::read(file, Path::new(&name), visit)?;
            }
            None => {}
        }
    }
    Ok(())
}

/// Whether the Release file beside a list says `NotAutomatic`. The list's name is that file's
/// directory and the list's own name there (`key`), with underscores for slashes.
fn is_on_request(copy: &Beneath, key: &str, list: &str) -> bool {
    let list = FORMS.iter().skip(1).find_map(|form| list.strip_suffix(form)).unwrap_or(list);
    let Some(start) = list.strip_suffix(&key.replace('/', "_")) else { return false };
    let read = |name: &str| index::read_some(copy.open_file(format!("{start}{name}")).ok()?);
    ["InRelease", "Release"]
        .iter()
        .find_map(|name| read(name))
        .is_some_and(|text| Suite::parse("", &text).on_request)
}

/// Only apt itself can unpack this one.
fn read_lz4(job: &Job, list: &Path, visit: &mut dyn FnMut(Entry, Paragraph)) -> Result<()> {
    let done = Call::new(job, "/usr/lib/apt/apt-helper", "unpack a list")
        .args(["cat-file"])
        .args([list])
        .cmd()
        .read()?;
    let mut reader = Paragraphs::new(done.stdout.as_slice());
    while let Some(fields) = reader.next()? {
        if let Some(entry) = index::entry(&fields) {
            visit(entry, fields);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_release_of_a_list() {
        let dir = tempfile::tempdir().unwrap();
        let lists = dir.path().join("var/lib/apt/lists");
        fs::create_dir_all(&lists).unwrap();
        let put = |name: &str, text: &str| {
            fs::write(lists.join(name), format!("Codename: x\n{text}")).unwrap()
        };
        put("host_debian_dists_bookworm-backports_InRelease", "NotAutomatic: yes\n");
        put("host_debian_dists_bookworm_InRelease", "");
        put("host_flat_._Release", "NotAutomatic: yes\n");
        for (key, list, want) in [
            (
                "main/binary-amd64/Packages",
                "host_debian_dists_bookworm-backports_main_binary-amd64_Packages.lz4",
                true,
            ),
            (
                "main/binary-amd64/Packages",
                "host_debian_dists_bookworm-backports_main_binary-amd64_Packages",
                true,
            ),
            (
                "main/binary-amd64/Packages",
                "host_debian_dists_bookworm_main_binary-amd64_Packages",
                false,
            ),
            (
                "main/binary-amd64/Packages",
                "host_debian_dists_absent_main_binary-amd64_Packages",
                false,
            ),
            ("Packages", "host_flat_._Packages", true),
            ("odd", "host_flat_._Packages", false),
        ] {
            assert_eq!(
                is_on_request(
                    &Beneath::open(dir.path()).unwrap(),
                    key,
                    &format!("/var/lib/apt/lists/{list}")
                ),
                want,
                "{list}"
            );
        }
    }
}
