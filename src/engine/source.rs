//! What rootvg is: the file systems of the running system that live on its root disks, as an image.data.
//!
//! Found from what the kernel says (mountinfo, /proc/swaps, the block layer), with fstab for the options and for
//! what is not mounted. Data on other disks is not part of it. What cannot be cloned in kind (LUKS, MD, ZFS, bcache, multipath,
//! LVM thin) is refused by name; what is left out is said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::fstab;
use crate::disk::model::{Disk, Partition, Signature, Stacked, World};
use crate::disk::uses;
use crate::error;
use crate::host::mounts::Mount;
use crate::image::data::{Fs, Image, ImageData, Lv, LvType, Policy, SourceDisk, Subvolume, SwapFile, Vg};

const MIB: u64 = 1 << 20;
/// Mounted from here, something is a guest and not part of the system.
const GUEST_DIRS: [&str; 4] = ["/mnt", "/media", "/run", crate::engine::ALT_INST];
/// Where a system keeps parts of itself: a clone without them is worth a loud word.
const SYSTEM_DIRS: [&str; 5] = ["/usr", "/var", "/opt", "/etc", "/var/lib"];
/// File systems that are made and copied in kind.
const CLONED: [&str; 6] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"];

/// How full a file system is. Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub used: u64,
}

/// A btrfs subvolume as `btrfs subvolume list` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSubvolume {
    /// From the top level, no leading slash.
    pub path: String,
    pub is_snapshot: bool,
}

/// What [`describe`] asks the machine; a table in tests.
pub trait Ask {
    fn usage(&self, mount_point: &Path) -> Result<Usage>;
    /// Subvolumes of the btrfs mounted there, and the path of its default one where that is not the top level.
    fn subvolumes(&self, mount_point: &Path) -> Result<(Vec<ListedSubvolume>, Option<String>)>;
    /// mkfs arguments that repeat this file system's features.
    fn mkfs_options(&self, fstype: &str, device: &Path) -> Result<Vec<String>>;
}

/// The system to be cloned.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub image: ImageData,
    /// Kernel names of the disks that rootvg lies on.
    pub disks: Vec<String>,
    /// For each lv_data in order: the device it is now.
    pub devices: Vec<PathBuf>,
    /// What is left out, and other things worth knowing.
    pub warnings: Vec<String>,
}

/// Where a file system lies.
#[derive(Clone, Copy)]
pub enum Device<'w> {
    Whole(&'w Disk),
    Part(&'w Disk, &'w Partition),
    Stacked(&'w Stacked),
}

impl<'w> Device<'w> {
    pub fn path(&self) -> &'w Path {
        match self {
            Self::Whole(d) => &d.path,
            Self::Part(_, p) => &p.path,
            Self::Stacked(s) => &s.path,
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Whole(d) => d.size,
            Self::Part(_, p) => p.size,
            Self::Stacked(s) => s.size,
        }
    }

    pub fn content(&self) -> &'w [Signature] {
        match self {
            Self::Whole(d) => &d.content,
            Self::Part(_, p) => &p.content,
            Self::Stacked(s) => &s.content,
        }
    }
}

/// The block device with this number, or this path (links resolved).
pub fn find_device<'w>(world: &'w World, dev: &str, path: &Path) -> Option<Device<'w>> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is = |d: Option<&str>, p: &Path| d == Some(dev) || p == path || p == real;
    for disk in &world.disks {
        if is(Some(&disk.dev), &disk.path) {
            return Some(Device::Whole(disk));
        }
        if let Some(part) = disk.partitions.iter().find(|p| is(p.dev.as_deref(), &p.path)) {
            return Some(Device::Part(disk, part));
        }
    }
    world.stacked.iter().find(|s| is(Some(&s.dev), &s.path) || real == Path::new("/dev").join(&s.name)).map(Device::Stacked)
}

