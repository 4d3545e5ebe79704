//! Where everything goes on the target disks: partitions, volume groups, volumes, with fresh
//! identifiers.
//!
//! Pure: from image.data and the target disks to a [`Layout`] that is stored with the plan. Every
//! target gets a new GPT; the first one a BIOS boot partition and an ESP too, so that it boots on
//! either firmware. With LVM the volume group of `/` spans all targets; plain partitions are
//! packed, `/` and `/boot` on the first disk.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::disk::content::Before;
use crate::disk::fs::FsType;
use crate::disk::identity::DiskIdentity;
use crate::disk::lvm::mapper_path;
use crate::disk::model::shown_name;
use crate::disk::node::partition_path;
use crate::disk::script::{ALIGN, types, usable};
use crate::disk::size::human;
use crate::engine::plan::sizing::{self, Allowed, Ask, Outcome};
use crate::error;
use crate::image::data::{Fs, ImageData, Lv, LvType, SwapFile, YesNo};

/// What partition names of an alternate begin with, and the LVM tag of its volume group.
pub const MARK: &str = "altinst_rootvg";
/// Where the alternate mounts an ESP that the source has not.
pub const NEW_ESP_AT: &str = "/boot/efi";

mod fresh;

pub use fresh::Fresh;
use fresh::{fresh_label, fresh_vg};

const MIB: u64 = 1 << 20;
const BIOS_BOOT_SIZE: u64 = MIB;
/// LVM's own needs on a physical volume (metadata, alignment), generously.
const PV_OVERHEAD: u64 = 4 * MIB;
/// An ESP where the source has none: FAT32 needs 65525 clusters of at least a sector.
const NEW_ESP_512: u64 = 128 * MIB;
const NEW_ESP_4096: u64 = 300 * MIB;

