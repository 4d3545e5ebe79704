//! File systems and swap spaces made, with identifiers that were chosen before.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::disk::fs::FsType;
use crate::disk::held::Held;
use crate::disk::{probe, sysfs};
use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, find_program};
use crate::host::device::block_device;

/// What a device is like, as far as mkfs must know it. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceGeometry {
    pub size: u64,
    pub sector: u32,
}

impl DeviceGeometry {
    /// Of a block device, or of a plain file.
    pub fn read(device: &Path) -> Self {
        let dev = block_device(device);
        let known = sysfs::read_all(Path::new("/sys"), Path::new("/run/udev/data"))
            .into_iter()
            .find(|b| dev.as_ref() == Some(&b.dev));
        known.map_or_else(
            || Self { size: fs::metadata(device).map_or(0, |m| m.len()), sector: 512 },
            |b| Self { size: b.size, sector: b.logical_sector.max(512) },
        )
    }
}

/// Makes a file system or swap space on an open device, over whatever is there: where the program
/// takes it, on what is open and not on what has its name by then. What was made is read back from
/// there. `uuid`: with dashes, for vfat `ABCD-1234`. `options` go to mkfs as they are.
///
/// # Errors
/// ALT-801 where mkfs is not installed, ALT-802 with what it said;
/// ALT-714 where another device is behind the name before or afterwards, or does not hold what was
/// made.
pub fn mkfs(
    fstype: FsType,
    held: &Held,
    uuid: &str,
    label: Option<&str>,
    options: &[String],
    events: &Events,
) -> Result<()> {
    let device = held.name();
    let shape = DeviceGeometry::read(device);
    let mkfs = fstype.mkfs(device, shape.size, shape.sector, uuid, label, options);
    crate::disk::claim::wait_free(device);
    let by_name = fstype.facts().registers_device;
    if by_name {
        // The identifier may be in use on this very device, from an interrupted run.
        let sentence = format!("erase what an earlier run left on {}", device.display());
        let wipe = Cmd::new("wipefs", sentence).arg("-a").arg(device).through(device, held.path());
        held.guard(|| wipe.run(events).map(drop))?;
    }
    let mkfs = if by_name { mkfs } else { mkfs.through(device, held.path()) };
    held.guard(|| mkfs.run(events).map(drop))?;
    let found = probe::whole(&held.path())?;
    if found.as_ref().is_some_and(|s| {
        fstype.is_named(&s.kind) && s.uuid.as_ref().is_some_and(|u| u.eq_ignore_ascii_case(uuid))
    }) {
        return Ok(());
    }
    let is = found
        .map_or("nothing".to_owned(), |s| format!("{} {}", s.kind, s.uuid.unwrap_or_default()));
    Err(error::DISK_EXCHANGED
        .with_cause(format!("{}: {fstype} {uuid} was made, and {is} is there", device.display())))
}

/// [`mkfs`] in a plain file.
///
/// # Errors
/// As [`mkfs`].
#[cfg(test)]
pub fn mkfs_in(
    file: &Path,
    fstype: FsType,
    uuid: &str,
    label: Option<&str>,
    options: &[String],
    events: &Events,
) -> Result<()> {
    Cmd::new("wipefs", "erase what is there").arg("-a").arg(file).run(events)?;
    let shape = DeviceGeometry::read(file);
    fstype.mkfs(file, shape.size, shape.sector, uuid, label, options).run(events).map(drop)
}

/// File system types that this kernel can mount, after it was asked to load those that altdisk
/// makes.
pub fn filesystems_supported() -> Vec<String> {
    let read = || {
        fs::read_to_string("/proc/filesystems").map(|t| parse_filesystems(&t)).unwrap_or_default()
    };
    let all = FsType::CLONED.map(FsType::name);
    let missing: Vec<&str> = all.into_iter().filter(|t| !read().iter().any(|k| k == t)).collect();
    // Only root may load a module; anyone else sees what is loaded.
    if nix::unistd::geteuid().is_root() && find_program(Path::new("/"), "modprobe").is_some() {
        for t in missing {
            // A kernel that does not have it says so; that is the answer, not a failure.
            drop(Cmd::new("modprobe", format!("load the kernel's {t}")).args(["-q", t]).read());
        }
    }
    read()
}

fn parse_filesystems(text: &str) -> Vec<String> {
    text.lines().filter_map(|l| l.split_whitespace().last()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fs::IdForm;

    const UUID: &str = "1cfb7563-7b7a-4596-a7a0-ee3605d70468";

    #[test]
    fn every_type_is_made_with_its_uuid() {
        let dir = tempfile::tempdir().unwrap();
        let events = Events::new();
        for fstype in FsType::CLONED.into_iter().chain([FsType::Swap]) {
            let facts = fstype.facts();
            if let Some(p) =
                facts.programs.iter().find(|p| find_program(Path::new("/"), p).is_none())
            {
                println!("skipped: {p} is not installed");
                continue;
            }
            let path = dir.path().join(fstype.name());
            fs::File::create(&path).unwrap().set_len(400 << 20).unwrap();
            let uuid = match facts.id {
                IdForm::Uuid => UUID,
                IdForm::FatSerial => "ABCD-1234",
            };
            mkfs_in(&path, fstype, uuid, Some("LABEL"), &[], &events).unwrap();
            // Twice: an old file system is no obstacle.
            mkfs_in(&path, fstype, uuid, Some("LABEL"), &[], &events).unwrap();
            let found = Cmd::new("blkid", "look")
                .args(["-p", "-o", "export"])
                .arg(&path)
                .read()
                .unwrap()
                .text();
            let s = crate::disk::probe::parse_export(&found).unwrap();
            assert_eq!(
                (s.kind.as_str(), s.uuid.as_deref(), s.label.as_deref()),
                (fstype.name(), Some(uuid), Some("LABEL"))
            );
        }
    }

    #[test]
    fn kernel_file_systems() {
        assert_eq!(
            parse_filesystems("nodev\tsysfs\n\text4\nnodev\toverlay\n\txfs\n"),
            ["sysfs", "ext4", "overlay", "xfs"]
        );
        assert!(filesystems_supported().iter().any(|t| t == "ext4"));
    }
}