/// Describes rootvg.
///
/// # Errors
/// ALT-301 where `/` is on no disk, ALT-302 to ALT-308 for what is not cloned in kind, ALT-309 for a file system of another type.
pub fn describe(world: &World, mounts: &[Mount], fstab: &[fstab::Entry], image: Image, ask: &dyn Ask) -> Result<Source> {
    let mut d = Describer {
        world,
        mounts,
        fstab,
        ask,
        source: Source { image: ImageData { image_data: image, ..ImageData::default() }, ..Source::default() },
        done: BTreeSet::new(),
    };
    d.root_disks()?;
    d.volume_groups();
    for mount in mounts {
        d.file_system(mount)?;
    }
    d.not_mounted();
    d.swap()?;
    d.finish();
    Ok(d.source)
}

/// The disks that the running system starts from, whether or not it could be cloned; none where `/` is on no disk (a live medium).
pub fn root_disks(world: &World, mounts: &[Mount], ask: &dyn Ask) -> Vec<String> {
    let d = Describer { world, mounts, fstab: &[], ask, source: Source::default(), done: BTreeSet::new() };
    let disks: BTreeSet<String> = d.root_devices().iter().flat_map(|device| d.disks_of(device)).collect();
    disks.into_iter().collect()
}

struct Describer<'a> {
    world: &'a World,
    mounts: &'a [Mount],
    fstab: &'a [fstab::Entry],
    ask: &'a dyn Ask,
    source: Source,
    /// Device paths that are in lv_data already.
    done: BTreeSet<PathBuf>,
}

