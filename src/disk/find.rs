//! From what a user types, or from a device, to the disk behind it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::disk::fs;
use crate::disk::model::{Disk, Inventory, Stacked};
use crate::error;
use crate::host::device::block_device;
use crate::host::files::line;

impl Inventory {
    /// The disk that a user named: `vdb`, `/dev/vdb`, a link below /dev/disk, a practice disk's
    /// name.
    ///
    /// # Errors
    /// ALT-201 to ALT-204: no such disk, or something that is not a whole disk (and then which disk
    /// it is on).
    pub fn disk(&self, arg: &str) -> Result<&Disk> {
        // As lists show a practice disk: `practice1 (loop2)`.
        let arg = arg
            .split_once(" (")
            .filter(|(_, kernel)| kernel.ends_with(')'))
            .map_or(arg, |(name, _)| name);
        let path = if arg.starts_with('/') {
            Path::new(arg).to_owned()
        } else {
            Path::new("/dev").join(arg)
        };
        let practice =
            |d: &Disk| d.practice.as_deref().and_then(Path::file_stem).is_some_and(|s| s == arg);
        let named = |d: &&Disk| d.name == arg || d.path == path || d.links.contains(&path);
        let dev = block_device(&path);
        let found = self
            .disks
            .iter()
            .find(named)
            .or_else(|| self.disks.iter().find(|d| practice(d)))
            .or_else(|| self.disks.iter().find(|d| Some(&d.dev) == dev.as_ref()));
        let Some(disk) = found else { return Err(self.not_a_disk(arg, &path, dev.as_deref())) };
        match self.stacked.iter().find(|s| s.kind == "mpath" && s.slaves.contains(&disk.name)) {
            Some(map) => Err(error::DISK_IS_LEG.with_cause(format!(
                "{}: {} is one path of {}",
                crate::text::printable(arg, false),
                disk.path.display(),
                map.path.display()
            ))),
            None => Ok(disk),
        }
    }

    fn not_a_disk(&self, arg: &str, path: &Path, dev: Option<&str>) -> anyhow::Error {
        // What was typed may hold a line break, or what commands a terminal.
        let shown = crate::text::printable(arg, false);
        for d in &self.disks {
            let part = d.partitions.iter().find(|p| {
                p.name == arg
                    || p.path == path
                    || p.links.iter().any(|l| l == path)
                    || (dev.is_some() && p.dev.as_deref() == dev)
            });
            if let Some(p) = part {
                let cause =
                    format!("{shown}: this is partition {} of {}", p.number, d.path.display());
                return error::DISK_IS_PARTITION
                    .with_remedy(cause, format!("name the whole disk: {}", d.name));
            }
        }
        let same = |s: &&Stacked| {
            s.name == arg
                || s.path == path
                || s.links.iter().any(|l| l == path)
                || Some(s.dev.as_str()) == dev
        };
        if let Some(s) = self.stacked.iter().find(same) {
            let what = match s.kind.as_str() {
                "lvm" => "a logical volume",
                "crypt" => "an encrypted volume",
                "mpath" => "a multipath device",
                "raid" => "an MD RAID array",
                "bcache" => "a bcache device",
                "loop" => "a loop device that is not a practice disk",
                "partition" => "a partition of a stacked device",
                _ => "a device-mapper device",
            };
            let below = self.disks_below(&s.dev);
            let on =
                if below.is_empty() { String::new() } else { format!(" on {}", below.join(", ")) };
            return error::NOT_A_DISK.with_cause(format!(
                "{shown}: {} is {what}{on}; firmware boots from disks only",
                s.path.display()
            ));
        }
        let base = path.file_name().and_then(|n| n.to_str()).unwrap_or(arg);
        let other = [
            ("loop", "a loop device that is not a practice disk"),
            ("sr", "an optical drive"),
            ("zram", "compressed memory"),
            ("ram", "memory"),
            ("fd", "a floppy drive"),
            ("mtd", "flash memory"),
        ];
        let exists = dev.is_some() || line(format!("/sys/class/block/{base}/dev")).is_some();
        if let Some((_, what)) = other.iter().find(|(start, _)| exists && base.starts_with(start)) {
            return error::NOT_A_DISK.with_cause(format!("{shown}: {base} is {what}"));
        }
        let all: Vec<String> = self.disks.iter().map(Disk::shown).collect();
        let list = if all.is_empty() {
            "this machine shows no disks".to_owned()
        } else {
            format!("the disks are {}", all.join(", "))
        };
        error::NO_SUCH_DISK.with_cause(format!("{shown}: there is no such disk ({list})"))
    }

    /// Kernel names of the disks that a device lies on: itself, or through partitions, LVM, MD,
    /// LUKS, loop and what else is stacked, recursively. `dev` is `major:minor`, a kernel name, or
    /// a path. Empty where it lies on no disk (a network file system).
    pub fn disks_below(&self, dev: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        if let Some(name) = self.kernel_name(dev) {
            self.descend(&name, &mut found, 0);
        }
        self.disks.iter().map(|d| d.name.clone()).filter(|n| found.contains(n)).collect()
    }

    /// Kernel names of all stacked devices that a stacked device lies on, recursively.
    pub fn stacked_below(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![name.to_owned()];
        while let Some(name) = waiting.pop() {
            for slave in self.stacked.iter().filter(|s| s.name == name).flat_map(|s| &s.slaves) {
                if self.stacked.iter().any(|s| s.name == *slave) && found.insert(slave.clone()) {
                    waiting.push(slave.clone());
                }
            }
        }
        found
    }

