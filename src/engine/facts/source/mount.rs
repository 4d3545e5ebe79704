//! The mount through which a file system of rootvg is read, among all that are at its mount point.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::identity::ids::{IdMap, Names};
use crate::disk::fs::{self, FsType};
use crate::error;
use crate::host::mounts::is_of;
use crate::host::mounts::{self, Mount};
use crate::image::data::Fs;

/// The mount of `fs` in the running system; `devices`: every path that its device had when it was
/// described.
///
/// # Errors
/// ALT-310 if it is not mounted there any more.
pub fn mount_of(fs: &Fs, devices: &[PathBuf]) -> Result<Mount> {
    let all = mounts::mounted()?;
    let found = choose(&all, fs, &|m| devices.iter().any(|d| is_of(m, d)));
    found.cloned().ok_or_else(|| {
        error::SOURCE_CHANGED.with_cause(format!("{} is not mounted any more", place(fs).display()))
    })
}

/// Every path that the device of a file system had in the running system, by a plan's own map.
pub fn devices_of<'i>(ids: &'i IdMap, fs: &Fs) -> &'i [PathBuf] {
    names_of(ids, fs).map_or(&[], |names| &names.devices)
}

/// Everything by which that device could be named.
pub fn names_of<'i>(ids: &'i IdMap, fs: &Fs) -> Option<&'i Names> {
    ids.volumes.iter().find(|v| v.what == fs.fs_name).map(|v| &v.old)
}

fn place(fs: &Fs) -> &Path {
    Path::new(fs.subvolume.iter().find_map(|s| s.mount_point.as_deref()).unwrap_or(&fs.fs_name))
}

/// The newest mount of the device; after a restart it may have another name, and then the only one
/// that can be meant.
fn choose<'m>(all: &'m [Mount], fs: &Fs, is_its: &dyn Fn(&Mount) -> bool) -> Option<&'m Mount> {
    let whole = |m: &&Mount| fs::has_subvolumes(&m.fstype) || m.root == Path::new("/");
    let here: Vec<&Mount> = all
        .iter()
        .filter(|m| m.mount_point == place(fs) && m.fstype.parse::<FsType>().is_ok())
        .filter(whole)
        .collect();
    here.iter().rfind(|m| is_its(m)).or(here.first().filter(|_| here.len() == 1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::mounts::parse_mountinfo;

    #[test]
    fn the_device_decides() {
        let all = parse_mountinfo(
            b"20 1 8:1 / / rw - ext4 /dev/sda1 rw
21 20 8:2 / /home rw - xfs /dev/sda2 rw
22 21 8:17 / /home rw - ext4 /dev/sdb1 rw
23 22 0:40 / /home rw - tmpfs tmpfs rw
24 20 8:2 /x /srv rw - xfs /dev/sda2 rw
",
        );
        let at = |at: &str, device: &str| {
            let fs = Fs { fs_name: at.into(), ..Fs::default() };
            choose(&all, &fs, &|m| m.source == device).map(|m| m.id)
        };
        assert_eq!(at("/home", "/dev/sda2"), Some(21));
        assert_eq!(at("/home", "/dev/sdb1"), Some(22));
        assert_eq!(at("/home", "/dev/sdc2"), None, "two could be meant");
        assert_eq!(at("/", "/dev/sdc1"), Some(20), "one can");
        assert_eq!(at("/srv", "/dev/sda2"), None, "a directory of it");
    }
}
