//! Types of file systems: everything that differs between them is stated here, once.
//!
//! Each type is a variant of [`FsType`] and a file with its [`Facts`]. Another type is a file, a
//! variant, and the matches that the compiler then names.
//!
//! mkfs's defaults get ahead of boot loaders: a GRUB that reads the source may not read what a newer
//! mkfs makes. So the copy's file systems have the features of the source's. Features that cannot be
//! chosen (or that this machine's mkfs does not know) are left to mkfs.

mod btrfs;
pub mod ext;
mod f2fs;
mod facts;
mod swap;
mod vfat;
mod xfs;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::Result;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error;
use crate::host::cmd::Cmd;
use facts::Facts;
pub use facts::{IdForm, NewFs, Protections, Sharing};

/// A type of file system that can be cloned, or a swap space. Stored by its plain name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FsType {
    #[default]
    Ext4,
    Xfs,
    Btrfs,
    Vfat,
    Ext3,
    Ext2,
    F2fs,
    Swap,
}

/// How an error about an unknown type begins; readers of image.data look for it.
pub const UNKNOWN: &str = "altdisk makes no file system of the type";

impl FsType {
    /// Types of file systems that are made and copied in kind.
    pub const CLONED: [Self; 7] =
        [Self::Ext4, Self::Xfs, Self::Btrfs, Self::Vfat, Self::Ext3, Self::Ext2, Self::F2fs];

    /// What is known about it.
    pub fn facts(self) -> &'static Facts {
        match self {
            Self::Ext2 => &ext::EXT2,
            Self::Ext3 => &ext::EXT3,
            Self::Ext4 => &ext::EXT4,
            Self::Xfs => &xfs::XFS,
            Self::Btrfs => &btrfs::BTRFS,
            Self::Vfat => &vfat::VFAT,
            Self::F2fs => &f2fs::F2FS,
            Self::Swap => &swap::SWAP,
        }
    }

    /// As mount(8), blkid(8) and fstab(5) write it.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Whether fstab, mount or blkid mean this type by `name`.
    pub fn is_named(self, name: &str) -> bool {
        self.name() == name
    }

    /// One of ext2, ext3 and ext4, which mke2fs makes.
    pub fn is_ext(self) -> bool {
        matches!(self, Self::Ext2 | Self::Ext3 | Self::Ext4)
    }

    /// It has subvolumes, which are mounted by name.
    pub fn has_subvolumes(self) -> bool {
        self.facts().has_subvolumes
    }

    /// The features of the file system on `device` (mounted or not) as arguments for mkfs.
    ///
    /// # Errors
    /// ALT-801, ALT-802 where the tool that reads them is missing or fails.
    pub fn features(self, device: &Path) -> Result<Vec<String>> {
        (self.facts().features)(device)
    }

    /// The program that makes it on `device`. `options` go to it as they are.
    pub fn mkfs(
        self,
        device: &Path,
        size: u64,
        sector: u32,
        uuid: &str,
        label: Option<&str>,
        options: &[String],
    ) -> Cmd {
        let facts = self.facts();
        let kind = match self {
            Self::Swap => "a swap space".to_owned(),
            _ => format!("an {self} file system"),
        };
        let sentence = format!("make {kind} on {}", device.display());
        let cmd = (facts.mkfs)(&NewFs { name: facts.name, uuid, size, sector }, &sentence);
        let cmd = match label.filter(|l| !l.is_empty()) {
            Some(label) => cmd.arg(facts.label_flag).arg(self.fitting_label(label)),
            None => cmd,
        };
        cmd.args(options).arg(device)
    }

    /// The label as the type takes it: FAT has short ones in upper case. Others are left for mkfs
    /// to refuse, as a shorter label may be another volume's.
    fn fitting_label(self, label: &str) -> String {
        match self.facts().id {
            IdForm::Uuid => label.to_owned(),
            IdForm::FatSerial => {
                label.to_uppercase().chars().take(self.facts().max_label).collect()
            }
        }
    }

    /// The size to plan at least for a file system that holds `used` MiB, in MiB.
    pub fn floor_mb(self, used: u64) -> u64 {
        let facts = self.facts();
        (used + used * facts.head_room.percent / 100 + facts.head_room.mb).max(facts.min_planned_mb)
    }
}

/// The names of the types in [`FsType::CLONED`], for people.
pub fn cloned_names() -> String {
    FsType::CLONED.map(FsType::name).join(", ")
}

fn unknown(name: &str) -> String {
    format!("{UNKNOWN} `{name}`; it makes {}", cloned_names())
}

/// Whether a name in fstab or in the list of mounts is that of a type with subvolumes.
pub fn has_subvolumes(name: &str) -> bool {
    name.parse().is_ok_and(FsType::has_subvolumes)
}

/// A name as mount(8), blkid(8) and fstab(5) write it.
impl FromStr for FsType {
    /// ALT-243.
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let mut all = Self::CLONED.into_iter().chain([Self::Swap]);
        all.find(|t| t.name() == name)
            .ok_or_else(|| error::FS_UNSUPPORTED.with_cause(unknown(name)))
    }
}

impl fmt::Display for FsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for FsType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FsType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Self::CLONED.into_iter().find(|t| t.name() == name);
        found.ok_or_else(|| de::Error::custom(unknown(&name)))
    }
}

#[cfg(test)]
mod tests;
