//! Paths inside a root directory: symbolic links in the alternate mean the alternate's files, never the running system's.

use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

/// How many links are followed before it is called a loop, as the kernel does.
const LINKS: usize = 40;

/// Where `path` (absolute or not, as seen inside) leads below `root`. Links are followed inside `root`; `..` stops at its top. What does
/// not exist is appended as it is, so that a file can be made there.
///
/// # Errors
/// If links lead in a circle.
pub fn resolve(root: &Path, path: &Path) -> Result<PathBuf> {
    let mut todo: Vec<PathBuf> = components(path);
    let mut inside = PathBuf::new();
    let mut followed = 0;
    while let Some(part) = todo.pop() {
        if part == Path::new("..") {
            inside.pop();
            continue;
        }
        let next = inside.join(&part);
        match std::fs::read_link(root.join(&next)) {
            Ok(target) => {
                followed += 1;
                if followed > LINKS {
                    bail!("{}: symbolic links lead in a circle", path.display());
                }
                if target.is_absolute() {
                    inside = PathBuf::new();
                }
                todo.extend(components(&target));
            }
            Err(_) => inside = next,
        }
    }
    Ok(root.join(inside))
}

/// The names of a path, last first; `..` stays.
fn components(path: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = path
        .components()
        .filter_map(|c| match c {
            Component::Normal(n) => Some(PathBuf::from(n)),
            Component::ParentDir => Some(PathBuf::from("..")),
            _ => None,
        })
        .collect();
    all.reverse();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("etc/real")).unwrap();
        std::fs::write(root.join("etc/real/f"), "x").unwrap();
        symlink("/etc/real/f", root.join("abs")).unwrap();
        symlink("../../../../../etc/real", root.join("etc/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("/no/such", root.join("dangling")).unwrap();
        let at = |p: &str| resolve(root, Path::new(p)).unwrap();
        assert_eq!(at("/abs"), root.join("etc/real/f"));
        assert_eq!(at("etc/up/f"), root.join("etc/real/f"));
        assert_eq!(at("/../../etc/./real/../real/f"), root.join("etc/real/f"));
        assert_eq!(at("/dangling/x"), root.join("no/such/x"));
        assert!(resolve(root, Path::new("/loop")).is_err());
    }
}
