//! zypper and rpm: SUSE Linux Enterprise and openSUSE.
//!
//! [`call`] is how zypper is started: nobody is asked, and for a location of our own only that
//! location counts: repository files, caches and downloads are below the job's directory.
//! [`summary`] parses what zypper would do, which it prints as XML.

mod call;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::rpm::{
    database, listing, messages, repositories, transaction, transaction::PlannedChanges,
};
use crate::error;
use crate::host::cmd::Finished;
use crate::host::sandbox::Sandbox;
use crate::software::changes::Package;
use crate::software::formats::Format;
use crate::software::formats::rpm::RpmFormat;
use crate::software::managers::manager::{Job, Manager};
use crate::software::model::{Available, Fix, PackageRequest, Transaction};
use crate::software::source::PackageSource;
use crate::text::printable;
use call::Call;

/// zypper(8) and rpm(8) of the alternate.
pub struct Zypper;

impl Manager for Zypper {
    fn name(&self) -> &'static str {
        "zypper"
    }

    fn format(&self) -> Format {
        &RpmFormat
    }

    fn installed(&self, inside: &Sandbox) -> Result<Vec<Package>> {
        Ok(database::installed(inside)?.into_iter().map(|i| i.package).collect())
    }

    fn prepare(&self, job: &Job) -> Result<()> {
        database::repair(job)?;
        call::write_repositories(job, &repositories::repositories(job)?)?;
        let done = Call::new(job, "read the lists of packages")
            .with_refresh()
            .command("refresh")
            .with_repositories()
            .run()?;
        match (call::succeeded(&done), job.source) {
            (true, _) => Ok(()),
            (false, PackageSource::Configured) => {
                Err(error::UPDATE_FAILED.with_cause(("zypper cannot read its lists of packages", messages::last_lines(&done))))
            }
            (false, _) => Err(error::BAD_LOCATION.with_remedy(
                ("zypper cannot read the lists of packages of the location", messages::last_lines(&done)),
                "check that repodata/repomd.xml exists and can be read, and that it is signed with a key that the copy trusts",
            )),
        }
    }

    fn available(&self, job: &Job) -> Result<Vec<Available>> {
        listing::available(job, &lists())
    }

    fn fixes(&self, job: &Job, asked: &[String], available: &[Available]) -> Result<Vec<Fix>> {
        listing::fixes(job, &lists(), asked, available)
    }

    fn transaction(
        &self,
        job: &Job,
        requests: &[PackageRequest],
        available: &[Available],
    ) -> Result<Transaction> {
        let mut planned = PlannedChanges::default();
        for action in call::actions(job, requests) {
            let done = Call::new(job, "ask zypper what it would do")
                .with_xml()
                .with_action(&action)
                .dry_run()
                .read()?;
            // ERR_SYNTAX and ERR_INVALID_ARGS.
            if let (Some(_), Some(1..=3)) = (&job.flags.native, done.code) {
                return Err(error::BAD_MANAGER_FLAGS.with_cause((
                    "zypper does not understand its flags",
                    messages::last_lines(&done),
                )));
            }
            let summary = summary::parse(&done.text());
            if !call::succeeded(&done) || !summary.problems.is_empty() {
                return Err(error::CONFLICTING_UPDATE.with_cause((
                    "zypper cannot install the packages as requested",
                    problems(&summary, &done),
                )));
            }
            planned = planned.merge(summary.planned);
        }
        let done = transaction::transaction(
            planned,
            &database::installed(job.inside)?,
            available,
            job.source,
        );
        transaction::nothing_older(&done, requests)?;
        Ok(done)
    }

    fn apply(&self, job: &Job, requests: &[PackageRequest]) -> Result<()> {
        for action in call::actions(job, requests) {
            let done = Call::new(job, "install the packages").with_action(&action).run()?;
            for script in messages::failed_scripts(&done) {
                job.events
                    .warn(format!("a script of a package failed: {script}; see its output above"));
            }
            if !call::succeeded(&done) {
                return Err(error::UPDATE_FAILED.with_cause((
                    "zypper failed to install the packages",
                    messages::last_lines(&done),
                )));
            }
        }
        Ok(())
    }
}

/// The directory of the lists that zypper fetched.
fn lists() -> PathBuf {
    Path::new(call::CACHE).join("raw")
}

/// The reasons why it cannot be done, from the output of zypper.
fn problems(summary: &summary::Summary, done: &Finished) -> String {
    if summary.problems.is_empty() {
        return messages::last_lines(done);
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
