//! The files of a directory that may be worth a look: packages, indexes, advisories.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::error;
use crate::host::signals;

/// `pool/main/o/openssl/x.deb` stands five deep; a medium's top directory may stand above it.
const DEEP: usize = 7;
/// More files than this are not a directory of packages.
const MOST: usize = 400_000;

/// Regular files below `dir`, relative to it, sorted. Links to files count where they stay within
/// `dir` (elsewhere the package manager could not follow them); links to directories are not
/// followed. `enter` says which directories are looked into.
///
/// # Errors
/// Where `dir` itself cannot be read, ALT-711 for an interrupt.
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
                if depth < DEEP && enter(&path) {
                    waiting.push((path, depth + 1));
                }
            } else if kind.is_file() || (kind.is_symlink() && leads_to_file(&top, &dir.join(&path)))
            {
                found.push(path);
            }
            if found.len() > MOST {
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
