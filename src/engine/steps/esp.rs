//! Filling the EFI system partition of the copy.

use std::path::Path;

use anyhow::Result;

use crate::boot::identity::audit::Expect;
use crate::boot::identity::{grubenv, references};
use crate::engine::facts::esp;
use crate::engine::facts::source::mount;
use crate::engine::paths::{ALT_INST, ESP_WAITS};
use crate::engine::plan::fstab::fstab_extras;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::steps::verify;
use crate::event::Events;
use crate::host::beneath::{Beneath, own_path};

/// The source's ESP copied, or what of an image waits for it (its loaders, and what else is on it),
/// references rewritten; the loader step completes it.
pub(super) fn fill_esp(base: &AlternateSpec, events: &Events) -> Result<()> {
    let Some(fs) = base.layout.esp().and_then(|v| v.fs.as_ref()) else { return Ok(()) };
    let copy = Beneath::open(Path::new(ALT_INST))?;
    let left_out = if base.imaged.is_some() {
        if copy.is_dir(ESP_WAITS) {
            copy.copy_files(ESP_WAITS, &copy, &fs.fs_name)?
        } else {
            vec![]
        }
    } else if let Some(esp) =
        esp::open(Path::new(&fs.fs_name), mount::names_of(&base.ids, fs), base.esp_mountable)?
    {
        Beneath::open(&own_path(&esp))?.copy_files("", &copy, &fs.fs_name)?
    } else {
        if !mount::devices_of(&base.ids, fs).is_empty() {
            events.warn(format!(
                "the EFI system partition of {} was not found: its files, apart from boot loaders, are not in the copy",
                fs.fs_name
            ));
        }
        vec![]
    };
    for name in left_out {
        events.warn(format!(
            "{} is neither a file nor a directory: an EFI system partition cannot hold it",
            name.display()
        ));
    }
    references::rewrite(Path::new(ALT_INST), &base.ids, &fstab_extras(base), events)?;
    grubenv::settle_saved(&copy, &|path| is_on_esp(base, path), events)?;
    verify::run_audit(base, &Expect::default(), events)
}

/// True if a path of the copy is on its ESP.
pub(super) fn is_on_esp(base: &AlternateSpec, path: &Path) -> bool {
    base.layout.esp().and_then(|v| v.fs.as_ref()).is_some_and(|fs| path.starts_with(&fs.fs_name))
}
