//! The kernel's view of block devices: one entry of /sys/class/block, read into plain text fields.
//!
//! The tree is a parameter, so that recorded machines (nvme, 4Kn, multipath ...) are read by the
//! same code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::host::files::line;
use crate::host::serial;

/// A block device as sysfs describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Kernel name.
    pub name: String,
    /// Name below /dev; differs from `name` where that has a `!`.
    pub devname: String,
    /// `major:minor`.
    pub dev: String,
    /// Bytes.
    pub size: u64,
    /// Bytes from the start of the disk (partitions).
    pub start: u64,
    /// Number of a partition.
    pub partition: Option<u32>,
    /// Kernel name of the disk that a partition is part of.
    pub parent: Option<String>,
    pub logical_sector: u32,
    pub physical_sector: u32,
    pub removable: bool,
    pub read_only: bool,
    pub diskseq: Option<u64>,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub wwn: Option<String>,
    pub transport: Option<String>,
    pub dm_name: Option<String>,
    pub dm_uuid: Option<String>,
    pub backing_file: Option<PathBuf>,
    pub holders: Vec<String>,
    pub slaves: Vec<String>,
}

/// Reads every block device below `sys` (`/sys`); `udev` is udev's database (`/run/udev/data`).
/// Sorted by name, numbers as numbers (`sda2` before `sda10`). Hidden devices (paths of native NVMe
/// multipath) are left out.
pub fn read_all(sys: &Path, udev: &Path) -> Vec<Block> {
    let Ok(entries) = fs::read_dir(sys.join("class/block")) else { return vec![] };
    let mut all: Vec<Block> = entries.flatten().filter_map(|e| read(&e.path(), udev)).collect();
    all.sort_by_cached_key(|b| natural(&b.name));
    all
}

/// The whole disks (`major:minor`) that the device `dev` lies on: itself, or those below its
/// partition or what it is stacked on.
pub fn disks_below(sys: &Path, dev: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    descend(&sys.join("dev/block").join(dev), &mut found, 0);
    found
}

fn descend(entry: &Path, found: &mut BTreeSet<String>, depth: u8) {
    // Deeper than any real stack.
    let Some(dir) = fs::canonicalize(entry).ok().filter(|_| depth < 32) else { return };
    if dir.join("partition").exists() {
        return dir.parent().into_iter().for_each(|disk| descend(disk, found, depth + 1));
    }
    let slaves = names(&dir.join("slaves"));
    if slaves.is_empty() {
        found.extend(line(dir.join("dev")));
    }
    slaves.iter().for_each(|s| descend(&dir.join("slaves").join(s), found, depth + 1));
}

/// Sort key that compares runs of digits by value.
pub fn natural(name: &str) -> Vec<(String, u64)> {
    let mut key = vec![];
    let mut rest = name;
    while !rest.is_empty() {
        let word = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let digits =
            rest[word..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |n| word + n);
        key.push((rest[..word].to_owned(), rest[word..digits].parse().unwrap_or(0)));
        rest = &rest[digits..];
    }
    key
}

