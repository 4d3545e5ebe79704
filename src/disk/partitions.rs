//! The kernel's view of a disk's partitions, made to agree with the table on the disk.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::disk::model::Disk;
use crate::disk::node::{partition_path, partitions_of};
use crate::disk::script::PartitionExtent;
use crate::disk::udev::settle;
use crate::error;
use crate::event::Events;
use crate::host::cmd::Cmd;
use crate::host::device::{block_device, forget_partition};
use crate::host::files::line;

/// How long partition nodes may take to appear or to go.
const NODES_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the kernel show the partitions that are on the disk. Returns their nodes in the order of
/// `places`.
///
/// # Errors
/// ALT-242 naming what is missing.
pub fn appear(disk: &Disk, places: &[PartitionExtent], events: &Events) -> Result<Vec<PathBuf>> {
    let sector = u64::from(disk.logical_sector);
    let nodes: Vec<PathBuf> = places.iter().map(|p| partition_path(&disk.path, p.number)).collect();
    // What is not as it should be: new partitions that do not show (or not there), old ones that
    // still do.
    let wrong = || -> Vec<PathBuf> {
        let missing = places
            .iter()
            .filter(|p| !shows(disk, p, sector))
            .map(|p| partition_path(&disk.path, p.number));
        missing
            .chain(partitions_of(&disk.name).into_iter().filter(|n| !nodes.contains(n)))
            .collect()
    };
    // Kernels that do not look for partitions themselves (here or at all) are told each one by
    // partx.
    if !wrong().is_empty()
        && line(format!("/sys/class/block/{}/partscan", disk.name)).as_deref() != Some("0")
        && disk.practice.is_none()
    {
        let cmd = Cmd::new(
            "blockdev",
            format!("let the kernel read the partition table of {}", disk.path.display()),
        );
        cmd.arg("--rereadpt").arg(&disk.path).accept(&[1]).run(events)?;
        settle(events)?;
    }
    let begun = Instant::now();
    while !wrong().is_empty() && begun.elapsed() < NODES_TIMEOUT {
        // `-u` leaves those that come after the last one of the new table.
        if partitions_of(&disk.name).iter().any(|n| !nodes.contains(n)) {
            forget_partitions(&disk.path, &disk.name, events)?;
        }
        let cmd = Cmd::new(
            "partx",
            format!("make the kernel read the partitions of {}", disk.path.display()),
        );
        cmd.arg("-u").arg(&disk.path).accept(&[1]).run(events)?;
        settle(events)?;
        wait_until(|| wrong().is_empty());
    }
    let wrong = wrong();
    if wrong.is_empty() {
        return Ok(nodes);
    }
    let list: Vec<String> = wrong.iter().map(|p| p.display().to_string()).collect();
    Err(error::NODE_MISSING
        .with_cause(format!("{}: the kernel's view is not that of the new table", list.join(", "))))
}

/// Makes the kernel forget the partitions of a disk; their content stays. `path` is the disk's node,
/// `name` what the kernel calls it.
///
/// # Errors
/// ALT-801 where partx is not installed.
pub fn forget_partitions(path: &Path, name: &str, events: &Events) -> Result<()> {
    if partitions_of(name).is_empty() {
        return Ok(());
    }
    // 1: some were gone already (udev looks too), or one is in use; callers that need them gone
    // look afterwards.
    let sentence = format!("let the kernel forget the partitions of {}", path.display());
    Cmd::new("partx", sentence).arg("-d").arg(path).accept(&[1]).run(events).map(drop)
}

/// Like [`forget_partitions`], until none is left, for [`NODES_TIMEOUT`] at most: the kernel keeps a partition that
/// somebody has open, and whoever lists the disks of a machine opens each for a moment.
///
/// # Errors
/// ALT-216 naming those that stay.
pub fn forget_all(disk: &Disk, events: &Events) -> Result<()> {
    forget_partitions(&disk.path, &disk.name, events)?;
    settle(events)?;
    let begun = Instant::now();
    while begun.elapsed() < NODES_TIMEOUT {
        let left = partitions_of(&disk.name);
        if left.is_empty() {
            return Ok(());
        }
        // Between two looks of somebody else there is little time: a program that has to be started
        // comes too late.
        for _ in 0..50 {
            if left.iter().filter(|node| forget_partition(&disk.path, node).is_err()).count() == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let list: Vec<String> =
        partitions_of(&disk.name).iter().map(|p| p.display().to_string()).collect();
    if list.is_empty() {
        return Ok(());
    }
    Err(error::DISK_CLAIMED.with_remedy(
        format!("the kernel still keeps {}: a process has it open", list.join(", ")),
        format!("`fuser -v {}` shows who; end that, and run the command again", list.join(" ")),
    ))
}

/// Waits two seconds at most.
fn wait_until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() && begun.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether the kernel has the partition exactly there, and a node leads to it.
fn shows(disk: &Disk, place: &PartitionExtent, sector: u64) -> bool {
    let node = partition_path(Path::new(&disk.name), place.number);
    let field = |name: &str| line(Path::new("/sys/class/block").join(&node).join(name));
    let number = |name: &str| field(name).and_then(|t| t.parse::<u64>().ok());
    let dev = field("dev");
    number("start") == Some(place.start * sector / 512)
        && number("size") == Some(place.size * sector / 512)
        && dev.is_some()
        && block_device(&partition_path(&disk.path, place.number)) == dev
}
