//! Lays everything out on the target disks: partitions, volume groups, volumes, with fresh
//! identifiers.
//!
//! Pure: from image.data and the target disks to a [`Layout`] that is stored with the plan. Every
//! target gets a new GPT; the first one a BIOS boot partition and an ESP too, so that it boots on
//! either firmware. With LVM the volume group of `/` spans all targets; plain partitions are
//! packed, `/` and `/boot` on the first disk.

mod builder;
mod finish;
mod lvm;
mod plain;

use anyhow::Result;

use crate::disk::script::types;
use crate::engine::plan::fresh::Fresh;
use crate::engine::plan::lay_out::builder::{Builder, MIB, PartitionDraft, Purpose};
use crate::engine::plan::layout::{Layout, MARK, Target, holds_root};
use crate::error;
use crate::image::data::{ImageData, LvType, YesNo};

const BIOS_BOOT_SIZE: u64 = MIB;

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

impl Builder<'_, '_> {
    fn place(&mut self) -> Result<()> {
        self.make_volumes();
        self.drafts[0].push(PartitionDraft {
            type_guid: types::BIOS_BOOT,
            name: format!("{MARK}:bios"),
            size: BIOS_BOOT_SIZE,
            holds: Purpose::Nothing,
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
}

#[cfg(test)]
mod tests;
