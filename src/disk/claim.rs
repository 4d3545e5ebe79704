//! The kernel's word that a disk is ours alone: exclusive opens of the disk and its partitions, and
//! a lock.
//!
//! `O_EXCL` on a block device fails while any file system, swap space, RAID, LVM or device-mapper
//! table uses it or one of its partitions; the `flock` makes udev leave the disk alone. mkfs and
//! the like need the same exclusive open for themselves, so a claim is held only while sfdisk
//! writes, and elsewhere taken and given back as a question.
//!
//! Everything is opened for reading only: udev makes the kernel read a disk's partitions anew
//! whenever a writer closes it, and then their nodes are gone for a moment.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use crate::disk::model::Disk;
use crate::disk::node::partitions_of;
use crate::disk::sysfs;
use crate::error;

/// How long somebody else's look at the disk is waited for.
const CLAIM_TIMEOUT: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 1500 });

/// How long udev's lock is waited for.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// A disk that nobody else can use while this lives.
#[derive(Debug)]
pub struct Claim {
    disk: Flock<File>,
    /// Partition nodes, held open and nothing else.
    partitions: Vec<File>,
}

impl Claim {
    /// Takes the disk, if it is still the same one as when it was examined.
    ///
    /// # Errors
    /// ALT-217 if size, serial or number differ from `disk`; ALT-216 if something uses it.
    pub fn take(disk: &Disk) -> Result<Self> {
        // udev and others look at a disk that has just changed, and are gone in a moment.
        let begun = Instant::now();
        loop {
            match Self::try_take(disk) {
                Err(e)
                    if begun.elapsed() < CLAIM_TIMEOUT
                        && error::find(&e)
                            .is_some_and(|a| a.entry.id == error::DISK_CLAIMED.id) =>
                {
                    std::thread::sleep(Duration::from_millis(100));
                }
                done => return done,
            }
        }
    }

    fn try_take(disk: &Disk) -> Result<Self> {
        require_same(disk)?;
        // A partition opened exclusively claims its disk as well, so partitions are asked first and
        // given back.
        for node in partitions_of(&disk.name) {
            drop(open(&node, libc::O_EXCL)?);
        }
        let whole = open(&disk.path, libc::O_EXCL)?;
        let whole = lock(whole, &disk.path)?;
        let partitions =
            partitions_of(&disk.name).iter().map(|n| open(n, 0)).collect::<Result<_>>()?;
        require_same(disk)?;
        Ok(Self { disk: whole, partitions })
    }

    /// Gives the disk back, after writing what is still in memory.
    ///
    /// # Errors
    /// ALT-804 where the disk did not take what was written.
    pub fn close(self) -> Result<()> {
        drop(self.partitions);
        self.disk.sync_all().map_err(|e| {
            error::KERNEL.with_cause(format!(
                "what was written did not reach the disk: {}",
                error::text_of(&e)
            ))
        })?;
        self.disk.unlock().map(drop).map_err(|(_, e)| e).context("unlocking a disk")
    }
}

/// Locks the disk, waiting for udev: it locks a disk while it looks at it, which takes seconds on a
/// busy machine.
fn lock(mut file: File, path: &Path) -> Result<Flock<File>> {
    let begun = Instant::now();
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((back, Errno::EAGAIN)) if begun.elapsed() < LOCK_TIMEOUT => file = back,
            Err((_, Errno::EAGAIN)) => {
                return Err(error::DISK_CLAIMED
                    .with_cause(format!("{} is locked by another process", path.display())));
            }
            Err((_, e)) => {
                return Err(error::DISK_CLAIMED.with_cause(format!(
                    "{} cannot be locked: {}",
                    path.display(),
                    error::text_of(&e)
                )));
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn open(path: &Path, flags: i32) -> Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(flags | libc::O_CLOEXEC).open(path);
    file.map_err(|e| match e.raw_os_error() {
        Some(libc::EBUSY) => error::DISK_CLAIMED.with_cause(format!(
            "{} is in use: the kernel does not give it to us alone",
            path.display()
        )),
        _ => error::DISK_UNREADABLE.with_cause(format!(
            "{} cannot be opened: {}",
            path.display(),
            error::text_of(&e)
        )),
    })
}

/// Waits until nobody has the device to himself, a moment at most: a child process that is just
/// being started holds what its parent had open until it runs its program. Where the device stays
/// in use, the program that needs it says so.
pub fn wait_free(device: &Path) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) && open(device, libc::O_EXCL).is_err() {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Checks that the kernel still has this very disk under its name.
///
/// # Errors
/// ALT-217 naming what differs.
pub fn require_same(disk: &Disk) -> Result<()> {
    let all = sysfs::read_all(Path::new("/sys"), Path::new("/run/udev/data"));
    let gone = || error::DISK_CHANGED.with_cause(format!("{} is gone", disk.path.display()));
    let now = all.into_iter().find(|b| b.name == disk.name).ok_or_else(gone)?;
    let differs = |what: &str, was: String, is: String| {
        if was == is {
            Ok(())
        } else {
            Err(error::DISK_CHANGED
                .with_cause(format!("{}: {what} was {was} and is {is} now", disk.path.display())))
        }
    };
    differs("its number", disk.dev.clone(), now.dev)?;
    differs("its size in bytes", disk.size.to_string(), now.size.to_string())?;
    differs("its sector size", disk.logical_sector.to_string(), now.logical_sector.to_string())?;
    let seq = |s: Option<u64>| s.map_or("unknown".to_owned(), |n| n.to_string());
    differs("its plug-in count", seq(disk.diskseq), seq(now.diskseq))?;
    match &disk.practice {
        Some(file) => differs(
            "its file",
            file.display().to_string(),
            now.backing_file.unwrap_or_default().display().to_string(),
        ),
        None => differs(
            "its serial",
            disk.serial.clone().unwrap_or_default(),
            now.serial.unwrap_or_default(),
        ),
    }
}
