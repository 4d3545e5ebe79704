//! The file systems of rootvg as trees that are walked: each seen alone, whatever is mounted in it
//! or over it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::fcntl::OFlag;

use crate::disk::fs::FsType;
use crate::engine::facts::{Facts, esp, exclusions, names, subvolume};
use crate::error;
use crate::host::fs_calls::open_below;
use crate::host::{detached, fs_calls};
use crate::image::create::Tree;
use crate::image::data::{Fs, ImageData};
use crate::tree::Source;

/// All of them; the first is the one at `/`. An EFI system partition need not be mounted; that one
/// cannot be read is a warning.
///
/// # Errors
/// ALT-310 if one is not mounted any more, ALT-406 if it cannot be opened.
pub fn open_all(image: &ImageData, facts: &Facts, warnings: &mut Vec<String>) -> Result<Vec<Tree>> {
    let mut trees = Vec::new();
    for fs in &image.fs_data {
        if !esp::is_esp(image, fs) {
            trees.extend(open_file_system(fs, facts)?);
        } else if names::source_device(&facts.source, &fs.fs_name).is_some() {
            // An edited image.data may give one to a machine that has none.
            trees.extend(esp_tree(&fs.fs_name, facts.open_esp(&fs.fs_name), warnings));
        }
    }
    trees.sort_by_key(|t| t.prefix.components().count());
    if trees.first().is_none_or(|t| t.prefix != Path::new("/")) {
        return Err(
            error::SOURCE_CHANGED.with_cause("the root file system is not mounted at / any more")
        );
    }
    Ok(trees)
}

fn esp_tree(
    fs_name: &str,
    view: Result<Option<OwnedFd>>,
    warnings: &mut Vec<String>,
) -> Option<Tree> {
    let why = match view {
        Ok(Some(top)) => {
            return Some(Tree {
                source: Source::from_fd(top),
                prefix: fs_name.into(),
                leave_out: vec![],
            });
        }
        Ok(None) => "it is not mounted, and this kernel cannot mount it or its device is not found"
            .to_owned(),
        Err(e) => error::cause(&e),
    };
    warnings.push(format!(
        "the files of the EFI system partition ({fs_name}) are NOT in the image: {why}"
    ));
    None
}

/// Those of one file system: one, or one for each subvolume.
///
/// # Errors
/// As [`open_all`].
pub fn open_file_system(fs: &Fs, facts: &Facts) -> Result<Vec<Tree>> {
    let mount = facts.mount_of(fs)?;
    let mut trees = vec![];
    if fs.subvolume.is_empty() {
        trees.push(Tree {
            source: Source::open_mount(&mount)?,
            prefix: PathBuf::from(&fs.fs_name),
            leave_out: vec![],
        });
    } else {
        subvolumes(fs, Path::new(&mount.source), &mut trees)?;
    }
    let never = exclusions::leave_out(&facts.source);
    for tree in &mut trees {
        let inside = never.iter().filter_map(|p| p.strip_prefix(&tree.prefix).ok());
        tree.leave_out = inside.filter(|p| !p.as_os_str().is_empty()).map(Path::to_owned).collect();
    }
    Ok(trees)
}

/// Every subvolume is a tree of its own, at the place that it has in the running system.
fn subvolumes(fs: &Fs, device: &Path, trees: &mut Vec<Tree>) -> Result<()> {
    // Each stays open: layers of containers can be hundreds.
    fs_calls::raise_open_files();
    let top = detached::open_device(device, FsType::Btrfs.name(), "subvolid=5")?;
    let mut by_path = BTreeMap::new();
    for s in &fs.subvolume {
        // A subvolume that is mounted twice is still one subvolume.
        by_path.entry(s.path.as_str()).or_insert(s);
    }
    for (path, s) in by_path {
        let from = if path.is_empty() {
            top.try_clone()?
        } else {
            subvolume::open_below(top.as_fd(), path)?
        };
        trees.push(Tree {
            source: Source::from_fd(from),
            prefix: subvolume::prefix(fs, s),
            leave_out: vec![],
        });
    }
    Ok(())
}

/// Files of one tree that lie below the mount point of another: an image is one tree, and there it
/// has the other's.
pub fn warn_of_hidden_files(trees: &[Tree]) -> Vec<String> {
    let mut warnings = vec![];
    for inner in trees {
        let outer = trees
            .iter()
            .filter(|o| o.prefix != inner.prefix && inner.prefix.starts_with(&o.prefix));
        let Some(outer) = outer.max_by_key(|o| o.prefix.components().count()) else { continue };
        let inside = inner.prefix.strip_prefix(&outer.prefix).unwrap_or(Path::new(""));
        let dir = open_below(
            outer.source.as_fd(),
            inside.as_os_str().as_bytes(),
            OFlag::O_RDONLY | OFlag::O_DIRECTORY,
        );
        let same = |fd: &OwnedFd| {
            fs_calls::stat_fd(fd).is_ok_and(|a| {
                fs_calls::stat_fd(&inner.source).is_ok_and(|b| (a.dev, a.ino) == (b.dev, b.ino))
            })
        };
        let has_files = dir.is_ok_and(|fd| {
            !same(&fd)
                && fs_calls::list(&fd, &mut [0; 4096])
                    .is_ok_and(|all| all.is_some_and(|all| !all.is_empty()))
        });
        if has_files {
            let (at, over) = (inner.prefix.display(), outer.prefix.display());
            warnings.push(format!("{over} has files at {at}, below the file system that is mounted there: they are NOT in the image"));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_esp_is_never_left_out_without_a_word() {
        let mut warnings = vec![];
        let dir = tempfile::tempdir().unwrap();
        let top = std::fs::File::open(dir.path()).unwrap().into();
        assert_eq!(
            esp_tree("/boot/efi", Ok(Some(top)), &mut warnings).unwrap().prefix,
            Path::new("/boot/efi")
        );
        assert!(warnings.is_empty());
        assert!(esp_tree("/boot/efi", Ok(None), &mut warnings).is_none());
        assert!(
            esp_tree(
                "/efi",
                Err(error::NO_VIEW.with_cause("/dev/sda1 (vfat, ) could not be mounted: EIO")),
                &mut warnings
            )
            .is_none()
        );
        assert!(
            warnings[0].contains("(/boot/efi) are NOT in the image: it is not mounted"),
            "{warnings:?}"
        );
        assert!(warnings[1].contains("could not be mounted: EIO"), "{warnings:?}");
    }
}
