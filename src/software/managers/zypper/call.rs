//! Runs zypper in the alternate.
//!
//! Its global flags stand before the command, the others behind it. With a location of our own, its
//! repositories, caches and downloads are below the job's directory, and no other repository is
//! looked at, whatever a service adds. With `configured`, the repositories are the alternate's own,
//! and only caches and downloads are ours.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, Finished};
use crate::software::managers::manager::Job;
use crate::software::managers::rpm::repositories::Repository;
use crate::software::model::PackageRequest;
use crate::software::source::PackageSource;

/// The directory of caches, below that of the job.
pub const CACHE: &str = "cache";
/// The directory of repository files, below that of the job.
const REPOSITORIES: &str = "repos";
/// Flags of `-I` that zypper wants before its command.
const GLOBAL: [&str; 16] = [
    "--no-gpg-checks",
    "--gpg-auto-import-keys",
    "--ignore-unknown",
    "-i",
    "--quiet",
    "-q",
    "--verbose",
    "-v",
    "--color",
    "--no-color",
    "--no-abbrev",
    "-A",
    "--non-interactive",
    "--non-interactive-include-reboot-patches",
    "--no-cd",
    "--no-remote",
];
/// zypper's exit codes that are no failure: a reboot or a restart is needed, a script of a package
/// failed that is not needed for its installation.
const FINE: [i32; 4] = [0, 102, 103, 107];
/// All others that it has.
const OTHERS: [i32; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 100, 101, 102, 103, 104, 105, 106, 107];

/// A command of zypper's for some requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// `install`, `update` or `dist-upgrade`.
    pub command: &'static str,
    /// Flags behind the command.
    pub flags: Vec<&'static str>,
    /// Names of packages, perhaps with versions.
    pub names: Vec<String>,
}

/// zypper's commands for the requests: first what was named, and what that needs, then all updates.
pub fn actions(job: &Job, requests: &[PackageRequest]) -> Vec<Action> {
    let mut common = vec![];
    if *job.source != PackageSource::Configured {
        // Root named the location: that its packages are of another maker than those installed is
        // no reason to leave them out.
        common.push("--allow-vendor-change");
    }
    if job.flags.accept_licences {
        common.push("--auto-agree-with-licenses");
    }
    if !job.flags.requisites {
        common.push("--no-recommends");
    }
    let mut all = vec![];
    let (mut names, mut versioned) = (vec![], false);
    for request in requests {
        match request {
            PackageRequest::Named { name, version: None } => names.push(name.clone()),
            PackageRequest::Named { name, version: Some(version) } => {
                versioned = true;
                names.push(format!("{name}={version}"));
            }
            PackageRequest::AllUpdates => {}
        }
    }
    if !names.is_empty() {
        let older = versioned.then_some("--oldpackage");
        all.push(Action {
            command: "install",
            flags: common.iter().copied().chain(older).collect(),
            names,
        });
    }
    if requests.contains(&PackageRequest::AllUpdates) {
        let command = if *job.source == PackageSource::Configured && is_rolling(job.root) {
            "dist-upgrade"
        } else {
            "update"
        };
        all.push(Action { command, flags: common, names: vec![] });
    }
    all
}

/// A distribution without releases (Tumbleweed, Slowroll): each update may be any change.
fn is_rolling(root: &Path) -> bool {
    let text = Beneath::open(root).ok().and_then(|root| {
        ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|p| root.text(p))
    });
    let id = text
        .iter()
        .flat_map(|t| t.lines())
        .find_map(|l| l.strip_prefix("ID="))
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned();
    id.contains("tumbleweed") || id.contains("slowroll")
}

/// Whether zypper reports success.
pub fn succeeded(done: &Finished) -> bool {
    done.code.is_some_and(|c| FINE.contains(&c))
}

/// zypper about to be run.
pub struct Call<'a> {
    job: &'a Job<'a>,
    sentence: String,
    global: Vec<String>,
    command: Vec<String>,
    names: Vec<String>,
}

