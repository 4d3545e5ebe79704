//! What rootvg is: the file systems of the running system that live on its root disks, as an
//! image.data.
//!
//! Found from what the kernel says (mountinfo, /proc/swaps, the block layer), with fstab for the
//! options and for what is not mounted. Data on other disks is not part of it, and neither is what
//! is mounted from a file (a loop device): the file is. What cannot be cloned in kind (LUKS, MD,
//! ZFS, bcache, multipath, LVM thin) is refused by name, as a whole where `/` or `/boot` lies on
//! it, else as one [`Refusal`] that an image.data without it settles; what is left out is said.

mod device;
pub mod mount;
mod subvolumes;
mod unmounted;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::identity::fstab;
use crate::boot::identity::ids::SubvolumeId;
use crate::boot::identity::options;
use crate::disk::fs::{self, FsType};
use crate::disk::model::{Stacked, World};
use crate::error;
use crate::host::mounts::Mount;
use crate::image::data::{Fs, Image, ImageData, Lv, LvType, Policy, SourceDisk, Vg};
pub use device::{Device, find_device, resolve_spec};

const MIB: u64 = 1 << 20;
/// Mounted from here, something is a guest and not part of the system.
const GUEST_DIRS: [&str; 4] = ["/mnt", "/media", "/run", crate::engine::ALT_INST];
/// Where a system keeps parts of itself: a clone without them is worth a loud word.
const SYSTEM_DIRS: [&str; 5] = ["/usr", "/var", "/opt", "/etc", "/var/lib"];
/// File systems that no clone needs, wherever they are mounted: media, images, those of other
/// systems.
const NEVER_NEEDED: [&str; 11] = [
    "squashfs", "erofs", "iso9660", "udf", "cramfs", "romfs", "ntfs", "ntfs3", "exfat", "hfsplus",
    "fuseblk",
];
/// Where the EFI system partition is mounted.
const ESP_AT: [&str; 2] = ["/boot/efi", "/efi"];

/// How full a file system is. Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub used: u64,
}

/// A btrfs subvolume as `btrfs subvolume list` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSubvolume {
    /// The number that `subvolid=` takes.
    pub id: u64,
    /// From the top level, no leading slash.
    pub path: String,
    pub is_snapshot: bool,
    pub read_only: bool,
}

/// What [`describe`] asks the machine; a table in tests.
pub trait Ask {
    fn usage(&self, mount: &Mount) -> Result<Usage>;
    /// Subvolumes of a btrfs, and the path of its default one where that is not the top level.
    fn subvolumes(&self, mount: &Mount) -> Result<(Vec<ListedSubvolume>, Option<String>)>;
    /// Whether a btrfs limits what its subvolumes may take.
    fn has_quotas(&self, mount: &Mount) -> bool;
    /// mkfs arguments that repeat this file system's features.
    fn mkfs_options(&self, fstype: FsType, device: &Path) -> Result<Vec<String>>;
    /// The text of /etc/crypttab; empty where there is none.
    fn crypttab(&self) -> String;
}

/// The system to be cloned.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub image: ImageData,
    /// Kernel names of the disks that rootvg lies on.
    pub disks: Vec<String>,
    /// For each lv_data in order: the device it is now.
    pub devices: Vec<PathBuf>,
    /// For each btrfs: its device, and all its subvolumes by their numbers.
    pub subvolume_ids: Vec<(PathBuf, Vec<SubvolumeId>)>,
    /// Writable btrfs snapshots that are among the subvolumes: the mount point of their file
    /// system, and their path.
    pub snapshots: Vec<(String, String)>,
    /// File systems that belong to rootvg and cannot be cloned: refused, unless an image.data
    /// leaves them out.
    pub refusals: Vec<Refusal>,
    /// What fstab has on the root disks and nobody has mounted, but for the EFI system partition.
    pub not_mounted: Vec<PathBuf>,
    /// What is left out, and other things worth knowing.
    pub warnings: Vec<String>,
    /// What is as it should be, and may still surprise.
    pub notes: Vec<String>,
}

