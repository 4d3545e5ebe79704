//! The names of steps: they are part of the stored plan and of the journal, and so of the on-disk
//! format. A name never changes its meaning.
//!
//! The number in front is the phase (`X`: removal by `-X`). A name that this version does not know
//! is kept as it is, so that a record of another version can be read and listed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a step, unique within a plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum StepId {
    /// The last check of the target disks before the first write.
    Gate,
    /// The disk with this number in the layout. (Its name may be another one when the journal is
    /// read.)
    Wipe(usize),
    /// The partition table of the disk with this number.
    PartitionTable(usize),
    /// The source's name of the volume group.
    VolumeGroup(String),
    /// The source's names, `VG.LV`.
    LogicalVolume(String),
    /// The mount point.
    FileSystem(String),
    /// The source's name of the volume.
    SwapSpace(String),
    /// The mount point.
    Copy(String),
    /// The mount point.
    Subvolumes(String),
    /// The mount point.
    Mount(String),
    Restore,
    BootImage,
    Identity,
    /// The path.
    SwapFile(String),
    ResolvConf,
    ClientFiles,
    /// References are rewritten in phase 2 too, before packages are installed.
    ReferencesForPackages,
    Software,
    Script,
    References,
    Initramfs,
    BootMenu,
    Audit,
    Esp,
    LoaderEfi,
    LoaderBios,
    Verify,
    Origin,
    Unmount,
    Deactivate,
    Bootlist,
    Reboot,
    /// `-X` erases the disk with this number in the layout.
    Erase(usize),
    /// The name of another version's step.
    Unknown(String),
}

/// The steps that occur at most once in a plan.
const SINGLE: [(&str, StepId); 22] = [
    ("1.gate", StepId::Gate),
    ("1.restore", StepId::Restore),
    ("1.bootimage", StepId::BootImage),
    ("1.identity", StepId::Identity),
    ("2.resolv", StepId::ResolvConf),
    ("2.client", StepId::ClientFiles),
    ("2.references", StepId::ReferencesForPackages),
    ("2.software", StepId::Software),
    ("2.script", StepId::Script),
    ("3.references", StepId::References),
    ("3.initramfs", StepId::Initramfs),
    ("3.grubcfg", StepId::BootMenu),
    ("3.audit", StepId::Audit),
    ("3.esp", StepId::Esp),
    ("3.loader.efi", StepId::LoaderEfi),
    ("3.loader.bios", StepId::LoaderBios),
    ("3.verify", StepId::Verify),
    ("3.origin", StepId::Origin),
    ("3.unmount", StepId::Unmount),
    ("3.deactivate", StepId::Deactivate),
    ("3.bootlist", StepId::Bootlist),
    ("3.reboot", StepId::Reboot),
];

type WithNumber = fn(usize) -> StepId;
type WithName = fn(String) -> StepId;

/// Steps that are numbered: the text in front of the number.
const NUMBERED: [(&str, WithNumber); 3] =
    [("1.wipe.", StepId::Wipe), ("1.table.", StepId::PartitionTable), ("X.erase.", StepId::Erase)];

/// Steps that have a name: the text in front of it.
const NAMED: [(&str, WithName); 8] = [
    ("1.vg.", StepId::VolumeGroup),
    ("1.lv.", StepId::LogicalVolume),
    ("1.mkfs.", StepId::FileSystem),
    ("1.mkswap.", StepId::SwapSpace),
    ("1.copy.", StepId::Copy),
    ("1.subvolumes.", StepId::Subvolumes),
    ("1.mount.", StepId::Mount),
    ("1.swapfile.", StepId::SwapFile),
];

impl From<&str> for StepId {
    fn from(text: &str) -> Self {
        if let Some((_, id)) = SINGLE.iter().find(|(name, _)| *name == text) {
            return id.clone();
        }
        let number = |digits: &str| digits.parse().ok().filter(|n: &usize| n.to_string() == digits);
        let numbered = NUMBERED
            .iter()
            .find_map(|(front, id)| text.strip_prefix(front).and_then(number).map(id));
        let named = || {
            NAMED.iter().find_map(|(front, id)| text.strip_prefix(front).map(|n| id(n.to_owned())))
        };
        numbered.or_else(named).unwrap_or_else(|| Self::Unknown(text.to_owned()))
    }
}

