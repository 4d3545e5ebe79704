//! The identity map: everything by which the source's disks can be named, and what the alternate
//! has instead.
//!
//! Chosen before the first write, stored with the plan. References are rewritten from it, and the
//! audit looks for what is left of its old side.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The names of one file system, swap space or partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// File system or swap UUID (vfat: `ABCD-1234`).
    pub uuid: Option<String>,
    pub label: Option<String>,
    pub partuuid: Option<String>,
    pub partlabel: Option<String>,
    /// Every device path: `/dev/vda2`, `/dev/mapper/vg-root`, `/dev/vg/root`, links below
    /// /dev/disk.
    pub devices: Vec<PathBuf>,
    /// btrfs: all subvolumes, by the numbers that `subvolid=` takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subvolumes: Vec<SubvolumeId>,
    /// It is a whole disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_disk: bool,
}

/// The number of a btrfs subvolume, which another file system has for another one, and its path,
/// which a copy keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubvolumeId {
    pub id: u64,
    /// From the top level, no leading slash.
    pub path: String,
}

/// A file system or swap space before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// For people: the mount point, `swap`.
    pub what: String,
    pub old: Names,
    pub new: Names,
    /// How the alternate's files name it: `UUID=...`, or `/dev/mapper/newvg-lv` for a logical
    /// volume.
    pub new_spec: String,
}

impl Volume {
    /// The device path by which the copy's files name it: a mapper path, or the link that its UUID
    /// gives.
    pub fn path(&self) -> String {
        match self.new_spec.split_once('=') {
            Some(("UUID", id)) => format!("/dev/disk/by-uuid/{id}"),
            Some(("PARTUUID", id)) => format!("/dev/disk/by-partuuid/{id}"),
            Some(("LABEL", l)) => format!("/dev/disk/by-label/{}", udev_escape(l)),
            _ => self.new_spec.clone(),
        }
    }
}

/// A label as udev writes it in a link's name.
pub fn udev_escape(label: &str) -> String {
    let mut out = String::new();
    for c in label.chars() {
        if c.is_ascii_alphanumeric() || "#+-.:=@_".contains(c) || !c.is_ascii() {
            out.push(c);
        } else {
            out.push_str(&format!("\\x{:02x}", u32::from(c)));
        }
    }
    out
}

/// A disk or partition table before and after, or an LVM name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    pub what: String,
    pub old: String,
    pub new: String,
}

/// Every identifier of the source's disks, with the one that takes its place in the copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap {
    pub volumes: Vec<Volume>,
    /// Partition table ids (disk GUID, MBR id): old disk's -> first target's.
    pub disks: Vec<Pair>,
    /// LVM volume group names.
    pub vgs: Vec<Pair>,
    /// Whole source disks: by-id and by-path links, old -> the target's own.
    pub disk_links: Vec<Pair>,
    /// LVM's own UUIDs (physical volumes, volume groups): old -> new; new may be empty where
    /// nothing takes its place.
    #[serde(default)]
    pub lvm: Vec<Pair>,
    /// What lies in each volume group, before and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub physical: Vec<Physical>,
    /// The source's disks, and their partitions and logical volumes that the copy has nothing for.
    /// (Plans of version 0.1.0 have none.)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Names>,
}

/// The physical volumes of one volume group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Physical {
    /// The old name of the volume group.
    pub vg: String,
    pub old: Vec<Names>,
    /// Links that lead to the new ones wherever the disk is: `/dev/disk/by-partuuid/...`.
    pub new: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As version 0.1.0 stored it.
    #[test]
    fn an_older_map_is_read() {
        let text = r#"{"volumes":[{"what":"/","old":{"uuid":"a","label":null,"partuuid":null,"partlabel":null,"devices":["/dev/vda2"]},
            "new":{"uuid":"b","label":null,"partuuid":null,"partlabel":null,"devices":[]},"new_spec":"UUID=b"}],"disks":[],"vgs":[],"disk_links":[]}"#;
        let map: IdMap = serde_json::from_str(text).unwrap();
        assert_eq!(
            (map.volumes[0].path().as_str(), map.others.len(), map.physical.len()),
            ("/dev/disk/by-uuid/b", 0, 0)
        );
        let again: IdMap = serde_json::from_str(&serde_json::to_string(&map).unwrap()).unwrap();
        assert_eq!(again, map);
    }
}