/// Why one file system of rootvg cannot be cloned.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub at: PathBuf,
    pub entry: &'static error::Entry,
    pub cause: String,
}

impl Refusal {
    /// As an error, with the way around it.
    pub fn error(&self) -> anyhow::Error {
        let remedy = "unmount it if it does not belong to the system; or clone the rest: `altdisk mkszfile /root/image.data` describes it \
            without this file system, and `-i /root/image.data` takes that";
        self.entry.with_remedy(self.cause.clone(), remedy)
    }
}

/// Describes rootvg.
///
/// # Errors
/// ALT-301 where `/` is on no disk, ALT-302 to ALT-308 for what is not cloned in kind, ALT-309 for
/// a file system of another type.
pub fn describe(
    world: &World,
    mounts: &[Mount],
    fstab: &[fstab::Entry],
    image: Image,
    ask: &dyn Ask,
) -> Result<Source> {
    let mut d = Describer {
        world,
        mounts,
        fstab,
        ask,
        crypttab: ask.crypttab(),
        source: Source {
            image: ImageData { image_data: image, ..ImageData::default() },
            ..Source::default()
        },
        done: BTreeSet::new(),
    };
    d.root_disks()?;
    d.volume_groups();
    for mount in mounts {
        d.file_system(mount)?;
    }
    d.mounted_from_files();
    d.not_mounted();
    d.swap()?;
    d.finish();
    Ok(d.source)
}

/// The disks that the running system starts from, whether or not it could be cloned; none where `/`
/// is on no disk (a live medium).
pub fn root_disks(world: &World, mounts: &[Mount], ask: &dyn Ask) -> Vec<String> {
    let d = Describer {
        world,
        mounts,
        fstab: &[],
        ask,
        crypttab: String::new(),
        source: Source::default(),
        done: BTreeSet::new(),
    };
    let disks: BTreeSet<String> =
        d.root_devices().iter().flat_map(|device| d.disks_of(device)).collect();
    disks.into_iter().collect()
}

struct Describer<'a> {
    world: &'a World,
    mounts: &'a [Mount],
    fstab: &'a [fstab::Entry],
    ask: &'a dyn Ask,
    crypttab: String,
    source: Source,
    /// Device paths that are in lv_data already.
    done: BTreeSet<PathBuf>,
}

