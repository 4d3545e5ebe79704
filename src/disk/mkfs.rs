//! File systems and swap spaces made, with identifiers that were chosen before.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::disk::held::Held;
use crate::disk::{probe, sysfs};
use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, find_program};
use crate::host::device::block_device;

/// What can be made.
pub const TYPES: [&str; 7] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "swap"];

/// Programs that making (and reading the features of) `fstype` needs.
pub fn needs(fstype: &str) -> Vec<&'static str> {
    match fstype {
        "ext2" | "ext3" | "ext4" => vec!["mke2fs", "dumpe2fs"],
        "xfs" => vec!["mkfs.xfs", "xfs_db"],
        "btrfs" => vec!["mkfs.btrfs", "btrfs"],
        "vfat" => vec!["mkfs.vfat"],
        "swap" => vec!["mkswap"],
        _ => vec![],
    }
}

/// What a device is like, as far as mkfs must know it. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub size: u64,
    pub sector: u32,
}

impl Shape {
    /// Of a block device, or of a plain file.
    pub fn of(device: &Path) -> Self {
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
/// there. `uuid`: with dashes, for vfat `ABCD-1234`. `options` go to mkfs as they are (see
/// [`crate::disk::features`]).
///
/// # Errors
/// ALT-243 for an unknown type, ALT-801 where mkfs is not installed, ALT-802 with what it said;
/// ALT-714 where another device is behind the name before or afterwards, or does not hold what was
/// made.
pub fn mkfs(
    fstype: &str,
    held: &Held,
    uuid: &str,
    label: Option<&str>,
    options: &[String],
    events: &Events,
) -> Result<()> {
    let device = held.name();
    let mkfs = command(fstype, device, Shape::of(device), uuid, label, options)?;
    crate::disk::claim::wait_free(device);
    if fstype == "btrfs" {
        // mkfs.btrfs refuses an identifier that is in use, also where it is this very device's,
        // from an interrupted run.
        let sentence = format!("erase what an earlier run left on {}", device.display());
        let wipe = Cmd::new("wipefs", sentence).arg("-a").arg(device).through(device, held.path());
        held.guard(|| wipe.run(events).map(drop))?;
    }
    // mkfs.btrfs tells the kernel by which path it knows the device.
    let mkfs = if fstype == "btrfs" { mkfs } else { mkfs.through(device, held.path()) };
    held.guard(|| mkfs.run(events).map(drop))?;
    let found = probe::whole(&held.path())?;
    if found.as_ref().is_some_and(|s| {
        s.kind == fstype && s.uuid.as_ref().is_some_and(|u| u.eq_ignore_ascii_case(uuid))
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
    fstype: &str,
    uuid: &str,
    label: Option<&str>,
    options: &[String],
    events: &Events,
) -> Result<()> {
    Cmd::new("wipefs", "erase what is there").arg("-a").arg(file).run(events)?;
    command(fstype, file, Shape::of(file), uuid, label, options)?.run(events).map(drop)
}

/// The program that [`mkfs`] runs.
///
/// # Errors
/// ALT-243 for an unknown type.
pub fn command(
    fstype: &str,
    device: &Path,
    shape: Shape,
    uuid: &str,
    label: Option<&str>,
    options: &[String],
) -> Result<Cmd> {
    let sentence = format!(
        "make {} on {}",
        if fstype == "swap" {
            "a swap space".to_owned()
        } else {
            format!("an {fstype} file system")
        },
        device.display()
    );
    let label = label.filter(|l| !l.is_empty());
    let with = |program: &str, before: &[&str], label_flag: &str| {
        let cmd = Cmd::new(program, &sentence).args(before);
        let cmd = if let Some(l) = label { cmd.arg(label_flag).arg(l) } else { cmd };
        cmd.args(options).arg(device)
    };
    Ok(match fstype {
        "ext2" | "ext3" | "ext4" => with("mke2fs", &["-t", fstype, "-q", "-F", "-U", uuid], "-L"),
        "xfs" => with("mkfs.xfs", &["-q", "-f", "-m", &format!("uuid={uuid}")], "-L"),
        "btrfs" => with("mkfs.btrfs", &["-q", "-f", "-U", uuid], "-L"),
        "swap" => with("mkswap", &["-q", "-U", uuid], "-L"),
        "vfat" => {
            let (serial, sector) = (uuid.replace('-', ""), shape.sector.to_string());
            let mut before = vec!["-i", &serial];
            // FAT32 means at least 65525 clusters of at least a sector, and some room for the
            // tables.
            if shape.size / u64::from(shape.sector.max(1)) >= 67_000 {
                before.extend(["-F", "32"]);
            }
            if shape.sector != 512 {
                before.extend(["-S", &sector]);
            }
            let upper: Option<String> = label.map(|l| l.to_uppercase().chars().take(11).collect());
            let cmd = Cmd::new("mkfs.vfat", &sentence).args(before);
            let cmd = if let Some(l) = &upper { cmd.arg("-n").arg(l) } else { cmd };
            cmd.args(options).arg(device)
        }
        _ => {
            return Err(error::FS_UNSUPPORTED
                .with_cause(format!("`{fstype}` on {}: cannot be made", device.display())));
        }
    })
}

/// File system types that this kernel can mount, after it was asked to load those that altdisk
/// makes.
pub fn filesystems_supported() -> Vec<String> {
    let read = || {
        fs::read_to_string("/proc/filesystems").map(|t| parse_filesystems(&t)).unwrap_or_default()
    };
    let missing: Vec<&str> =
        TYPES.iter().copied().filter(|t| *t != "swap" && !read().iter().any(|k| k == t)).collect();
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

    const UUID: &str = "1cfb7563-7b7a-4596-a7a0-ee3605d70468";

    fn argv(fstype: &str, size: u64, sector: u32, label: Option<&str>, options: &[&str]) -> String {
        let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
        let uuid = if fstype == "vfat" { "ABCD-1234" } else { UUID };
        command(fstype, Path::new("/dev/vdb2"), Shape { size, sector }, uuid, label, &options)
            .unwrap()
            .argv()
            .join(" ")
    }

    #[test]
    fn golden_command_lines() {
        assert_eq!(
            argv("ext4", 1 << 30, 512, Some("root"), &["-I", "256"]),
            format!("mke2fs -t ext4 -q -F -U {UUID} -L root -I 256 /dev/vdb2")
        );
        assert_eq!(
            argv("xfs", 1 << 30, 4096, None, &["-m", "crc=1"]),
            format!("mkfs.xfs -q -f -m uuid={UUID} -m crc=1 /dev/vdb2")
        );
        assert_eq!(
            argv("btrfs", 1 << 30, 512, Some(""), &[]),
            format!("mkfs.btrfs -q -f -U {UUID} /dev/vdb2")
        );
        assert_eq!(
            argv("swap", 1 << 30, 512, Some("swap0"), &[]),
            format!("mkswap -q -U {UUID} -L swap0 /dev/vdb2")
        );
        assert_eq!(
            argv("vfat", 512 << 20, 512, Some("efi-system-too-long"), &[]),
            "mkfs.vfat -i ABCD1234 -F 32 -n EFI-SYSTEM- /dev/vdb2"
        );
        assert_eq!(argv("vfat", 32 << 20, 512, None, &[]), "mkfs.vfat -i ABCD1234 /dev/vdb2");
        assert_eq!(
            argv("vfat", 200 << 20, 4096, None, &[]),
            "mkfs.vfat -i ABCD1234 -S 4096 /dev/vdb2"
        );
        let err =
            command("zfs", Path::new("/dev/x"), Shape { size: 0, sector: 512 }, UUID, None, &[])
                .unwrap_err();
        assert_eq!(error::find(&err).unwrap().entry.id, "ALT-243");
    }

    #[test]
    fn every_type_is_made_with_its_uuid() {
        let dir = tempfile::tempdir().unwrap();
        let events = Events::new();
        for fstype in TYPES {
            if let Some(p) =
                needs(fstype).iter().find(|p| find_program(Path::new("/"), p).is_none())
            {
                println!("skipped: {p} is not installed");
                continue;
            }
            let path = dir.path().join(fstype);
            fs::File::create(&path).unwrap().set_len(400 << 20).unwrap();
            let uuid = if fstype == "vfat" { "ABCD-1234" } else { UUID };
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
                (fstype, Some(uuid), Some("LABEL"))
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
