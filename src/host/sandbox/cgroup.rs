//! The control group of a sandbox, cgroups(7): limits of processes and memory, and which devices
//! may be opened.
//!
//! It is made at the top of the second version's hierarchy and removed when the program has ended.
//! Where that hierarchy is not mounted, cannot be written, or does not hand on a controller, that
//! limit is missing, and the preview says so.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::devices::{self, Allowed};
use crate::host::mountinfo;

const PREFIX: &str = "altdisk-sandbox-";
/// More processes than any build with one for each processor starts.
const MAX_PROCESSES: u32 = 8192;
/// Of the machine's memory: the rest is for what the machine is there for.
const MEMORY_SHARE: (u64, u64) = (3, 4);

/// One group; processes that enter it are in it until they end.
#[must_use = "dropping removes it"]
pub struct Cgroup {
    dir: PathBuf,
    members: OwnedFd,
}

impl Cgroup {
    /// Makes one, with what limits there are; None if there can be none.
    pub(super) fn make(allowed: &[Allowed]) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let top = top()?;
        remove_leftovers(&top);
        let dir = top.join(format!(
            "{PREFIX}{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        ));
        fs::create_dir(&dir).ok()?;
        let opened =
            open(&dir.join("cgroup.procs"), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty());
        let Ok(members) = opened else {
            let _ = fs::remove_dir(&dir);
            return None;
        };
        // Each of them as far as it is there: see `missing`.
        let _ = fs::write(dir.join("pids.max"), MAX_PROCESSES.to_string());
        if let Some(most) = memory() {
            let _ = fs::write(dir.join("memory.max"), most.to_string());
        }
        if let Ok(group) =
            open(&dir, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        {
            let _ = devices::restrict(group.as_fd(), allowed);
        }
        Some(Self { dir, members })
    }

    /// The descriptor that a process writes `0` to in order to enter.
    pub(super) fn members(&self) -> RawFd {
        self.members.as_raw_fd()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        const MAX_TRIES: u32 = 50;
        // All processes have ended with the first of them; the kernel may still be counting.
        for _ in 0..MAX_TRIES {
            match fs::remove_dir(&self.dir) {
                Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(Duration::from_millis(20))
                }
                _ => return,
            }
        }
    }
}

/// Removes what a killed run left. A group with processes cannot be removed, and one of a run that
/// lives may not have any yet.
fn remove_leftovers(top: &Path) {
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|n| n.strip_prefix(PREFIX))
            .and_then(|n| n.split_once('-'))
            .map(|(pid, _)| Path::new("/proc").join(pid));
        if pid.is_some_and(|process| !process.exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The top of the second version's hierarchy.
fn top() -> Option<PathBuf> {
    let all = mountinfo::mounted().ok()?;
    all.into_iter()
        .find(|m| m.fstype == "cgroup2" && m.root == Path::new("/"))
        .map(|m| m.mount_point)
}

/// Bytes that a sandbox may take.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = text
        .lines()
        .find_map(|l| l.strip_prefix("MemTotal:"))?
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    kib.checked_mul(1024).map(|bytes| bytes / MEMORY_SHARE.1 * MEMORY_SHARE.0)
}

/// The limits that are missing here, as texts.
pub(super) fn missing() -> Vec<String> {
    // Only root makes groups: anybody else, who only previews, cannot tell.
    if !nix::unistd::geteuid().is_root() {
        return vec![];
    }
    let Some(group) = Cgroup::make(&[]) else {
        return vec!["no limit of processes and memory, and the copy's disks are not read-only for scripts: control groups of the second version cannot be made here".to_owned()];
    };
    let limits = [("pids.max", "no limit of processes"), ("memory.max", "no limit of memory")];
    let mut all: Vec<String> = limits
        .into_iter()
        .filter(|(file, _)| !group.dir.join(file).exists())
        .map(|(file, what)| {
            format!("{what}: the top control group does not hand on the controller of {file}")
        })
        .collect();
    let opened =
        open(&group.dir, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    if !opened.is_ok_and(|fd| devices::restrict(fd.as_fd(), &[]).is_ok()) {
        all.push("the copy's disks are not read-only for scripts: this kernel has no device control for control groups".to_owned());
    }
    all
}
