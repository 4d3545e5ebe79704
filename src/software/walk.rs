//! Lists the files of a directory: packages, indexes, advisories.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::error;
use crate::host::signals;

/// The deepest directory that is searched. `pool/main/o/openssl/x.deb` is five deep, perhaps below
/// another directory.
const MAX_DEPTH: usize = 7;
/// The listing ends after this many files.
const MAX_FILES: usize = 400_000;

/// Regular files below `dir`, relative to it, sorted. Links to files count if they stay within
/// `dir` (elsewhere the package manager could not follow them); links to directories are not
/// followed. `enter` selects the directories to search.
///
/// # Errors
/// If `dir` itself cannot be read; ALT-711 if a signal interrupts it.
pub fn files(dir: &Path, enter: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let top = dir.canonicalize().with_context(|| format!("reading {}", dir.display()))?;
    let mut found = vec![];
    let mut waiting = vec![(PathBuf::new(), 0)];
    while let Some((at, depth)) = waiting.pop() {
        if signals::interrupted() {
            return Err(
                error::INTERRUPTED.with_cause("stopped by a signal while a directory was read")
            );
        }
        let entries = match fs::read_dir(dir.join(&at)) {
            Ok(entries) => entries,
            Err(e) if at.as_os_str().is_empty() => {
                return Err(e).with_context(|| format!("reading {}", dir.display()));
            }
            // Lost+found of a medium, say.
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let path = at.join(entry.file_name());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if depth < MAX_DEPTH && enter(&path) {
                    waiting.push((path, depth + 1));
                }
            } else if kind.is_file() || (kind.is_symlink() && leads_to_file(&top, &dir.join(&path)))
            {
                found.push(path);
            }
            if found.len() > MAX_FILES {
                found.sort();
                return Ok(found);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn leads_to_file(top: &Path, link: &Path) -> bool {
    link.canonicalize().is_ok_and(|to| to.starts_with(top) && to.is_file())
}
