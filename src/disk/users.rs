//! Who uses block devices: mounts of every mount namespace, swap spaces, processes with a device
//! open or mapped.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::disk::model::{MultiDeviceFs, Opener, SeenMount, Swap};
use crate::host::device::block_device;
use crate::host::files::line;
use crate::host::mounts::{parse_mountinfo, unescape};

/// Process ids in /proc, this process first, so that what it sees itself is named as its own.
pub fn processes() -> Vec<u32> {
    let own = std::process::id();
    let mut all: Vec<u32> = fs::read_dir("/proc")
        .map(|d| {
            d.flatten()
                .filter_map(|e| e.file_name().to_str()?.parse().ok())
                .filter(|pid| *pid != own)
                .collect()
        })
        .unwrap_or_default();
    all.sort_unstable();
    all.insert(0, own);
    all
}

/// The mounts of every mount namespace, each namespace once. The second value says how many
/// processes would not show theirs.
pub fn mounts(pids: &[u32]) -> (Vec<SeenMount>, usize) {
    let (mut seen, mut all, mut hidden) = (BTreeSet::new(), vec![], 0);
    for &pid in pids {
        match fs::read_link(format!("/proc/{pid}/ns/mnt")) {
            Ok(namespace) if !seen.insert(namespace.clone()) => {}
            Ok(_) => match fs::read(format!("/proc/{pid}/mountinfo")) {
                Ok(text) => all.extend(
                    parse_mountinfo(&text).into_iter().map(|mount| SeenMount { pid, mount }),
                ),
                Err(e) => hidden += usize::from(e.kind() == std::io::ErrorKind::PermissionDenied),
            },
            // A kernel thread or one that just ended has no namespace to show.
            Err(e) => hidden += usize::from(e.kind() == std::io::ErrorKind::PermissionDenied),
        }
    }
    (all, hidden)
}

/// Reads the text of /proc/swaps.
pub fn parse_swaps(text: &[u8]) -> Vec<Swap> {
    let lines = text.split(|b| *b == b'\n').skip(1);
    lines
        .filter_map(|l| {
            let fields: Vec<&[u8]> =
                l.split(|b| b.is_ascii_whitespace()).filter(|f| !f.is_empty()).collect();
            let kib: u64 = std::str::from_utf8(fields.get(2)?).ok()?.parse().ok()?;
            let kind = String::from_utf8_lossy(fields.get(1)?).into_owned();
            Some(Swap {
                path: PathBuf::from(unescape(fields.first()?)),
                kind,
                size: kib.saturating_mul(1024),
            })
        })
        .collect()
}

/// How long a look at a device may take (on a busy machine) that is no use of it.
const GLANCE: Duration = Duration::from_secs(1);

/// Processes that have a block device open or mapped for longer than a glance: udev, blkid, lsblk
/// and another altdisk look at every disk, and are gone in a moment. The second value says how many
/// would not show what they use.
pub fn openers(pids: &[u32]) -> (Vec<Opener>, usize) {
    let (first, hidden) = openers_now(pids);
    let own = std::process::id();
    let (mine, mut others): (Vec<Opener>, Vec<Opener>) =
        first.into_iter().partition(|o| o.pid == own);
    let begun = Instant::now();
    while !others.is_empty() && begun.elapsed() < GLANCE {
        std::thread::sleep(Duration::from_millis(100));
        let mut pids: Vec<u32> = others.iter().map(|o| o.pid).collect();
        pids.dedup();
        let still = openers_now(&pids).0;
        others.retain(|o| still.contains(o));
    }
    (mine.into_iter().chain(others).collect(), hidden)
}

