//! The data that formats and managers exchange: packages and fixes that a location offers, what is
//! to be installed, and what a manager would do.

use std::path::PathBuf;

use super::changes::Changes;

/// A package that a location offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Available {
    /// The name, without version and architecture.
    pub name: String,
    /// As in [`Package`](super::changes::Package).
    pub version: String,
    /// The architecture in the format's own spelling: `amd64`, `x86_64`, `all`, `noarch`, `any`.
    pub arch: String,
    /// A one-line description; empty if there is none.
    pub summary: String,
    /// Size of the package file in bytes.
    pub size: u64,
    /// Size of the installed files in bytes.
    pub installed_size: u64,
    /// The package file, in the directory that was read.
    pub file: Option<PathBuf>,
    /// Installed only if it is requested with this very version (backports).
    pub on_request: bool,
}

/// A fix and the packages that contain it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fix {
    /// `DSA-5678-1`, `RHSA-2024:1234`, `CVE-2024-33599`, `#1068412`, `LP#2012345`.
    pub id: String,
    /// Its other names: the CVE and bug numbers of an advisory.
    pub names: Vec<String>,
    /// The title; empty if there is none.
    pub title: String,
    /// Binary packages of the location, each with the first version that has the fix.
    pub packages: Vec<(String, String)>,
}

/// The packages of one format in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Every package that can be installed.
    pub packages: Vec<Available>,
    /// Files that look like packages but cannot be used, and why.
    pub damaged: Vec<(PathBuf, String)>,
}

/// One thing to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageRequest {
    /// Every update that the location has for an installed package.
    AllUpdates,
    /// A package by name.
    Named {
        /// The name, with the architecture if the user gave one.
        name: String,
        /// This version; None for the newest that the location has.
        version: Option<String>,
    },
}

/// What a package manager would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The packages that it would install, update and remove.
    pub changes: Changes,
    /// Bytes to download into the alternate first; 0 if packages are read from a directory.
    pub download: u64,
    /// Growth of the installed files in bytes; negative if they shrink.
    pub growth: i64,
}
