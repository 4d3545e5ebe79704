//! Processes: who lives in a directory tree that has to go.

use std::os::unix::fs::MetadataExt;
use std::process::Child;
use std::time::Duration;

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::host::files;

/// Kills every process whose root directory is on one of these devices (`st_dev`), and says which.
/// A process that is not chrooted there (a shell with its working directory there, say) is left
/// alone.
///
/// # Errors
/// If /proc cannot be read.
pub fn end_those_rooted_on(devices: &[u64]) -> Result<Vec<(i32, String)>> {
    // Whatever the caller was told: the running system's own root is never meant.
    let root = std::fs::metadata("/")?.dev();
    let devices: Vec<u64> = devices.iter().copied().filter(|d| *d != root).collect();
    let mut ended = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else {
            continue;
        };
        let rooted =
            std::fs::metadata(entry.path().join("root")).is_ok_and(|m| devices.contains(&m.dev()));
        if rooted && pid != i32::try_from(std::process::id()).unwrap_or(0) {
            let command = files::line(entry.path().join("comm")).unwrap_or_default();
            if kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok() {
                ended.push((pid, command));
            }
        }
    }
    // A killed process holds its mounts until it is gone.
    for _ in 0..50 {
        if !ended.iter().any(|(pid, _)| alive(*pid)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(ended)
}

fn alive(pid: i32) -> bool {
    Stat::read(pid).is_some_and(|s| s.state != 'Z')
}

/// `major:minor` as `st_dev` has it.
pub fn device_number(dev: &str) -> Option<u64> {
    let (major, minor) = dev.split_once(':')?;
    Some(nix::sys::stat::makedev(major.parse().ok()?, minor.parse().ok()?))
}

/// A process that is known again: its number, when it started (in ticks after the boot), and which
/// boot that was.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Process {
    pub pid: i32,
    pub start: u64,
    pub boot: String,
}

impl Process {
    /// The process that has this number now; None if there is none.
    pub fn find(pid: i32) -> Option<Self> {
        let start = Stat::read(pid)?.start;
        Some(Self {
            pid,
            start,
            boot: files::line("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        })
    }

    /// This very process.
    pub fn this() -> Option<Self> {
        Self::find(i32::try_from(std::process::id()).ok()?)
    }

    /// True if it is still there, and not only waiting to be buried.
    pub fn is_alive(&self) -> bool {
        Stat::read(self.pid).is_some_and(|s| s.is_alive())
            && Self::find(self.pid).as_ref() == Some(self)
    }
}

/// The fields of `/proc/PID/stat` (proc(5)) that are used.
struct Stat {
    state: char,
    parent: i32,
    group: i32,
    /// In ticks after the boot.
    start: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        let text = files::line(format!("/proc/{pid}/stat"))?;
        // The name may hold anything, `)` too.
        let mut fields = text.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?.chars().next()?;
        let mut number = || fields.next()?.parse().ok();
        let (parent, group) = (number()?, number()?);
        Some(Self { state, parent, group, start: fields.nth(16)?.parse().ok()? })
    }

    /// Neither dead nor only waiting to be buried.
    fn is_alive(&self) -> bool {
        self.state != 'Z' && self.state != 'X'
    }
}

/// Returns when the child has ended; it is not reaped, so that its number and its group's stay its
/// own.
pub fn await_end(child: &Child) {
    let Ok(pid) = i32::try_from(child.id()) else { return };
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(Pid::from_raw(pid)), flags) == Err(Errno::EINTR) {}
}

/// The processes for which this holds.
fn all(fits: impl Fn(&Stat) -> bool) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return vec![] };
    let number = |e: std::fs::DirEntry| e.file_name().to_str().and_then(|n| n.parse::<i32>().ok());
    entries
        .flatten()
        .filter_map(number)
        .filter(|pid| Stat::read(*pid).is_some_and(|s| fits(&s)))
        .collect()
}

/// True if a process group has a member that is not only waiting to be buried.
pub fn group_lives(group: i32) -> bool {
    !all(|s| s.group == group && s.is_alive()).is_empty()
}

/// The children of this process, those that wait to be buried too.
pub fn children() -> Vec<i32> {
    let this = i32::try_from(std::process::id()).unwrap_or(0);
    all(|s| s.parent == this)
}

/// The programs that work on behalf of a process, for people: the command lines from it down to the
/// youngest, itself left out.
pub fn working_for(pid: i32) -> Vec<String> {
    let mut chain = vec![];
    let mut above = pid;
    // Deeper than this nobody reads.
    while chain.len() < 16 {
        let Some(child) = all(|s| s.parent == above && s.is_alive()).into_iter().max() else {
            break;
        };
        let words = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        let words: Vec<String> = words
            .split(|b| *b == 0)
            .filter(|w| !w.is_empty())
            .map(|w| String::from_utf8_lossy(w).into_owned())
            .collect();
        chain.push(words.join(" "));
        above = child;
    }
    chain
}

/// Signals a process group. The numbers that the kernel takes for something else than a group are
/// refused.
///
/// # Errors
/// If there is no such group, or it is not for this user to signal.
pub fn signal_group(group: i32, signal: Signal) -> nix::Result<()> {
    if group <= 1 { Err(Errno::EINVAL) } else { killpg(Pid::from_raw(group), signal) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;

    /// killpg(1) is kill(-1): everybody.
    #[test]
    fn numbers_that_are_no_group_are_not_signalled() {
        for group in [1, 0, -1, i32::MIN] {
            assert_eq!(signal_group(group, Signal::SIGCONT), Err(Errno::EINVAL), "{group}");
        }
    }

    #[test]
    fn a_group_is_its_own_until_the_leader_is_reaped() {
        let script = "sleep 60 & exit 3";
        let mut leader =
            std::process::Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap();
        let group = i32::try_from(leader.id()).unwrap();
        await_end(&leader);
        assert!(children().contains(&group));
        assert!(group_lives(group), "the sleeper");
        signal_group(group, Signal::SIGKILL).unwrap();
        let begun = std::time::Instant::now();
        while group_lives(group) {
            assert!(begun.elapsed().as_secs() < 10);
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(leader.wait().unwrap().code(), Some(3));
    }
}