    /// The disks of a mount: several where a btrfs lies on several, and named by the source where
    /// the device number is anonymous.
    pub fn disks_of_mount(&self, mount: &crate::host::mounts::Mount) -> Vec<String> {
        let start: Vec<String> = [mount.dev.as_str(), mount.source.as_str()]
            .iter()
            .flat_map(|d| self.disks_below(d))
            .collect();
        let member = |name: &String| {
            self.kernel_name(name).is_some_and(|n| self.kernel_name(&mount.source) == Some(n))
        };
        let others = self
            .multi_device
            .iter()
            .filter(|s| fs::has_subvolumes(&mount.fstype) && s.devices.iter().any(member))
            .flat_map(|s| &s.devices);
        let all: BTreeSet<String> =
            start.into_iter().chain(others.flat_map(|n| self.disks_below(n))).collect();
        all.into_iter().collect()
    }

    /// Everything stacked on a disk or its partitions, directly or not.
    pub fn stacked_on(&self, disk: &Disk) -> Vec<&Stacked> {
        self.stacked.iter().filter(|s| self.disks_below(&s.dev).contains(&disk.name)).collect()
    }

    fn descend(&self, name: &str, found: &mut BTreeSet<String>, depth: u8) {
        // Deeper than any real stack: a loop device on its own file must not hang us.
        if depth > 32 {
            return;
        }
        if let Some(d) = self
            .disks
            .iter()
            .find(|d| d.name == name || d.partitions.iter().any(|p| p.name == name))
        {
            found.insert(d.name.clone());
        }
        for slave in self.stacked.iter().filter(|s| s.name == name).flat_map(|s| &s.slaves) {
            self.descend(slave, found, depth + 1);
        }
        if let Some(s) = self.stacked.iter().find(|s| s.name == name && s.slaves.is_empty()) {
            // An LVM volume that is not active has no slaves; its physical volumes are known all
            // the same.
            let lv = self.lvm.lvs.iter().find(|lv| lv.dm_path == s.path);
            let pvs = self
                .lvm
                .pvs
                .iter()
                .filter(|pv| pv.vg.is_some() && pv.vg.as_ref() == lv.map(|l| &l.vg));
            pvs.filter_map(|pv| self.kernel_name(&pv.path.to_string_lossy()))
                .for_each(|n| self.descend(&n, found, depth + 1));
        }
    }

    /// The kernel name of a device given as `major:minor`, name or path.
    pub fn kernel_name(&self, dev: &str) -> Option<String> {
        let path = Path::new(dev);
        let is = |name: &str,
                  p: &Path,
                  links: &[std::path::PathBuf],
                  number: Option<&str>,
                  resolved: Option<&str>| {
            name == dev
                || p == path
                || number == Some(dev)
                || links.iter().any(|l| l == path)
                || (resolved.is_some() && number == resolved)
        };
        let look = |resolved: Option<&str>| -> Option<String> {
            for d in &self.disks {
                if is(&d.name, &d.path, &d.links, Some(&d.dev), resolved) {
                    return Some(d.name.clone());
                }
                if let Some(p) = d
                    .partitions
                    .iter()
                    .find(|p| is(&p.name, &p.path, &p.links, p.dev.as_deref(), resolved))
                {
                    return Some(p.name.clone());
                }
            }
            self.stacked
                .iter()
                .find(|s| is(&s.name, &s.path, &s.links, Some(&s.dev), resolved))
                .map(|s| s.name.clone())
        };
        look(None).or_else(|| look(Some(&block_device(path)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    fn id(inventory: &Inventory, arg: &str) -> (String, String) {
        let err = inventory.disk(arg).unwrap_err();
        let alt = error::find(&err).unwrap();
        (alt.entry.id.to_owned(), format!("{} / {}", alt.cause, alt.remedy))
    }

    #[test]
    fn by_every_name() {
        let inventory = sample::inventory();
        for arg in ["vdb", "/dev/vdb", "/dev/disk/by-id/virtio-DISK-B"] {
            assert_eq!(inventory.disk(arg).unwrap().name, "vdb", "{arg}");
        }
        assert_eq!(inventory.disk("one").unwrap().name, "loop6");
    }

    #[test]
    fn what_is_not_a_disk() {
        let inventory = sample::inventory();
        let (e, text) = id(&inventory, "vda2");
        assert!(
            e == "ALT-202"
                && text.contains("partition 2 of /dev/vda")
                && text.contains("whole disk: vda"),
            "{text}"
        );
        let (e, text) = id(&inventory, "/dev/mapper/vg0-root");
        assert!(e == "ALT-203" && text.contains("logical volume on vda"), "{text}");
        let (e, text) = id(&inventory, "sdc");
        assert!(e == "ALT-204" && text.contains("/dev/mapper/mpatha"), "{text}");
        let (_, text) = id(&inventory, "vd\nx\x1b[2J");
        assert!(text.contains("vd\\nx\\x1b[2J") && !text.contains('\n'), "{text}");
        let (e, text) = id(&inventory, "hdisk1");
        assert!(e == "ALT-201" && text.contains("vda, vdb"), "{text}");
    }

    #[test]
    fn disks_below_a_stack() {
        let inventory = sample::inventory();
        assert_eq!(inventory.disks_below("253:1"), ["vda"]);
        assert_eq!(inventory.disks_below("/dev/mapper/cr"), ["vda"]);
        assert_eq!(inventory.disks_below("dm-9"), ["sdc", "sdd"]);
        assert_eq!(inventory.disks_below("vdb"), ["vdb"]);
        assert!(inventory.disks_below("0:35").is_empty());
    }
}
