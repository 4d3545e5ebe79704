//! The mounted file systems of rootvg.

use std::path::Path;

use anyhow::Result;

use crate::boot::identity::options;
use crate::disk::fs::{self, FsType};
use crate::engine::facts::source::describer::{Describer, ESP_AT, MIB};
use crate::engine::facts::source::device::Device;
use crate::engine::facts::source::model::Refusal;
use crate::error;
use crate::host::mounts::Mount;
use crate::image::data::{Fs, Lv, LvType};

/// Directories of the system itself: a clone without them gets a warning.
const SYSTEM_DIRS: [&str; 5] = ["/usr", "/var", "/opt", "/etc", "/var/lib"];

/// File systems that no clone needs, wherever they are mounted: media, images, those of other
/// systems.
const NEVER_NEEDED: [&str; 11] = [
    "squashfs", "erofs", "iso9660", "udf", "cramfs", "romfs", "ntfs", "ntfs3", "exfat", "hfsplus",
    "fuseblk",
];

impl<'a> Describer<'a> {
    /// One mount, if it is a file system of rootvg that was not seen yet.
    pub(super) fn file_system(&mut self, mount: &'a Mount) -> Result<()> {
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
            let text = "gets a new random key at each boot: its content is not cloned";
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

    /// True if this is a second mount of a file system for which fstab has another place, where it
    /// is mounted too.
    pub(super) fn belongs_elsewhere(&self, mount: &Mount) -> bool {
        let same = |o: &&Mount| {
            o.dev == mount.dev && o.root == mount.root && o.mount_point != mount.mount_point
        };
        !fs::has_subvolumes(&mount.fstype)
            && !self.in_fstab(&mount.mount_point)
            && self.mounts.iter().filter(same).any(|o| self.in_fstab(&o.mount_point))
    }

    /// # Errors
    /// ALT-302 to ALT-309: why the file system cannot be made and copied in kind.
    pub(super) fn cloneable(&self, mount: &Mount, device: &Device) -> Result<FsType> {
        self.refuse_stack(device)?;
        let at = mount.mount_point.display();
        let spread =
            self.inventory.multi_device.iter().find(|s| {
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
    pub(super) fn take(
        &mut self,
        mount: &Mount,
        fstype: FsType,
        device: &Device<'a>,
    ) -> Result<()> {
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
    pub(super) fn quotas(&mut self, mount: &Mount) {
        let at = mount.mount_point.display();
        if fs::has_subvolumes(&mount.fstype) && self.ask.has_quotas(mount) {
            let how = "`btrfs quota enable` and `btrfs qgroup limit` set them again";
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
                .push(format!("{at} has disk quotas: their limits are not in the copy (`setquota` or `xfs_quota` sets them again)"));
        }
    }
}
