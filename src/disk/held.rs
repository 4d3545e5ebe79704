//! A disk that is kept open: the proof that its name still leads to it.
//!
//! Programs are given names, and names change hands: a USB hub resets, and sdb is another disk.
//! While a disk is open the kernel gives its number to no other, and its sequence number (Linux
//! 5.15) to no other ever. So whoever writes by name first compares what the name leads to with
//! what is open, and again afterwards. Where a program takes it, it is given [`Held::path`]: a path
//! that leads to the open disk itself, whatever happens to the name in between.
//!
//! The descriptor is for reading and not exclusive: mkfs and the like claim the device for
//! themselves, and udev looks anew at a disk whenever a writer closes it.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::model::Disk;
use crate::disk::sysfs;
use crate::error;
use crate::host::device::{Facts, facts};

/// A block device, open.
#[derive(Debug)]
pub struct Held {
    name: PathBuf,
    file: File,
    facts: Facts,
}

impl Held {
    /// Opens what `name` leads to now.
    ///
    /// # Errors
    /// ALT-218 where it cannot be opened, or is no block device.
    pub fn open(name: &Path) -> Result<Self> {
        let cannot = |e| {
            error::DISK_UNREADABLE.with_cause(format!(
                "{} cannot be opened: {}",
                name.display(),
                error::text_of(&e)
            ))
        };
        let file = File::open(name).map_err(cannot)?;
        let facts = facts(&file).map_err(cannot)?;
        Ok(Self { name: name.to_owned(), file, facts })
    }

    /// Opens a disk that was looked at.
    ///
    /// # Errors
    /// ALT-217 where it is another one now; as [`Held::open`].
    pub fn disk(disk: &Disk) -> Result<Self> {
        let held = Self::open(&disk.path)?;
        let other = |what: String| {
            Err(error::DISK_CHANGED.with_cause(format!("{}: {what}", disk.path.display())))
        };
        if held.facts.dev != disk.dev {
            return other(format!("its number was {} and is {} now", disk.dev, held.facts.dev));
        }
        if held.facts.size != disk.size {
            return other(format!("it had {} bytes and has {} now", disk.size, held.facts.size));
        }
        match (held.facts.diskseq, disk.diskseq) {
            (Some(now), Some(was)) if now != was => {
                other(format!("it was disk {was} of this boot and is {now} now"))
            }
            _ => Ok(held),
        }
    }

    /// What the kernel said when it was opened.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The open device, to read from.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The name by which it was opened.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// A path to the open device itself, for programs that this process starts.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }

    /// Checks that the name still leads to the open device, and that the device still answers.
    ///
    /// # Errors
    /// ALT-714 with what is seen now.
    pub fn check(&self) -> Result<()> {
        let other = |what: String| {
            error::DISK_EXCHANGED.with_cause(format!("{}: {what}", self.name.display()))
        };
        let own = facts(&self.file).map_err(|e| {
            other(format!(
                "the disk that was opened does not answer any more: {}",
                error::text_of(&e)
            ))
        })?;
        self.compare(&own).map_err(&other)?;
        let there = File::open(&self.name).and_then(|f| facts(&f)).map_err(|e| {
            other(format!("nothing can be opened there any more: {}", error::text_of(&e)))
        })?;
        self.compare(&there).map_err(other)
    }

    fn compare(&self, now: &Facts) -> Result<(), String> {
        let was = &self.facts;
        let seq = |n: Option<u64>| n.map_or("unknown".to_owned(), |n| n.to_string());
        if was.dev != now.dev {
            return Err(format!(
                "its name leads to device {} now; {} was opened",
                now.dev, was.dev
            ));
        }
        if was.diskseq != now.diskseq {
            return Err(format!(
                "it is disk {} of this boot now; disk {} was opened",
                seq(now.diskseq),
                seq(was.diskseq)
            ));
        }
        if was.size != now.size {
            return Err(format!(
                "it has {} bytes now; it had {} when it was opened",
                now.size, was.size
            ));
        }
        if was.backing != now.backing {
            return Err("another file is behind the loop device now".to_owned());
        }
        Ok(())
    }

    /// Does something that writes by name, with the comparison right before and right after it.
    ///
    /// # Errors
    /// ALT-714 where another disk is behind the name; what `write` says.
    pub fn guard<T>(&self, write: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check()?;
        let done = write();
        self.check()?;
        done
    }

    /// Whether this device lies on `disks` and nothing else, directly or through what is stacked on
    /// them.
    ///
    /// # Errors
    /// ALT-714 with what it lies on.
    pub fn must_lie_on(&self, disks: &[&Held]) -> Result<()> {
        let roots = sysfs::disks_below(Path::new("/sys"), &self.facts.dev);
        let ours: BTreeSet<&str> = disks.iter().map(|d| d.facts.dev.as_str()).collect();
        if !roots.is_empty() && roots.iter().all(|r| ours.contains(r.as_str())) {
            return Ok(());
        }
        let list =
            |all: Vec<&str>| if all.is_empty() { "no disk".to_owned() } else { all.join(" ") };
        Err(error::DISK_EXCHANGED.with_cause(format!(
            "{} lies on {}, and the target disks are {}",
            self.name.display(),
            list(roots.iter().map(String::as_str).collect()),
            list(ours.into_iter().collect())
        )))
    }

    /// Lets it go, after a last comparison.
    ///
    /// # Errors
    /// ALT-714 where another disk is behind the name by now.
    pub fn close(self) -> Result<()> {
        self.check()
    }
}
