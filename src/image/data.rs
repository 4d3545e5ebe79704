//! `image.data`: the layout of a system as AIX describes it, in TOML.
//!
//! One stanza name, one table: `image_data`, `logical_volume_policy`, and lists `vg_data`,
//! `source_disk_data`, `lv_data`, `fs_data`, `swap_file_data`. AIX's field names where the thing is
//! the same. Sizes end in `_MB` and are MiB. The engine plans from this alone, so an edited file
//! (`-i`) changes the plan and nothing else does.

use serde::{Deserialize, Serialize};

use crate::disk::fs::FsType;

/// A whole image.data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageData {
    pub image_data: Image,
    pub logical_volume_policy: Policy,
    #[serde(default)]
    pub vg_data: Vec<Vg>,
    #[serde(default)]
    pub source_disk_data: Vec<SourceDisk>,
    pub lv_data: Vec<Lv>,
    pub fs_data: Vec<Fs>,
    #[serde(default)]
    pub swap_file_data: Vec<SwapFile>,
}

/// The origin of the layout. Informative.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Image {
    /// `clone` or `mksysb`.
    pub image_type: String,
    pub date_time: String,
    pub uname_info: String,
    /// `bios` or `uefi`: how the source machine boots.
    pub platform: String,
    /// PRETTY_NAME of os-release.
    pub oslevel: String,
}

/// `yes` or `no`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum YesNo {
    Yes,
    #[default]
    No,
}

impl TryFrom<String> for YesNo {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "yes" => Ok(Self::Yes),
            "no" => Ok(Self::No),
            _ => Err(format!("`{word}` is neither \"yes\" nor \"no\"")),
        }
    }
}

/// How the layout may be changed to fit the target disks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Policy {
    /// yes: file systems may be made as small as their data needs (FS_MIN_SIZE_MB).
    pub shrink: YesNo,
    /// yes: the target disks must have the sizes in source_disk_data.
    pub exact_fit: YesNo,
}

/// An LVM volume group of the source. The clone's has a fresh name made from this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Vg {
    pub vgname: String,
    /// Physical extent size, MiB.
    pub ppsize_mb: u64,
    #[serde(default)]
    pub vg_source_disk_list: Vec<String>,
}

/// A disk of the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct SourceDisk {
    pub hdiskname: String,
    pub size_mb: u64,
    /// Disk GUID, or the MBR's id; empty where there is no table.
    #[serde(default)]
    pub pvid: String,
    #[serde(default)]
    pub serial: String,
    #[serde(default)]
    pub connection: String,
    /// Logical sector size, bytes.
    pub sector_size: u32,
}

/// The content of a partition or logical volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LvType {
    /// A file system, described in fs_data.
    Fs,
    Swap,
    /// The EFI system partition, described in fs_data too. There is at most one.
    Esp,
}

/// A partition (no VOLUME_GROUP) or a logical volume. Partitions are named `part1`, `part2` ...
/// (bare disk: `disk`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Lv {
    pub logical_volume: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_group: Option<String>,
    #[serde(rename = "TYPE")]
    pub kind: LvType,
    pub size_mb: u64,
    #[serde(default)]
    pub lv_source_disk_list: Vec<String>,
    /// Swap only: its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Lv {
    /// True if a file system lies on this volume.
    pub fn holds(&self, fs: &Fs) -> bool {
        self.logical_volume == fs.fs_lv && self.volume_group == fs.fs_vg
    }
}

/// A file system. For btrfs the mount points are those of its subvolumes, and FS_NAME is the one
/// that names the whole (`/` if it holds the root).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Fs {
    /// Mount point in the running system.
    pub fs_name: String,
    /// The LOGICAL_VOLUME it lies on.
    pub fs_lv: String,
    /// VOLUME_GROUP of that; absent for a partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fs_vg: Option<String>,
    /// Its type; a swap space is none.
    pub fs_vfs: FsType,
    /// The least space that its data needs, with head room: the floor for SHRINK.
    pub fs_min_size_mb: u64,
    /// Space in use now.
    pub fs_used_mb: u64,
    /// fstab's options.
    #[serde(default)]
    pub fs_options: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fs_label: Option<String>,
    /// Arguments for mkfs that repeat the source's features (`-I 256 -O ^metadata_csum_seed`), so
    /// that its own boot loader can read it.
    #[serde(default)]
    pub fs_mkfs_options: Vec<String>,
    /// btrfs: subvolumes to make and copy, parents first.
    #[serde(default, rename = "subvolume", skip_serializing_if = "Vec::is_empty")]
    pub subvolume: Vec<Subvolume>,
    /// btrfs: path of the default subvolume where it is not the top level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fs_default_subvolume: Option<String>,
}

/// A btrfs subvolume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Subvolume {
    /// Path from the top level, without a leading slash (`@`, `@home`, `@/var/lib/machines`); empty
    /// is the top level itself.
    pub path: String,
    /// Where it is mounted; absent for a nested one that is just a directory of its parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_point: Option<String>,
    /// fstab's options for that mount.
    #[serde(default)]
    pub options: String,
}

/// A swap file: made anew, never copied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct SwapFile {
    /// Path in the running system.
    pub file: String,
    pub size_mb: u64,
}