impl<'a> Describer<'a> {
    fn device_of(&self, mount: &Mount) -> Option<Device<'a>> {
        // btrfs has anonymous numbers: only what was mounted tells the device.
        let dev = if mount.fstype == "btrfs" { "" } else { &mount.dev };
        find_device(self.world, dev, Path::new(&mount.source))
    }

    fn mounted_at(&self, at: &str) -> Option<&'a Mount> {
        self.mounts.iter().rev().find(|m| m.mount_point == Path::new(at))
    }

    /// What `/`, `/boot` and the ESP lie on.
    fn root_devices(&self) -> Vec<Device<'a>> {
        ["/", "/boot", "/boot/efi", "/efi"].iter().filter_map(|at| self.mounted_at(at)).filter_map(|m| self.device_of(m)).collect()
    }

    /// The disks below `/`, `/boot` and the ESP, and those that hold the rest of their volume groups.
    fn root_disks(&mut self) -> Result<()> {
        let root = self.mounted_at("/").ok_or_else(|| error::NO_ROOT_DEVICE.because("nothing is mounted at / (is /proc mounted?)"))?;
        if self.device_of(root).is_none() {
            let cause = format!("/ is {} from {}, which is no disk, partition or logical volume", root.fstype, root.source);
            return Err(error::NO_ROOT_DEVICE.because(cause));
        }
        let mut disks: BTreeSet<String> = BTreeSet::new();
        for device in self.root_devices() {
            self.refuse_stack(&device)?;
            disks.extend(self.disks_of(&device));
        }
        self.source.disks = disks.into_iter().collect();
        Ok(())
    }

    /// Kernel names of the disks below a device; for a logical volume all disks of its volume group.
    fn disks_of(&self, device: &Device) -> BTreeSet<String> {
        match device {
            Device::Whole(d) => [d.name.clone()].into(),
            Device::Part(d, _) => [d.name.clone()].into(),
            Device::Stacked(s) => {
                let mut disks: BTreeSet<String> = self.world.disks_below(&s.dev).into_iter().collect();
                if let Some(lv) = self.lv_of(s) {
                    for pv in self.world.lvm.pvs.iter().filter(|pv| pv.vg.as_deref() == Some(&lv.vg)) {
                        if let Some(below) = find_device(self.world, "", &pv.path) {
                            disks.extend(self.disks_of(&below));
                        }
                    }
                }
                disks
            }
        }
    }

    fn lv_of(&self, s: &Stacked) -> Option<&'a crate::disk::model::Lv> {
        self.world.lvm.lvs.iter().find(|lv| lv.dm_path == s.path || s.dm_name.as_deref().is_some_and(|n| lv.dm_path.ends_with(n)))
    }

    /// Refuses what is not cloned in kind, wherever it is in the stack.
    fn refuse_stack(&self, device: &Device) -> Result<()> {
        let Device::Stacked(s) = device else { return Ok(()) };
        let cause = |what: &str| format!("{} is {what}", s.path.display());
        match s.kind.as_str() {
            "crypt" => return Err(error::SOURCE_LUKS.because(cause("encrypted (LUKS or dm-crypt)"))),
            "raid" => return Err(error::SOURCE_MD.because(cause("software RAID (MD)"))),
            "bcache" => return Err(error::SOURCE_BCACHE.because(cause("a bcache device"))),
            "mpath" => return Err(error::SOURCE_MULTIPATH.because(cause("a multipath device"))),
            _ => {}
        }
        if let Some(lv) = self.lv_of(s).filter(|lv| lv.segtype.contains("thin")) {
            return Err(error::SOURCE_THIN.because(format!("{} is an LVM thin volume ({})", lv.path.display(), lv.segtype)));
        }
        if let Some(lv) = self.lv_of(s).filter(|lv| lv.segtype.contains("cache") || lv.segtype.contains("vdo")) {
            return Err(error::SOURCE_THIN.because(format!("{} is an LVM volume of type {}", lv.path.display(), lv.segtype)));
        }
        let below = self.world.stacked.iter().filter(|b| s.slaves.contains(&b.name));
        below.map(Device::Stacked).try_for_each(|b| self.refuse_stack(&b))
    }

    /// The volume groups whose disks are among the root disks.
    fn volume_groups(&mut self) {
        for vg in &self.world.lvm.vgs {
            let pvs: Vec<&Path> =
                self.world.lvm.pvs.iter().filter(|pv| pv.vg.as_deref() == Some(&vg.name)).map(|pv| pv.path.as_path()).collect();
            let disks: BTreeSet<String> =
                pvs.iter().filter_map(|p| find_device(self.world, "", p)).flat_map(|d| self.disks_of(&d)).collect();
            if !disks.is_empty() && disks.iter().all(|d| self.source.disks.contains(d)) {
                let list = disks.into_iter().collect();
                self.source.image.vg_data.push(Vg {
                    vgname: vg.name.clone(),
                    ppsize_mb: (vg.extent_size / MIB).max(1),
                    vg_source_disk_list: list,
                });
            }
        }
    }

    fn entry(&self, at: &Path) -> Option<&'a fstab::Entry> {
        self.fstab.iter().find(|e| e.mount_point == at)
    }

    fn is_guest(&self, at: &Path) -> bool {
        GUEST_DIRS.iter().any(|d| at.starts_with(d)) && self.entry(at).is_none()
    }

    /// One mount, if it is a file system of rootvg that was not seen yet.
    fn file_system(&mut self, mount: &Mount) -> Result<()> {
        if mount.fstype == "zfs" && (mount.mount_point == Path::new("/") || mount.mount_point == Path::new("/boot")) {
            return Err(error::SOURCE_ZFS.because(format!("{} is ZFS ({})", mount.mount_point.display(), mount.source)));
        }
        let Some(device) = self.device_of(mount) else { return Ok(()) };
        let disks = self.disks_of(&device);
        if disks.is_empty() || !disks.iter().all(|d| self.source.disks.contains(d)) {
            if SYSTEM_DIRS.iter().any(|d| mount.mount_point == Path::new(d)) {
                let text = "is on another disk: it is NOT cloned, and old and new system will share it";
                self.source.warnings.push(format!("{} ({}) {text}", mount.mount_point.display(), mount.source));
            }
            return Ok(());
        }
        // Bind mounts and further subvolumes of a file system that was seen.
        if self.done.contains(device.path()) || (mount.fstype != "btrfs" && mount.root != Path::new("/")) {
            return Ok(());
        }
        if self.is_guest(&mount.mount_point) {
            self.source.warnings.push(format!(
                "{} ({}) is on the root disk but not part of the system: it is not cloned",
                mount.mount_point.display(),
                mount.source
            ));
            return Ok(());
        }
        self.refuse_stack(&device)?;
        let spread = self.world.spread.iter().find(|s| s.devices.len() > 1 && s.devices.iter().any(|d| device.path().ends_with(d)));
        if let Some(spread) = spread {
            return Err(error::SOURCE_SPREAD.because(format!("{} lies on {}", mount.mount_point.display(), spread.devices.join(" "))));
        }
        let fstype = mount.fstype.as_str();
        if !CLONED.contains(&fstype) {
            return Err(error::SOURCE_FSTYPE.because(format!(
                "{} is {fstype}; file systems that can be cloned: {}",
                mount.mount_point.display(),
                CLONED.join(", ")
            )));
        }
        self.done.insert(device.path().to_owned());
        let entry = self.entry(&mount.mount_point);
        let name = mount.mount_point.to_string_lossy().into_owned();
        let used = self.ask.usage(&mount.mount_point)?.used;
        let (lv, vg) = self.volume_name(&device);
        // (A vfat /boot holds kernels: it is copied in phase 1 as any other file system.)
        let is_esp = fstype == "vfat"
            && matches!(name.as_str(), "/boot/efi" | "/efi")
            && !self.source.image.lv_data.iter().any(|l| l.kind == LvType::Esp);
        let mut fs = Fs {
            fs_name: name,
            fs_lv: lv.clone(),
            fs_vg: vg.clone(),
            fs_vfs: fstype.to_owned(),
            fs_min_size_mb: floor_mb(fstype, used),
            fs_used_mb: used.div_ceil(MIB),
            fs_options: entry.map_or_else(|| "defaults".into(), |e| e.options.clone()),
            fs_label: device.content().iter().find(|s| s.usage == "filesystem").and_then(|s| s.label.clone()).filter(|l| !l.is_empty()),
            fs_mkfs_options: self.ask.mkfs_options(fstype, device.path()).unwrap_or_default(),
            ..Fs::default()
        };
        if fstype == "btrfs" {
            self.subvolumes(&mut fs, device.path(), &mount.mount_point)?;
        }
        if let Device::Stacked(s) = &device
            && let Some(lv) = self.lv_of(s).filter(|lv| lv.segtype.starts_with("raid") || lv.segtype == "mirror" || lv.segtype == "striped")
        {
            self.source.warnings.push(format!("{} is {}: the alternate's is linear, on one copy", lv.path.display(), lv.segtype));
        }
        let size_mb = device.size() / MIB;
        fs.fs_min_size_mb = fs.fs_min_size_mb.min(size_mb).max(fs.fs_used_mb);
        self.add(
            Lv {
                logical_volume: lv,
                volume_group: vg,
                kind: if is_esp { LvType::Esp } else { LvType::Fs },
                size_mb,
                lv_source_disk_list: disks.into_iter().collect(),
                label: None,
            },
            device.path(),
        );
        self.source.image.fs_data.push(fs);
        Ok(())
    }

    fn add(&mut self, lv: Lv, device: &Path) {
        self.source.image.lv_data.push(lv);
        self.source.devices.push(device.to_owned());
    }

    fn volume_name(&self, device: &Device) -> (String, Option<String>) {
        match device {
            Device::Whole(d) => (d.name.clone(), None),
            Device::Part(_, p) => (p.name.clone(), None),
            Device::Stacked(s) => match self.lv_of(s) {
                Some(lv) => (lv.name.clone(), Some(lv.vg.clone())),
                None => (s.name.clone(), None),
            },
        }
    }

    /// The subvolumes that are mounted, and those nested in them that are no snapshots.
    fn subvolumes(&mut self, fs: &mut Fs, device: &Path, mount_point: &Path) -> Result<()> {
        let (listed, default) = self.ask.subvolumes(mount_point)?;
        let mine = |m: &&Mount| m.fstype == "btrfs" && self.device_of(m).is_some_and(|d| d.path() == device);
        let mounted: Vec<(String, &Mount)> = self
            .mounts
            .iter()
            .filter(mine)
            .filter(|m| !self.is_guest(&m.mount_point))
            .map(|m| (m.root.to_string_lossy().trim_start_matches('/').to_owned(), m))
            .filter(|(path, _)| path.is_empty() || listed.iter().any(|l| l.path == *path))
            .collect();
        let options = |m: &Mount| self.entry(&m.mount_point).map_or_else(String::new, |e| e.options.clone());
        for (path, m) in &mounted {
            fs.subvolume.push(Subvolume {
                path: path.clone(),
                mount_point: Some(m.mount_point.to_string_lossy().into_owned()),
                options: options(m),
            });
        }
        let mut left_out = 0;
        for l in listed.iter().filter(|l| !mounted.iter().any(|(p, _)| *p == l.path)) {
            let inside = mounted.iter().any(|(p, _)| p.is_empty() || l.path.starts_with(&format!("{p}/")));
            if inside && !l.is_snapshot {
                fs.subvolume.push(Subvolume { path: l.path.clone(), mount_point: None, options: String::new() });
            } else if l.is_snapshot {
                left_out += 1;
            } else {
                self.source.warnings.push(format!(
                    "btrfs subvolume {} of {} is neither mounted nor inside a mounted one: it is not cloned",
                    l.path, fs.fs_name
                ));
            }
        }
        if left_out > 0 {
            self.source.warnings.push(format!("{left_out} btrfs snapshots of {} are not cloned", fs.fs_name));
        }
        fs.subvolume.sort_by_key(|s| (s.path.split('/').count(), s.path.clone(), s.mount_point.clone()));
        fs.fs_default_subvolume = default.filter(|d| fs.subvolume.iter().any(|s| s.path == *d));
        if let Some(root) = mounted.iter().find(|(_, m)| m.mount_point == Path::new("/")) {
            fs.fs_name = root.1.mount_point.to_string_lossy().into_owned();
        }
        Ok(())
    }

    /// What fstab names on the root disks and nobody has mounted.
    fn not_mounted(&mut self) {
        let mounted = |at: &Path| self.mounts.iter().any(|m| m.mount_point == at);
        for entry in self.fstab.iter().filter(|e| e.mount_point.starts_with("/") && e.fstype != "swap") {
            let at = &entry.mount_point;
            let Some(device) = resolve_spec(self.world, &entry.spec) else { continue };
            if !mounted(at) && self.disks_of(&device).iter().all(|d| self.source.disks.contains(d)) {
                self.source.warnings.push(format!(
                    "{} ({}) is in /etc/fstab but not mounted: it is NOT cloned; mount it first if it belongs to the system",
                    at.display(),
                    entry.spec
                ));
            }
        }
    }

    fn swap(&mut self) -> Result<()> {
        let mut specs: Vec<(PathBuf, u64)> = self.world.swaps.iter().map(|s| (s.path.clone(), s.size)).collect();
        for entry in self.fstab.iter().filter(|e| e.fstype == "swap") {
            let path = match resolve_spec(self.world, &entry.spec) {
                Some(device) => device.path().to_owned(),
                None => PathBuf::from(&entry.spec),
            };
            specs.push((path, 0));
        }
        for (path, active) in specs {
            if let Some(device) = find_device(self.world, "", &path) {
                let disks = self.disks_of(&device);
                if disks.is_empty() || !disks.iter().all(|d| self.source.disks.contains(d)) || !self.done.insert(device.path().to_owned()) {
                    continue;
                }
                self.refuse_stack(&device)?;
                let (lv, vg) = self.volume_name(&device);
                let label = device.content().iter().find_map(|s| s.label.clone()).filter(|l| !l.is_empty());
                self.add(
                    Lv {
                        logical_volume: lv,
                        volume_group: vg,
                        kind: LvType::Swap,
                        size_mb: (device.size() / MIB).max(1),
                        lv_source_disk_list: disks.into_iter().collect(),
                        label,
                    },
                    device.path(),
                );
            } else if path.is_absolute() && !path.starts_with("/dev") && self.on_rootvg(&path) {
                let size = std::fs::metadata(&path).map_or(active, |m| m.len());
                let file = path.to_string_lossy().into_owned();
                if size > 0 && !self.source.image.swap_file_data.iter().any(|s| s.file == file) {
                    self.source.image.swap_file_data.push(SwapFile { file, size_mb: size.div_ceil(MIB) });
                }
            }
        }
        Ok(())
    }

    /// Whether the file system that holds this path is part of rootvg.
    fn on_rootvg(&self, path: &Path) -> bool {
        let holder =
            self.mounts.iter().rev().filter(|m| path.starts_with(&m.mount_point)).max_by_key(|m| m.mount_point.components().count());
        holder.and_then(|m| self.device_of(m)).is_some_and(|d| self.done.contains(d.path()))
    }

    fn finish(&mut self) {
        self.source.image.logical_volume_policy = Policy::default();
        let disks = self.world.disks.iter().filter(|d| self.source.disks.contains(&d.name));
        self.source.image.source_disk_data = disks
            .map(|d| SourceDisk {
                hdiskname: d.name.clone(),
                size_mb: d.size / MIB,
                pvid: d.table.as_ref().map(|t| t.id.clone()).unwrap_or_default(),
                serial: d.serial.clone().unwrap_or_default(),
                connection: d.transport.clone().unwrap_or_default(),
                sector_size: d.logical_sector,
            })
            .collect();
        // Volume groups that nothing of rootvg uses are not made again.
        let used: BTreeSet<String> = self.source.image.lv_data.iter().filter_map(|l| l.volume_group.clone()).collect();
        self.source.image.vg_data.retain(|v| used.contains(&v.vgname));
    }
}