fn read(entry: &Path, udev: &Path) -> Option<Block> {
    let dir = fs::canonicalize(entry).ok()?;
    let name = entry.file_name()?.to_str()?.to_owned();
    if line(dir.join("hidden")).as_deref() == Some("1") {
        return None;
    }
    let number = |file: &str| line(dir.join(file)).and_then(|t| t.parse::<u64>().ok());
    let small = |file: &str, otherwise: u32| {
        number(file).and_then(|n| u32::try_from(n).ok()).unwrap_or(otherwise)
    };
    let partition = number("partition").and_then(|n| u32::try_from(n).ok());
    let parent = partition.and_then(|_| Some(dir.parent()?.file_name()?.to_str()?.to_owned()));
    let queue = if partition.is_some() { "../queue" } else { "queue" };
    let dev = line(dir.join("dev"))?;
    let udev = line(udev.join(format!("b{dev}"))).map(|text| properties(&text)).unwrap_or_default();
    let uevent = line(dir.join("uevent")).unwrap_or_default();
    let devname = uevent
        .lines()
        .find_map(|l| l.strip_prefix("DEVNAME="))
        .map_or_else(|| name.replace('!', "/"), str::to_owned);
    Some(Block {
        devname,
        size: number("size")?.saturating_mul(512),
        start: number("start").unwrap_or(0).saturating_mul(512),
        partition,
        parent,
        logical_sector: small(&format!("{queue}/logical_block_size"), 0),
        physical_sector: small(&format!("{queue}/physical_block_size"), 0),
        removable: number("removable") == Some(1),
        read_only: number("ro") == Some(1),
        diskseq: number("diskseq"),
        model: word(&dir, &["device/model"])
            .or_else(|| udev.get("ID_MODEL").map(|m| m.replace('_', " ").trim().to_owned())),
        serial: serial(&dir, &udev),
        wwn: word(&dir, &["wwid", "device/wwid"]).or_else(|| udev.get("ID_WWN").cloned()),
        transport: transport(&dir, &name, &udev),
        dm_name: word(&dir, &["dm/name"]),
        dm_uuid: word(&dir, &["dm/uuid"]),
        backing_file: line(dir.join("loop/backing_file")).map(PathBuf::from),
        holders: names(&dir.join("holders")),
        slaves: names(&dir.join("slaves")),
        dev,
        name,
    })
}

/// The first of these files that says something.
fn word(dir: &Path, files: &[&str]) -> Option<String> {
    files
        .iter()
        .filter_map(|f| line(dir.join(f)))
        .map(|t| t.trim().to_owned())
        .find(|t| !t.is_empty())
}

/// What the kernel says, else what udev found.
fn serial(dir: &Path, udev: &BTreeMap<String, String>) -> Option<String> {
    serial::of_disk(dir)
        .or_else(|| udev.get("ID_SCSI_SERIAL").or_else(|| udev.get("ID_SERIAL_SHORT")).cloned())
}

/// How the disk is connected, from where it hangs in the device tree.
fn transport(dir: &Path, name: &str, udev: &BTreeMap<String, String>) -> Option<String> {
    let path = dir.to_string_lossy();
    let named =
        [("loop", "loop"), ("nvme", "nvme"), ("mmcblk", "mmc"), ("nbd", "nbd"), ("rbd", "rbd")];
    // The outermost bus that a user would name comes first: a USB stick is a SCSI disk too.
    let hangs = [
        ("/usb", "usb"),
        ("/session", "iscsi"),
        ("/rport-", "fc"),
        ("/end_device-", "sas"),
        ("/ata", "sata"),
        ("/virtio", "virtio"),
        ("/vbd-", "xen"),
        ("/vmbus", "hyperv"),
        ("/host", "scsi"),
    ];
    named
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .or_else(|| hangs.iter().find(|(part, _)| path.contains(part)))
        .map(|(_, t)| (*t).to_owned())
        .or_else(|| udev.get("ID_BUS").cloned())
}

