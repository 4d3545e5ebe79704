//! What the kernel and the disks say: disks, partitions, what is stacked on them, who uses them.
//!
//! Plain data, gathered once by `scan` into an [`Inventory`]; `eligibility` and the engine reason
//! over it without asking again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::host::mounts::Mount;
use crate::text::shell::quote;

/// What a low-level probe found at the start (or end) of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// blkid's TYPE or PTTYPE: `ext4`, `LVM2_member`, `crypto_LUKS`, `linux_raid_member`, `gpt`,
    /// `dos` ...
    pub kind: String,
    /// blkid's USAGE: `filesystem`, `raid`, `crypto`, `partition-table`, `other`.
    pub usage: String,
    pub uuid: Option<String>,
    pub label: Option<String>,
}

/// A partition, by its number in the table; it need not have a device node yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    pub number: u32,
    /// Kernel name (`vda1`, `nvme0n1p2`).
    pub name: String,
    pub path: PathBuf,
    /// `major:minor`; None while the kernel does not know the partition.
    pub dev: Option<String>,
    /// Bytes from the start of the disk.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Type GUID (upper case) or MBR type (`83`).
    pub type_id: String,
    /// PARTUUID as udev and blkid write it (lower case; MBR: `1234abcd-01`).
    pub uuid: Option<String>,
    /// GPT partition name.
    pub label: Option<String>,
    pub content: Vec<Signature>,
    pub holders: Vec<String>,
    /// Links below /dev/disk that lead to it.
    #[serde(default)]
    pub links: Vec<PathBuf>,
}

/// A partition table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// `gpt` or `dos`.
    pub kind: String,
    /// Disk GUID (lower case), or the MBR's eight hex digits.
    pub id: String,
}

/// What was seen at the places of a disk that are looked at (see [`crate::disk::content`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// Nothing.
    Blank,
    /// Data, first at this offset in bytes.
    Data(u64),
}

/// What a disk is to the running system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    #[serde(rename = "rootvg")]
    Rootvg,
    #[serde(rename = "altinst_rootvg")]
    AltinstRootvg,
    #[serde(rename = "old_rootvg")]
    OldRootvg,
    #[serde(rename = "none")]
    None,
}

/// A whole disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Kernel name (`vda`, `nvme0n1`, `loop7`).
    pub name: String,
    pub path: PathBuf,
    /// `major:minor`.
    pub dev: String,
    /// Bytes.
    pub size: u64,
    /// Logical sector size in bytes.
    pub logical_sector: u32,
    pub physical_sector: u32,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub wwn: Option<String>,
    /// `sata`, `nvme`, `virtio`, `usb`, `loop` ...
    pub transport: Option<String>,
    pub removable: bool,
    pub read_only: bool,
    /// Changes when another disk is plugged in under the same name.
    pub diskseq: Option<u64>,
    /// Links below /dev/disk (by-id, by-path) that lead to it.
    pub links: Vec<PathBuf>,
    pub table: Option<Table>,
    /// Signatures on the whole disk (beside the table).
    pub content: Vec<Signature>,
    pub partitions: Vec<Partition>,
    pub holders: Vec<String>,
    /// The backing file where this is a practice disk (`altdisk practice`), which counts as a disk.
    pub practice: Option<PathBuf>,
    /// Why its content could not be looked at (no root, an input/output error).
    #[serde(default)]
    pub unreadable: Option<String>,
    /// Whether anything is there although nothing is recognised; None where something is
    /// recognised, or nobody could look.
    #[serde(default)]
    pub sight: Option<Sight>,
}

/// What the serial numbers of practice disks begin with; their names follow.
pub const PRACTICE: &str = "PRACTICE-";

/// The name that its user gave a practice disk; None for every other disk.
pub fn practice_name<'a>(kernel: &str, serial: Option<&'a str>) -> Option<&'a str> {
    serial.filter(|_| kernel.starts_with("loop"))?.strip_prefix(PRACTICE)
}

/// A disk's name for people: `vdb`; of a practice disk `practice1 (loop2)`, as its user knows the
/// first and the kernel the second.
pub fn shown_name(kernel: &str, serial: Option<&str>) -> String {
    practice_name(kernel, serial)
        .map_or_else(|| kernel.to_owned(), |name| format!("{name} ({kernel})"))
}

/// The command that clones to a disk with content: its serial number is typed, and a practice disk
/// is never made to boot next.
pub fn clone_again(kernel: &str, serial: Option<&str>) -> String {
    let erase = quote(serial.unwrap_or(kernel).as_ref());
    match practice_name(kernel, serial) {
        Some(name) => format!("alt_disk_install -C --erase {erase} -B {name}"),
        None => format!("alt_disk_install -C --erase {erase} {kernel}"),
    }
}

