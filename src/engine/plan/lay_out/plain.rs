//! Layouts of plain partitions.

use anyhow::Result;

use super::builder::{Builder, MIB};
use crate::disk::script::types;
use crate::engine::plan::layout::VolumeLayout;
use crate::engine::plan::sizing;
use crate::engine::plan::sizing::{Outcome, SizeRequest};
use crate::error;
use crate::image::data::LvType;
use crate::text::size::format_size;

impl Builder<'_, '_> {
    /// `/` and `/boot` on the first disk, the others where they fit, the largest first; then each
    /// disk shares its room.
    pub(super) fn place_plain(&mut self) -> Result<()> {
        let allowed = self.allowed();
        let rest = self.indices(|v| v.kind != LvType::Esp);
        let first = |v: &VolumeLayout| self.is_root(v) || v.shown_name() == "/boot";
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
                        .map(|t| format!("{} {}", t.name, format_size(t.size)))
                        .collect::<Vec<_>>()
                        .join(", ");
                    return Err(error::NO_SPREAD.with_cause(format!(
                        "{} ({}) fits on none of the target disks ({has}) beside what is there already",
                        v.shown_name(),
                        format_size(v.size)
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
            let asks: Vec<SizeRequest> =
                volumes.iter().map(|i| self.ask(&self.volumes[*i])).collect();
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
}
