//! What is to be installed: `-w`, `-b`, `-f`, `-F` and what the files that they name list.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Location;

/// What `-l -w -b -f -F -I` ask for, the files that they name read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub location: Location,
    /// Every update that there is: `-w all`, or `update_all` in a bundle or as one.
    pub all: bool,
    /// `name` or `name=version`, of `-w` and the bundle, each once.
    pub packages: Vec<String>,
    /// Of `-F` and the fix list, each once.
    pub fixes: Vec<String>,
    /// `-I` as given; None: the manager's default.
    pub flags: Option<String>,
    /// For people: the bundle's file.
    pub bundle: Option<PathBuf>,
    /// For people: the fix list's file.
    pub fix_bundle: Option<PathBuf>,
}
