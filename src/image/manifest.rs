//! The manifest of a system image: what it holds and where it comes from, told before its first
//! file.
//!
//! It is the archive's second member, after `image.data`, as JSON. An image is judged by it (level,
//! architecture, kernels, loaders) before anything is written, also when it comes from a tape or a
//! pipe that cannot be read twice. Nothing in it is trusted further than that: names and numbers
//! are only compared and shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::needs::Need;
use crate::boot::identity::ids::Names;

/// The first member: the layout, as text.
pub const IMAGE_DATA: &str = "image.data";
/// The second member.
pub const MANIFEST: &str = "altdisk-manifest.json";
/// The last member: a checksum for every regular file. Files of the system itself have names that
/// begin with `./`.
pub const CHECKSUMS: &str = "altdisk-checksums";
/// The form that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// An image's description of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Name and version of the program that wrote it.
    pub tool: String,
    /// When it was made: for people, and in seconds since the epoch.
    pub made: String,
    pub made_secs: u64,
    pub system: System,
    /// Files and bytes of content as the walk before the first file found them; the system went on
    /// working meanwhile.
    pub files: u64,
    pub bytes: u64,
    /// Where a copy takes more room than its original (images of version 0.1.0 do not say it).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// By what the source's disks can be named, to be rewritten and searched for after the restore.
    pub identities: Identities,
    /// How the checksums at the end are made: `blake3`.
    pub checksums: String,
}

/// The system in an image: told by a manifest, or found by a survey of an archive without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Host name; empty if it is not known.
    #[serde(default)]
    pub host: String,
    /// /etc/machine-id; empty if there is none.
    #[serde(default)]
    pub machine_id: String,
    /// ID of os-release (`debian`), and its PRETTY_NAME.
    #[serde(default)]
    pub distribution: String,
    #[serde(default)]
    pub name: String,
    /// Version, release, modification: `12.11.0`; empty where the distribution has none.
    #[serde(default)]
    pub level: String,
    /// As `uname -m` says it: `x86_64`.
    #[serde(default)]
    pub architecture: String,
    /// `uefi` or `bios`: how the source machine booted; empty if that is not known.
    #[serde(default)]
    pub firmware: String,
    /// Kernels in /boot whose modules are there too.
    #[serde(default)]
    pub kernels: Vec<String>,
    /// Why no initramfs can be built; absent: it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_initramfs: Option<String>,
    /// Loader platforms (`i386-pc`, `x86_64-efi`): empty text: can be installed; else why not.
    #[serde(default)]
    pub platforms: BTreeMap<String, String>,
}

/// The old half of the identity map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identities {
    #[serde(default)]
    pub volumes: Vec<VolumeNames>,
    /// Partition table ids (disk GUID, MBR id).
    #[serde(default)]
    pub tables: Vec<String>,
    /// Links below /dev/disk to whole disks.
    #[serde(default)]
    pub disk_links: Vec<String>,
    /// UUIDs of LVM's physical volumes and volume groups.
    #[serde(default)]
    pub lvm: Vec<String>,
}

/// The names of what one LOGICAL_VOLUME of image.data was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeNames {
    pub logical_volume: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_group: Option<String>,
    pub names: Names,
}
