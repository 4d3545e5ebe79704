//! dnf and rpm: Fedora, Red Hat Enterprise Linux and what comes of them.
//!
//! [`call`] is how dnf is started: nobody is asked, and for a location of our own only that
//! location counts: repository files, caches and downloads are below the job's directory. dnf 4 and
//! dnf 5 are called with options that both understand. [`table`] parses what dnf would do.

mod call;
mod table;

use std::path::Path;

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

/// Printed by dnf if signatures must be checked and there is no key.
const NO_KEYS: &str = "you do not have any GPG public keys";

/// dnf(8) and rpm(8) of the alternate.
pub struct Dnf;

impl Manager for Dnf {
    fn name(&self) -> &'static str {
        "dnf"
    }

    fn format(&self) -> Format {
        &RpmFormat
    }

    fn installed(&self, inside: &Sandbox) -> Result<Vec<Package>> {
        Ok(database::installed(inside)?.into_iter().map(|i| i.package).collect())
    }

    fn prepare(&self, job: &Job) -> Result<()> {
        call::program(job.inside)?;
        call::remove_locks(job)?;
        database::repair(job)?;
        call::write_configuration(job)?;
        call::write_repositories(job, &repositories::repositories(job)?)?;
        let done = Call::new(job, "read the lists of packages")?
            .args(["makecache"])
            .cmd()
            .accept(&[1])
            .run(job.events)?;
        match (done.success(), job.source) {
            (true, _) => Ok(()),
            (false, PackageSource::Configured) => Err(error::UPDATE_FAILED.with_cause((
                "dnf cannot read its lists of packages",
                messages::last_lines(&done),
            ))),
            (false, _) => Err(error::BAD_LOCATION.with_remedy(
                (
                    "dnf cannot read the lists of packages of the location",
                    messages::last_lines(&done),
                ),
                "check that repodata/repomd.xml exists and can be read",
            )),
        }
    }

    fn available(&self, job: &Job) -> Result<Vec<Available>> {
        listing::available(job, Path::new(call::CACHE))
    }

    fn fixes(&self, job: &Job, asked: &[String], available: &[Available]) -> Result<Vec<Fix>> {
        listing::fixes(job, Path::new(call::CACHE), asked, available)
    }

    fn transaction(
        &self,
        job: &Job,
        requests: &[PackageRequest],
        available: &[Available],
    ) -> Result<Transaction> {
        let mut planned = PlannedChanges::default();
        for words in commands(requests) {
            let done = Call::new(job, "ask dnf what it would do")?
                .args(["--assumeno"])
                .flags()
                .args(&words)
                .cmd()
                .accept(&[1, 2])
                .read()?;
            check_flags(job, &done)?;
            match table::parse(&done.text()) {
                Some(table) => {
                    report(job, &table, &done);
                    planned = planned.merge(table.planned);
                }
                None if done.success() => {}
                None if [&done.stdout, &done.stderr]
                    .iter()
                    .any(|s| String::from_utf8_lossy(s).contains(NO_KEYS)) =>
                {
                    return Err(error::NO_SIGNING_KEY.with_cause("packages of a repository at a URL must be signed with a key that the copy trusts, and it has no key at all"));
                }
                None => {
                    return Err(error::CONFLICTING_UPDATE.with_cause((
                        "dnf cannot install the packages as requested",
                        messages::last_lines(&done),
                    )));
                }
            }
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
        for words in commands(requests) {
            let done = Call::new(job, "install the packages")?
                .args(["-y"])
                .flags()
                .args(&words)
                .cmd()
                .accept(&[1])
                .run(job.events)?;
            for script in messages::failed_scripts(&done) {
                job.events
                    .warn(format!("a script of a package failed: {script}; see its output above"));
            }
            if !done.success() {
                return Err(error::UPDATE_FAILED.with_cause((
                    "dnf failed to install the packages",
                    messages::last_lines(&done),
                )));
            }
        }
        Ok(())
    }
}

/// dnf's commands for the requests: first what was named, and what that needs, then all updates.
fn commands(requests: &[PackageRequest]) -> Vec<Vec<String>> {
    let named = |request: &PackageRequest| match request {
        PackageRequest::AllUpdates => None,
        PackageRequest::Named { name, version: None } => Some(name.clone()),
        PackageRequest::Named { name, version: Some(version) } => Some(format!("{name}-{version}")),
    };
    let names: Vec<String> = requests.iter().filter_map(named).collect();
    let mut all = vec![];
    if !names.is_empty() {
        // Without --best, an installed older version would stay.
        all.push([vec!["--best".to_owned(), "install".to_owned()], names].concat());
    }
    if requests.contains(&PackageRequest::AllUpdates) {
        all.push(vec!["upgrade".to_owned()]);
    }
    all
}

/// dnf ends with 2 where it does not understand its arguments, and what it gets beside those of
/// `-I` is ours.
fn check_flags(job: &Job, done: &Finished) -> Result<()> {
    match (&job.flags.native, done.code) {
        (Some(_), Some(2)) => Err(error::BAD_MANAGER_FLAGS
            .with_cause(("dnf does not understand its flags", messages::last_lines(done)))),
        _ => Ok(()),
    }
}

/// Warns about packages that cannot be updated, and if the table was not understood.
fn report(job: &Job, table: &table::Table, done: &Finished) {
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
    if !table.is_complete {
        job.events.warn("the list of packages that dnf would install was not understood entirely: the required space may be underestimated");
    }
}

#[cfg(test)]
mod tests;
