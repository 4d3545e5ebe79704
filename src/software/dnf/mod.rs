//! dnf and rpm: Fedora, Red Hat Enterprise Linux and what comes of them.
//!
//! [`call`] is how dnf is started: nobody is asked, and for a location of our own only that
//! location counts: repository files, caches and downloads are below the job's directory. dnf 4 and
//! dnf 5 are called in the words that both understand. [`table`] reads what dnf would do.

mod call;
mod table;

use std::path::Path;

use anyhow::Result;

use super::rpm::{account, account::Acts, database, offer, place, said};
use super::{Available, Fix, Format, Goal, Job, Manager, Package, Place, Transaction};
use crate::error;
use crate::host::cmd::Finished;
use crate::host::sandbox::Sandbox;
use crate::text::printable;
use call::Call;

/// What dnf says where packages are to be checked and there is nothing to check them with.
const NO_KEYS: &str = "you do not have any GPG public keys";

/// dnf(8) and rpm(8) of the alternate.
pub struct Dnf;

impl Manager for Dnf {
    fn name(&self) -> &'static str {
        "dnf"
    }

    fn format(&self) -> Format {
        Format::Rpm
    }

    fn installed(&self, inside: &Sandbox) -> Result<Vec<Package>> {
        Ok(database::installed(inside)?.into_iter().map(|i| i.package).collect())
    }

    fn prepare(&self, job: &Job) -> Result<()> {
        call::program(job.inside)?;
        call::remove_locks(job)?;
        database::mend(job)?;
        call::write_configuration(job)?;
        call::write_repositories(job, &place::repositories(job)?)?;
        let done = Call::new(job, "read the lists of packages")?
            .args(["makecache"])
            .cmd()
            .accept(&[1])
            .run(job.events)?;
        match (done.success(), job.place) {
            (true, _) => Ok(()),
            (false, Place::Configured) => Err(error::UPDATE_FAILED
                .with_cause(("dnf cannot read its lists of packages", said::words(&done)))),
            (false, _) => Err(error::BAD_LOCATION.with_remedy(
                ("dnf cannot read the lists of packages of the location", said::words(&done)),
                "look whether repodata/repomd.xml is there and can be read",
            )),
        }
    }

    fn available(&self, job: &Job) -> Result<Vec<Available>> {
        offer::available(job, Path::new(call::CACHE))
    }

    fn fixes(&self, job: &Job, asked: &[String], available: &[Available]) -> Result<Vec<Fix>> {
        offer::fixes(job, Path::new(call::CACHE), asked, available)
    }

    fn transaction(
        &self,
        job: &Job,
        goals: &[Goal],
        available: &[Available],
    ) -> Result<Transaction> {
        let mut acts = Acts::default();
        for words in commands(goals) {
            let done = Call::new(job, "ask dnf what it would do")?
                .args(["--assumeno"])
                .flags()
                .args(&words)
                .cmd()
                .accept(&[1, 2])
                .read()?;
            flags_understood(job, &done)?;
            match table::parse(&done.text()) {
                Some(table) => {
                    tell(job, &table, &done);
                    acts = acts.and(table.acts);
                }
                None if done.success() => {}
                None if [&done.stdout, &done.stderr]
                    .iter()
                    .any(|s| String::from_utf8_lossy(s).contains(NO_KEYS)) =>
                {
                    return Err(error::CONFLICTING_UPDATE.with_remedy(
                        "packages of a repository at a URL must be signed with a key that the copy trusts, and it has no key at all",
                        "import the key of the repository there (rpm --import), or give -I '--nogpgcheck' if its packages need no check",
                    ));
                }
                None => {
                    return Err(error::CONFLICTING_UPDATE
                        .with_cause(("dnf cannot install what is wanted", said::words(&done))));
                }
            }
        }
        let done =
            account::transaction(acts, &database::installed(job.inside)?, available, job.place);
        account::nothing_older(&done, goals)?;
        Ok(done)
    }

    fn apply(&self, job: &Job, goals: &[Goal]) -> Result<()> {
        for words in commands(goals) {
            let done = Call::new(job, "install the packages")?
                .args(["-y"])
                .flags()
                .args(&words)
                .cmd()
                .accept(&[1])
                .run(job.events)?;
            for script in said::failed_scripts(&done) {
                job.events
                    .warn(format!("a script of a package failed: {script}; its words are above"));
            }
            if !done.success() {
                return Err(error::UPDATE_FAILED
                    .with_cause(("dnf could not install what is wanted", said::words(&done))));
            }
        }
        Ok(())
    }
}

/// dnf's commands for the goals: first what was named, and what that needs, then all updates.
fn commands(goals: &[Goal]) -> Vec<Vec<String>> {
    let named = |goal: &Goal| match goal {
        Goal::All => None,
        Goal::Package { name, version: None } => Some(name.clone()),
        Goal::Package { name, version: Some(version) } => Some(format!("{name}-{version}")),
    };
    let names: Vec<String> = goals.iter().filter_map(named).collect();
    let mut all = vec![];
    if !names.is_empty() {
        // Without --best, what is installed in an older version would stay so.
        all.push([vec!["--best".to_owned(), "install".to_owned()], names].concat());
    }
    if goals.contains(&Goal::All) {
        all.push(vec!["upgrade".to_owned()]);
    }
    all
}

/// dnf ends with 2 where it does not understand its arguments, and what it gets beside those of
/// `-I` is ours.
fn flags_understood(job: &Job, done: &Finished) -> Result<()> {
    match (&job.flags.own, done.code) {
        (Some(_), Some(2)) => Err(error::BAD_MANAGER_FLAGS
            .with_cause(("dnf does not understand its flags", said::words(done)))),
        _ => Ok(()),
    }
}

/// Tells what stays behind, and whether the table was understood.
fn tell(job: &Job, table: &table::Table, done: &Finished) {
    if !table.skipped.is_empty() {
        let names: Vec<String> = table
            .skipped
            .iter()
            .map(|p| printable(&format!("{} {}", p.name, p.version), false))
            .collect();
        let why = String::from_utf8_lossy(&done.stderr);
        let why: String = why
            .lines()
            .filter(|l| !l.trim().is_empty())
            .take(20)
            .map(|l| format!("\n  {}", printable(l, false)))
            .collect();
        job.events
            .warn((format!("cannot be updated from the location: {}", names.join(", ")), why));
    }
    if !table.counted {
        job.events.warn("dnf's forecast could not be parsed completely: the space that it needs may be underestimated");
    }
}

#[cfg(test)]
mod tests;
