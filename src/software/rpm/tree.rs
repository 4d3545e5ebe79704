//! What a directory holds, a few levels deep: repositories (directories with `repodata/repomd.xml`), and package files outside them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::repomd::REPOMD;

/// Directories within directories that are looked at: a medium has `BaseOS/Packages/a/`.
const DEEPEST: usize = 4;
/// The most package files of one directory.
const MOST: usize = 200_000;

/// What was found, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub repositories: Vec<PathBuf>,
    /// Package files that lie in no repository.
    pub files: Vec<PathBuf>,
}

/// Looks through a directory. Links to files are followed, links to directories only at its top.
///
/// # Errors
/// Where the directory itself cannot be read.
pub fn look(dir: &Path) -> Result<Tree> {
    let mut tree = Tree::default();
    std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    enter(dir, DEEPEST, &mut tree);
    tree.repositories.sort();
    tree.files.sort();
    Ok(tree)
}

fn enter(dir: &Path, deep: usize, tree: &mut Tree) {
    if dir.join(REPOMD).is_file() {
        tree.repositories.push(dir.to_owned());
        return;
    }
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        let directory = kind.as_ref().is_ok_and(|k| k.is_dir() || k.is_symlink() && deep == DEEPEST && path.is_dir());
        if directory && deep > 0 {
            enter(&path, deep - 1, tree);
        } else if path.extension().is_some_and(|e| e == "rpm") && tree.files.len() < MOST && path.is_file() {
            tree.files.push(path);
        }
    }
}
