//! The real machine, asked for what describes its file systems.

use std::os::fd::AsRawFd;
use std::path::Path;

use anyhow::Result;

use crate::disk::fs::FsType;
use crate::engine::facts::source;
use crate::engine::facts::source::{ListedSubvolume, Usage};
use crate::engine::facts::usage::counts;
use crate::host::cmd::Cmd;
use crate::host::mounts::Mount;
use crate::host::{detached, files};

/// The real machine behind [`source::MachineQueries`].
pub struct Machine;

impl source::MachineQueries for Machine {
    fn usage(&self, mount: &Mount) -> Result<Usage> {
        Ok(Usage { used: counts(mount)?.used })
    }

    fn subvolumes(&self, mount: &Mount) -> Result<(Vec<ListedSubvolume>, Option<String>)> {
        // Listed from the top level, because from anywhere else btrfs names what lies below
        // relative to there.
        let top =
            detached::open_device(Path::new(&mount.source), FsType::Btrfs.name(), "subvolid=5")?;
        let at = format!("/proc/{}/fd/{}", std::process::id(), top.as_raw_fd());
        let list = Cmd::new("btrfs", "list the subvolumes")
            .args(["subvolume", "list", "-q", &at])
            .read()?;
        let read_only = Cmd::new("btrfs", "list the read-only subvolumes")
            .args(["subvolume", "list", "-q", "-r", &at])
            .read()?;
        let default = Cmd::new("btrfs", "ask for the default subvolume")
            .args(["subvolume", "get-default", &at])
            .read()?;
        Ok((parse_subvolumes(&list.text(), &read_only.text()), parse_default(&default.text())))
    }

    fn has_quotas(&self, mount: &Mount) -> bool {
        // It fails where they are off.
        Cmd::new("btrfs", "ask whether quotas are on")
            .args(["qgroup", "show"])
            .arg(&mount.mount_point)
            .read()
            .is_ok()
    }

    fn mkfs_options(&self, fs: FsType, device: &Path) -> Result<Vec<String>> {
        fs.features(device)
    }

    fn crypttab(&self) -> String {
        let text =
            files::read_optional(Path::new("/etc/crypttab")).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// `btrfs subvolume list -q`: `ID 257 gen 9 top level 5 parent_uuid - path @home`; `read_only`: the
/// same with `-r`.
fn parse_subvolumes(text: &str, read_only: &str) -> Vec<ListedSubvolume> {
    let id = |line: &str| line.split_whitespace().nth(1)?.parse::<u64>().ok();
    let read_only: Vec<u64> = read_only.lines().filter_map(id).collect();
    text.lines()
        .filter_map(|l| {
            let (head, path) = l.split_once(" path ")?;
            let parent = head.split_whitespace().skip_while(|w| *w != "parent_uuid").nth(1)?;
            let id = id(head)?;
            let path = path.trim_start_matches("<FS_TREE>/").to_owned();
            Some(ListedSubvolume {
                id,
                path,
                is_snapshot: parent != "-",
                read_only: read_only.contains(&id),
            })
        })
        .collect()
}

/// `btrfs subvolume get-default`: `ID 5 (FS_TREE)` or `ID 256 gen 9 top level 5 path @`.
fn parse_default(text: &str) -> Option<String> {
    text.trim().split_once(" path ").map(|(_, p)| p.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subvolumes() {
        let text = "ID 256 gen 31 top level 5 parent_uuid -                                    path @\n\
            ID 257 gen 30 top level 5 parent_uuid -                                    path @home\n\
            ID 260 gen 29 top level 256 parent_uuid 0c2a8c1e-2a0e-0f4d-9d4c-1a2b3c4d5e6f path @/.snapshots/1/snap shot\n";
        let s = parse_subvolumes(text, text.lines().last().unwrap());
        assert_eq!(
            s.iter()
                .map(|s| (s.id, s.path.as_str(), s.is_snapshot, s.read_only))
                .collect::<Vec<_>>(),
            [
                (256, "@", false, false),
                (257, "@home", false, false),
                (260, "@/.snapshots/1/snap shot", true, true)
            ]
        );
        assert_eq!(parse_default("ID 5 (FS_TREE)\n"), None);
        assert_eq!(parse_default("ID 256 gen 9 top level 5 path @\n").as_deref(), Some("@"));
    }
}
