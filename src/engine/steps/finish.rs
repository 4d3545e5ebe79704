//! The end of a run: unmounting, restarting the machine, and taking the boot loader off an
//! unfinished copy.

use std::path::Path;

use anyhow::Result;

use crate::disk::make;
use crate::engine::paths::{ALT_INST, ESP_WAITS};
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::steps::{disks, mounted};
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};
use crate::host::mounts;

pub(super) fn unmount(base: &AlternateSpec, events: &Events) -> Result<()> {
    if base.imaged.is_some() && mounts::is_mount_point(Path::new(ALT_INST)) {
        Beneath::open(Path::new(ALT_INST))?.remove_tree(ESP_WAITS)?;
    }
    for at in mounted::unmount_all(base)?.iter().rev() {
        events.note(format!("unmounted {}", at.display()));
    }
    if base.made_mount_point {
        // If it is not empty, it is in use by somebody else and stays.
        let _ = std::fs::remove_dir(ALT_INST);
    }
    base.layout.disks.iter().try_for_each(|d| make::flush(&d.path, events))
}

/// Takes the boot loader off an alternate whose phase 3 failed, so that no firmware starts it.
///
/// # Errors
/// If it cannot be written.
pub fn make_unbootable(base: &AlternateSpec, events: &Events) -> Result<()> {
    if let Some((v, fs)) = base.layout.esp().and_then(|v| Some((v, v.fs.as_ref()?))) {
        let (root, at) = (Path::new(ALT_INST), Path::new(&fs.fs_name));
        if base.esp_mountable && mounts::is_mounted_beneath(root, at, &v.device)? {
            Beneath::open(root)?.remove_tree(at.join("EFI"))?;
        }
    }
    disks::clear_boot_code(base, events)
}

/// Restarts the machine the orderly way.
///
/// # Errors
/// ALT-802 if that is refused.
pub fn reboot(events: &Events) -> Result<()> {
    let systemd = Path::new("/run/systemd/system").exists()
        && find_program(Path::new("/"), "systemctl").is_some();
    let cmd = if systemd {
        Cmd::new("systemctl", "reboot").arg("reboot")
    } else {
        Cmd::new("shutdown", "reboot").args(["-r", "now"])
    };
    cmd.run(events).map(drop)
}
