//! Writing on target disks: signatures wiped, a partition table written and read back, nodes made
//! to appear.
//!
//! Each action can be repeated, and each looks again at the disk before its first write
//! ([`Claim`]): if it is in use, or is no longer the disk that was examined, nothing is written.
//! The disk stays open meanwhile ([`Held`]): programs write to what is open, not to what has its
//! name by then, and what they did is read back from there.
//!
//! A wipe makes blocks zeros at all places where a disk is ever looked at, so that it is empty for
//! the gate afterwards, and in such an order that an interrupted one is known for what it is: every
//! block is as it was or zeros, and the header of a partition table goes last.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::claim::{self, Claim, wait_free};
use crate::disk::held::Held;
use crate::disk::model::Disk;
use crate::disk::node::partitions_of;
use crate::disk::partitions::{appear, forget_all};
use crate::disk::script::{ALIGN, Layout, PartitionExtent};
use crate::disk::udev::settle;
use crate::disk::{content, probe};
use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, find_program};

/// Erases every signature of the disk: of its partitions first, then its own; all places where it
/// is ever looked at become zeros, among them the first and the last MiB. A practice disk gives its
/// room back.
///
/// # Errors
/// ALT-216, ALT-217 where the disk is in use or is another one, ALT-714 where it becomes another
/// one meanwhile; ALT-802 with what wipefs said; ALT-804 where it is not empty afterwards.
pub fn wipe(disk: &Disk, events: &Events) -> Result<()> {
    // udev rereads the partitions of a disk that somebody has written to; before it is done, nodes
    // come and go.
    settle(events)?;
    let held = Held::disk(disk)?;
    Claim::take(disk)?.close()?;
    let all = content::places(disk.size, &content::starts(disk));
    let (first, rest): (Vec<u64>, Vec<u64>) = all.iter().partition(|at| **at < ALIGN);
    // While they are open, the kernel does not read the table anew, and they stay.
    let parts: Vec<Held> =
        partitions_of(&disk.name).iter().map(|p| Held::open(p)).collect::<Result<_>>()?;
    zero(disk, &held, &rest)?;
    for part in parts {
        part.must_lie_on(&[&held])?;
        part.guard(|| wipe_device(&part, events))?;
        part.close()?;
    }
    if disk.practice.is_some() {
        punch(disk, &held, events)?;
    }
    // Whatever the size of its sectors, the header of a GPT is in the first two blocks.
    let (header, behind): (Vec<u64>, Vec<u64>) =
        first.into_iter().partition(|at| *at < 2 * content::BLOCK);
    zero(disk, &held, &behind)?;
    zero(disk, &held, &header)?;
    held.guard(|| wipe_device(&held, events))?;
    let blocks = content::read(held.file(), disk.size, &all);
    let blocks = blocks.map_err(|e| {
        error::KERNEL.with_cause(format!(
            "{} cannot be read again: {}",
            disk.path.display(),
            error::text_of(&e)
        ))
    })?;
    if !content::blank(&blocks) {
        return Err(error::KERNEL
            .with_cause(format!("{} holds data after it was erased", disk.path.display())));
    }
    held.close()?;
    settle(events)
}

/// Makes the blocks at `places` zeros, in this order. Those that are zeros already are not written:
/// a practice disk's file may lie on a full file system, which has no room for zeros in place of a
/// hole.
fn zero(disk: &Disk, held: &Held, places: &[u64]) -> Result<()> {
    held.check()?;
    let claim = Claim::take(disk)?;
    let refused = |e: std::io::Error| {
        error::KERNEL.with_cause(format!(
            "{} cannot be written: {}",
            disk.path.display(),
            error::text_of(&e)
        ))
    };
    let file =
        std::fs::OpenOptions::new().read(true).write(true).open(held.path()).map_err(refused)?;
    let zeros = [0u8; content::BLOCK as usize];
    let mut block = zeros;
    for at in places {
        let length = usize::try_from((disk.size - at).min(content::BLOCK)).unwrap_or(0);
        file.read_exact_at(&mut block[..length], *at).map_err(refused)?;
        if block[..length] != zeros[..length] {
            file.write_all_at(&zeros[..length], *at).map_err(refused)?;
        }
    }
    file.sync_all().map_err(refused)?;
    drop(file);
    claim.close()?;
    held.check()
}

/// Gives back the room that a practice disk's file takes, behind the first MiB. What stays where
/// the file system cannot is content.
fn punch(disk: &Disk, held: &Held, events: &Events) -> Result<()> {
    if find_program(Path::new("/"), "blkdiscard").is_none() {
        return Ok(());
    }
    let cmd =
        Cmd::new("blkdiscard", format!("give back what the file of {} takes", disk.path.display()));
    let cmd = cmd
        .args(["-o", &ALIGN.to_string()])
        .arg(&disk.path)
        .through(&disk.path, held.path())
        .accept(&[1]);
    held.guard(|| cmd.run(events).map(drop))
}

/// The partition table of an MBR (here: the protective one of a GPT) begins behind the boot code.
/// Bytes.
const BOOT_CODE: usize = 440;
/// Where the protective partition's status is, and what makes it active (UEFI specification, 5.2.3
/// and table 5-3).
const PROTECTIVE_STATUS: u64 = 446;
const ACTIVE: u8 = 0x80;

