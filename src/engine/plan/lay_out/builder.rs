//! The layout while it grows: volumes, partitions that have no place yet, and the room that is
//! left.

use std::path::PathBuf;

use crate::disk::fs::FsType;
use crate::disk::lvm::mapper_path;
use crate::disk::script::{types, usable};
use crate::engine::plan::fresh::{Fresh, fresh_label, fresh_vg};
use crate::engine::plan::layout::{MARK, NEW_ESP_AT, Target, VgLayout, VolumeLayout};
use crate::engine::plan::sizing;
use crate::engine::plan::sizing::{Outcome, SizePolicy, SizeRequest};
use crate::error;
use crate::image::data::{Fs, ImageData, Lv, LvType, YesNo};
use crate::text::size::format_size;

pub(super) const MIB: u64 = 1 << 20;

/// LVM's own needs on a physical volume (metadata, alignment), generously.
pub(super) const PV_OVERHEAD: u64 = 4 * MIB;

/// An ESP where the source has none: FAT32 needs 65525 clusters of at least a sector.
const NEW_ESP_512: u64 = 128 * MIB;

const NEW_ESP_4096: u64 = 300 * MIB;

/// One partition before it has a place.
pub(super) struct PartitionDraft {
    pub type_guid: &'static str,
    pub name: String,
    pub size: u64,
    /// Index into `volumes`, or the VG whose physical volume it is.
    pub holds: Purpose,
}

#[derive(Clone)]
pub(super) enum Purpose {
    Nothing,
    Volume(usize),
    Pv(String),
}

pub(super) struct Builder<'a, 'f> {
    pub image: &'a ImageData,
    pub targets: &'a [Target],
    pub fresh: &'a mut Fresh<'f>,
    pub root: &'a Fs,
    /// Bytes by which volumes are larger than the source's.
    pub added: u64,
    pub volumes: Vec<VolumeLayout>,
    pub vgs: Vec<VgLayout>,
    pub drafts: Vec<Vec<PartitionDraft>>,
    pub outcome: Outcome,
    pub notes: Vec<String>,
}

impl<'a, 'f> Builder<'a, 'f> {
    pub(super) fn new(
        image: &'a ImageData,
        added: u64,
        targets: &'a [Target],
        root: &'a Fs,
        fresh: &'a mut Fresh<'f>,
    ) -> Self {
        let drafts = targets.iter().map(|_| Vec::new()).collect();
        Self {
            image,
            targets,
            fresh,
            root,
            added,
            volumes: vec![],
            vgs: vec![],
            drafts,
            outcome: Outcome::AsSource,
            notes: vec![],
        }
    }

    /// Every volume of image.data, with new names; sizes are those wished for.
    pub(super) fn make_volumes(&mut self) {
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
                "the running system has no EFI system partition; the copy gets one of {}",
                format_size(size)
            ));
        }
    }

    pub(super) fn is_root(&self, v: &VolumeLayout) -> bool {
        v.lv == self.root.fs_lv && v.old_vg == self.root.fs_vg
    }

    pub(super) fn ask(&self, v: &VolumeLayout) -> SizeRequest {
        let floor = v.fs.as_ref().map_or(v.size, |f| f.fs_min_size_mb * MIB);
        SizeRequest {
            what: v.shown_name().to_owned(),
            want: v.size,
            floor,
            is_root: self.is_root(v),
        }
    }

    /// Room for further partitions on a target.
    pub(super) fn room(&self, disk: usize) -> u64 {
        let used: u64 = self.drafts[disk].iter().map(|p| p.size).sum();
        usable(self.targets[disk].size, self.targets[disk].sector).saturating_sub(used)
    }

    pub(super) fn allowed(&self) -> SizePolicy {
        let source: u64 = self.image.source_disk_data.iter().map(|d| d.size_mb).sum();
        let target: u64 = self.targets.iter().map(|t| t.size / MIB).sum();
        let shrink = self.image.logical_volume_policy.shrink == YesNo::Yes;
        // Boot partitions, what alignment, tables and LVM take on each disk, and volumes that are
        // larger than the source's.
        let esp: u64 = self.volumes.iter().filter(|v| v.kind == LvType::Esp).map(|v| v.size).sum();
        let extent = self.vgs.iter().map(|v| v.extent).max().unwrap_or(0);
        let taken =
            self.added + esp + (8 * MIB + PV_OVERHEAD + 2 * extent) * self.targets.len() as u64;
        SizePolicy { shrink, root_gives_up: if source > 0 && target >= source { taken } else { 0 } }
    }

    pub(super) fn too_small(&self, t: sizing::TooSmall) -> anyhow::Error {
        let names: Vec<&str> = self.targets.iter().map(|t| t.name.as_str()).collect();
        let has = self.targets.iter().map(|t| format_size(t.size)).collect::<Vec<_>>().join(" + ");
        let cause = format!(
            "{} ({has}) is too small: the file systems and swap need {}, and it has room for {}",
            names.join(" + "),
            format_size(t.needed),
            format_size(t.available)
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

    pub(super) fn push_volume(
        &mut self,
        disk: usize,
        volume: usize,
        type_guid: &'static str,
        size: u64,
    ) {
        let what: String =
            self.volumes[volume].shown_name().chars().take(36 - MARK.len() - 1).collect();
        let name =
            if type_guid == types::ESP { format!("{MARK}:esp") } else { format!("{MARK}:{what}") };
        self.volumes[volume].size = size;
        self.drafts[disk].push(PartitionDraft {
            type_guid,
            name,
            size,
            holds: Purpose::Volume(volume),
        });
    }

    pub(super) fn indices(&self, which: impl Fn(&VolumeLayout) -> bool) -> Vec<usize> {
        self.volumes.iter().enumerate().filter(|(_, v)| which(v)).map(|(i, _)| i).collect()
    }
}
