//! Making a swap file.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::engine::paths::ALT_INST;
use crate::engine::plan::mount_plan;
use crate::engine::plan::spec::AlternateSpec;
use crate::event::Events;
use crate::host::attrs;
use crate::host::beneath::{Beneath, through};
use crate::host::cmd::Cmd;
use crate::host::make::allocate;

/// Makes a swap file: never sparse, never copied-on-write.
pub(super) fn swap_file(base: &AlternateSpec, index: usize, events: &Events) -> Result<()> {
    let s = &base.layout.swap_files[index];
    let copy = Beneath::open(Path::new(ALT_INST))?;
    copy.make_directories(Path::new(&s.file).parent().unwrap_or(Path::new("/")))?;
    let holder = mount_plan::planned_mounts(&base.layout, base.esp_mountable)
        .into_iter()
        .rfind(|(_, m, ..)| Path::new(&s.file).starts_with(m));
    let btrfs = holder.is_some_and(|(i, ..)| {
        base.layout.volumes[i].fs.as_ref().is_some_and(|f| f.fs_vfs.has_subvolumes())
    });
    // A link in its place too: the file is made where fstab names it.
    copy.remove(&s.file)?;
    let at = copy.place(&s.file)?;
    let making = || format!("making the swap file {}", s.file);
    let file = at.create().with_context(making)?;
    if btrfs {
        // A file can be exempt from copying on write while it is empty. (`btrfs filesystem
        // mkswapfile` does it since btrfs-progs 6.1 only.)
        attrs::put_flags(&file, attrs::flags(&file) | attrs::flag::NO_COW).with_context(making)?;
    }
    allocate(&file, 0, s.size_mb << 20).with_context(making)?;
    Cmd::new("mkswap", format!("make swap file {}", s.file))
        .arg(through(&file))
        .run(events)
        .map(drop)
}
