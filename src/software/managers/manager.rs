//! The interface of a package manager, and what each call works with.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::sandbox::Sandbox;
use crate::software::changes::Package;
use crate::software::flags::Flags;
use crate::software::formats::Format;
use crate::software::model::{Available, Fix, PackageRequest, Transaction};
use crate::software::source::PackageSource;

/// The context of each call of a package manager.
pub struct Job<'a> {
    /// The mount point of the alternate.
    pub root: &'a Path,
    /// The sandbox for programs that run in it.
    pub inside: &'a Sandbox,
    /// The source of packages, as the alternate sees it.
    pub source: &'a PackageSource,
    /// A directory of our own in the alternate, empty at first, for indexes, configuration and
    /// downloads, as seen from inside; it is removed at the end.
    pub work: PathBuf,
    /// The options of `-I`.
    pub flags: &'a Flags,
    /// An earlier update was killed, and may have left packages half installed.
    pub interrupted: bool,
    /// The event stream.
    pub events: &'a Events,
}

impl Job<'_> {
    /// Opens the root of the alternate for reading and writing.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn copy(&self) -> Result<Beneath> {
        Beneath::open(self.root)
    }
}

/// The package manager of a distribution. Each call is one query or one action; the flow is in
/// [`install`](crate::software::install).
pub trait Manager {
    /// `apt`, `dnf`, `zypper`, `pacman`.
    fn name(&self) -> &'static str;

    fn format(&self) -> Format;

    /// Names of installed packages that no update may remove; empty if the manager itself protects
    /// them.
    ///
    /// # Errors
    /// If the package database cannot be queried.
    fn essential(&self, _inside: &Sandbox) -> Result<Vec<String>> {
        Ok(vec![])
    }

    /// The installed packages, sorted by name.
    ///
    /// # Errors
    /// If the package database cannot be queried.
    fn installed(&self, inside: &Sandbox) -> Result<Vec<Package>>;

    /// Finishes what an interrupted run left (`dpkg --configure -a`), and makes the location known:
    /// indexes, configuration below [`Job::work`], fetching of lists. The alternate's own lists of
    /// repositories stay as they are.
    ///
    /// # Errors
    /// ALT-730 with the output of the manager, ALT-732 if the source is not a repository of its
    /// kind.
    fn prepare(&self, job: &Job) -> Result<()>;

    /// The packages that the location offers, after [`Manager::prepare`].
    ///
    /// # Errors
    /// If the lists of packages cannot be read.
    fn available(&self, job: &Job) -> Result<Vec<Available>>;

    /// The fixes that the location knows, after [`Manager::prepare`], which offers `available`:
    /// `asked` are the names that are looked for, so that slow sources (changelogs inside packages)
    /// are read only when advisories do not know them.
    ///
    /// # Errors
    /// If advisories or packages cannot be read.
    fn fixes(&self, job: &Job, asked: &[String], available: &[Available]) -> Result<Vec<Fix>>;

    /// Computes what installing these of the `available` packages would do. Nothing is changed.
    ///
    /// # Errors
    /// ALT-740 with the output of the manager if it cannot be done.
    fn transaction(
        &self,
        job: &Job,
        requests: &[PackageRequest],
        available: &[Available],
    ) -> Result<Transaction>;

    /// Downloads the packages that [`Manager::apply`] needs. Returns whether it can then run
    /// without network.
    ///
    /// # Errors
    /// ALT-730 with the output of the manager.
    fn fetch(&self, _job: &Job, _goals: &[PackageRequest]) -> Result<bool> {
        Ok(false)
    }

    /// Installs the packages.
    ///
    /// # Errors
    /// ALT-730 with the output of the manager.
    fn apply(&self, job: &Job, requests: &[PackageRequest]) -> Result<()>;
}
