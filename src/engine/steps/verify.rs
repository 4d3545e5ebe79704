//! The audit of the copy: what it must have, and what it must not name.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::identity::audit::{self, Expect};
use crate::disk::lvm;
use crate::engine::paths::ALT_INST;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::steps::bootlist;
use crate::engine::steps::disks::lvm_scope;
use crate::error;
use crate::event::Events;

/// The audit's expectations of a finished alternate, beyond the absence of references to the
/// source.
pub(super) fn expectations(base: &AlternateSpec) -> Result<Expect> {
    let boot = bootlist::alternate_boot_disk(base);
    let mut boot_ids = vec![boot.boot_fs_uuid];
    if let Some(vg) = &boot.boot_vg {
        boot_ids.push(lvm::vg_uuid(&lvm_scope(base), vg)?);
    }
    // A GRUB whose /boot is on its own disk names the partition by number, on whatever disk it was
    // started from.
    let boot_device = base.layout.volumes.iter().find(|v| v.uuid == boot_ids[0]).map(|v| &v.device);
    let number = base
        .layout
        .disks
        .first()
        .and_then(|d| d.partitions.iter().find(|p| Some(&p.path) == boot_device))
        .map(|p| p.number);
    boot_ids.extend(number.map(|n| format!("(,gpt{n})")));
    let esp = base
        .layout
        .esp()
        .and_then(|v| v.fs.as_ref())
        .filter(|_| base.esp_mountable && base.boots() && base.boot.efi.is_ok());
    Ok(Expect {
        boot_ids,
        bios: base.boots() && base.boot.bios.is_ok(),
        esp: esp.map(|f| PathBuf::from(&f.fs_name)),
        kernels: images_expected(base),
    })
}

/// True if every kernel must have an initramfs.
pub(super) fn images_expected(base: &AlternateSpec) -> bool {
    base.boot.initramfs.is_ok() && base.boots()
}

/// Runs the audit: each finding is a warning, and any finding is an error.
pub(super) fn run_audit(base: &AlternateSpec, expect: &Expect, events: &Events) -> Result<()> {
    let found = audit::audit(Path::new(ALT_INST), &base.ids, expect)?;
    for finding in &found {
        events.warn(finding.to_string());
    }
    match found.first() {
        None => Ok(()),
        Some(first) => Err(error::NOT_INDEPENDENT.with_cause(format!(
            "{first}{}",
            if found.len() > 1 {
                format!(" (and {} more, see above)", found.len() - 1)
            } else {
                String::new()
            }
        ))),
    }
}
