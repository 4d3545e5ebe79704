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

mod conf;
mod plan;
mod repair;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::path::Path;

use anyhow::{Context, Result};

use super::arch::{self, catalog, db, entry::Entry};
use super::{Available, Fix, Format, Goal, Job, Manager, Package, Place, Transaction, contents};
use crate::error;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, Finished};
use crate::host::sandbox::Sandbox;
use crate::text::printable;

/// pacman(8) of the alternate.
pub struct Pacman;

/// In every call: nobody is there to answer, no terminal to draw on.
const PLAIN: [&str; 4] = ["--noconfirm", "--noprogressbar", "--color", "never"];
/// What `-I` replaces: nothing is installed that is there already.
pub const DEFAULTS: [&str; 1] = ["--needed"];

/// How many lines of what pacman said an error quotes.
const QUOTED: usize = 10;

impl Manager for Pacman {
    fn name(&self) -> &'static str {
        "pacman"
    }

    fn format(&self) -> Format {
        Format::Arch
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
        let again = repair::prepare(job)?;
        if let Place::Directory { here, .. } = job.place
            && offered(job, here)?.is_empty()
        {
            return Err(error::BAD_LOCATION.with_cause(format!(
                "none of the packages in {} is for this kind of machine",
                here.display()
            )));
        }
        conf::write(job)?;
        match job.place {
            Place::Directory { .. } => database(job, &[])?,
            place => {
                let done = call(job, "fetch the lists of the repositories")?
                    .arg("-Sy")
                    .accept(&[1])
                    .run(job.events)?;
                let entry = if *place == Place::Configured {
                    &error::UPDATE_FAILED
                } else {
                    &error::BAD_LOCATION
                };
                if !done.success() {
                    return Err(entry.with_cause(("pacman cannot get the lists", words(&done))));
                }
            }
        }
        repair::finish(job, &again)
    }

    fn available(&self, job: &Job) -> Result<Vec<Available>> {
        Ok(match job.place {
            Place::Directory { here, .. } => {
                offered(job, here)?.iter().map(|e| e.available(here)).collect()
            }
            _ => synced(job)?
                .iter()
                .map(|e| Available { file: None, ..e.available(Path::new("")) })
                .collect(),
        })
    }

    fn fixes(&self, job: &Job, asked: &[String], _available: &[Available]) -> Result<Vec<Fix>> {
        match job.place {
            Place::Directory { here, .. } => contents::fixes(&contents::read(here)?, here, asked),
            // Its advisories are not in its repositories.
            _ => Ok(vec![]),
        }
    }

    fn transaction(
        &self,
        job: &Job,
        goals: &[Goal],
        _available: &[Available],
    ) -> Result<Transaction> {
        if let Place::Directory { .. } = job.place {
            database(job, goals)?;
        }
        let done = install(
            job,
            goals,
            "ask pacman what it would do",
            &["--print", "--print-format", plan::FORM],
        )?
        .accept(&[1])
        .read()?;
        if !done.success() {
            return Err(error::CONFLICTING_UPDATE
                .with_cause(("pacman cannot install what is wanted", words(&done))));
        }
        let (installed, _) = db::local(&job.copy()?, &conf::database(job.root)?.join("local"));
        let targets = plan::parse(&done.text());
        let there = synced(job)?;
        let fetched = !matches!(job.place, Place::Directory { .. });
        Ok(plan::transaction(&targets, &there, &installed, fetched))
    }

    fn apply(&self, job: &Job, goals: &[Goal]) -> Result<()> {
        let done =
            install(job, goals, "install the packages", &[])?.accept(&[1]).run(job.events)?;
        if done.success() {
            return Ok(());
        }
        let entry = if refused(&done) { &error::CONFLICTING_UPDATE } else { &error::UPDATE_FAILED };
        Err(entry.with_cause(("pacman could not install what is wanted", words(&done))))
    }
}