/// What a file system's data needs, with head room for the file system itself and for an initramfs or two.
fn floor_mb(fstype: &str, used: u64) -> u64 {
    let used = used.div_ceil(MIB);
    let least = match fstype {
        "xfs" => 320,
        "btrfs" => 256,
        "vfat" => return (used + used / 20 + 8).max(48),
        _ => 64,
    };
    (used + used * 15 / 100 + 128).max(least)
}

/// The device that an fstab first field names.
pub fn resolve_spec<'w>(world: &'w World, spec: &str) -> Option<Device<'w>> {
    let all = || {
        let disks =
            world.disks.iter().flat_map(|d| std::iter::once(Device::Whole(d)).chain(d.partitions.iter().map(move |p| Device::Part(d, p))));
        disks.chain(world.stacked.iter().map(Device::Stacked))
    };
    let unquoted = |v: &str| v.trim_matches('"').to_owned();
    // A copy that `dd` made has the same names: where several answer, the one on a disk in use is meant.
    let first = |which: &dyn Fn(&Device<'w>) -> bool| {
        let found: Vec<Device<'w>> = all().filter(|d| which(d)).collect();
        let in_use = |d: &&Device| match d {
            Device::Whole(disk) | Device::Part(disk, _) => !uses::at_work(disk, world).is_empty(),
            Device::Stacked(_) => true,
        };
        let used = found.iter().position(|d| in_use(&d)).filter(|_| found.len() > 1);
        found.into_iter().nth(used.unwrap_or(0))
    };
    let by = |f: &dyn Fn(&Signature) -> bool| first(&|d| d.content().iter().any(f));
    if let Some(uuid) = spec.strip_prefix("UUID=").map(unquoted) {
        return by(&|s| s.uuid.as_deref().is_some_and(|u| u.eq_ignore_ascii_case(&uuid)));
    }
    if let Some(label) = spec.strip_prefix("LABEL=").map(unquoted) {
        return by(&|s| s.label.as_deref() == Some(&label));
    }
    let part = |f: &dyn Fn(&Partition) -> bool| first(&|d| matches!(d, Device::Part(_, p) if f(p)));
    if let Some(uuid) = spec.strip_prefix("PARTUUID=").map(unquoted) {
        return part(&|p| p.uuid.as_deref().is_some_and(|u| u.eq_ignore_ascii_case(&uuid)));
    }
    if let Some(label) = spec.strip_prefix("PARTLABEL=").map(unquoted) {
        return part(&|p| p.label.as_deref() == Some(&label));
    }
    spec.starts_with("/dev/").then(|| find_device(world, "", Path::new(spec))).flatten()
}

#[cfg(test)]
mod tests;
