//! Configuration that names a disk which nothing uses at the moment: fstab lines that are not
//! mounted, volumes of virtual machines, RAID members, LVM's devices file.
//!
//! One reader for all of these formats: the text is cut into words, and each word is looked up
//! among everything by which the machine's disks can be named. It knows no syntax, so it needs no
//! new code for another program's file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::model::{ConfigReference, Inventory, Signature};
use crate::disk::uses;
use crate::host::files::read_optional;
use crate::host::mounts::unescape;

const FILES: [&str; 12] = [
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/mdadm.conf",
    "/etc/mdadm/mdadm.conf",
    "/etc/lvm/devices/system.devices",
    "/etc/zfs/zpool.cache",
    "/etc/exports",
    "/etc/docker/daemon.json",
    "/etc/containers/storage.conf",
    "/etc/sysconfig/docker-storage-setup",
    "/etc/multipath/bindings",
    "/etc/ceph/ceph.conf",
];
const DIRECTORIES: [(&str, &str); 8] = [
    ("/etc/libvirt/qemu", "xml"),
    ("/etc/libvirt/storage", "xml"),
    ("/etc/systemd/system", "mount"),
    ("/etc/systemd/system", "swap"),
    ("/usr/local/lib/systemd/system", "mount"),
    ("/usr/local/lib/systemd/system", "swap"),
    ("/usr/lib/systemd/system", "mount"),
    ("/usr/lib/systemd/system", "swap"),
];

/// Everything by which a disk can be named, and which disks that leads to.
#[derive(Default)]
pub struct Names {
    /// Device paths, UUIDs without dashes in lower case, serials.
    words: BTreeMap<String, Vec<String>>,
    /// `LABEL=` and `PARTLABEL=`.
    labels: BTreeMap<String, Vec<String>>,
}

/// Reads the configuration files of this machine.
pub fn gather(inventory: &Inventory) -> Vec<ConfigReference> {
    let names = Names::new(inventory);
    let mut files: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    for (dir, ending) in DIRECTORIES {
        let mut found: Vec<PathBuf> =
            fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
        found.retain(|p| p.extension().is_some_and(|e| e == ending));
        found.sort();
        files.extend(found);
    }
    let mut all = vec![];
    for path in files {
        if let Ok(Some(text)) = read_optional(&path) {
            all.extend(find(&path, &text, &names));
        }
    }
    prefer_disks_in_use(all, inventory)
}

/// What a word means of which several disks could be meant: a copy that `dd` made has every name
/// but the serial number. Where some of them are in use, those are meant; where none is, all of
/// them may be.
pub fn prefer_disks_in_use(
    mentions: Vec<ConfigReference>,
    inventory: &Inventory,
) -> Vec<ConfigReference> {
    let busy: BTreeSet<&str> = inventory
        .disks
        .iter()
        .filter(|d| !uses::find_active_uses(d, inventory).is_empty())
        .map(|d| d.name.as_str())
        .collect();
    let decided = |m: &ConfigReference| {
        mentions
            .iter()
            .any(|o| o.place == m.place && o.word == m.word && busy.contains(o.disk.as_str()))
    };
    mentions.iter().filter(|m| busy.contains(m.disk.as_str()) || !decided(m)).cloned().collect()
}

/// The words of a file that name a disk, each disk once a line.
pub fn find(path: &Path, text: &[u8], names: &Names) -> Vec<ConfigReference> {
    let mut all: Vec<ConfigReference> = vec![];
    for (number, raw) in text.split(|b| *b == b'\n').enumerate() {
        if raw.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        let place = format!("{}:{}", path.display(), number + 1);
        for (word, disks) in names.in_line(raw) {
            for disk in disks {
                if !all.iter().any(|m| m.place == place && m.disk == disk) {
                    all.push(ConfigReference { place: place.clone(), word: word.clone(), disk });
                }
            }
        }
    }
    all
}