/// The `E:KEY=value` lines of a file of udev's database.
fn properties(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|l| l.strip_prefix("E:")?.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return vec![] };
    let mut all: Vec<String> =
        entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    all.sort_by_cached_key(|n| natural(n));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recorded machine: `path = text` lines for files, `path -> target` for links.
    fn machine(text: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for l in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            if let Some((path, target)) = l.split_once(" -> ") {
                let path = dir.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::os::unix::fs::symlink(target, path).unwrap();
            } else {
                let (path, text) = l.split_once(" = ").unwrap();
                let path = dir.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text.replace("\\n", "\n").replace("\\0", "\0")).unwrap();
            }
        }
        dir
    }

    #[test]
    fn reads_a_recorded_machine() {
        let dir = machine(include_str!("../../tests/fixtures/disk/sysfs-mixed.txt"));
        let all = read_all(&dir.path().join("sys"), &dir.path().join("udev"));
        let names: Vec<&str> = all.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "cciss!c0d0",
                "dm-0",
                "loop3",
                "nvme0n1",
                "nvme0n1p1",
                "nvme0n1p2",
                "sda",
                "sdb",
                "vdb"
            ]
        );
        let by = |name: &str| all.iter().find(|b| b.name == name).unwrap();

        let nvme = by("nvme0n1");
        assert_eq!(
            (nvme.size, nvme.logical_sector, nvme.diskseq),
            (512_110_190_592, 4096, Some(9))
        );
        assert_eq!(nvme.serial.as_deref(), Some("S4EUNX0R123456"));
        assert_eq!(nvme.model.as_deref(), Some("Samsung SSD 970 EVO Plus 500GB"));
        assert_eq!(
            (nvme.wwn.as_deref(), nvme.transport.as_deref()),
            (Some("eui.0025385501234567"), Some("nvme"))
        );
        let p2 = by("nvme0n1p2");
        assert_eq!(
            (p2.partition, p2.parent.as_deref(), p2.start, p2.logical_sector),
            (Some(2), Some("nvme0n1"), 537_919_488, 4096)
        );
        assert_eq!(p2.holders, ["dm-0"]);

        let dm = by("dm-0");
        assert_eq!(
            (dm.dm_name.as_deref(), dm.dm_uuid.as_deref()),
            (Some("vg0-root"), Some("LVM-abcdef"))
        );
        assert_eq!(dm.slaves, ["nvme0n1p2"]);

        let (sata, usb) = (by("sda"), by("sdb"));
        assert_eq!(
            (sata.serial.as_deref(), sata.transport.as_deref()),
            (Some("WD-WCC4N0123456"), Some("sata"))
        );
        assert_eq!(
            (usb.serial.as_deref(), usb.transport.as_deref(), usb.removable),
            (Some("4C530001"), Some("usb"), true)
        );
        assert_eq!(by("vdb").serial.as_deref(), Some("DISK-2"));
        assert_eq!(by("vdb").transport.as_deref(), Some("virtio"));
        assert_eq!(
            by("loop3").backing_file.as_deref(),
            Some(Path::new("/var/lib/altdisk/practice/one.img"))
        );
        assert_eq!(by("cciss!c0d0").devname, "cciss/c0d0");
    }

    #[test]
    fn disks_below_what_is_stacked() {
        let dir = machine(
            "sys/devices/a/sda/dev = 8:0\nsys/devices/a/sda/sda2/dev = 8:2\nsys/devices/a/sda/sda2/partition = 2\n\
             sys/devices/b/sdb/dev = 8:16\nsys/devices/v/dm-0/dev = 253:0\nsys/devices/v/dm-0/slaves/sda2 -> ../../../a/sda/sda2\n\
             sys/devices/v/dm-0/slaves/sdb -> ../../../b/sdb\nsys/devices/v/dm-1/dev = 253:1\nsys/devices/v/dm-1/slaves/dm-0 -> ../../dm-0\n\
             sys/dev/block/8:0 -> ../../devices/a/sda\nsys/dev/block/8:2 -> ../../devices/a/sda/sda2\n\
             sys/dev/block/253:1 -> ../../devices/v/dm-1\n",
        );
        let below =
            |dev: &str| disks_below(&dir.path().join("sys"), dev).into_iter().collect::<Vec<_>>();
        assert_eq!(below("8:0"), ["8:0"]);
        assert_eq!(below("8:2"), ["8:0"]);
        assert_eq!(below("253:1"), ["8:0", "8:16"]);
        assert_eq!(below("9:9"), [""; 0]);
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let mut names = ["sda10", "sdb", "sda2", "sda", "nvme1n1", "nvme0n1p12", "nvme0n1p2"];
        names.sort_by_cached_key(|n| natural(n));
        assert_eq!(names, ["nvme0n1p2", "nvme0n1p12", "nvme1n1", "sda", "sda2", "sda10", "sdb"]);
    }
}
