//! pacman: Arch Linux and what comes of it.
//!
//! [`conf`] writes a pacman.conf(5) of our own below the job's directory. Over the alternate's
//! lists of repositories ours are laid while pacman runs: so its own stay as they are, whatever
//! happens. A directory of packages becomes a repository by a database that we write. With
//! `configured` pacman works with its own configuration and lists. [`repair`] takes care of what a
//! killed run left, [`plan`] reads what pacman would do.
//!
//! Configuration files (PACMAN(8), "HANDLING CONFIG FILES"): a new version of one that nobody
//! changed is taken; one that was changed stays, and the new one lies beside it as `.pacnew`.

mod call;
mod conf;
mod plan;
mod repair;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, Finished};
use crate::host::sandbox::Sandbox;
use crate::software::changes::Package;
use crate::software::formats::arch::PacmanFormat;
use crate::software::formats::arch::{self, catalog, db, entry::Entry};
use crate::software::formats::{Format, PackageFormat};
use crate::software::managers::manager::{Job, Manager};
use crate::software::model::{Available, Fix, PackageRequest, Transaction};
use crate::software::source::PackageSource;
use call::{call, last_lines, read_lists};

/// pacman(8) of the alternate.
pub struct Pacman;

/// The default that `-I` replaces: packages that are up to date are not installed unfinished.
pub const DEFAULTS: [&str; 1] = ["--needed"];

impl Manager for Pacman {
    fn name(&self) -> &'static str {
        "pacman"
    }

    fn format(&self) -> Format {
        &PacmanFormat
    }

    fn installed(&self, inside: &Sandbox) -> Result<Vec<Package>> {
        let (all, _) =
            db::local(&Beneath::open(&inside.root)?, &conf::database(&inside.root)?.join("local"));
        Ok(all
            .into_iter()
            .map(|e| Package { name: e.name, version: e.version, arch: e.arch })
            .collect())
    }

    fn prepare(&self, job: &Job) -> Result<()> {
        let unfinished = repair::prepare(job)?;
        if let PackageSource::Directory { outside, .. } = job.source
            && installable(job, outside)?.is_empty()
        {
            return Err(error::BAD_LOCATION.with_cause(format!(
                "no package in {} is for this architecture",
                outside.display()
            )));
        }
        conf::write(job)?;
        match job.source {
            PackageSource::Directory { .. } => write_database(job, &[])?,
            source => {
                let done = call(job, "fetch the lists of the repositories")?
                    .arg("-Sy")
                    .accept(&[1])
                    .run(job.events)?;
                let entry = if *source == PackageSource::Configured {
                    &error::UPDATE_FAILED
                } else {
                    &error::BAD_LOCATION
                };
                if !done.success() {
                    return Err(entry.with_cause((
                        "pacman cannot fetch its lists of packages",
                        last_lines(&done),
                    )));
                }
            }
        }
        repair::finish(job, &unfinished)
    }

    fn available(&self, job: &Job) -> Result<Vec<Available>> {
        Ok(match job.source {
            PackageSource::Directory { outside, .. } => {
                installable(job, outside)?.iter().map(|e| e.available(outside)).collect()
            }
            _ => read_lists(job)?
                .iter()
                .map(|e| Available { file: None, ..e.available(Path::new("")) })
                .collect(),
        })
    }

    fn fixes(&self, job: &Job, asked: &[String], available: &[Available]) -> Result<Vec<Fix>> {
        match job.source {
            PackageSource::Directory { outside, .. } => {
                PacmanFormat.fixes(available, outside, asked)
            }
            // Its advisories are not in its repositories.
            _ => Ok(vec![]),
        }
    }

    fn transaction(
        &self,
        job: &Job,
        requests: &[PackageRequest],
        _available: &[Available],
    ) -> Result<Transaction> {
        if let PackageSource::Directory { .. } = job.source {
            write_database(job, requests)?;
        }
        let done = install(
            job,
            requests,
            "ask pacman what it would do",
            &["--print", "--print-format", plan::PRINT_FORMAT],
        )?
        .accept(&[1])
        .read()?;
        if !done.success() {
            return Err(error::CONFLICTING_UPDATE.with_cause((
                "pacman cannot install the packages as requested",
                last_lines(&done),
            )));
        }
        let (installed, _) = db::local(&job.copy()?, &conf::database(job.root)?.join("local"));
        let targets = plan::parse(&done.text());
        let there = read_lists(job)?;
        let fetched = !matches!(job.source, PackageSource::Directory { .. });
        Ok(plan::transaction(&targets, &there, &installed, fetched))
    }

    fn apply(&self, job: &Job, requests: &[PackageRequest]) -> Result<()> {
        let done =
            install(job, requests, "install the packages", &[])?.accept(&[1]).run(job.events)?;
        if done.success() {
            return Ok(());
        }
        let entry =
            if is_unchanged(&done) { &error::CONFLICTING_UPDATE } else { &error::UPDATE_FAILED };
        Err(entry.with_cause(("pacman failed to install the packages", last_lines(&done))))
    }
}

fn install(job: &Job, requests: &[PackageRequest], sentence: &str, more: &[&str]) -> Result<Cmd> {
    let names = requests.iter().filter_map(|request| match request {
        PackageRequest::AllUpdates => None,
        PackageRequest::Named { name, version: None } => Some(name.clone()),
        PackageRequest::Named { name, version: Some(version) } => Some(format!("{name}={version}")),
    });
    let own = job.flags.native.clone().unwrap_or_else(|| DEFAULTS.map(str::to_owned).to_vec());
    let cmd = call(job, sentence)?
        .arg(if requests.contains(&PackageRequest::AllUpdates) { "-Su" } else { "-S" })
        .args(own)
        .args(more);
    Ok(cmd.arg("--").args(names))
}

/// The packages of a directory that fit this machine.
fn installable(job: &Job, outside: &Path) -> Result<Vec<Entry>> {
    let fits = conf::architectures(job.root)?;
    let (mut all, _) = catalog::entries(outside)?;
    all.retain(|e| e.arch == "any" || fits.contains(&e.arch));
    Ok(all)
}

/// Makes the directory a repository: each package in the version that is wanted, else in its
/// newest.
fn write_database(job: &Job, requests: &[PackageRequest]) -> Result<()> {
    let PackageSource::Directory { outside, .. } = job.source else { return Ok(()) };
    let mut chosen: Vec<Entry> = vec![];
    for entry in installable(job, outside)? {
        let wanted = requests.iter().find_map(|g| match g {
            PackageRequest::Named { name, version: Some(version) } if *name == entry.name => {
                Some(version)
            }
            _ => None,
        });
        let is =
            |e: &Entry| wanted.is_some_and(|v| arch::compare(&e.version, v) == Ordering::Equal);
        match chosen.iter_mut().find(|c| c.name == entry.name) {
            None => chosen.push(entry),
            Some(had) if is(&entry) => *had = entry,
            Some(had)
                if !is(had) && arch::compare(&entry.version, &had.version) == Ordering::Greater =>
            {
                *had = entry
            }
            Some(_) => {}
        }
    }
    let at = job.work.join(conf::SYNC).join(format!("{}.db", conf::REPOSITORY));
    let entries: Vec<&Entry> = chosen.iter().collect();
    job.copy()?.replace(at, &db::build(&entries)?, 0o644)
}

/// Whether pacman stopped before it changed anything: packages conflict, or files exist already.
fn is_unchanged(done: &Finished) -> bool {
    let err = String::from_utf8_lossy(&done.stderr);
    ["failed to prepare transaction", "failed to commit transaction (conflicting files)"]
        .iter()
        .any(|said| err.contains(said))
}
