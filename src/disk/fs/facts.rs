//! The form of what is known about a type of file system.

use std::path::Path;

use anyhow::Result;

use crate::host::cmd::Cmd;

/// Everything altdisk knows about one type. One constant for each, in a file beside this one.
pub struct Facts {
    /// As mount(8), blkid(8) and fstab(5) write it.
    pub name: &'static str,
    /// Programs that make it and read its features.
    pub programs: &'static [&'static str],
    /// Checks whether the installed programs are new enough; the error is the reason in words.
    pub check_programs: fn() -> Result<(), String>,
    /// The program that makes it, with its identifier; label, options and device come after it.
    pub mkfs: fn(&NewFs, sentence: &str) -> Cmd,
    /// The flag of mkfs before a label.
    pub label_flag: &'static str,
    /// Longest label, bytes.
    pub max_label: usize,
    /// How it is identified.
    pub id: IdForm,
    /// mkfs tells the kernel by which path it knows the device, and refuses an identifier that it
    /// finds on any device: it needs the device's own name, and a device without signatures.
    pub registers_device: bool,
    /// Reads the features of the file system on a device (mounted or not) as arguments for mkfs.
    pub features: fn(&Path) -> Result<Vec<String>>,
    /// Flags of mkfs, each with a value, that only shape the file system: they may come from an
    /// image.
    pub image_options: &'static [&'static str],
    /// Smallest that is planned when there is little data, MiB.
    pub min_planned_mb: u64,
    /// Smallest that mkfs makes, MiB, and what of that the file system keeps for itself.
    pub smallest: Option<Smallest>,
    /// Room beside the data.
    pub head_room: HeadRoom,
    /// Whether blocks can be shared between files, so that a copy takes more than the original.
    pub sharing: Sharing,
    /// fsck checks it at boot (the sixth field of fstab).
    pub fsck_at_boot: bool,
    /// It has subvolumes, which are mounted by name.
    pub has_subvolumes: bool,
    /// It stores owners, permissions and extended attributes.
    pub keeps_attributes: bool,
    /// GRUB can read it, so it may hold /boot.
    pub grub_reads: bool,
    /// Where encryption, verity and casefolding of its files are recorded.
    pub protections: Protections,
    /// Mount options, the best first, by which a read-only mount writes nothing: `ro` alone lets a
    /// journal be replayed.
    pub no_replay: &'static [&'static str],
}

/// A file system or swap space that is to be made.
pub struct NewFs<'a> {
    pub name: &'static str,
    /// With dashes; a FAT serial is `ABCD-1234`.
    pub uuid: &'a str,
    /// Size of the device, bytes.
    pub size: u64,
    /// Logical sector size of the device, bytes.
    pub sector: u32,
}

/// The form of the identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    Uuid,
    /// Eight hexadecimal digits, `ABCD-1234`; its labels are in upper case.
    FatSerial,
}

/// The smallest file system that mkfs makes.
#[derive(Clone, Copy, Debug)]
pub struct Smallest {
    pub mb: u64,
    /// Its log and what it keeps back, MiB.
    pub own_mb: u64,
    /// The reason, for people.
    pub reason: &'static str,
}

/// Room beside the data: the file system's own, and for an initramfs or two.
#[derive(Clone, Copy, Debug)]
pub struct HeadRoom {
    pub percent: u64,
    pub mb: u64,
}

impl HeadRoom {
    /// For file systems that can hold `/` and `/boot`.
    pub const UNIX: Self = Self { percent: 15, mb: 128 };
}

/// Whether files can share blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    Never,
    /// Where mkfs was given this feature.
    WithFeature(&'static str),
    Always,
}

/// Where a file system records encryption, verity and casefolding, and how a copy gets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protections {
    None,
    /// In ext4's superblock, made again by features of mkfs.
    ExtSuperblock,
    /// Verity only, shown in /sys/fs/btrfs, and always possible in a copy.
    BtrfsSysfs,
    /// The features of mkfs say all of it.
    Features,
}

/// The programs of any version do.
pub fn any_version() -> Result<(), String> {
    Ok(())
}

/// A type without features that could be chosen.
///
/// # Errors
/// None.
pub fn no_features(_: &Path) -> Result<Vec<String>> {
    Ok(vec![])
}

/// Output of a program that reads the features of a device.
///
/// # Errors
/// ALT-801, ALT-802 where the program is missing or fails.
pub fn read_with(program: &str, args: &[&str], device: &Path) -> Result<String> {
    let sentence = format!("read the features of {}", device.display());
    Ok(Cmd::new(program, sentence).args(args).arg(device).read()?.text())
}
