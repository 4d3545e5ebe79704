//! zypper and rpm: SUSE Linux Enterprise and openSUSE.
//!
//! [`call`] is how zypper is started: nobody is asked, and for a location of our own only that
//! location counts: repository files, caches and downloads are below the job's directory.
//! [`summary`] reads what zypper would do, which it tells in XML.

mod call;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::rpm::{account, account::Acts, database, offer, place, said};
use super::{Available, Fix, Format, Goal, Job, Manager, Package, Place, Transaction};
use crate::error;
use crate::host::cmd::Finished;
use crate::host::sandbox::Sandbox;
use crate::text::printable;
use call::Call;

/// zypper(8) and rpm(8) of the alternate.
pub struct Zypper;

impl Manager for Zypper {
    fn name(&self) -> &'static str {
        "zypper"
    }

    fn format(&self) -> Format {
        Format::Rpm
    }

    fn installed(&self, inside: &Sandbox) -> Result<Vec<Package>> {
        Ok(database::installed(inside)?.into_iter().map(|i| i.package).collect())
    }

    fn prepare(&self, job: &Job) -> Result<()> {
        database::mend(job)?;
        call::write_repositories(job, &place::repositories(job)?)?;
        let done =
            Call::new(job, "read the lists of packages").fresh().command("refresh").ids().run()?;
        match (call::went_well(&done), job.place) {
            (true, _) => Ok(()),
            (false, Place::Configured) => {
                Err(error::UPDATE_FAILED.with_cause(("zypper cannot read its lists of packages", said::words(&done))))
            }
            (false, _) => Err(error::BAD_LOCATION.with_remedy(
                ("zypper cannot read the lists of packages of the location", said::words(&done)),
                "look whether repodata/repomd.xml is there and can be read, and whether it is signed with a key that the copy trusts",
            )),
        }
    }

    fn available(&self, job: &Job) -> Result<Vec<Available>> {
        offer::available(job, &lists())
    }

    fn fixes(&self, job: &Job, asked: &[String], available: &[Available]) -> Result<Vec<Fix>> {
        offer::fixes(job, &lists(), asked, available)
    }

    fn transaction(
        &self,
        job: &Job,
        goals: &[Goal],
        available: &[Available],
    ) -> Result<Transaction> {
        let mut acts = Acts::default();
        for act in call::acts(job, goals) {
            let done =
                Call::new(job, "ask zypper what it would do").xml().act(&act).dry().read()?;
            // ERR_SYNTAX and ERR_INVALID_ARGS.
            if let (Some(_), Some(1..=3)) = (&job.flags.own, done.code) {
                return Err(error::BAD_MANAGER_FLAGS
                    .with_cause(("zypper does not understand its flags", said::words(&done))));
            }
            let summary = summary::parse(&done.text());
            if !call::went_well(&done) || !summary.problems.is_empty() {
                return Err(error::CONFLICTING_UPDATE.with_cause((
                    "zypper cannot install what is wanted",
                    problems(&summary, &done),
                )));
            }
            acts = acts.and(summary.acts);
        }
        let done =
            account::transaction(acts, &database::installed(job.inside)?, available, job.place);
        account::nothing_older(&done, goals)?;
        Ok(done)
    }

    fn apply(&self, job: &Job, goals: &[Goal]) -> Result<()> {
        for act in call::acts(job, goals) {
            let done = Call::new(job, "install the packages").act(&act).run()?;
            for script in said::failed_scripts(&done) {
                job.events
                    .warn(format!("a script of a package failed: {script}; its words are above"));
            }
            if !call::went_well(&done) {
                return Err(error::UPDATE_FAILED
                    .with_cause(("zypper could not install what is wanted", said::words(&done))));
            }
        }
        Ok(())
    }
}

/// Where zypper keeps the lists that it fetched.
fn lists() -> PathBuf {
    Path::new(call::CACHE).join("raw")
}

/// Why it cannot be done, in zypper's words.
fn problems(summary: &summary::Summary, done: &Finished) -> String {
    if summary.problems.is_empty() {
        return said::words(done);
    }
    let lines = summary
        .problems
        .iter()
        .flat_map(|p| p.lines())
        .map(str::trim_end)
        .filter(|l| !l.is_empty());
    lines.take(30).map(|l| format!("\n  {}", printable(l, false))).collect()
}

#[cfg(test)]
mod tests;
