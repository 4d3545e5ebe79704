//! The lines that the fstab of the alternate must have.

use std::path::Path;

use crate::boot::identity::fstab::{FstabExtras, Wanted};
use crate::boot::identity::options;
use crate::disk::fs::FsType;
use crate::engine::plan::layout::VolumeLayout;
use crate::engine::plan::mount_plan;
use crate::engine::plan::spec::AlternateSpec;
use crate::image::data::LvType;

/// Lines that the alternate's fstab must have even if the source's fstab has none for them.
pub fn fstab_extras(base: &AlternateSpec) -> FstabExtras {
    let mut lines = Vec::new();
    for (i, at, subvolume, _) in mount_plan::planned_mounts(&base.layout, base.esp_mountable) {
        let v = &base.layout.volumes[i];
        let Some(fs) = &v.fs else { continue };
        let options = Some(mount_plan::with_subvolume(
            &options::portable(&fs.fs_options),
            subvolume.as_deref(),
        ))
        .filter(|o| !o.is_empty());
        let options = options.unwrap_or_else(|| "defaults".to_owned());
        let pass = match fs.fs_vfs.facts().fsck_at_boot {
            false => 0,
            true if at == Path::new("/") => 1,
            true => 2,
        };
        lines.push(Wanted {
            spec: v.spec(),
            mount_point: at,
            fstype: fs.fs_vfs.to_string(),
            options,
            pass,
        });
    }
    let swap =
        base.layout.volumes.iter().filter(|v| v.kind == LvType::Swap).map(VolumeLayout::spec);
    let files = base.layout.swap_files.iter().map(|s| s.file.clone());
    lines.extend(swap.chain(files).map(|spec| Wanted {
        spec,
        mount_point: "none".into(),
        fstype: FsType::Swap.to_string(),
        options: "sw".into(),
        pass: 0,
    }));
    FstabExtras {
        lines,
        claim: base.imaged.is_some(),
        strangers_may_fail: base.imaged.as_ref().is_some_and(|i| i.other_machine),
    }
}