/// A disk to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub name: String,
    pub path: PathBuf,
    pub serial: Option<String>,
    pub wwn: Option<String>,
    pub model: Option<String>,
    pub before: Option<Before>,
    pub seen: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Logical sector, bytes.
    pub sector: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartLayout {
    pub number: u32,
    pub path: PathBuf,
    /// Bytes.
    pub start: u64,
    pub size: u64,
    pub type_guid: String,
    /// PARTUUID, lower case.
    pub uuid: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskLayout {
    pub name: String,
    /// Boot and disk sequence number: whoever has this is the very disk that was looked at.
    pub seen: Option<String>,
    pub path: PathBuf,
    pub serial: Option<String>,
    // Plans of version 0.1.0 have none of these three.
    #[serde(default)]
    pub wwn: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    /// What was on it before the run wrote to it.
    #[serde(default)]
    pub before: Option<Before>,
    pub size: u64,
    pub sector: u32,
    /// Disk GUID, lower case.
    pub table_id: String,
    pub partitions: Vec<PartLayout>,
}

impl DiskLayout {
    /// Everything by which the disk is known again.
    pub fn identity(&self) -> DiskIdentity {
        DiskIdentity {
            path: self.path.clone(),
            serial: self.serial.clone(),
            wwn: self.wwn.clone(),
            model: self.model.clone(),
            size: self.size,
            sector: self.sector,
            table_id: Some(self.table_id.clone()),
            seen: self.seen.clone(),
        }
    }

    /// Its name for people, see [`shown_name`].
    pub fn shown(&self) -> String {
        shown_name(&self.name, self.serial.as_deref())
    }

    /// What is typed to confirm that it is erased: the serial, or the name where it has none.
    pub fn serial_or_name(&self) -> &str {
        self.serial.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VgLayout {
    pub old_name: String,
    pub name: String,
    /// Bytes.
    pub extent: u64,
    pub pvs: Vec<PathBuf>,
}

/// A file system or swap space to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeLayout {
    /// LOGICAL_VOLUME and VOLUME_GROUP in image.data; `esp` for an ESP that the source has not.
    pub lv: String,
    pub old_vg: Option<String>,
    /// Name of the new volume group.
    pub vg: Option<String>,
    pub kind: LvType,
    pub device: PathBuf,
    /// Bytes.
    pub size: u64,
    pub uuid: String,
    pub label: Option<String>,
    pub partuuid: Option<String>,
    /// fs_data, for everything but swap.
    pub fs: Option<Fs>,
}

impl VolumeLayout {
    /// For people and for step names: the mount point, or `swap`.
    pub fn what(&self) -> &str {
        self.fs.as_ref().map_or("swap", |f| f.fs_name.as_str())
    }

    /// How the alternate's files name it.
    pub fn spec(&self) -> String {
        if self.vg.is_some() {
            self.device.display().to_string()
        } else {
            format!("UUID={}", self.uuid)
        }
    }
}

/// The whole target side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    pub disks: Vec<DiskLayout>,
    pub vgs: Vec<VgLayout>,
    /// File systems parents first, then swap.
    pub volumes: Vec<VolumeLayout>,
    pub swap_files: Vec<SwapFile>,
    pub outcome: Outcome,
    /// What the user should know about how it was laid out.
    pub notes: Vec<String>,
}

impl Layout {
    /// The names of its disks for people.
    pub fn disk_names(&self) -> String {
        self.disks.iter().map(DiskLayout::shown).collect::<Vec<_>>().join(" ")
    }

    /// The volume that holds `/`.
    pub fn root(&self) -> Option<&VolumeLayout> {
        self.volumes.iter().find(|v| v.fs.as_ref().is_some_and(holds_root))
    }

    /// The EFI system partition.
    pub fn esp(&self) -> Option<&VolumeLayout> {
        self.volumes.iter().find(|v| v.kind == LvType::Esp)
    }
}

fn holds_root(fs: &Fs) -> bool {
    fs.fs_name == "/" || fs.subvolume.iter().any(|s| s.mount_point.as_deref() == Some("/"))
}

/// Lays the image out on the targets; `added`: bytes by which its volumes are larger than those of
/// the source, because a copy needs that.
///
/// # Errors
/// ALT-320 too small (says whether SHRINK would do), ALT-321 EXACT_FIT, ALT-322 a plain layout that
/// does not spread, ALT-323 no root.
pub fn lay_out(
    image: &ImageData,
    added: u64,
    targets: &[Target],
    fresh: &mut Fresh,
) -> Result<Layout> {
    exact_fit(image, targets)?;
    let root = image.fs_data.iter().find(|f| holds_root(f)).ok_or_else(|| {
        error::NO_ROOT_FS.with_cause("image.data has no file system that is mounted at /")
    })?;
    let mut b = Builder::new(image, added, targets, root, fresh);
    b.place()?;
    Ok(b.finish())
}

fn exact_fit(image: &ImageData, targets: &[Target]) -> Result<()> {
    if image.logical_volume_policy.exact_fit == YesNo::No {
        return Ok(());
    }
    let sizes = |mut v: Vec<u64>| {
        v.sort_unstable();
        v
    };
    let source = sizes(image.source_disk_data.iter().map(|d| d.size_mb).collect());
    let target = sizes(targets.iter().map(|t| t.size / MIB).collect());
    if source == target {
        return Ok(());
    }
    Err(error::NOT_EXACT.with_cause(format!("EXACT_FIT is yes: the disks of image.data have {source:?} MiB, the target disks {target:?} MiB")))
}

/// One partition before it has a place.
struct Piece {
    type_guid: &'static str,
    name: String,
    size: u64,
    /// Index into `volumes`, or the VG whose physical volume it is.
    holds: Holds,
}

#[derive(Clone)]
enum Holds {
    Nothing,
    Volume(usize),
    Pv(String),
}

struct Builder<'a, 'f> {
    image: &'a ImageData,
    targets: &'a [Target],
    fresh: &'a mut Fresh<'f>,
    root: &'a Fs,
    /// Bytes by which volumes are larger than the source's.
    added: u64,
    volumes: Vec<VolumeLayout>,
    vgs: Vec<VgLayout>,
    pieces: Vec<Vec<Piece>>,
    outcome: Outcome,
    notes: Vec<String>,
}

impl<'a, 'f> Builder<'a, 'f> {
    fn new(
        image: &'a ImageData,
        added: u64,
        targets: &'a [Target],
        root: &'a Fs,
        fresh: &'a mut Fresh<'f>,
    ) -> Self {
        let pieces = targets.iter().map(|_| Vec::new()).collect();
        Self {
            image,
            targets,
            fresh,
            root,
            added,
            volumes: vec![],
            vgs: vec![],
            pieces,
            outcome: Outcome::AsSource,
            notes: vec![],
        }
    }

    fn place(&mut self) -> Result<()> {
        self.make_volumes();
        self.pieces[0].push(Piece {
            type_guid: types::BIOS_BOOT,
            name: format!("{MARK}:bios"),
            size: BIOS_BOOT_SIZE,
            holds: Holds::Nothing,
        });
        let esp = self.volumes.iter().position(|v| v.kind == LvType::Esp);
        if let Some(esp) = esp {
            self.push_volume(0, esp, types::ESP, self.volumes[esp].size);
        }
        match self.root.fs_vg.clone() {
            Some(vg) => self.place_lvm(&vg),
            None => self.place_plain(),
        }
    }

    /// Every volume of image.data, with new names; sizes are those wished for.
    fn make_volumes(&mut self) {
        for vg in &self.image.vg_data {
            let name = fresh_vg(&vg.vgname, self.fresh);
            self.vgs.push(VgLayout {
                old_name: vg.vgname.clone(),
                name,
                extent: vg.ppsize_mb.max(1) * MIB,
                pvs: vec![],
            });
        }
        let mut lvs: Vec<&Lv> = self.image.lv_data.iter().collect();
        lvs.sort_by_key(|lv| (lv.kind != LvType::Esp, lv.kind == LvType::Swap));
        for lv in lvs {
            let fs = self
                .image
                .fs_data
                .iter()
                .find(|f| f.fs_lv == lv.logical_volume && f.fs_vg == lv.volume_group)
                .cloned();
            let fstype = fs.as_ref().map_or(FsType::Swap, |f| f.fs_vfs);
            let uuid = self.fresh.id(fstype);
            let old_label = fs.as_ref().map_or(lv.label.clone(), |f| f.fs_label.clone());
            let label = old_label.map(|l| fresh_label(&l, fstype, self.fresh));
            let vg = lv
                .volume_group
                .as_ref()
                .and_then(|old| self.vgs.iter().find(|v| v.old_name == *old))
                .map(|v| v.name.clone());
            let device =
                vg.as_ref().map(|vg| mapper_path(vg, &lv.logical_volume)).unwrap_or_default();
            self.volumes.push(VolumeLayout {
                lv: lv.logical_volume.clone(),
                old_vg: lv.volume_group.clone(),
                vg,
                kind: lv.kind,
                device,
                size: lv.size_mb * MIB,
                uuid,
                label,
                partuuid: None,
                fs,
            });
        }
        if !self.volumes.iter().any(|v| v.kind == LvType::Esp) {
            let size = if self.targets[0].sector > 512 { NEW_ESP_4096 } else { NEW_ESP_512 };
            let fs = Fs {
                fs_name: NEW_ESP_AT.into(),
                fs_lv: "esp".into(),
                fs_vfs: FsType::Vfat,
                fs_options: "umask=0077,nofail".into(),
                ..Fs::default()
            };
            let uuid = self.fresh.id(FsType::Vfat);
            self.volumes.insert(
                0,
                VolumeLayout {
                    lv: "esp".into(),
                    old_vg: None,
                    vg: None,
                    kind: LvType::Esp,
                    device: PathBuf::new(),
                    size,
                    uuid,
                    label: None,
                    partuuid: None,
                    fs: Some(fs),
                },
            );
            self.notes.push(format!(
                "the running system has no EFI system partition; the copy gets one of {}, for machines with UEFI",
                human(size)
            ));
        }
    }

    fn is_root(&self, v: &VolumeLayout) -> bool {
        v.lv == self.root.fs_lv && v.old_vg == self.root.fs_vg
    }

    fn ask(&self, v: &VolumeLayout) -> Ask {
        let floor = v.fs.as_ref().map_or(v.size, |f| f.fs_min_size_mb * MIB);
        Ask { what: v.what().to_owned(), want: v.size, floor, is_root: self.is_root(v) }
    }

    /// Room for partitions on a target, beside what it already got.
    fn room(&self, disk: usize) -> u64 {
        let used: u64 = self.pieces[disk].iter().map(|p| p.size).sum();
        usable(self.targets[disk].size, self.targets[disk].sector).saturating_sub(used)
    }

    fn allowed(&self) -> Allowed {
        let source: u64 = self.image.source_disk_data.iter().map(|d| d.size_mb).sum();
        let target: u64 = self.targets.iter().map(|t| t.size / MIB).sum();
        let shrink = self.image.logical_volume_policy.shrink == YesNo::Yes;
        // Boot partitions, what alignment, tables and LVM take on each disk, and volumes that are
        // larger than the source's.
        let esp: u64 = self.volumes.iter().filter(|v| v.kind == LvType::Esp).map(|v| v.size).sum();
        let extent = self.vgs.iter().map(|v| v.extent).max().unwrap_or(0);
        let taken =
            self.added + esp + (8 * MIB + PV_OVERHEAD + 2 * extent) * self.targets.len() as u64;
        Allowed { shrink, root_gives_up: if source > 0 && target >= source { taken } else { 0 } }
    }

    fn too_small(&self, t: sizing::TooSmall) -> anyhow::Error {
        let names: Vec<&str> = self.targets.iter().map(|t| t.name.as_str()).collect();
        let has = self.targets.iter().map(|t| human(t.size)).collect::<Vec<_>>().join(" + ");
        let cause = format!(
            "{} ({has}) is too small: the file systems and swap need {}, and it has room for {}",
            names.join(" + "),
            human(t.needed),
            human(t.available)
        );
        if t.data_would_fit && !self.allowed().shrink {
            error::TOO_SMALL.with_remedy(
                format!("{cause}. The data itself would fit."),
                "either name a larger disk, or let the file systems become smaller: `altdisk mkszfile > /root/image.data`, set SHRINK = \"yes\" in it, and add `-i /root/image.data`",
            )
        } else {
            error::TOO_SMALL.with_cause(cause)
        }
    }

    fn push_volume(&mut self, disk: usize, volume: usize, type_guid: &'static str, size: u64) {
        let what: String = self.volumes[volume].what().chars().take(36 - MARK.len() - 1).collect();
        let name =
            if type_guid == types::ESP { format!("{MARK}:esp") } else { format!("{MARK}:{what}") };
        self.volumes[volume].size = size;
        self.pieces[disk].push(Piece { type_guid, name, size, holds: Holds::Volume(volume) });
    }

    /// Plain partitions on the first disk, the other volume groups behind them, the root volume
    /// group over the rest of all disks.
    fn place_lvm(&mut self, root_vg: &str) -> Result<()> {
        let allowed = self.allowed();
        let plain: Vec<usize> = self.indices(|v| v.vg.is_none() && v.kind != LvType::Esp);
        let extent = |b: &Self, vg: &str| {
            b.vgs.iter().find(|v| v.old_name == vg).map_or(4 * MIB, |v| v.extent)
        };
        let others: Vec<String> =
            self.vgs.iter().map(|v| v.old_name.clone()).filter(|n| n != root_vg).collect();
        let unit = extent(self, root_vg);
        let logical = self.indices(|v| v.vg.is_some());
        let all: Vec<usize> = plain.iter().chain(&logical).copied().collect();
        let asks: Vec<Ask> = all.iter().map(|i| self.ask(&self.volumes[*i])).collect();
        let overhead = (PV_OVERHEAD + unit) * (self.targets.len() + others.len()) as u64;
        let pool: u64 =
            (0..self.targets.len()).map(|d| self.room(d)).sum::<u64>().saturating_sub(overhead);
        let largest = self.vgs.iter().map(|v| v.extent).max().unwrap_or(unit);
        let (sizes, outcome) =
            sizing::share(&asks, pool, largest, allowed).map_err(|t| self.too_small(t))?;
        self.outcome = outcome;
        for (i, size) in all.iter().zip(&sizes) {
            self.volumes[*i].size = *size;
        }
        for i in plain {
            let kind =
                if self.volumes[i].kind == LvType::Swap { types::SWAP } else { types::LINUX };
            self.push_volume(0, i, kind, self.volumes[i].size);
        }
        for vg in others {
            let size = PV_OVERHEAD
                + extent(self, &vg)
                + self
                    .volumes
                    .iter()
                    .filter(|v| v.old_vg.as_deref() == Some(&vg))
                    .map(|v| v.size)
                    .sum::<u64>();
            let disk = (0..self.targets.len()).find(|d| self.room(*d) >= size + PV_OVERHEAD + unit);
            let disk = disk.ok_or_else(|| {
                error::NO_SPREAD.with_cause(format!(
                    "volume group {vg} needs {} in one piece, and no target disk has that",
                    human(size)
                ))
            })?;
            self.pieces[disk].push(Piece {
                type_guid: types::LVM,
                name: format!("{MARK}:pv"),
                size,
                holds: Holds::Pv(vg),
            });
        }
        for disk in 0..self.targets.len() {
            let size = self.room(disk);
            let over = self.pieces[disk].iter().map(|p| p.size).sum::<u64>()
                > usable(self.targets[disk].size, self.targets[disk].sector);
            if over || size < PV_OVERHEAD + unit {
                let name = &self.targets[disk].name;
                return Err(error::NO_SPREAD.with_cause(format!(
                    "{name} has no room left for its part of volume group {root_vg} beside the boot partitions and plain file systems"
                )));
            }
            self.pieces[disk].push(Piece {
                type_guid: types::LVM,
                name: format!("{MARK}:pv"),
                size,
                holds: Holds::Pv(root_vg.to_owned()),
            });
        }
        Ok(())
    }

    fn indices(&self, which: impl Fn(&VolumeLayout) -> bool) -> Vec<usize> {
        self.volumes.iter().enumerate().filter(|(_, v)| which(v)).map(|(i, _)| i).collect()
    }

    /// `/` and `/boot` on the first disk, the others where they fit, the largest first; then each
    /// disk shares its room.
    fn place_plain(&mut self) -> Result<()> {
        let allowed = self.allowed();
        let rest = self.indices(|v| v.kind != LvType::Esp);
        let first = |v: &VolumeLayout| self.is_root(v) || v.what() == "/boot";
        let mut on: Vec<Vec<usize>> = vec![vec![]; self.targets.len()];
        on[0] = rest.iter().copied().filter(|i| first(&self.volumes[*i])).collect();
        let mut movable: Vec<usize> =
            rest.iter().copied().filter(|i| !first(&self.volumes[*i])).collect();
        movable.sort_by_key(|i| std::cmp::Reverse(self.volumes[*i].size));
        for i in movable {
            let need = |b: &Self, v: usize| {
                if allowed.shrink { b.ask(&b.volumes[v]).floor } else { b.volumes[v].size }
            };
            let taken = |b: &Self, d: usize| {
                on[d]
                    .iter()
                    .map(|v| {
                        if allowed.root_gives_up > 0 && b.is_root(&b.volumes[*v]) {
                            b.ask(&b.volumes[*v]).floor
                        } else {
                            need(b, *v)
                        }
                    })
                    .sum::<u64>()
            };
            // The other disks first: what the first one has left is for `/`.
            let order = (1..self.targets.len()).chain([0]);
            let found = order.clone().find(|d| self.room(*d) >= taken(self, *d) + need(self, i));
            match found {
                Some(disk) => on[disk].push(i),
                None if self.targets.len() == 1 => on[0].push(i),
                None => {
                    let v = &self.volumes[i];
                    let has = self
                        .targets
                        .iter()
                        .map(|t| format!("{} {}", t.name, human(t.size)))
                        .collect::<Vec<_>>()
                        .join(", ");
                    return Err(error::NO_SPREAD.with_cause(format!(
                        "{} ({}) fits on none of the target disks ({has}) beside what is there already",
                        v.what(),
                        human(v.size)
                    )));
                }
            }
        }
        for (disk, mut volumes) in on.into_iter().enumerate() {
            volumes.sort_unstable();
            if volumes.is_empty() {
                let name = &self.targets[disk].name;
                return Err(error::NO_SPREAD.with_remedy(
                    format!(
                        "{name} is not needed: the source uses plain partitions, which do not span disks, and all of them fit on the others"
                    ),
                    format!("leave {name} out of the command"),
                ));
            }
            let asks: Vec<Ask> = volumes.iter().map(|i| self.ask(&self.volumes[*i])).collect();
            let (sizes, outcome) = sizing::share(&asks, self.room(disk), MIB, allowed)
                .map_err(|t| self.too_small(t))?;
            if disk == 0 || outcome != Outcome::AsSource {
                self.outcome = outcome;
            }
            // `/` comes last on its disk, so that it can grow later.
            let mut placed: Vec<(usize, u64)> = volumes.into_iter().zip(sizes).collect();
            placed.sort_by_key(|(i, _)| self.is_root(&self.volumes[*i]));
            for (i, size) in placed {
                let kind =
                    if self.volumes[i].kind == LvType::Swap { types::SWAP } else { types::LINUX };
                self.push_volume(disk, i, kind, size);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Layout {
        let mut disks = Vec::new();
        for (target, pieces) in self.targets.iter().zip(std::mem::take(&mut self.pieces)) {
            let mut start = ALIGN;
            let mut partitions = Vec::new();
            for (number, piece) in (1..).zip(pieces) {
                let path = partition_path(&target.path, number);
                let uuid = self.fresh.uuid();
                match &piece.holds {
                    Holds::Volume(i) => {
                        self.volumes[*i].device.clone_from(&path);
                        self.volumes[*i].partuuid = Some(uuid.clone());
                    }
                    Holds::Pv(vg) => self
                        .vgs
                        .iter_mut()
                        .filter(|v| v.old_name == *vg)
                        .for_each(|v| v.pvs.push(path.clone())),
                    Holds::Nothing => {}
                }
                partitions.push(PartLayout {
                    number,
                    path,
                    start,
                    size: piece.size,
                    type_guid: piece.type_guid.to_owned(),
                    uuid,
                    name: piece.name,
                });
                start += piece.size;
            }
            disks.push(DiskLayout {
                name: target.name.clone(),
                seen: target.seen.clone(),
                path: target.path.clone(),
                serial: target.serial.clone(),
                wwn: target.wwn.clone(),
                model: target.model.clone(),
                before: target.before.clone(),
                size: target.size,
                sector: target.sector,
                table_id: self.fresh.uuid(),
                partitions,
            });
        }
        match self.outcome {
            Outcome::RootGaveUp(bytes) => {
                let takers = if self.added > 0 {
                    "the new boot partitions, and what is made larger, take that"
                } else {
                    "the new boot partitions take that"
                };
                self.notes
                    .push(format!("/ is {} smaller than in the source: {takers}", human(bytes)));
            }
            Outcome::Shrunk => {
                self.notes.push("SHRINK is yes: file systems are smaller than in the source".into())
            }
            Outcome::AsSource => {}
        }
        let depth = |v: &VolumeLayout| {
            v.fs.as_ref().map_or(usize::MAX, |f| Path::new(&f.fs_name).components().count())
        };
        self.volumes.sort_by_key(depth);
        Layout {
            disks,
            vgs: self.vgs,
            volumes: self.volumes,
            swap_files: self.image.swap_file_data.clone(),
            outcome: self.outcome,
            notes: self.notes,
        }
    }
}