impl Names {
    /// Every name of every disk, and of what lies on disks.
    pub fn new(inventory: &Inventory) -> Self {
        let mut names = Self::default();
        for d in &inventory.disks {
            let disks = vec![d.name.clone()];
            names.device(&d.path, &d.links, &d.content, &disks);
            for word in d.serial.iter().chain(&d.wwn).filter(|w| w.len() >= 6) {
                add(&mut names.words, word.clone(), &disks);
            }
            for p in &d.partitions {
                names.device(&p.path, &p.links, &p.content, &disks);
                p.uuid.iter().for_each(|u| names.uuid(u, &disks));
                p.label.iter().for_each(|l| names.label(l, &disks));
            }
        }
        for s in &inventory.stacked {
            let disks = inventory.disks_below(&s.dev);
            names.device(&s.path, &s.links, &s.content, &disks);
        }
        for lv in &inventory.lvm.lvs {
            let pvs = inventory.lvm.pvs.iter().filter(|pv| pv.vg.as_deref() == Some(&lv.vg));
            let disks: Vec<String> =
                pvs.flat_map(|pv| inventory.disks_below(&pv.path.to_string_lossy())).collect();
            names.device(&lv.path, std::slice::from_ref(&lv.dm_path), &[], &disks);
        }
        names
    }

    fn device(&mut self, path: &Path, links: &[PathBuf], content: &[Signature], disks: &[String]) {
        for p in std::iter::once(path).chain(links.iter().map(PathBuf::as_path)) {
            add(&mut self.words, p.to_string_lossy().into_owned(), disks);
        }
        for s in content {
            s.uuid.iter().for_each(|u| self.uuid(u, disks));
            s.label.iter().for_each(|l| self.label(l, disks));
        }
    }

    fn uuid(&mut self, uuid: &str, disks: &[String]) {
        add(&mut self.words, bare(uuid), disks);
    }

    fn label(&mut self, label: &str, disks: &[String]) {
        add(&mut self.labels, label.to_owned(), disks);
    }

    fn in_line(&self, line: &[u8]) -> Vec<(String, Vec<String>)> {
        let mut found = vec![];
        let mut before: &[u8] = b"";
        let between = |b: &u8| {
            b.is_ascii_whitespace()
                || b.is_ascii_control()
                || b"\"'<>=,;()[]{}".contains(b)
                || *b >= 0x80
        };
        for raw in line.split(between) {
            if raw.is_empty() {
                continue;
            }
            let word = unescape(raw).to_string_lossy().into_owned();
            let label = before.ends_with(b"LABEL");
            let hit = if label {
                self.labels.get(&word)
            } else {
                self.words.get(&word).or_else(|| self.words.get(&bare(&word)))
            };
            if let Some(disks) = hit.filter(|_| word.len() >= 6 || label) {
                let prefix = String::from_utf8_lossy(before).into_owned();
                let shown = if prefix.ends_with("UUID") || label {
                    format!("{prefix}={word}")
                } else {
                    word
                };
                found.push((shown, disks.clone()));
            }
            before = raw;
        }
        found
    }
}

/// Adds disks to those that a name leads to.
fn add(names: &mut BTreeMap<String, Vec<String>>, name: String, disks: &[String]) {
    let known = names.entry(name).or_default();
    disks
        .iter()
        .filter(|d| !known.contains(d))
        .cloned()
        .collect::<Vec<_>>()
        .into_iter()
        .for_each(|d| known.push(d));
}

