//! Hiding the disks of the copy from desktop automounters.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::udev;
use crate::engine::plan::spec::AlternateSpec;
use crate::event::Events;
use crate::host::cmd::Cmd;
use crate::host::files;

/// Directory of udev rules that last until the next reboot.
const RULES: &str = "/run/udev/rules.d";

/// How the names of ours begin; the copy's id follows.
const RULE: &str = "90-altdisk-";

/// Hides the alternate's disks from desktop automounters until the next reboot, where udev runs.
///
/// # Errors
/// If the rule cannot be written.
pub fn hide_disks(base: &AlternateSpec, events: &Events) -> Result<()> {
    if !udev::is_running() {
        return Ok(());
    }
    let lines: String = base
        .layout
        .disks
        .iter()
        .map(|d| {
            format!("ENV{{ID_PART_TABLE_UUID}}==\"{}\", ENV{{UDISKS_IGNORE}}=\"1\"\n", d.table_id)
        })
        .collect();
    let path = Path::new(RULES).join(format!("{RULE}{}.rules", base.id));
    std::fs::create_dir_all(RULES)?;
    files::replace(&path, lines.as_bytes(), 0o644)?;
    reload(events)
}

/// Takes the rule back, whichever copy it was made for: there is one at a time, and its record may
/// be lost.
///
/// # Errors
/// If it cannot be removed.
pub fn unhide_disks(events: &Events) -> Result<()> {
    let all = std::fs::read_dir(RULES).into_iter().flatten().flatten();
    let ours: Vec<PathBuf> = all
        .filter(|e| e.file_name().to_string_lossy().starts_with(RULE))
        .map(|e| e.path())
        .collect();
    if ours.is_empty() {
        return Ok(());
    }
    ours.iter().try_for_each(|path| files::remove(path))?;
    if udev::is_running() { reload(events) } else { Ok(()) }
}

fn reload(events: &Events) -> Result<()> {
    Cmd::new("udevadm", "have udev read its rules again")
        .args(["control", "--reload"])
        .run(events)
        .map(drop)
}
