//! Finds repositories (directories with `repodata/repomd.xml`) and package files outside them.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::repomd::REPOMD;
use crate::software::walk;

/// The repositories and package files of a directory, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Directories that contain `repodata/`.
    pub repositories: Vec<PathBuf>,
    /// Package files outside repositories.
    pub files: Vec<PathBuf>,
}

/// Searches a directory.
///
/// # Errors
/// As [`walk::files`].
pub fn find(dir: &Path) -> Result<Tree> {
    let all = walk::files(dir, &|_| true)?;
    let above =
        |f: &PathBuf| f.to_str().and_then(|name| name.strip_suffix(REPOMD)).map(PathBuf::from);
    let found: Vec<PathBuf> = all.iter().filter_map(above).collect();
    // One within another belongs to the outer one.
    let outer = |r: &&PathBuf| !found.iter().any(|o| o != *r && r.starts_with(o));
    let repositories: Vec<PathBuf> = found.iter().filter(outer).cloned().collect();
    let package = |f: &&PathBuf| {
        f.extension().is_some_and(|e| e == "rpm") && !repositories.iter().any(|r| f.starts_with(r))
    };
    let files = all.iter().filter(package).map(|f| dir.join(f)).collect();
    Ok(Tree { repositories: repositories.iter().map(|r| dir.join(r)).collect(), files })
}