/// Zeros the boot code in the first sector, and nothing else: no BIOS starts the disk then. Works
/// while partitions are mounted.
///
/// # Errors
/// ALT-217 where it is another disk; ALT-804 where it cannot be written.
pub fn clear_boot_code(disk: &Disk, events: &Events) -> Result<()> {
    events.note(format!("taking the boot code off {}", disk.path.display()));
    write_first_sector(disk, 0, &[0; BOOT_CODE])
}

/// Makes the protective partition active: some BIOSes start a disk with a GPT only then. Some UEFI
/// firmware takes such a disk for one without a GPT, so only a disk that is not to be started by
/// UEFI gets it.
///
/// # Errors
/// As [`clear_boot_code`].
pub fn mark_active(disk: &Disk, events: &Events) -> Result<()> {
    events.note(format!(
        "the protective MBR of {} is marked active: some BIOSes ask for it",
        disk.path.display()
    ));
    write_first_sector(disk, PROTECTIVE_STATUS, &[ACTIVE])
}

fn write_first_sector(disk: &Disk, at: u64, bytes: &[u8]) -> Result<()> {
    claim::require_same(disk)?;
    let held = Held::disk(disk)?;
    let file = std::fs::OpenOptions::new().write(true).open(held.path());
    let done = file.and_then(|f| f.write_all_at(bytes, at).and_then(|()| f.sync_all()));
    done.map_err(|e| {
        error::KERNEL.with_cause(format!(
            "writing the first sector of {}: {}",
            disk.path.display(),
            error::text_of(&e)
        ))
    })?;
    held.close()
}

fn wipe_device(held: &Held, events: &Events) -> Result<()> {
    wait_free(&held.path());
    Cmd::new("wipefs", format!("erase the signatures of {}", held.name().display()))
        .arg("-a")
        .arg(held.name())
        .through(held.name(), held.path())
        .run(events)
        .map(drop)
}

/// Writes a new GPT on the disk, reads it back, compares, and makes the nodes appear. Returns the
/// nodes in the order of the layout.
///
/// # Errors
/// ALT-240 where it does not fit; ALT-216, ALT-217 as [`wipe`]; ALT-241 where what is read back
/// differs; ALT-242 where the nodes do not appear.
pub fn partition(disk: &Disk, layout: &Layout, events: &Events) -> Result<Vec<PathBuf>> {
    let places = layout.extents(disk.size, disk.logical_sector)?;
    let script = layout.script(disk.size, disk.logical_sector)?;
    let held = Held::disk(disk)?;
    let claim = Claim::take(disk)?;
    // The claim keeps others away while sfdisk writes; the kernel is told afterwards, when nobody
    // holds the disk.
    let write =
        Cmd::new("sfdisk", format!("write a new partition table on {}", disk.path.display()))
            .args([
                "--quiet",
                "--lock=no",
                "--no-reread",
                "--no-tell-kernel",
                "--wipe",
                "always",
                "--wipe-partitions",
                "always",
            ])
            .arg(&disk.path)
            .through(&disk.path, held.path())
            .stdin(script);
    held.guard(|| write.run(events).map(drop))?;
    claim.close()?;
    settle(events)?;
    verify(&held, disk, layout)?;
    let nodes = held.guard(|| appear(disk, &places, events))?;
    held.close()?;
    Ok(nodes)
}

/// Reads the disk's table back and compares it with what it should be.
///
/// # Errors
/// ALT-241 naming every difference.
pub fn verify(held: &Held, disk: &Disk, layout: &Layout) -> Result<()> {
    let Some(found) = probe::table(&held.path())? else {
        return Err(error::PARTITIONING_WRONG.with_cause(format!(
            "{} has no partition table after one was written",
            disk.path.display()
        )));
    };
    let differences = layout.differences(disk.size, disk.logical_sector, &found)?;
    if differences.is_empty() {
        return Ok(());
    }
    Err(error::PARTITIONING_WRONG.with_cause(format!(
        "{}: {}",
        disk.path.display(),
        differences.join("; ")
    )))
}

/// Writes what the kernel still keeps in memory for the device.
///
/// # Errors
/// ALT-802 with what blockdev said.
pub fn flush(device: &Path, events: &Events) -> Result<()> {
    Cmd::new("blockdev", format!("flush {}", device.display()))
        .arg("--flushbufs")
        .arg(device)
        .run(events)
        .map(drop)
}

/// Makes a target disk free again: `vg` (if it is there) deactivated, signatures and table erased,
/// nodes gone, the first and the last MiB zeros. Works from any state that a crash can leave and
/// may be repeated.
///
/// # Errors
/// ALT-216, ALT-217 where the disk is in use or is another one; ALT-802 where a program fails.
pub fn erase_signatures(disk: &Disk, vg: Option<&str>, events: &Events) -> Result<()> {
    if let Some(vg) = vg {
        crate::disk::lvm::deactivate_if_there(vg, disk, events)?;
    }
    // A crash may have come between writing the table and showing it: what is on the disk but not
    // yet known must be wiped too.
    if let Some(found) = probe::table(&disk.path)?.filter(|t| !t.entries.is_empty()) {
        let places: Vec<PartitionExtent> = found
            .entries
            .iter()
            .map(|e| PartitionExtent { number: e.number, start: e.start, size: e.size })
            .collect();
        if let Err(e) = appear(disk, &places, events) {
            events.warn(format!(
                "{}; their signatures cannot be erased one by one, the table is",
                error::chain_of(&e)
            ));
        }
    }
    wipe(disk, events)?;
    forget_all(disk, events)?;
    flush(&disk.path, events)?;
    settle(events)
}
