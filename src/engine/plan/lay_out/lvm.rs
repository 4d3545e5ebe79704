//! Layouts with LVM.

use anyhow::Result;

use super::builder::{Builder, MIB, PV_OVERHEAD, PartitionDraft, Purpose};
use crate::disk::script::{types, usable};
use crate::engine::plan::layout::MARK;
use crate::engine::plan::sizing;
use crate::engine::plan::sizing::SizeRequest;
use crate::error;
use crate::image::data::LvType;
use crate::text::size::format_size;

impl Builder<'_, '_> {
    /// Plain partitions on the first disk, the other volume groups behind them, the root volume
    /// group over the rest of all disks.
    pub(super) fn place_lvm(&mut self, root_vg: &str) -> Result<()> {
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
        let asks: Vec<SizeRequest> = all.iter().map(|i| self.ask(&self.volumes[*i])).collect();
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
                    format_size(size)
                ))
            })?;
            self.drafts[disk].push(PartitionDraft {
                type_guid: types::LVM,
                name: format!("{MARK}:pv"),
                size,
                holds: Purpose::Pv(vg),
            });
        }
        for disk in 0..self.targets.len() {
            let size = self.room(disk);
            let over = self.drafts[disk].iter().map(|p| p.size).sum::<u64>()
                > usable(self.targets[disk].size, self.targets[disk].sector);
            if over || size < PV_OVERHEAD + unit {
                let name = &self.targets[disk].name;
                return Err(error::NO_SPREAD.with_cause(format!(
                    "{name} has no room left for its part of volume group {root_vg} beside the boot partitions and plain file systems"
                )));
            }
            self.drafts[disk].push(PartitionDraft {
                type_guid: types::LVM,
                name: format!("{MARK}:pv"),
                size,
                holds: Purpose::Pv(root_vg.to_owned()),
            });
        }
        Ok(())
    }
}
