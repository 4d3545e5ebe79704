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

/// What a package manager works with.
pub struct Job<'a> {
    /// Where the alternate is mounted.
    pub root: &'a Path,
    /// How programs run in it.
    pub inside: &'a Sandbox,
    /// Where packages come from, as seen from inside.
    pub source: &'a PackageSource,
    /// A directory of our own in the alternate, empty at first, for indexes, configuration and
    /// downloads, as seen from inside; it is removed at the end.
    pub work: PathBuf,
    pub flags: &'a Flags,
    /// An earlier update was killed: what it left half done may be finished.
    pub interrupted: bool,
    pub events: &'a Events,
}

impl Job<'_> {
    /// The copy, to read and write in it.
    ///
    /// # Errors
    /// If it is not there.
    pub fn copy(&self) -> Result<Beneath> {
        Beneath::open(self.root)
    }
}

/// A distribution's package manager. Each call is one question or one act; the flow is in
/// [`install`](self).
pub trait Manager {
    /// `apt`, `dnf`, `zypper`, `pacman`.
    fn name(&self) -> &'static str;

    fn format(&self) -> Format;

    /// Names of installed packages that no update may remove; empty where the manager itself sees
    /// to that.
    ///
    /// # Errors
    /// What the package database's tool says.
    fn essential(&self, _inside: &Sandbox) -> Result<Vec<String>> {
        Ok(vec![])
    }

    /// What is installed, sorted by name.
    ///
    /// # Errors
    /// What the package database's tool says.
    fn installed(&self, inside: &Sandbox) -> Result<Vec<Package>>;

    /// Finishes what an interrupted run left (`dpkg --configure -a`), and makes the location known:
    /// indexes, configuration below [`Job::work`], fetching of lists. The alternate's own lists of
    /// repositories stay as they are.
    ///
    /// # Errors
    /// ALT-730 with the manager's words, ALT-732 where the place is no repository of its kind.
    fn prepare(&self, job: &Job) -> Result<()>;

    /// What the location offers, after [`Manager::prepare`].
    ///
    /// # Errors
    /// What the manager says.
    fn available(&self, job: &Job) -> Result<Vec<Available>>;

    /// The fixes that the location knows, after [`Manager::prepare`], which offers `available`:
    /// `asked` are the names that are looked for, so that slow sources (changelogs inside packages)
    /// are read only when advisories do not know them.
    ///
    /// # Errors
    /// What cannot be read.
    fn fixes(&self, job: &Job, asked: &[String], available: &[Available]) -> Result<Vec<Fix>>;

    /// What installing these out of what is `available` would do. Nothing is changed.
    ///
    /// # Errors
    /// ALT-740 with the manager's words where it cannot be done.
    fn transaction(
        &self,
        job: &Job,
        requests: &[PackageRequest],
        available: &[Available],
    ) -> Result<Transaction>;

    /// Fetches what [`Manager::apply`] needs. Returns whether that needs no network any more.
    ///
    /// # Errors
    /// ALT-730 with the manager's words.
    fn fetch(&self, _job: &Job, _goals: &[PackageRequest]) -> Result<bool> {
        Ok(false)
    }

    /// Does it.
    ///
    /// # Errors
    /// ALT-730 with the manager's words.
    fn apply(&self, job: &Job, requests: &[PackageRequest]) -> Result<()>;
}
