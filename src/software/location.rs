//! `-l`: where packages are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// As `-l` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// A directory of packages, or one that is a repository.
    Directory(PathBuf),
    /// A block device or a file with a file system (an ISO image): mounted read-only while it is read.
    Device(PathBuf),
    /// A repository: its URL, and for apt the suite and components where they are given (`http://.../debian bookworm main`).
    Url { url: String, rest: Vec<String> },
    /// `configured`: the repositories that the alternate itself is configured with.
    Configured,
}

/// Where packages come from, as seen from inside the alternate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory, read-only.
    Directory {
        /// Inside the alternate.
        inside: PathBuf,
        /// The same from here.
        here: PathBuf,
    },
    Url {
        url: String,
        rest: Vec<String>,
    },
    Configured,
}
