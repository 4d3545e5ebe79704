//! What the location offers, read from its directory or from the lists that apt fetched.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::call::Call;
use super::sources;
use crate::host::resolve::resolve;
use crate::software::deb::catalog::{self, Form};
use crate::software::deb::control::{Paragraph, Paragraphs};
use crate::software::deb::entry::Entry;
use crate::software::deb::index;
use crate::software::{Available, Job, Place};

/// How lists may be compressed, where apt keeps them so.
const FORMS: [&str; 5] = ["", ".gz", ".xz", ".zst", ".lz4"];

/// Everything that can be installed from the location.
///
/// # Errors
/// What apt says.
pub fn available(job: &Job) -> Result<Vec<Available>> {
    let mut found = vec![];
    each(job, &mut |entry, _| {
        let (dir, file) = match job.place {
            Place::Directory { here, .. } => (here.as_path(), true),
            _ => (Path::new(""), false),
        };
        let available = entry.available(dir);
        found.push(Available { file: available.file.filter(|_| file), ..available });
    })?;
    Ok(found)
}

/// Goes through the packages of the location.
///
/// # Errors
/// What apt says.
pub fn each(job: &Job, visit: &mut dyn FnMut(Entry, Paragraph)) -> Result<()> {
    if let Place::Directory { here, .. } = job.place {
        let suites = match catalog::form(here) {
            Form::Flat => None,
            Form::Archive(all) => Some(sources::suites(job, &all)?),
        };
        catalog::each(here, suites.as_deref(), visit)?;
        return Ok(());
    }
    let call = Call::new(job, "apt-get", "ask where apt keeps its lists").args([
        "indextargets",
        "--format",
        "$(FILENAME)",
        "Created-By: Packages",
    ]);
    for list in call.cmd().read()?.text().lines() {
        let there = FORMS.iter().map(|form| format!("{list}{form}")).find_map(|name| {
            let here = resolve(job.root, Path::new(&name)).ok()?;
            fs::metadata(&here).ok().map(|_| (name, here))
        });
        match there {
            Some((name, _)) if name.ends_with(".lz4") => lz4(job, &PathBuf::from(name), visit)?,
            Some((_, here)) => index::read(&here, visit)?,
            None => {}
        }
    }
    Ok(())
}

/// Only apt itself can unpack this one.
fn lz4(job: &Job, list: &Path, visit: &mut dyn FnMut(Entry, Paragraph)) -> Result<()> {
    let done = Call::new(job, "/usr/lib/apt/apt-helper", "unpack a list").args(["cat-file"]).args([list]).cmd().read()?;
    let mut reader = Paragraphs::new(done.stdout.as_slice());
    while let Some(fields) = reader.next()? {
        if let Some(entry) = index::entry(&fields) {
            visit(entry, fields);
        }
    }
    Ok(())
}
