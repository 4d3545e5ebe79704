//! What updates the alternate: the distribution's own package manager, run inside it.
//!
//! The flow: [`Wanted`] is what `-l -w -b -f -F -I` ask for. [`contents`] reads what a directory
//! offers (packages, fixes, bundles) without any package manager, for lists and for refusals before
//! anything is touched. In phase 2 the [`Manager`] of what the alternate is makes the location
//! known to itself, [`resolve`] turns names and fixes into [`Goal`]s, the manager computes the
//! [`Transaction`], space is checked, and only then it installs. What was installed before and
//! after becomes [`Changes`].
//!
//! Nothing here writes outside the alternate, and managers read nothing of the running system's:
//! they run in [`Sandbox`].

pub mod changes;
pub mod contents;
pub mod flags;
pub mod install;
pub mod installed;
pub mod location;
pub mod wanted;

mod apt;
mod arch;
mod budget;
mod deb;
mod dnf;
mod judge;
mod pacman;
mod place;
mod resolve;
mod rpm;
pub mod space;
#[cfg(test)]
mod total;
mod unpack;
mod walk;
mod zypper;

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::sandbox::Sandbox;

pub use changes::{Changes, Package};
pub use contents::{Available, Contents, Fix};
pub use location::{Location, Place};
pub use wanted::Wanted;

pub use flags::Flags;

/// The format of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Deb,
    Rpm,
    /// Of pacman.
    Arch,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deb => "Debian packages (.deb)",
            Self::Rpm => "RPM packages (.rpm)",
            Self::Arch => "packages of pacman (.pkg.tar.zst)",
        })
    }
}

/// One thing to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Every update that the location has for what is installed.
    All,
    /// A package by name, in the newest version there is or in this one.
    Package { name: String, version: Option<String> },
}

/// What a package manager would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    pub changes: Changes,
    /// Bytes that are fetched to the alternate first (0 where packages are read where they lie).
    pub download: u64,
    /// By how many bytes what is installed grows; negative where it shrinks.
    pub growth: i64,
}

impl Wanted {
    /// What the step does, for people.
    pub fn title(&self) -> String {
        let count = |n: usize, what: &str| {
            (n > 0).then(|| {
                format!(
                    "{n} {what}{}",
                    if n == 1 { "" } else { if what.ends_with('x') { "es" } else { "s" } }
                )
            })
        };
        let all = self.all.then(|| "every update".to_owned());
        let parts: Vec<String> =
            [all, count(self.packages.len(), "package"), count(self.fixes.len(), "fix")]
                .into_iter()
                .flatten()
                .collect();
        let from = match &self.location {
            Location::Configured => "the repositories that the copy has".to_owned(),
            other => other.to_string(),
        };
        let list = match parts.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
            all => all.concat(),
        };
        format!("Install {list} from {from}")
    }
}

impl Wanted {
    /// What the package manager is asked, for people.
    pub fn lines(&self) -> Vec<String> {
        let list = |what: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
        };
        let all = self.all.then(|| "every update of what is installed".to_owned());
        let flags = self.flags.as_ref().map(|f| format!("flags: {f}"));
        [all, list("packages", &self.packages), list("fixes", &self.fixes), flags]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// What a package manager works with.
pub struct Job<'a> {
    /// Where the alternate is mounted.
    pub root: &'a Path,
    /// How programs run in it.
    pub inside: &'a Sandbox,
    /// Where packages come from, as seen from inside.
    pub place: &'a Place,
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
        goals: &[Goal],
        available: &[Available],
    ) -> Result<Transaction>;

    /// Fetches what [`Manager::apply`] needs. Returns whether that needs no network any more.
    ///
    /// # Errors
    /// ALT-730 with the manager's words.
    fn fetch(&self, _job: &Job, _goals: &[Goal]) -> Result<bool> {
        Ok(false)
    }

    /// Does it.
    ///
    /// # Errors
    /// ALT-730 with the manager's words.
    fn apply(&self, job: &Job, goals: &[Goal]) -> Result<()>;
}
