//! The finished layout: every partition gets its number and its place.

use std::path::Path;

use super::builder::{Builder, Purpose};
use crate::disk::node::partition_path;
use crate::disk::script::ALIGN;
use crate::engine::plan::layout::{DiskLayout, Layout, PartLayout, VolumeLayout};
use crate::engine::plan::sizing::Outcome;
use crate::text::size::format_size;

impl Builder<'_, '_> {
    pub(super) fn finish(mut self) -> Layout {
        let mut disks = Vec::new();
        for (target, drafts) in self.targets.iter().zip(std::mem::take(&mut self.drafts)) {
            let mut start = ALIGN;
            let mut partitions = Vec::new();
            for (number, draft) in (1..).zip(drafts) {
                let path = partition_path(&target.path, number);
                let uuid = self.fresh.uuid();
                match &draft.holds {
                    Purpose::Volume(i) => {
                        self.volumes[*i].device.clone_from(&path);
                        self.volumes[*i].partuuid = Some(uuid.clone());
                    }
                    Purpose::Pv(vg) => self
                        .vgs
                        .iter_mut()
                        .filter(|v| v.old_name == *vg)
                        .for_each(|v| v.pvs.push(path.clone())),
                    Purpose::Nothing => {}
                }
                partitions.push(PartLayout {
                    number,
                    path,
                    start,
                    size: draft.size,
                    type_guid: draft.type_guid.to_owned(),
                    uuid,
                    name: draft.name,
                });
                start += draft.size;
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
                self.notes.push(format!(
                    "/ is {} smaller than in the source: {takers}",
                    format_size(bytes)
                ));
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