impl Disk {
    /// Its name for people, see [`shown_name`].
    pub fn shown(&self) -> String {
        shown_name(&self.name, self.serial.as_deref())
    }

    /// What the user types to confirm that it is erased: the serial, or the name where it has none.
    pub fn serial_or_name(&self) -> &str {
        self.serial.as_deref().unwrap_or(&self.name)
    }
}

/// A block device that is made of others: LVM volume, LUKS, MD, multipath, bcache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stacked {
    /// Kernel name (`dm-3`, `md127`).
    pub name: String,
    /// `/dev/mapper/vg-lv`, `/dev/md0`.
    pub path: PathBuf,
    /// `major:minor`.
    pub dev: String,
    pub size: u64,
    /// `lvm`, `crypt`, `mpath`, `raid`, `bcache`, `loop`, `partition` (of a stacked device), or
    /// what the device-mapper UUID starts with.
    pub kind: String,
    /// Device-mapper name.
    pub dm_name: Option<String>,
    /// Kernel names of the devices it lies on.
    pub slaves: Vec<String>,
    /// The file that a loop device is made of, where that is no device itself.
    #[serde(default)]
    pub file: Option<PathBuf>,
    pub content: Vec<Signature>,
    /// Links below /dev that lead to it (`/dev/vg/lv`, by-id).
    #[serde(default)]
    pub links: Vec<PathBuf>,
}

/// A mounted file system that lies on several devices (btrfs): mounts name only one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiDeviceFs {
    pub uuid: String,
    /// Kernel names.
    pub devices: Vec<String>,
}

/// An active swap space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    pub path: PathBuf,
    /// `partition` or `file`, as /proc/swaps says.
    pub kind: String,
    /// Bytes.
    pub size: u64,
}

/// A physical volume, volume group or logical volume as the LVM tools report it. Sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lvm {
    pub pvs: Vec<Pv>,
    pub vgs: Vec<Vg>,
    pub lvs: Vec<Lv>,
}

/// A physical volume of LVM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pv {
    pub path: PathBuf,
    pub vg: Option<String>,
    pub uuid: String,
    pub size: u64,
}

/// A volume group of LVM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vg {
    pub name: String,
    pub uuid: String,
    pub extent_size: u64,
    pub size: u64,
    pub free: u64,
    pub tags: Vec<String>,
}

/// A logical volume of LVM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lv {
    pub name: String,
    pub vg: String,
    /// `/dev/vg/lv`.
    pub path: PathBuf,
    /// `/dev/mapper/vg-lv` (dashes in names doubled).
    pub dm_path: PathBuf,
    pub uuid: String,
    pub size: u64,
    /// `linear`, `striped`, `thin`, `thin-pool`, `snapshot`, `raid1`, `cache` ...
    pub segtype: String,
    pub active: bool,
}

/// A mount seen in some process's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMount {
    /// A process in that namespace; this process for its own.
    pub pid: u32,
    pub mount: Mount,
}

/// A process that holds a block device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opener {
    pub pid: u32,
    pub command: String,
    /// `major:minor` of the device.
    pub dev: String,
}

/// A part of the kernel that serves a block device to others, and has no descriptor that a process
/// would show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelUser {
    /// For people: `the NVMe target backup (namespace 1)`.
    pub by: String,
    /// `major:minor`, or the path that it was given.
    pub device: String,
    pub remedy: String,
}

/// A configuration file that names a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigReference {
    /// `/etc/fstab:7`.
    pub place: String,
    /// The word in it (`UUID=...`, `/dev/vdb1`).
    pub word: String,
    /// Kernel name of the disk it leads to.
    pub disk: String,
}

/// Everything about the machine's block devices at one moment.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    pub disks: Vec<Disk>,
    pub stacked: Vec<Stacked>,
    pub mounts: Vec<SeenMount>,
    pub swaps: Vec<Swap>,
    pub lvm: Lvm,
    pub openers: Vec<Opener>,
    pub config_references: Vec<ConfigReference>,
    pub kernel_users: Vec<KernelUser>,
    /// Names of disks that nothing tells apart and that hold the same: see [`crate::disk::twins`].
    pub lookalikes: Vec<(String, String)>,
    pub multi_device: Vec<MultiDeviceFs>,
    /// What could not be found out and why (no root, a tool missing).
    pub unknown: Vec<String>,
}
