//! A disk that boots this machine: what must be known about it to find it again from another
//! system.
//!
//! Phase 3 leaves two records: in the alternate, of the disk that it was made from; in the running
//! system, of the alternate. So each side can name the other later, whatever the kernel calls the
//! disks by then.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::disk::model::{practice_name, shown_name};
use crate::host::beneath::Beneath;
use crate::host::own_file;

/// Largest record that is read.
const MAX_BYTES: u64 = 1 << 20;

/// Where the alternate keeps the record of the disk it was made from (path inside the alternate).
pub const ORIGIN: &str = "/var/lib/altdisk/origin.json";
/// Where the running system keeps the record of its alternate.
pub const ALTERNATE: &str = "/var/lib/altdisk/alternate.json";

/// A bootable disk, by names that do not change with the order of disks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BootDisk {
    /// `rootvg`, `altinst_rootvg` or `old_rootvg`, as seen from the system that keeps the record.
    pub role: String,
    /// Kernel name (`vdb`) when the record was written: for people and titles; it may have changed
    /// since.
    pub name: String,
    pub serial: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Disk GUID or MBR id.
    pub table_id: Option<String>,
    /// The file system that holds GRUB's directory, and how to mount it.
    pub boot_fs_uuid: String,
    pub boot_fstype: String,
    /// fstab's options without what only concerns the running system (btrfs: `subvol=@`).
    pub boot_mount_options: String,
    /// GRUB's directory inside that file system as mounted (`grub` with a separate /boot, else
    /// `boot/grub`).
    pub grub_dir: PathBuf,
    /// The volume group that holds the boot file system, if it lies on one.
    pub boot_vg: Option<String>,
    pub esp_partuuid: Option<String>,
    /// FAT serial of the ESP (`ABCD-1234`).
    pub esp_fat_uuid: Option<String>,
    /// EFI path of the loader on that ESP (`\EFI\debian\shimx64.efi`).
    pub loader: Option<String>,
    /// Just made in this run: nothing can have written into its GRUB's custom.cfg yet.
    #[serde(skip)]
    pub fresh: bool,
}

impl BootDisk {
    /// Unique and stable: what its menu entry is called after `altdisk-`.
    pub fn id(&self) -> String {
        self.boot_fs_uuid
            .to_lowercase()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect()
    }

    /// `altinst_rootvg (vdb)`, `altinst_rootvg (practice1, loop2)`.
    pub fn title(&self) -> String {
        match self.practice() {
            Some(name) => format!("{} ({name}, {})", self.role, self.name),
            None => format!("{} ({})", self.role, self.name),
        }
    }

    /// Its name for people, see [`shown_name`].
    pub fn shown(&self) -> String {
        shown_name(&self.name, self.serial.as_deref())
    }

    /// The name of a practice disk. No firmware starts one, so it counts in no boot list.
    pub fn practice(&self) -> Option<&str> {
        practice_name(&self.name, self.serial.as_deref())
    }

    /// A file system UUID by which GRUB finds the whole disk: the ESP's, else the boot file
    /// system's where that is on a partition.
    pub fn chain_uuid(&self) -> Option<&str> {
        let boot = self.boot_vg.is_none().then_some(self.boot_fs_uuid.as_str());
        self.esp_fat_uuid.as_deref().or(boot).filter(|u| !u.is_empty())
    }

    /// Whether `word` (a name with or without /dev/, a serial, a role) means this disk.
    pub fn is_called(&self, word: &str) -> bool {
        let name = word.strip_prefix("/dev/").unwrap_or(word);
        let known = [Some(self.name.as_str()), self.serial.as_deref(), self.practice()];
        known.contains(&Some(name)) || word == self.role || word == self.shown()
    }

    /// Reads a record; None where there is none.
    ///
    /// # Errors
    /// If it cannot be read or understood.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        let Some(text) = own_file::read(path, MAX_BYTES)? else { return Ok(None) };
        serde_json::from_slice(&text)
            .map(Some)
            .with_context(|| format!("reading {}", path.display()))
    }

    /// Writes the record into the system at `root`, durably; directories are made.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn store(&self, root: &Beneath, path: impl AsRef<Path>) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self).context("writing a boot disk record")?;
        text.push(b'\n');
        root.replace(path, &text, 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_the_esp_first() {
        let mut d = BootDisk {
            boot_fs_uuid: "AA-bb".into(),
            name: "vdb".into(),
            role: "altinst_rootvg".into(),
            ..Default::default()
        };
        assert_eq!(d.chain_uuid(), Some("AA-bb"));
        d.boot_vg = Some("vg".into());
        assert_eq!(d.chain_uuid(), None);
        d.esp_fat_uuid = Some("ABCD-1234".into());
        assert_eq!(d.chain_uuid(), Some("ABCD-1234"));
        assert_eq!(d.id(), "aa-bb");
        let practice = BootDisk {
            name: "loop2".into(),
            serial: Some("PRACTICE-one".into()),
            role: "r".into(),
            ..Default::default()
        };
        for word in ["one", "loop2", "/dev/loop2", "one (loop2)", "PRACTICE-one", "r"] {
            assert!(practice.is_called(word), "{word}");
        }
        assert_eq!(
            (practice.title(), practice.shown()),
            ("r (one, loop2)".into(), "one (loop2)".into())
        );
        assert!(d.is_called("/dev/vdb") && d.is_called("altinst_rootvg") && !d.is_called("vda"));
    }

    #[test]
    fn records_survive_and_tolerate_new_fields() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.json");
        assert_eq!(BootDisk::load(&path).unwrap(), None);
        let d = BootDisk { name: "vda".into(), fresh: true, ..Default::default() };
        d.store(&Beneath::open(dir.path()).unwrap(), "a/b.json").unwrap();
        assert_eq!(BootDisk::load(&path).unwrap().unwrap(), BootDisk { fresh: false, ..d });
        std::fs::write(&path, "{\"name\":\"x\",\"later\":1}").unwrap();
        assert_eq!(BootDisk::load(&path).unwrap().unwrap().name, "x");
    }
}
