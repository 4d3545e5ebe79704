//! The EFI system partition of the running system, read whether or not it is mounted.
//!
//! Often it is mounted on demand only, or not at all. Its serial number and its partition's id say
//! which one it is: after a restart the kernel may give another disk the name that it had.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::device;
use crate::boot::identity::ids::Names;
use crate::disk::fs::FsType;
use crate::host::detached;
use crate::host::device::block_device;
use crate::host::mounts::{self, Mount};
use crate::image::data::{Fs, ImageData, LvType};

/// True if a file system of an image.data is its EFI system partition.
pub fn is_esp(image: &ImageData, fs: &Fs) -> bool {
    image.lv_data.iter().any(|l| l.kind == LvType::Esp && l.holds(fs))
}

/// True if something is mounted where the ESP belongs. An automount point is not that.
///
/// # Errors
/// If /proc is not mounted.
pub fn is_mounted(fs_name: &str) -> Result<bool> {
    Ok(mounts::mounted()?
        .iter()
        .any(|m| m.mount_point == Path::new(fs_name) && m.fstype != "autofs"))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum EspLocation {
    Mounted(Mount),
    Device(PathBuf),
}

/// Opens the ESP that was at `at` and had these names, whether or not it is mounted; None where
/// there was none, where it is not found any more, or where the kernel cannot mount it.
///
/// # Errors
/// ALT-406 if it cannot be opened.
pub fn open(at: &Path, names: Option<&Names>, mountable: bool) -> Result<Option<OwnedFd>> {
    let Some(names) = names else { return Ok(None) };
    match choose(&mounts::mounted()?, at, names, &|device| is_named(device, names)) {
        Some(EspLocation::Mounted(mount)) => detached::open_mount(&mount).map(Some),
        // It is not mounted, and mounting it read-only writes nothing (vfat has no journal).
        Some(EspLocation::Device(device)) if mountable => {
            detached::open_device(&device, FsType::Vfat.name(), "").map(Some)
        }
        _ => Ok(None),
    }
}

/// True if a device is a vfat with this serial number, in the partition with this id.
fn is_named(device: &Path, names: &Names) -> bool {
    if block_device(device).is_none() {
        return false;
    }
    let has = |key: &str, wanted: &str| {
        device::value(device, key).ok().flatten().is_some_and(|v| v.eq_ignore_ascii_case(wanted))
    };
    let in_partition = || names.partuuid.as_ref().is_none_or(|id| has("PARTUUID", id));
    names
        .uuid
        .as_ref()
        .is_some_and(|id| has("UUID", id) && has("TYPE", FsType::Vfat.name()) && in_partition())
}

/// Its mount, or else its device; `is_it` recognises the device.
fn choose(
    all: &[Mount],
    at: &Path,
    names: &Names,
    is_it: &dyn Fn(&Path) -> bool,
) -> Option<EspLocation> {
    if names.devices.is_empty() {
        return None;
    }
    let link = |kind: &str, id: &Option<String>| {
        id.as_ref().map(|id| Path::new("/dev/disk").join(kind).join(id))
    };
    let links = [link("by-partuuid", &names.partuuid), link("by-uuid", &names.uuid)];
    let device =
        links.into_iter().flatten().chain(names.devices.iter().cloned()).find(|d| is_it(d));
    let is_mounted = |m: &&Mount| match &device {
        Some(device) => mounts::is_of(m, device) || is_it(Path::new(&m.source)),
        None => is_it(Path::new(&m.source)) || (names.uuid.is_none() && m.mount_point == at),
    };
    let mut found: Vec<&Mount> = all
        .iter()
        .filter(|m| FsType::Vfat.is_named(&m.fstype) && m.root == Path::new("/"))
        .filter(is_mounted)
        .collect();
    // The newest, of those at its own place if there are any.
    found.sort_by_key(|m| m.mount_point == at);
    found.pop().cloned().map(EspLocation::Mounted).or(device.map(EspLocation::Device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::mounts::parse_mountinfo;

    fn chosen(mountinfo: &str, uuid: Option<&str>, its: &[&str]) -> Option<String> {
        let names = Names {
            uuid: uuid.map(Into::into),
            partuuid: Some("0a8b-01".into()),
            devices: vec!["/dev/sda1".into()],
            ..Names::default()
        };
        let is_it = |d: &Path| its.iter().any(|i| d == Path::new(i));
        choose(&parse_mountinfo(mountinfo.as_bytes()), Path::new("/boot/efi"), &names, &is_it).map(
            |place| match place {
                EspLocation::Mounted(m) => format!("{} at {}", m.source, m.mount_point.display()),
                EspLocation::Device(d) => d.display().to_string(),
            },
        )
    }

    const ROOT: &str = "20 1 8:2 / / rw - ext4 /dev/sda2 rw\n";

    #[test]
    fn a_name_alone_says_nothing() {
        let uuid = Some("ABCD-1234");
        // After a restart /dev/sda1 is a disk with data, ext4 or vfat.
        for data in [
            "30 20 8:1 / /srv rw - ext4 /dev/sda1 rw\n",
            "30 20 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n",
        ] {
            assert_eq!(
                chosen(&format!("{ROOT}{data}"), uuid, &["/dev/disk/by-partuuid/0a8b-01"]).unwrap(),
                "/dev/disk/by-partuuid/0a8b-01"
            );
            assert_eq!(chosen(&format!("{ROOT}{data}"), uuid, &[]), None);
        }
        let ext4 = format!("{ROOT}30 20 8:17 / /boot/efi rw - ext4 /dev/sdb1 rw\n");
        assert_eq!(chosen(&ext4, uuid, &["/dev/sdb1"]), None, "not vfat");
        let part = format!("{ROOT}30 20 8:17 /EFI /boot/efi rw - vfat /dev/sdb1 rw\n");
        assert_eq!(chosen(&part, uuid, &["/dev/sdb1"]), None, "a directory of it");
    }

    #[test]
    fn mounted_or_not() {
        let uuid = Some("ABCD-1234");
        let esp = format!(
            "{ROOT}30 20 8:17 / /boot/efi rw - vfat /dev/sdb1 rw\n31 20 8:17 / /mnt rw - vfat /dev/sdb1 rw\n"
        );
        assert_eq!(chosen(&esp, uuid, &["/dev/sdb1"]).unwrap(), "/dev/sdb1 at /boot/efi");
        let elsewhere = format!("{ROOT}31 20 8:17 / /mnt rw - vfat /dev/sdb1 rw\n");
        assert_eq!(chosen(&elsewhere, uuid, &["/dev/sdb1"]).unwrap(), "/dev/sdb1 at /mnt");
        assert_eq!(
            chosen(ROOT, uuid, &["/dev/disk/by-uuid/ABCD-1234"]).unwrap(),
            "/dev/disk/by-uuid/ABCD-1234"
        );
        // Without udev there are no links: the device itself is asked for its ids.
        assert_eq!(chosen(ROOT, uuid, &["/dev/sda1"]).unwrap(), "/dev/sda1");
        let other_name =
            format!("{ROOT}31 20 8:17 / /boot/efi rw - vfat /dev/disk/by-uuid/ABCD-1234 rw\n");
        assert_eq!(
            chosen(&other_name, uuid, &["/dev/disk/by-uuid/ABCD-1234"]).unwrap(),
            "/dev/disk/by-uuid/ABCD-1234 at /boot/efi",
            "it is not mounted twice"
        );
        // Without a serial number the place decides.
        assert_eq!(chosen(&esp, None, &[]).unwrap(), "/dev/sdb1 at /boot/efi");
        assert_eq!(chosen(&elsewhere, None, &[]), None);
    }

    #[test]
    fn a_device_is_asked() {
        let names = Names { uuid: Some("ABCD-1234".into()), ..Names::default() };
        assert!(
            !is_named(Path::new("/dev/null"), &names) && !is_named(Path::new("/nowhere"), &names)
        );
    }
}