/// A UUID in the one form in which all tools' spellings are equal: mdadm writes colons, LVM's file
/// no dashes.
fn bare(uuid: &str) -> String {
    uuid.chars().filter(|c| !matches!(c, '-' | ':')).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::model::{Disk, Partition};

    fn names() -> Names {
        let sig = |kind: &str, uuid: &str, label: Option<&str>| Signature {
            kind: kind.into(),
            uuid: Some(uuid.into()),
            label: label.map(Into::into),
            ..Signature::default()
        };
        let part = |n: u32, content| Partition {
            number: n,
            name: format!("vdb{n}"),
            path: format!("/dev/vdb{n}").into(),
            uuid: Some(format!("aaaaaaaa-bbbb-4ccc-8ddd-00000000000{n}")),
            links: vec![format!("/dev/disk/by-path/pci-0000:00:05.0-part{n}").into()],
            content: vec![content],
            ..Partition::default()
        };
        let vdb = Disk {
            name: "vdb".into(),
            path: "/dev/vdb".into(),
            serial: Some("DISK-22".into()),
            partitions: vec![
                part(1, sig("ext4", "1cfb7563-7b7a-4596-a7a0-ee3605d70468", Some("my data"))),
                part(2, sig("linux_raid_member", "3aaa0122-29ba-0e2b-58ca-8d9f3ba3d4e0", None)),
                part(3, sig("LVM2_member", "kU06LP-BkFr-aatb-iotb-HxnI-ZPX3-Fxotca", None)),
            ],
            ..Disk::default()
        };
        Names::new(&Inventory { disks: vec![vdb], ..Inventory::default() })
    }

    #[test]
    fn finds_each_programs_spelling() {
        let names = names();
        for (line, word) in [
            (
                "UUID=1cfb7563-7b7a-4596-a7a0-ee3605d70468 /data ext4 noauto 0 2",
                "UUID=1cfb7563-7b7a-4596-a7a0-ee3605d70468",
            ),
            ("LABEL=my\\040data /data ext4 defaults 0 0", "LABEL=my data"),
            ("/dev/vdb1 /data ext4 defaults 0 0", "/dev/vdb1"),
            (
                "PARTUUID=aaaaaaaa-bbbb-4ccc-8ddd-000000000001 /x ext4",
                "PARTUUID=aaaaaaaa-bbbb-4ccc-8ddd-000000000001",
            ),
            (
                "ARRAY /dev/md0 metadata=1.2 UUID=3aaa0122:29ba0e2b:58ca8d9f:3ba3d4e0",
                "UUID=3aaa0122:29ba0e2b:58ca8d9f:3ba3d4e0",
            ),
            ("DEVICE /dev/vdb2 /dev/vdc2", "/dev/vdb2"),
            ("IDTYPE=sys_serial IDNAME=DISK-22 DEVNAME=/dev/vdz PVID=none", "DISK-22"),
            (
                "IDTYPE=x IDNAME=y DEVNAME=/dev/vdz PVID=kU06LPBkFraatbiotbHxnIZPX3Fxotca PART=3",
                "kU06LPBkFraatbiotbHxnIZPX3Fxotca",
            ),
            ("      <source dev='/dev/vdb'/>", "/dev/vdb"),
            (
                "cr /dev/disk/by-path/pci-0000:00:05.0-part1 none luks",
                "/dev/disk/by-path/pci-0000:00:05.0-part1",
            ),
            ("\u{1}\u{3}path\u{0}\u{0}\u{12}/dev/vdb3\u{0}\u{0}", "/dev/vdb3"),
        ] {
            let found = find(Path::new("/etc/x"), line.as_bytes(), &names);
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert_eq!(
                (found[0].word.as_str(), found[0].disk.as_str(), found[0].place.as_str()),
                (word, "vdb", "/etc/x:1"),
                "{line}"
            );
        }
    }

    #[test]
    fn every_disk_of_a_name_is_found() {
        let disk = |name: &str| Disk {
            name: name.into(),
            path: format!("/dev/{name}").into(),
            content: vec![Signature {
                uuid: Some("1cfb7563-7b7a".into()),
                label: Some("data".into()),
                ..Signature::default()
            }],
            ..Disk::default()
        };
        let names = Names::new(&Inventory {
            disks: vec![disk("sda"), disk("sdb")],
            ..Inventory::default()
        });
        for line in ["UUID=1cfb7563-7b7a / ext4", "LABEL=data / ext4"] {
            let found: Vec<String> = find(Path::new("/etc/fstab"), line.as_bytes(), &names)
                .into_iter()
                .map(|m| m.disk)
                .collect();
            assert_eq!(found, ["sda", "sdb"], "{line}");
        }
    }

    #[test]
    fn leaves_the_rest_alone() {
        let text = b"# /dev/vdb1 was here\n/dev/vdc1 /x ext4\nUUID=99999999-7b7a-4596-a7a0-ee3605d70468 /\nmy data\n/dev/vdb10 /y\n";
        assert_eq!(find(Path::new("/etc/fstab"), text, &names()), vec![]);
    }
}
