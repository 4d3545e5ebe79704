//! Parts of rootvg other than mounted file systems, and what could be mistaken for them: mounts
//! from files, lines of fstab that are not mounted, swap.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::describer::{Describer, ESP_AT, MIB};
use super::device::{Device, find_device, resolve_spec};
use crate::boot::identity::{crypttab, fstab, options};
use crate::disk::fs::FsType;
use crate::host::mounts::Mount;
use crate::image::data::{Fs, Lv, LvType, SwapFile};

impl Describer<'_> {
    /// One note for everything that is mounted from files: a system with snaps has dozens.
    pub(super) fn mounted_from_files(&mut self) {
        let from_file = |m: &&Mount| {
            self.device_of(m).and_then(|d| self.file_below(&d)).map(|f| (m.mount_point.clone(), f))
        };
        let mut all: Vec<String> = self
            .mounts
            .iter()
            .filter_map(|m| from_file(&m))
            .map(|(at, file)| format!("{} ({})", at.display(), file.display()))
            .collect();
        all.dedup();
        if !all.is_empty() {
            self.source.notes.push(format!(
                "mounted from a file, so not part of rootvg (the file itself is copied with the file system that holds it): {}",
                all.join(", ")
            ));
        }
    }

    /// Lines of fstab on the root disks that are not mounted. An automount point does not count: it
    /// exists before the first access.
    pub(super) fn not_mounted(&mut self) {
        let mounted =
            |at: &Path| self.mounts.iter().any(|m| m.mount_point == at && m.fstype != "autofs");
        let fstab = self.fstab;
        for entry in fstab.iter().filter(|e| {
            e.mount_point.starts_with("/")
                && !FsType::Swap.is_named(&e.fstype)
                && !mounted(&e.mount_point)
        }) {
            let Some(device) = resolve_spec(self.inventory, &entry.spec) else { continue };
            if !self.is_on_root_disks(&device) || self.done.contains(device.path()) {
                continue;
            }
            if self.is_esp(entry, &device) {
                self.take_esp(entry, &device);
                continue;
            }
            self.source.not_mounted.push(entry.mount_point.clone());
            self.source.warnings.push(format!(
                "{} ({}) is in /etc/fstab but not mounted: it is NOT cloned; mount it first if it belongs to the system",
                entry.mount_point.display(),
                entry.spec
            ));
        }
    }

    fn is_esp(&self, entry: &fstab::Entry, device: &Device) -> bool {
        let taken = self.source.image.lv_data.iter().any(|l| l.kind == LvType::Esp);
        !taken
            && ESP_AT.iter().any(|at| entry.mount_point == Path::new(at))
            && device.content().iter().any(|s| FsType::Vfat.is_named(&s.kind))
    }

    /// The EFI system partition is often mounted on demand only, or not at all. It is part of the
    /// system nevertheless.
    fn take_esp(&mut self, entry: &fstab::Entry, device: &Device) {
        let (lv, vg) = self.volume_name(device);
        let size_mb = device.size() / MIB;
        self.source.image.fs_data.push(Fs {
            fs_name: entry.mount_point.to_string_lossy().into_owned(),
            fs_lv: lv.clone(),
            fs_vg: vg.clone(),
            fs_vfs: FsType::Vfat,
            fs_min_size_mb: FsType::Vfat.floor_mb(0).min(size_mb),
            fs_options: options::portable(&entry.options),
            fs_label: device
                .content()
                .iter()
                .find_map(|s| s.label.clone())
                .filter(|l| !l.is_empty()),
            ..Fs::default()
        });
        let disks = self.disks_of(device).into_iter().collect();
        let kind = LvType::Esp;
        let lv = Lv {
            logical_volume: lv,
            volume_group: vg,
            kind,
            size_mb,
            lv_source_disk_list: disks,
            label: None,
        };
        self.add(lv, device.path());
        self.done.insert(device.path().to_owned());
        let at = entry.mount_point.display();
        self.source.notes.push(format!(
            "{at} ({}) is not mounted, but is cloned anyway: it is the EFI system partition",
            entry.spec
        ));
    }

    pub(super) fn swap(&mut self) -> Result<()> {
        self.swap_of_crypttab()?;
        let mut specs: Vec<(PathBuf, u64)> =
            self.inventory.swaps.iter().map(|s| (s.path.clone(), s.size)).collect();
        for entry in self.fstab.iter().filter(|e| FsType::Swap.is_named(&e.fstype)) {
            let path = match resolve_spec(self.inventory, &entry.spec) {
                Some(device) => device.path().to_owned(),
                None => PathBuf::from(&entry.spec),
            };
            specs.push((path, 0));
        }
        for (path, active) in specs {
            if let Some(device) = find_device(self.inventory, "", &path) {
                if self.is_on_root_disks(&device)
                    && !self.is_made_anew(&device)
                    && self.done.insert(device.path().to_owned())
                {
                    self.take_swap(&device)?;
                }
            } else if path.is_absolute() && !path.starts_with("/dev") && self.on_rootvg(&path) {
                let size = std::fs::metadata(&path).map_or(active, |m| m.len());
                let file = path.to_string_lossy().into_owned();
                if size > 0 && !self.source.image.swap_file_data.iter().any(|s| s.file == file) {
                    self.source
                        .image
                        .swap_file_data
                        .push(SwapFile { file, size_mb: size.div_ceil(MIB) });
                }
            }
        }
        Ok(())
    }

    fn take_swap(&mut self, device: &Device) -> Result<()> {
        self.refuse_stack(device)?;
        let (lv, vg) = self.volume_name(device);
        let label = device
            .content()
            .iter()
            .find(|s| FsType::Swap.is_named(&s.kind))
            .and_then(|s| s.label.clone())
            .filter(|l| !l.is_empty());
        self.add(
            Lv {
                logical_volume: lv,
                volume_group: vg,
                kind: LvType::Swap,
                size_mb: (device.size() / MIB).max(1),
                lv_source_disk_list: self.disks_of(device).into_iter().collect(),
                label,
            },
            device.path(),
        );
        Ok(())
    }

    /// Swap space with a random key: what crypttab names is a volume of rootvg like other swap
    /// space, and its encryption does not matter, as it is never read again.
    fn swap_of_crypttab(&mut self) -> Result<()> {
        let text = self.crypttab.clone();
        for entry in
            text.lines().filter_map(crypttab::entry).filter(|e| e.is_made_anew() && e.is_swap())
        {
            let Some(device) = resolve_spec(self.inventory, entry.device) else { continue };
            if self.is_on_root_disks(&device) && self.done.insert(device.path().to_owned()) {
                self.take_swap(&device)?;
                let (name, path) = (entry.name, device.path().display());
                self.source
                    .notes
                    .push(format!("{name} of /etc/crypttab, on {path}, is made again at each boot: the copy gets a partition for it"));
            }
        }
        Ok(())
    }

    /// True if a device is a mapping that crypttab recreates at each start.
    pub(super) fn is_made_anew(&self, device: &Device) -> bool {
        let Device::Stacked(s) = device else { return false };
        let is_it = |e: &crypttab::Entry| e.is_made_anew() && s.dm_name.as_deref() == Some(e.name);
        s.kind == "crypt" && self.crypttab.lines().filter_map(crypttab::entry).any(|e| is_it(&e))
    }

    /// True if the file system that holds this path is part of rootvg.
    fn on_rootvg(&self, path: &Path) -> bool {
        let holder = self
            .mounts
            .iter()
            .rev()
            .filter(|m| path.starts_with(&m.mount_point))
            .max_by_key(|m| m.mount_point.components().count());
        holder.and_then(|m| self.device_of(m)).is_some_and(|d| self.done.contains(d.path()))
    }
}