/// pacman with our configuration, or its own.
fn call(job: &Job, sentence: &str) -> Result<Cmd> {
    let cmd = Cmd::new("pacman", sentence);
    if *job.place == Place::Configured {
        return Ok(cmd.in_sandbox(job.inside).args(PLAIN));
    }
    let mut inside = job.inside.clone();
    inside.overlays.push((job.work.join(conf::SYNC), conf::database(job.root)?.join("sync")));
    Ok(cmd.in_sandbox(&inside).arg("--config").arg(job.work.join(conf::FILE)).args(PLAIN))
}

fn install(job: &Job, goals: &[Goal], sentence: &str, more: &[&str]) -> Result<Cmd> {
    let names = goals.iter().filter_map(|goal| match goal {
        Goal::All => None,
        Goal::Package { name, version: None } => Some(name.clone()),
        Goal::Package { name, version: Some(version) } => Some(format!("{name}={version}")),
    });
    let own = job.flags.own.clone().unwrap_or_else(|| DEFAULTS.map(str::to_owned).to_vec());
    let cmd = call(job, sentence)?
        .arg(if goals.contains(&Goal::All) { "-Su" } else { "-S" })
        .args(own)
        .args(more);
    Ok(cmd.arg("--").args(names))
}

/// The packages of a directory that fit this machine.
fn offered(job: &Job, here: &Path) -> Result<Vec<Entry>> {
    let fits = conf::architectures(job.root)?;
    let (mut all, _) = catalog::entries(here)?;
    all.retain(|e| e.arch == "any" || fits.contains(&e.arch));
    Ok(all)
}

/// The packages that pacman's lists have.
fn synced(job: &Job) -> Result<Vec<Entry>> {
    let sync = match job.place {
        Place::Configured => conf::database(job.root)?.join("sync"),
        _ => job.work.join(conf::SYNC),
    };
    let copy = job.copy()?;
    let mut all = vec![];
    for list in copy
        .read_dir(&sync)?
        .iter()
        .map(|e| sync.join(&e.name))
        .filter(|p| p.extension().is_some_and(|e| e == "db"))
    {
        let file = copy.open_file(&list).with_context(|| format!("reading {}", list.display()))?;
        all.extend(db::read(file, &list)?);
    }
    Ok(all)
}

/// Makes the directory a repository: each package in the version that is wanted, else in its
/// newest.
fn database(job: &Job, goals: &[Goal]) -> Result<()> {
    let Place::Directory { here, .. } = job.place else { return Ok(()) };
    let mut chosen: Vec<Entry> = vec![];
    for entry in offered(job, here)? {
        let wanted = goals.iter().find_map(|g| match g {
            Goal::Package { name, version: Some(version) } if *name == entry.name => Some(version),
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
    job.copy()?.replace(at, &db::written(&entries), 0o644)
}

/// What pacman said at last, for an error; begins with a line break. Why it failed stands on
/// standard output (which files are in the way), that it did on standard error.
fn words(done: &Finished) -> String {
    const NOISE: [&str; 12] = [
        "warning: ",
        "resolving ",
        "looking for ",
        "checking ",
        "loading ",
        "downloading",
        "Packages (",
        "Total ",
        "Net Upgrade",
        ":: Proceed",
        ":: Starting",
        ":: Retrieving",
    ];
    let text = [done.stdout.as_slice(), b"\n", done.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    let says = |l: &&str| {
        !l.is_empty()
            && !NOISE.iter().any(|n| l.starts_with(n))
            && !l.starts_with('(')
            && !l.ends_with(" downloading...")
    };
    let lines: Vec<String> =
        text.lines().map(str::trim).filter(says).map(|l| printable(l, false)).collect();
    lines[lines.len().saturating_sub(QUOTED)..].iter().map(|l| format!("\n  {l}")).collect()
}

/// Whether it gave up before it changed anything: packages that exclude each other, files that are
/// in the way.
fn refused(done: &Finished) -> bool {
    let err = String::from_utf8_lossy(&done.stderr);
    ["failed to prepare transaction", "failed to commit transaction (conflicting files)"]
        .iter()
        .any(|said| err.contains(said))
}