impl<'a> Call<'a> {
    /// zypper with the options of every call.
    pub fn new(job: &'a Job<'a>, sentence: &str) -> Self {
        let below = |name: &str| job.work.join(name).display().to_string();
        let mut global: Vec<String> =
            ["--non-interactive", "--no-refresh", "--cache-dir"].map(str::to_owned).to_vec();
        global.push(below(CACHE));
        if *job.source != PackageSource::Configured {
            global.extend(["--reposd-dir".to_owned(), below(REPOSITORIES)]);
        }
        Self { job, sentence: sentence.to_owned(), global, command: vec![], names: vec![] }
    }

    /// Lets zypper refresh its lists.
    pub fn with_refresh(mut self) -> Self {
        self.global.retain(|g| g != "--no-refresh");
        let own = self.native_flags();
        self.global.extend(own.into_iter().filter(|f| GLOBAL.contains(&f.as_str())));
        self
    }

    /// Requests output in XML.
    pub fn with_xml(mut self) -> Self {
        self.global.push("--xmlout".to_owned());
        self
    }

    /// Sets the command.
    pub fn command(mut self, command: &str) -> Self {
        self.command.push(command.to_owned());
        self
    }

    /// Names the repositories of the location.
    pub fn with_repositories(mut self) -> Self {
        self.names.extend(repository_ids(self.job));
        self
    }

    /// A command with the flags of `-I`. There are no defaults that they replace: without any,
    /// zypper works as its configuration in the alternate says.
    pub fn with_action(mut self, action: &Action) -> Self {
        let (before, behind): (Vec<String>, Vec<String>) =
            self.native_flags().into_iter().partition(|f| GLOBAL.contains(&f.as_str()));
        self.global.extend(before);
        self.command.push(action.command.to_owned());
        self.command
            .extend(repository_ids(self.job).into_iter().flat_map(|id| ["--repo".to_owned(), id]));
        self.command.extend(action.flags.iter().map(|f| (*f).to_owned()));
        self.command.extend(behind);
        self.names.extend(action.names.iter().cloned());
        self
    }

    /// Requests a simulation.
    pub fn dry_run(mut self) -> Self {
        self.command.push("--dry-run".to_owned());
        self
    }

    fn native_flags(&self) -> Vec<String> {
        self.job.flags.native.clone().unwrap_or_default()
    }

    fn cmd(self) -> Cmd {
        let dashes = (!self.names.is_empty()).then(|| "--".to_owned());
        Cmd::new("zypper", self.sentence)
            .in_sandbox(self.job.inside)
            .args(self.global)
            .args(self.command)
            .args(dashes)
            .args(self.names)
            .accept(&OTHERS)
    }

    /// Runs it, and forwards its output to the event stream.
    ///
    /// # Errors
    /// If it cannot be started. The caller checks the exit code.
    pub fn run(self) -> Result<Finished> {
        let events = self.job.events;
        self.cmd().run(events)
    }

    /// Runs it as a query.
    ///
    /// # Errors
    /// As [`Call::run`].
    pub fn read(self) -> Result<Finished> {
        self.cmd().read()
    }
}

/// The repositories that [`write_repositories`] wrote.
fn repository_ids(job: &Job) -> Vec<String> {
    let found =
        job.copy().and_then(|copy| copy.read_dir(job.work.join(REPOSITORIES))).unwrap_or_default();
    found
        .iter()
        .filter_map(|e| e.name.to_string_lossy().strip_suffix(".repo").map(str::to_owned))
        .collect()
}

/// Writes a repository file for each of the location's.
///
/// # Errors
/// If they cannot be written.
pub fn write_repositories(job: &Job, repositories: &[Repository]) -> Result<()> {
    let (copy, dir) = (job.copy()?, job.work.join(REPOSITORIES));
    copy.make_directories(&dir)?;
    // A URL may hold a password.
    repositories.iter().try_for_each(|r| {
        copy.replace(dir.join(format!("{}.repo", r.id)), text(r).as_bytes(), 0o600)
    })
}

fn text(Repository { id, url, local }: &Repository) -> String {
    let mut text = format!(
        "[{id}]\nname={id}\nbaseurl={url}\ntype=rpm-md\nenabled=1\nautorefresh=1\nkeeppackages=0\n"
    );
    // Root named the directory, so it is trusted.
    let checks = if *local { "gpgcheck=0\nrepo_gpgcheck=0\npkg_gpgcheck=0" } else { "gpgcheck=1" };
    let _ = writeln!(text, "{checks}");
    text
}
