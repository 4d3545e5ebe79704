//! Making btrfs subvolumes on the copy.

use std::path::Path;

use anyhow::Result;

use crate::engine::paths::ALT_INST;
use crate::engine::plan::layout::VolumeLayout;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::Cmd;

/// Makes the subvolume `path` of the btrfs at /alt_inst. The parent's copy left an empty directory
/// where it goes.
///
/// # Errors
/// Errors of btrfs.
pub fn make_subvolume(path: &str, events: &Events) -> Result<()> {
    let top = Beneath::open(Path::new(ALT_INST))?;
    top.make_directories(Path::new(path).parent().unwrap_or(Path::new("")))?;
    top.remove_directory(path)?;
    let at = top.place(path)?;
    Cmd::new("btrfs", format!("make subvolume {path}"))
        .args(["subvolume", "create"])
        .arg(at.path())
        .run(events)
        .map(drop)
}

/// Makes the subvolume `path` the one that is mounted where none is named.
///
/// # Errors
/// Errors of btrfs.
pub fn make_default(path: &str, v: &VolumeLayout, events: &Events) -> Result<()> {
    let at = Beneath::open(Path::new(ALT_INST))?.directory(path)?;
    let sentence = format!("make {path} the default subvolume of {}", v.device.display());
    Cmd::new("btrfs", sentence)
        .args(["subvolume", "set-default"])
        .arg(at.path())
        .run(events)
        .map(drop)
}
