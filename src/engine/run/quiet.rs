//! Keeping others away while a clone is made: no shutdown or sleep in the middle of it, no package
//! manager that changes what is being copied, no desktop that mounts what has just been made.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::udev;
use crate::engine::plan::Base;
use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, Held, find_program};
use crate::host::{files, locks};

/// Locks of package managers, and who holds them.
const PACKAGE_LOCKS: [(&str, &str); 3] = [
    ("/var/lib/dpkg/lock-frontend", "apt"),
    ("/var/lib/dpkg/lock", "dpkg"),
    ("/var/lib/rpm/.rpm.lock", "rpm"),
];

/// In force while it lives.
#[derive(Default)]
pub struct Quiet {
    _awake: Option<Held>,
    packages: Vec<locks::Lock>,
}

impl Quiet {
    /// For a run that copies (`phase_1`) or only works in the alternate.
    ///
    /// # Errors
    /// ALT-311 where a package manager is at work while the copy would begin.
    pub fn begin(phase_1: bool, events: &Events) -> Result<Self> {
        let packages = package_locks(phase_1)?;
        Ok(Self { _awake: stay_awake(events), packages })
    }
}

/// Whether a copy could begin: the locks are tried and let go.
///
/// # Errors
/// ALT-311 as [`Quiet::begin`].
pub fn packages_are_quiet(phase_1: bool) -> Result<()> {
    package_locks(phase_1).map(drop)
}

fn package_locks(phase_1: bool) -> Result<Vec<locks::Lock>> {
    let mut packages = Vec::new();
    for (path, who) in PACKAGE_LOCKS.iter().filter(|_| phase_1) {
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

impl Quiet {
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
        .inspect_err(|e| events.note(format!("shutdown and sleep are not inhibited: {e:#}")))
        .ok()
}

/// Where rules are that last until the next reboot.
const RULES: &str = "/run/udev/rules.d";
/// How the names of ours begin; the copy's id follows.
const RULE: &str = "90-altdisk-";

/// Hides the alternate's disks from desktop automounters until the next reboot, where udev runs.
///
/// # Errors
/// Where the rule cannot be written.
pub fn hide(base: &Base, events: &Events) -> Result<()> {
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
/// Where it cannot be removed.
pub fn unhide(events: &Events) -> Result<()> {
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
