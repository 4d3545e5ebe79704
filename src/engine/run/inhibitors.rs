//! Inhibitors while a clone is made: no shutdown or sleep in the middle of it, and no package
//! manager that changes the files that are being copied.

use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, Held, find_program};
use crate::host::locks;

/// Locks of package managers, and who holds them.
const PACKAGE_LOCKS: [(&str, &str); 3] = [
    ("/var/lib/dpkg/lock-frontend", "apt"),
    ("/var/lib/dpkg/lock", "dpkg"),
    ("/var/lib/rpm/.rpm.lock", "rpm"),
];

/// In force as long as this value exists.
#[derive(Default)]
pub struct Inhibitors {
    _awake: Option<Held>,
    packages: Vec<locks::Lock>,
}

impl Inhibitors {
    /// For a run that copies (`is_copying`) or only works in the alternate.
    ///
    /// # Errors
    /// ALT-311 if a package manager is at work while the copy would begin.
    pub fn begin(is_copying: bool, events: &Events) -> Result<Self> {
        let packages = package_locks(is_copying)?;
        Ok(Self { _awake: stay_awake(events), packages })
    }
}

/// True if a copy could begin: the locks are tried and let go.
///
/// # Errors
/// ALT-311 as [`Inhibitors::begin`].
pub fn check_package_locks(is_copying: bool) -> Result<()> {
    package_locks(is_copying).map(drop)
}

fn package_locks(is_copying: bool) -> Result<Vec<locks::Lock>> {
    let mut packages = Vec::new();
    for (path, who) in PACKAGE_LOCKS.iter().filter(|_| is_copying) {
        match locks::try_lock(Path::new(path))? {
            locks::Tried::Locked(lock) => packages.push(lock),
            locks::Tried::Held => {
                let cause = format!(
                    "{path} is locked: {who} is installing or removing packages, or `altdisk mksysb` is making an image"
                );
                return Err(error::PACKAGES_BUSY.with_cause(cause));
            }
            locks::Tried::Absent => {}
        }
    }
    Ok(packages)
}

impl Inhibitors {
    /// The copy is made: scripts may use the package manager again.
    pub fn release_packages(&mut self) {
        self.packages.clear();
    }
}

fn stay_awake(events: &Events) -> Option<Held> {
    if !Path::new("/run/systemd/system").exists()
        || find_program(Path::new("/"), "systemd-inhibit").is_none()
    {
        return None;
    }
    // It ends with its input, so with this process, however that ends.
    let inhibit = Cmd::new("systemd-inhibit", "keep the machine from shutting down or sleeping")
        .args([
            "--what=shutdown:sleep",
            "--who=altdisk",
            "--why=a clone of the system is being made",
            "cat",
        ]);
    inhibit
        .hold()
        .inspect_err(|e| {
            events.note(format!("shutdown and sleep are not inhibited: {}", error::chain_of(e)))
        })
        .ok()
}
