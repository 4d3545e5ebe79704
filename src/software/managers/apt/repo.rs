//! An index of our own for a directory of packages, which itself cannot be written: a flat
//! repository below the job's directory, whose packages are links into the location.
//!
//! The links have names of our own: file names in a location may hold what one version of apt
//! decodes and another does not (`%3a`).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

use super::call::Call;
use super::work::work_path;
use crate::error;
use crate::software::formats::deb::catalog;
use crate::software::formats::deb::control::Paragraph;
use crate::software::formats::deb::entry::Entry;
use crate::software::managers::manager::Job;

/// Its directory, below that of the job.
pub const REPO: &str = "repo";
/// The number of checksums per call.
const BATCH: usize = 200;
/// Fields of an index, which a package's own control file does not decide.
const INDEX_FIELDS: [&str; 8] =
    ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Status", "Description-md5"];

/// Makes the repository for the packages in `outside`, which is `inside` for the alternate.
///
/// # Errors
/// ALT-732 if there are none; if it cannot be written.
pub fn create(job: &Job, outside: &Path, inside: &Path) -> Result<()> {
    let (copy, top) = (job.copy()?, work_path(job, REPO));
    let pool = top.join("pool");
    copy.make_directories(&pool)?;
    let location =
        outside.canonicalize().with_context(|| format!("reading {}", outside.display()))?;
    let mut names = BTreeSet::new();
    let mut found: Vec<(String, String)> = vec![];
    let mut failed = None;
    catalog::visit(outside, None, &mut |entry, fields| {
        let mut name = file_name(&entry);
        if !names.insert(name.clone()) {
            // Epochs are not in names, and long ones are cut.
            name = format!("{}.{name}", names.len() + found.len());
            names.insert(name.clone());
        }
        let text = stanza(&entry, &fields, &name);
        // The target of a link in the location, which may be absolute.
        let real = outside
            .join(&entry.file)
            .canonicalize()
            .ok()
            .and_then(|p| Some(p.strip_prefix(&location).ok()?.to_owned()));
        match copy.symlink(inside.join(real.as_ref().unwrap_or(&entry.file)), pool.join(&name)) {
            Ok(()) => found.push((name, text)),
            Err(e) => drop(failed.get_or_insert(e)),
        }
    })?;
    if let Some(e) = failed {
        return Err(e);
    }
    if found.is_empty() {
        return Err(error::BAD_LOCATION
            .with_cause(format!("there are no Debian packages in {}", outside.display())));
    }
    let index = top.join("Packages");
    let writing = || format!("writing {}", index.display());
    let mut out = BufWriter::new(copy.create_file(&index, 0o644)?);
    for some in found.chunks(BATCH) {
        let sums = checksums(job, some)?;
        for ((_, text), sum) in some.iter().zip(sums) {
            write!(out, "{text}SHA256: {sum}\n\n").with_context(writing)?;
        }
    }
    out.flush().with_context(writing)?;
    job.events.note(format!("created an index of the packages in the location: {}", found.len()));
    Ok(())
}

/// `name_version_arch.deb`, without the epoch, as Debian's archive names packages.
fn file_name(entry: &Entry) -> String {
    let version = entry.version.rsplit(':').next().unwrap_or_default();
    let name = format!("{}_{version}_{}", entry.name, entry.arch);
    format!("{}.deb", name.chars().take(150).collect::<String>())
}

/// The paragraph of a package without its checksum. Every line is a field or continues one,
/// whatever the package contains.
fn stanza(entry: &Entry, fields: &Paragraph, name: &str) -> String {
    let mut text = String::new();
    for (field, value) in fields
        .0
        .iter()
        .filter(|(field, _)| !INDEX_FIELDS.iter().any(|f| f.eq_ignore_ascii_case(field)))
    {
        let _ = writeln!(text, "{field}: {value}");
    }
    let _ = write!(text, "Filename: pool/{name}\nSize: {}\n", entry.size);
    text
}

/// SHA-256 of these packages, by the alternate's own sha256sum(1), which every Debian has.
fn checksums(job: &Job, some: &[(String, String)]) -> Result<Vec<String>> {
    let pool = work_path(job, REPO).join("pool");
    let paths = some.iter().map(|(name, _)| pool.join(name));
    let done = Call::without_sources(job, "sha256sum", "checksums of the packages in the location")
        .args(["--"])
        .args(paths)
        .cmd()
        .read()?;
    let sums: Vec<String> = done
        .text()
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    anyhow::ensure!(
        sums.len() == some.len(),
        "sha256sum gave {} checksums for {} packages",
        sums.len(),
        some.len()
    );
    Ok(sums)
}
