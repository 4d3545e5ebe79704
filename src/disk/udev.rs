//! udev: whether it runs, and waiting for it.

use std::path::Path;

use anyhow::Result;

use crate::event::Events;
use crate::host::cmd::{Cmd, find_program};

/// Whether udev runs here, and can be told something.
pub fn is_running() -> bool {
    Path::new("/run/udev/control").exists() && find_program(Path::new("/"), "udevadm").is_some()
}

/// Waits until udev has worked off what changed, where udev runs.
///
/// # Errors
/// ALT-802 where udevadm fails for another reason than that it took long.
pub fn settle(events: &Events) -> Result<()> {
    if is_running() {
        // 1: it took longer than that; what is really needed is waited for by name.
        Cmd::new("udevadm", "wait for udev")
            .args(["settle", "--timeout=30"])
            .accept(&[1])
            .run(events)?;
    }
    Ok(())
}