impl From<String> for StepId {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<StepId> for String {
    fn from(id: StepId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wipe(disk) => write!(f, "1.wipe.{disk}"),
            Self::PartitionTable(disk) => write!(f, "1.table.{disk}"),
            Self::Erase(disk) => write!(f, "X.erase.{disk}"),
            Self::VolumeGroup(name) => write!(f, "1.vg.{name}"),
            Self::LogicalVolume(name) => write!(f, "1.lv.{name}"),
            Self::FileSystem(at) => write!(f, "1.mkfs.{at}"),
            Self::SwapSpace(name) => write!(f, "1.mkswap.{name}"),
            Self::Copy(at) => write!(f, "1.copy.{at}"),
            Self::Subvolumes(at) => write!(f, "1.subvolumes.{at}"),
            Self::Mount(at) => write!(f, "1.mount.{at}"),
            Self::SwapFile(path) => write!(f, "1.swapfile.{path}"),
            Self::Unknown(text) => f.write_str(text),
            single => {
                let found = SINGLE.iter().find(|(_, id)| id == single);
                f.write_str(found.map_or("", |(name, _)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The on-disk format: these texts are in plans and journals that exist.
    #[test]
    fn names_are_as_they_were() {
        for (text, id) in [
            ("1.gate", StepId::Gate),
            ("1.wipe.0", StepId::Wipe(0)),
            ("1.table.12", StepId::PartitionTable(12)),
            ("1.vg.my.vg", StepId::VolumeGroup("my.vg".into())),
            ("1.lv.vg0.root", StepId::LogicalVolume("vg0.root".into())),
            ("1.mkfs./", StepId::FileSystem("/".into())),
            ("1.mkswap.part3", StepId::SwapSpace("part3".into())),
            ("1.copy./home", StepId::Copy("/home".into())),
            ("1.subvolumes./", StepId::Subvolumes("/".into())),
            ("1.restore", StepId::Restore),
            ("1.bootimage", StepId::BootImage),
            ("1.identity", StepId::Identity),
            ("1.mount./boot/efi", StepId::Mount("/boot/efi".into())),
            ("1.swapfile./swapfile", StepId::SwapFile("/swapfile".into())),
            ("2.resolv", StepId::ResolvConf),
            ("2.client", StepId::ClientFiles),
            ("2.references", StepId::ReferencesForPackages),
            ("2.software", StepId::Software),
            ("2.script", StepId::Script),
            ("3.references", StepId::References),
            ("3.initramfs", StepId::Initramfs),
            ("3.grubcfg", StepId::BootMenu),
            ("3.audit", StepId::Audit),
            ("3.esp", StepId::Esp),
            ("3.loader.efi", StepId::LoaderEfi),
            ("3.loader.bios", StepId::LoaderBios),
            ("3.verify", StepId::Verify),
            ("3.origin", StepId::Origin),
            ("3.unmount", StepId::Unmount),
            ("3.deactivate", StepId::Deactivate),
            ("3.bootlist", StepId::Bootlist),
            ("3.reboot", StepId::Reboot),
            ("X.erase.1", StepId::Erase(1)),
        ] {
            let json = format!("{text:?}");
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
            assert_eq!(serde_json::from_str::<StepId>(&json).unwrap(), id);
        }
    }

    #[test]
    fn other_names_stay_as_they_are() {
        for text in ["", "1.wipe.", "1.wipe.01", "1.wipe.x", "4.new", "3.reboot.", "gate"] {
            let id = StepId::from(text);
            assert_eq!((id.to_string().as_str(), &id), (text, &StepId::Unknown(text.to_owned())));
        }
    }
}
