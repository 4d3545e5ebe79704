//! apt and dpkg: Debian, Ubuntu and what comes of them.
//!
//! [`call`] is how they are started: every question answered beforehand, configuration files that
//! the administrator changed kept, the alternate's own lists untouched. [`repair`] finishes what an
//! interrupted run left. [`sources`] makes the location known: a directory of packages gets an
//! index of our own ([`repo`]), everything else is a line of a sources.list of our own.
//! [`simulate`] reads what apt would do, [`sizes`] how much room that takes, [`fixes`] which
//! packages bring a fix.

mod auth;
mod call;
mod debconf;
mod fixes;
mod lists;
mod repair;
mod repo;
mod simulate;
mod sizes;
mod sources;
mod work;

use anyhow::Result;

use crate::error;
use crate::host::sandbox::Sandbox;
use crate::software::changes::Package;
use crate::software::formats::Format;
use crate::software::formats::PackageFormat;
use crate::software::formats::deb::DebFormat;
use crate::software::managers::manager::{Job, Manager};
use crate::software::model::{Available, Fix, PackageRequest, Transaction};
use call::{Call, last_lines};
use sizes::Known;

/// apt-get(8) and dpkg(1) of the alternate.
pub struct Apt;

impl Manager for Apt {
    fn name(&self) -> &'static str {
        "apt"
    }

    fn format(&self) -> Format {
        &DebFormat
    }

    fn installed(&self, inside: &Sandbox) -> Result<Vec<Package>> {
        let mut all: Vec<Package> =
            sizes::database(inside)?.into_iter().map(|known| known.package).collect();
        all.sort();
        Ok(all)
    }

    fn essential(&self, inside: &Sandbox) -> Result<Vec<String>> {
        sizes::essential(inside)
    }

    fn prepare(&self, job: &Job) -> Result<()> {
        call::prepare_directories(job)?;
        debconf::write(job)?;
        repair::replay_journal(job)?;
        sources::write(job)?;
        repair::repair(job)
    }

    fn available(&self, job: &Job) -> Result<Vec<Available>> {
        lists::available(job)
    }

    fn fixes(&self, job: &Job, asked: &[String], _available: &[Available]) -> Result<Vec<Fix>> {
        fixes::find(job, asked)
    }

    fn transaction(
        &self,
        job: &Job,
        requests: &[PackageRequest],
        _available: &[Available],
    ) -> Result<Transaction> {
        let installed = sizes::database(job.inside)?;
        let Some(args) = command_words(job, requests, &installed) else {
            return Ok(Transaction::default());
        };
        let call = Call::new(job, "apt-get", "ask apt what it would do");
        let done = call.flags().args(["-s", "-y"]).args(&args).cmd().accept(&[100]).read()?;
        if !done.success() {
            return Err(error::CONFLICTING_UPDATE
                .with_cause(("apt cannot install the packages as requested", last_lines(&done))));
        }
        let acts = simulate::parse(&done.text());
        let changes = simulate::changes(&acts, &installed);
        let (download, growth) = sizes::measure(job, &changes, &installed)?;
        Ok(Transaction { changes, download, growth })
    }

    fn fetch(&self, job: &Job, requests: &[PackageRequest]) -> Result<bool> {
        get(job, requests, "fetch the packages", &["-y", "-q", "--download-only"])?;
        Ok(true)
    }

    fn apply(&self, job: &Job, requests: &[PackageRequest]) -> Result<()> {
        get(job, requests, "install the packages", &["-y", "-q"])
    }
}

fn get(job: &Job, requests: &[PackageRequest], sentence: &str, flags: &[&str]) -> Result<()> {
    let installed = if requests.is_empty() { vec![] } else { sizes::database(job.inside)? };
    let Some(args) = command_words(job, requests, &installed) else { return Ok(()) };
    let done = Call::new(job, "apt-get", sentence)
        .flags()
        .args(flags)
        .args(&args)
        .cmd()
        .accept(&[100])
        .run(job.events)?;
    if !done.success() {
        return Err(error::UPDATE_FAILED
            .with_cause((format!("apt could not {sentence}"), last_lines(&done))));
    }
    Ok(())
}

/// The command of apt with its arguments; None for an empty request.
fn command_words(
    job: &Job,
    requests: &[PackageRequest],
    installed: &[Known],
) -> Option<Vec<String>> {
    let all = requests.contains(&PackageRequest::AllUpdates);
    let command = match (all, job.flags.requisites) {
        // It also installs dependencies of new versions, and removes conflicting packages.
        (true, true) => "dist-upgrade",
        (true, false) => "upgrade",
        (false, _) => "install",
    };
    let names = requests.iter().filter_map(|request| match request {
        PackageRequest::AllUpdates => None,
        PackageRequest::Named { name, version: None } => Some(name.clone()),
        PackageRequest::Named { name, version: Some(version) } => Some(format!("{name}={version}")),
    });
    let mut out: Vec<String> = vec![command.to_owned()];
    if !job.flags.requisites && !all {
        out.push("--no-install-recommends".to_owned());
    }
    let older = |request: &PackageRequest| {
        let PackageRequest::Named { name, version: Some(version) } = request else { return false };
        let mut there = installed
            .iter()
            .map(|k| &k.package)
            .filter(|p| DebFormat.is_named(name, &p.name, &p.arch));
        there.any(|p| DebFormat.compare(version, &p.version).is_lt())
    };
    if requests.iter().any(older) {
        // apt may then downgrade other packages too; the transaction is checked for that.
        out.push("--allow-downgrades".to_owned());
    }
    out.extend(names);
    (!requests.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests;
