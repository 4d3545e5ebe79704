//! The target side of an alternate: disks, partitions, volume groups and volumes, with their fresh
//! identifiers. It is stored with the plan.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::disk::content::ContentRecord;
use crate::disk::identity::DiskIdentity;
use crate::disk::model::shown_name;
use crate::engine::plan::sizing::Outcome;
use crate::image::data::{Fs, LvType, SwapFile};

/// Prefix of the partition names of an alternate, and the LVM tag of its volume group.
pub const MARK: &str = "altinst_rootvg";

/// Mount point of the ESP if the source has none.
pub const NEW_ESP_AT: &str = "/boot/efi";

/// A disk to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Kernel name.
    pub name: String,
    /// The node below /dev.
    pub path: PathBuf,
    /// Serial number.
    pub serial: Option<String>,
    /// World Wide Name.
    pub wwn: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// The content now.
    pub before: Option<ContentRecord>,
    /// Boot and disk sequence number.
    pub seen: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Logical sector, bytes.
    pub sector: u32,
}

/// A partition to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartLayout {
    /// The number in the table, from 1.
    pub number: u32,
    /// The node below /dev.
    pub path: PathBuf,
    /// Bytes.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// The GUID of its type.
    pub type_guid: String,
    /// PARTUUID, lower case.
    pub uuid: String,
    /// The GPT name.
    pub name: String,
}

/// A target disk: its identity, and the partitions that it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskLayout {
    /// Kernel name when the plan was made, or when a later run found the disk again.
    pub name: String,
    /// Boot and disk sequence number: a disk with this value is the very disk that was examined.
    pub seen: Option<String>,
    /// The node below /dev.
    pub path: PathBuf,
    /// Serial number.
    pub serial: Option<String>,
    // Plans of version 0.1.0 have none of these three.
    #[serde(default)]
    pub wwn: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    /// The content before the run wrote to it.
    #[serde(default)]
    pub before: Option<ContentRecord>,
    /// Bytes.
    pub size: u64,
    /// Logical sector, bytes.
    pub sector: u32,
    /// Disk GUID, lower case.
    pub table_id: String,
    /// The partitions, in order.
    pub partitions: Vec<PartLayout>,
}

impl DiskLayout {
    /// Everything by which the disk is known again.
    pub fn identity(&self) -> DiskIdentity {
        DiskIdentity {
            path: self.path.clone(),
            serial: self.serial.clone(),
            wwn: self.wwn.clone(),
            model: self.model.clone(),
            size: self.size,
            sector: self.sector,
            table_id: Some(self.table_id.clone()),
            seen: self.seen.clone(),
        }
    }

    /// Its display name, see [`shown_name`].
    pub fn shown(&self) -> String {
        shown_name(&self.name, self.serial.as_deref())
    }

    /// The text that the user types to confirm the erasure: the serial number, or the name if the
    /// disk has none.
    pub fn serial_or_name(&self) -> &str {
        self.serial.as_deref().unwrap_or(&self.name)
    }
}

/// A volume group to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VgLayout {
    /// The name of the source.
    pub old_name: String,
    /// The new name.
    pub name: String,
    /// Bytes.
    pub extent: u64,
    /// The partitions that are its physical volumes.
    pub pvs: Vec<PathBuf>,
}

/// A file system or swap space to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeLayout {
    /// LOGICAL_VOLUME and VOLUME_GROUP in image.data; `esp` for an ESP that the source has not.
    pub lv: String,
    /// VOLUME_GROUP, see above.
    pub old_vg: Option<String>,
    /// Name of the new volume group.
    pub vg: Option<String>,
    /// Its use.
    pub kind: LvType,
    /// The node below /dev.
    pub device: PathBuf,
    /// Bytes.
    pub size: u64,
    /// The new UUID, or the serial number of a vfat.
    pub uuid: String,
    /// The new label.
    pub label: Option<String>,
    /// PARTUUID of a plain partition.
    pub partuuid: Option<String>,
    /// fs_data, for everything but swap.
    pub fs: Option<Fs>,
}

impl VolumeLayout {
    /// For people and for step names: the mount point, or `swap`.
    pub fn shown_name(&self) -> &str {
        self.fs.as_ref().map_or("swap", |f| f.fs_name.as_str())
    }

    /// How the alternate's files name it.
    pub fn spec(&self) -> String {
        if self.vg.is_some() {
            self.device.display().to_string()
        } else {
            format!("UUID={}", self.uuid)
        }
    }
}

/// The whole target side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The target disks.
    pub disks: Vec<DiskLayout>,
    /// The volume groups.
    pub vgs: Vec<VgLayout>,
    /// File systems parents first, then swap.
    pub volumes: Vec<VolumeLayout>,
    /// Swap files, to be made in the file systems.
    pub swap_files: Vec<SwapFile>,
    /// How the sizes came about.
    pub outcome: Outcome,
    /// Notes for the user about the layout.
    pub notes: Vec<String>,
}

impl Layout {
    /// The display names of its disks.
    pub fn disk_names(&self) -> String {
        self.disks.iter().map(DiskLayout::shown).collect::<Vec<_>>().join(" ")
    }

    /// The volume that holds `/`.
    pub fn root(&self) -> Option<&VolumeLayout> {
        self.volumes.iter().find(|v| v.fs.as_ref().is_some_and(holds_root))
    }

    /// The EFI system partition.
    pub fn esp(&self) -> Option<&VolumeLayout> {
        self.volumes.iter().find(|v| v.kind == LvType::Esp)
    }
}

pub(super) fn holds_root(fs: &Fs) -> bool {
    fs.fs_name == "/" || fs.subvolume.iter().any(|s| s.mount_point.as_deref() == Some("/"))
}