/// Processes that have a block device open or mapped. The second value says how many would not show
/// theirs.
fn openers_now(pids: &[u32]) -> (Vec<Opener>, usize) {
    let (mut all, mut hidden) = (vec![], 0);
    for &pid in pids {
        let mut devices = BTreeSet::new();
        match fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(entries) => devices.extend(entries.flatten().filter_map(|e| open_device(&e.path()))),
            Err(e) => hidden += usize::from(e.kind() == std::io::ErrorKind::PermissionDenied),
        }
        if let Ok(maps) = fs::read(format!("/proc/{pid}/maps")) {
            let root = PathBuf::from(format!("/proc/{pid}/root"));
            devices.extend(
                mapped(&maps)
                    .iter()
                    .filter_map(|p| block_device(&root.join(p.strip_prefix("/").unwrap_or(p)))),
            );
        }
        if !devices.is_empty() {
            let command = line(format!("/proc/{pid}/comm")).unwrap_or_else(|| "?".to_owned());
            all.extend(devices.into_iter().map(|dev| Opener {
                pid,
                command: command.clone(),
                dev,
            }));
        }
    }
    (all, hidden)
}

/// `major:minor` if this entry of a `/proc/N/fd` is a block device.
fn open_device(fd: &Path) -> Option<String> {
    // What is no path (`socket:[1]`, `anon_inode:...`) cannot be one, and most descriptors are of
    // that kind.
    fs::read_link(fd).ok().filter(|target| target.is_absolute())?;
    block_device(fd)
}

/// The device files that a /proc/N/maps names.
pub fn mapped(maps: &[u8]) -> BTreeSet<PathBuf> {
    let path = |l: &[u8]| {
        let at = l.iter().position(|b| *b == b'/')?;
        let path = Path::new(std::ffi::OsStr::from_bytes(&l[at..]));
        let device = path.starts_with("/dev")
            && !path.starts_with("/dev/shm")
            && path != Path::new("/dev/zero");
        device.then(|| path.to_owned())
    };
    maps.split(|b| *b == b'\n').filter_map(path).collect()
}

/// The devices of every mounted btrfs, below `sys`.
pub fn multi_device_btrfs(sys: &Path) -> Vec<MultiDeviceFs> {
    let Ok(entries) = fs::read_dir(sys.join("fs/btrfs")) else { return vec![] };
    let names = |dir: PathBuf| -> Vec<String> {
        fs::read_dir(dir)
            .map(|d| d.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
            .unwrap_or_default()
    };
    let all = entries.flatten().filter_map(|e| {
        let devices = names(e.path().join("devices"));
        (!devices.is_empty())
            .then_some(MultiDeviceFs { uuid: e.file_name().into_string().ok()?, devices })
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swaps() {
        let text = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/vda3                               partition\t1048572\t0\t-2\n/swap\\040file file 2097148 0 -3\n";
        let all = parse_swaps(text);
        assert_eq!(all.len(), 2);
        assert_eq!(
            (all[0].path.as_path(), all[0].kind.as_str(), all[0].size),
            (Path::new("/dev/vda3"), "partition", 1_073_737_728)
        );
        assert_eq!(
            (all[1].path.as_path(), all[1].kind.as_str()),
            (Path::new("/swap file"), "file")
        );
    }

    #[test]
    fn no_size_overflows() {
        let all = parse_swaps(
            b"Filename Type Size Used Priority\n/dev/a partition 18446744073709551615 0 -2\n/dev/b partition 18446744073709551616 0 -3\n",
        );
        assert_eq!(all.iter().map(|s| s.size).collect::<Vec<_>>(), [u64::MAX]);
    }

    #[test]
    fn maps_of_devices() {
        let maps = b"7f0-7f1 rw-s 00000000 00:06 120 /dev/vdb\n7f2-7f3 r-xp 0 fe:00 12 /usr/lib/libc.so\n7f4-7f5 rw-s 0 00:05 3 /dev/zero (deleted)\n7f6-7f7 rw-s 0 00:17 3 /dev/shm/x\n7f8-7f9 rw-p 0 00:00 0\n";
        let all: Vec<PathBuf> = mapped(maps).into_iter().collect();
        assert!(all.contains(&PathBuf::from("/dev/vdb")));
        assert!(!all.iter().any(|p| p.starts_with("/usr") || p.starts_with("/dev/shm")));
    }

    #[test]
    fn own_mounts_come_first() {
        let (all, _) = mounts(&processes());
        assert_eq!(all[0].pid, std::process::id());
        assert!(all.iter().any(|m| m.mount.mount_point == Path::new("/")));
    }
}