impl<'a> Describer<'a> {
    fn device_of(&self, mount: &Mount) -> Option<Device<'a>> {
        // btrfs has anonymous numbers: only what was mounted tells the device.
        let dev = if fs::has_subvolumes(&mount.fstype) { "" } else { &mount.dev };
        find_device(self.world, dev, Path::new(&mount.source))
    }

    fn mounted_at(&self, at: &str) -> Option<&'a Mount> {
        self.mounts.iter().rev().find(|m| m.mount_point == Path::new(at))
    }

    /// What `/`, `/boot` and the ESP lie on. Over the last two something else may be mounted, which
    /// is not what starts the machine.
    fn root_devices(&self) -> Vec<Device<'a>> {
        let root = self.mounted_at("/").and_then(|m| self.device_of(m));
        let boot = ["/boot"].into_iter().chain(ESP_AT).filter_map(|at| {
            let here = self.mounts.iter().rev().filter(|m| m.mount_point == Path::new(at));
            here.filter_map(|m| self.device_of(m)).find(|d| self.file_below(d).is_none())
        });
        root.into_iter().chain(boot).collect()
    }

    /// The file that a device is made of, if it is a loop device on a file or lies on one.
    fn file_below(&self, device: &Device) -> Option<&'a Path> {
        let Device::Stacked(s) = device else { return None };
        let on_file =
            |name: &str| self.world.stacked.iter().find(|b| b.name == name && b.file.is_some());
        let below = self.world.below(&s.name);
        std::iter::once(s.name.as_str())
            .chain(below.iter().map(String::as_str))
            .find_map(on_file)
            .and_then(|b| b.file.as_deref())
    }

    /// The disks below `/`, `/boot` and the ESP, and those that hold the rest of their volume
    /// groups.
    fn root_disks(&mut self) -> Result<()> {
        let root = self.mounted_at("/").ok_or_else(|| {
            error::NO_ROOT_DEVICE.with_cause("nothing is mounted at / (is /proc mounted?)")
        })?;
        if self.device_of(root).is_none_or(|d| self.file_below(&d).is_some()) {
            let cause = format!(
                "/ is {} from {}, which is no disk, partition or logical volume",
                root.fstype, root.source
            );
            return Err(error::NO_ROOT_DEVICE.with_cause(cause));
        }
        let mut disks: BTreeSet<String> = BTreeSet::new();
        for device in self.root_devices() {
            self.refuse_stack(&device)?;
            disks.extend(self.disks_of(&device));
        }
        self.source.disks = disks.into_iter().collect();
        Ok(())
    }

    /// Kernel names of the disks below a device; for a logical volume all disks of its volume
    /// group.
    fn disks_of(&self, device: &Device) -> BTreeSet<String> {
        match device {
            Device::Whole(d) => [d.name.clone()].into(),
            Device::Part(d, _) => [d.name.clone()].into(),
            // A file is no disk: whatever it holds, it is copied as the file that it is.
            Device::Stacked(_) if self.file_below(device).is_some() => BTreeSet::new(),
            Device::Stacked(s) => {
                let mut disks: BTreeSet<String> =
                    self.world.disks_below(&s.dev).into_iter().collect();
                if let Some(lv) = self.lv_of(s) {
                    for pv in
                        self.world.lvm.pvs.iter().filter(|pv| pv.vg.as_deref() == Some(&lv.vg))
                    {
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
        self.world.lvm.lvs.iter().find(|lv| {
            lv.dm_path == s.path || s.dm_name.as_deref().is_some_and(|n| lv.dm_path.ends_with(n))
        })
    }

    /// Refuses what is not cloned in kind, wherever it is in the stack.
    fn refuse_stack(&self, device: &Device) -> Result<()> {
        let Device::Stacked(s) = device else { return Ok(()) };
        let cause = |what: &str| format!("{} is {what}", s.path.display());
        match s.kind.as_str() {
            "crypt" => {
                return Err(error::SOURCE_LUKS.with_cause(cause("encrypted (LUKS or dm-crypt)")));
            }
            "raid" => return Err(error::SOURCE_MD.with_cause(cause("software RAID (MD)"))),
            "bcache" => return Err(error::SOURCE_BCACHE.with_cause(cause("a bcache device"))),
            "mpath" => return Err(error::SOURCE_MULTIPATH.with_cause(cause("a multipath device"))),
            _ => {}
        }
        if let Some(lv) = self.lv_of(s).filter(|lv| lv.segtype.contains("thin")) {
            return Err(error::SOURCE_THIN.with_cause(format!(
                "{} is an LVM thin volume ({})",
                lv.path.display(),
                lv.segtype
            )));
        }
        if let Some(lv) =
            self.lv_of(s).filter(|lv| lv.segtype.contains("cache") || lv.segtype.contains("vdo"))
        {
            return Err(error::SOURCE_THIN.with_cause(format!(
                "{} is an LVM volume of type {}",
                lv.path.display(),
                lv.segtype
            )));
        }
        let below = self.world.stacked.iter().filter(|b| s.slaves.contains(&b.name));
        below.map(Device::Stacked).try_for_each(|b| self.refuse_stack(&b))
    }

    /// The volume groups whose disks are among the root disks.
    fn volume_groups(&mut self) {
        for vg in &self.world.lvm.vgs {
            let pvs: Vec<&Path> = self
                .world
                .lvm
                .pvs
                .iter()
                .filter(|pv| pv.vg.as_deref() == Some(&vg.name))
                .map(|pv| pv.path.as_path())
                .collect();
            let disks: BTreeSet<String> = pvs
                .iter()
                .filter_map(|p| find_device(self.world, "", p))
                .flat_map(|d| self.disks_of(&d))
                .collect();
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

    /// Whether fstab says that a device is mounted there (and not a directory once more).
    fn in_fstab(&self, at: &Path) -> bool {
        let bind = |e: &fstab::Entry| e.options.split(',').any(|o| o == "bind" || o == "rbind");
        self.entry(at).is_some_and(|e| !bind(e))
    }

    /// Whether all of a device's disks are root disks.
    fn is_on_root_disks(&self, device: &Device) -> bool {
        let disks = self.disks_of(device);
        !disks.is_empty() && disks.iter().all(|d| self.source.disks.contains(d))
    }

    /// One mount, if it is a file system of rootvg that was not seen yet.
    fn file_system(&mut self, mount: &'a Mount) -> Result<()> {
        let at = mount.mount_point.display();
        let is_root = mount.mount_point == Path::new("/");
        if mount.fstype == "zfs" && (is_root || mount.mount_point == Path::new("/boot")) {
            return Err(error::SOURCE_ZFS.with_cause(format!("{at} is ZFS ({})", mount.source)));
        }
        let Some(device) = self.device_of(mount) else { return Ok(()) };
        if !self.is_on_root_disks(&device) {
            let in_file = self.file_below(&device).is_some();
            if !in_file && SYSTEM_DIRS.iter().any(|d| mount.mount_point == Path::new(d)) {
                let text =
                    "is on another disk: it is NOT cloned, and old and new system will share it";
                self.source.warnings.push(format!("{at} ({}) {text}", mount.source));
            }
            return Ok(());
        }
        if self.is_made_anew(&device) {
            let text =
                "is made anew with a random key at each start: what is in it now is not cloned";
            self.source.warnings.push(format!("{at} ({}) {text}", mount.source));
            return Ok(());
        }
        // Bind mounts and further subvolumes of a file system that was seen; or fstab has another
        // place for it.
        if self.done.contains(device.path())
            || (!fs::has_subvolumes(&mount.fstype) && mount.root != Path::new("/"))
            || self.belongs_elsewhere(mount)
        {
            return Ok(());
        }
        if self.is_guest(&mount.mount_point) {
            self.source.warnings.push(format!(
                "{at} ({}) is on the root disk but not part of the system: it is not cloned",
                mount.source
            ));
            return Ok(());
        }
        if self.source.image.fs_data.iter().any(|f| Path::new(&f.fs_name) == mount.mount_point) {
            self.source.warnings.push(format!(
                "{} is mounted over {at}, or below what is mounted there: it is NOT cloned",
                mount.source
            ));
            return Ok(());
        }
        let fstype = match self.cloneable(mount, &device) {
            Ok(fstype) => fstype,
            Err(e) => return self.refuse(mount, e),
        };
        self.take(mount, fstype, &device)
    }

    /// Warns that a mount is not cloned, or refuses the clone where the system needs it.
    fn refuse(&mut self, mount: &Mount, e: anyhow::Error) -> Result<()> {
        let at = mount.mount_point.display();
        let is_root = mount.mount_point == Path::new("/");
        let Some((alt, false)) = error::find(&e).map(|alt| (alt, is_root)) else {
            return Err(e);
        };
        let needed = mount.mount_point == Path::new("/boot")
            || SYSTEM_DIRS.iter().any(|d| mount.mount_point == Path::new(d));
        if alt.entry.id == error::SOURCE_FSTYPE.id
            && (!needed || NEVER_NEEDED.contains(&mount.fstype.as_str()))
        {
            let text = "it is NOT cloned, and old and new system will share it";
            self.source.warnings.push(format!(
                "{at} ({}) is {}, which altdisk does not make: {text}",
                mount.source, mount.fstype
            ));
        } else {
            self.source.refusals.push(Refusal {
                at: mount.mount_point.clone(),
                entry: alt.entry,
                cause: alt.cause.clone(),
            });
        }
        Ok(())
    }

    /// Whether this is a second mount of a file system for which fstab has another place, where it
    /// is mounted too.
    fn belongs_elsewhere(&self, mount: &Mount) -> bool {
        let same = |o: &&Mount| {
            o.dev == mount.dev && o.root == mount.root && o.mount_point != mount.mount_point
        };
        !fs::has_subvolumes(&mount.fstype)
            && !self.in_fstab(&mount.mount_point)
            && self.mounts.iter().filter(same).any(|o| self.in_fstab(&o.mount_point))
    }

    /// # Errors
    /// ALT-302 to ALT-309: why the file system cannot be made and copied in kind.
    fn cloneable(&self, mount: &Mount, device: &Device) -> Result<FsType> {
        self.refuse_stack(device)?;
        let at = mount.mount_point.display();
        let spread =
            self.world.spread.iter().find(|s| {
                s.devices.len() > 1 && s.devices.iter().any(|d| device.path().ends_with(d))
            });
        if let Some(spread) = spread {
            return Err(error::SOURCE_SPREAD
                .with_cause(format!("{at} lies on {}", spread.devices.join(" "))));
        }
        mount.fstype.parse().map_err(|_: anyhow::Error| {
            error::SOURCE_FSTYPE.with_cause(format!(
                "{at} is {}; file systems that can be cloned: {}",
                mount.fstype,
                fs::cloned_names()
            ))
        })
    }

    /// Describes a file system of rootvg.
    fn take(&mut self, mount: &Mount, fstype: FsType, device: &Device<'a>) -> Result<()> {
        let disks = self.disks_of(device);
        self.done.insert(device.path().to_owned());
        let entry = self.entry(&mount.mount_point);
        let name = mount.mount_point.to_string_lossy().into_owned();
        let used = self.ask.usage(mount)?.used;
        let (lv, vg) = self.volume_name(device);
        // (A vfat /boot holds kernels: it is copied in phase 1 as any other file system.)
        let is_esp = fstype == FsType::Vfat
            && ESP_AT.contains(&name.as_str())
            && !self.source.image.lv_data.iter().any(|l| l.kind == LvType::Esp);
        let mut fs = Fs {
            fs_name: name,
            fs_lv: lv.clone(),
            fs_vg: vg.clone(),
            fs_vfs: fstype,
            fs_min_size_mb: fstype.floor_mb(used.div_ceil(MIB)),
            fs_used_mb: used.div_ceil(MIB),
            fs_options: entry.map_or_else(|| "defaults".into(), |e| options::portable(&e.options)),
            fs_label: device
                .content()
                .iter()
                .find(|s| s.usage == "filesystem")
                .and_then(|s| s.label.clone())
                .filter(|l| !l.is_empty()),
            fs_mkfs_options: self.ask.mkfs_options(fstype, device.path()).unwrap_or_default(),
            ..Fs::default()
        };
        if fstype.has_subvolumes() {
            self.subvolumes(&mut fs, device.path(), mount)?;
        }
        self.quotas(mount);
        if let Device::Stacked(s) = device
            && let Some(lv) = self.lv_of(s).filter(|lv| {
                lv.segtype.starts_with("raid") || lv.segtype == "mirror" || lv.segtype == "striped"
            })
        {
            self.source.warnings.push(format!(
                "{} is {}: the copy's is linear, on one copy",
                lv.path.display(),
                lv.segtype
            ));
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

    /// Limits lie where no file is.
    fn quotas(&mut self, mount: &Mount) {
        let at = mount.mount_point.display();
        if fs::has_subvolumes(&mount.fstype) && self.ask.has_quotas(mount) {
            let how = "`btrfs quota enable` and `btrfs qgroup limit` set them anew";
            self.source.warnings.push(format!(
                "{at} has btrfs quotas: in the copy they are off, and no limit is set ({how})"
            ));
        } else if mount
            .super_options
            .split(',')
            .any(|o| ["usrquota", "grpquota", "prjquota"].contains(&o))
        {
            self.source
                .warnings
                .push(format!("{at} has disk quotas: their limits are not in the copy (`setquota` or `xfs_quota` sets them anew)"));
        }
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
        let used: BTreeSet<String> =
            self.source.image.lv_data.iter().filter_map(|l| l.volume_group.clone()).collect();
        self.source.image.vg_data.retain(|v| used.contains(&v.vgname));
    }
}

#[cfg(test)]
mod tests;
