//! The one catalogue of errors: a stable id, what it means, what to do about it, how the command exits.
//!
//! Code returns `anyhow::Result`; a failure that a user can meet is made from an [`Entry`] here:
//! `return Err(error::NO_SUCH_DISK.because(format!("{name}: ...")))`. The command line finds it again
//! with [`of`], whatever context was put around it. Ids are never reused; a test keeps them unique and
//! in order. Ranges: 1xx usage, 2xx target disks, 3xx the source, 4xx copying, 5xx booting,
//! 6xx image.data, 7xx phases and state, 8xx programs and the kernel.

use std::fmt;

/// How the command ends. The numbers are documented in `--help` and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// It failed, and nothing of an alternate is left behind.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Refused before anything was touched.
    Refused = 3,
    /// It failed on the way: an unfinished alternate is left for `-X` (or `--resume`).
    Unfinished = 4,
}

/// One line of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// Stable id, `ALT-nnn`.
    pub id: &'static str,
    /// What is wrong, in general; the cause says it for this case.
    pub title: &'static str,
    /// What to do about it, unless the case has a better remedy.
    pub remedy: &'static str,
    pub exit: Exit,
}

/// An error as a user meets it: catalogue entry, the cause in this case, the remedy.
#[derive(Debug)]
pub struct Alt {
    pub entry: &'static Entry,
    pub cause: String,
    pub remedy: String,
}

impl fmt::Display for Alt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry.id, self.cause)
    }
}

impl std::error::Error for Alt {}

impl Entry {
    /// This error, with what is wrong in this case and the catalogue's remedy.
    pub fn because(&'static self, cause: impl Into<String>) -> anyhow::Error {
        self.because_do(cause, self.remedy)
    }

    /// The same with a remedy for this very case.
    pub fn because_do(&'static self, cause: impl Into<String>, remedy: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Alt { entry: self, cause: cause.into(), remedy: remedy.into() })
    }
}

/// The catalogued error inside `err`, if there is one.
pub fn of(err: &anyhow::Error) -> Option<&Alt> {
    err.chain().find_map(|e| e.downcast_ref::<Alt>())
}

macro_rules! catalogue {
    ($($name:ident = $id:literal, $exit:ident, $title:literal, $remedy:literal;)*) => {
        $(#[doc = $title] pub static $name: Entry = Entry { id: $id, title: $title, remedy: $remedy, exit: Exit::$exit };)*
        /// Every entry, in the order of the ids.
        pub static ALL: &[&Entry] = &[$(&$name),*];
    };
}

catalogue! {
    // 1xx usage
    // 2xx target disks
    NO_SUCH_DISK = "ALT-201", Refused, "there is no such disk", "`altdisk disks` lists the disks of this machine";
    DISK_IS_PARTITION = "ALT-202", Refused, "the target is a part of a disk, not a disk", "name the whole disk";
    NOT_A_DISK = "ALT-203", Refused, "the target is not a disk that can boot", "name a disk that `altdisk disks` lists; `altdisk practice create` makes one to practise on";
    DISK_IS_LEG = "ALT-204", Refused, "the disk is one path of a multipath device", "altdisk does not install on multipath devices; choose another disk";
    DISK_HAS_ROOTVG = "ALT-210", Refused, "the running system is on this disk", "choose another disk";
    DISK_MOUNTED = "ALT-211", Refused, "something on the disk is mounted", "unmount it and run the command again";
    DISK_SWAP = "ALT-212", Refused, "the system swaps to the disk", "`swapoff` it and run the command again";
    DISK_HELD = "ALT-213", Refused, "a volume group, RAID, mapping or loop device uses the disk", "deactivate it and run the command again";
    DISK_OPEN = "ALT-214", Refused, "a process has the disk open", "end that process and run the command again";
    DISK_CONFIGURED = "ALT-215", Refused, "a configuration file names the disk", "remove that line if the disk may be overwritten, and run the command again";
    DISK_CLAIMED = "ALT-216", Refused, "the kernel does not give the disk to us alone", "find what uses it with `lsblk` and `fuser -v`, end that, and run the command again";
    DISK_CHANGED = "ALT-217", Refused, "the disk is no longer the one that was looked at", "look at `altdisk disks` and run the command again";
    DISK_UNREADABLE = "ALT-218", Refused, "what is on the disk cannot be found out", "run it as root; if that does not help, the disk is broken or closed to this system";
    DISK_READ_ONLY = "ALT-220", Refused, "the disk is read-only", "open its write protection, or choose another disk";
    DISK_TOO_SMALL = "ALT-221", Refused, "the disk is too small", "choose a larger disk";
    DISK_SECTOR = "ALT-222", Refused, "the disk's sector size is not supported", "choose a disk with sectors of 512 or 4096 bytes";
    DISK_NO_MEDIUM = "ALT-223", Refused, "there is no medium in the drive", "insert one, or choose another disk";
    DISK_HAS_CONTENT = "ALT-230", Refused, "the disk is not empty", "confirm with `--erase SERIAL` that all of it may be destroyed";
    DISK_HAS_CLONE = "ALT-231", Refused, "the disk holds an altinst_rootvg", "`alt_disk_install -X` removes it";
    DISK_HAS_OLD_ROOTVG = "ALT-232", Refused, "the disk holds old_rootvg, the system to go back to", "choose another disk, or give that system up with `--erase SERIAL`";
    ERASE_NOT_A_TARGET = "ALT-233", Refused, "--erase names a disk that is not a target", "give the serial that `altdisk disks` shows for the target disk";
    LAYOUT_DOES_NOT_FIT = "ALT-240", Refused, "the partitions do not fit on the disk", "choose a larger disk or smaller sizes";
    PARTITIONING_WRONG = "ALT-241", Unfinished, "the partition table on the disk is not what was written", "the disk may be failing: see `dmesg`, and choose another disk";
    NODE_MISSING = "ALT-242", Unfinished, "the kernel does not show the new partitions", "see `dmesg`; `partx -u DISK` makes them appear by hand";
    FS_UNSUPPORTED = "ALT-243", Refused, "the file system type cannot be made", "use one of ext2, ext3, ext4, xfs, btrfs, vfat, swap";
    BAD_SIZE = "ALT-250", Usage, "not a size", "write it as 8G, 500M or 1.5GiB";
    PRACTICE_NAME = "ALT-251", Usage, "not a name for a practice disk", "use up to 32 letters, digits, '-' and '_', beginning with a letter";
    PRACTICE_EXISTS = "ALT-252", Refused, "the practice disk exists already", "`altdisk practice list` shows it; `altdisk practice remove NAME` removes it";
    PRACTICE_UNKNOWN = "ALT-253", Refused, "there is no such practice disk", "`altdisk practice list` shows those that exist";
    PRACTICE_IN_USE = "ALT-254", Refused, "the practice disk is in use", "end what the cause names and run the command again; `alt_disk_install -X` if an alternate is on it";
    PRACTICE_USAGE = "ALT-255", Usage, "the command line of `altdisk practice` is wrong", "`altdisk practice --help` shows what it takes";
    DISKS_USAGE = "ALT-256", Usage, "the command line of `altdisk disks` is wrong", "`altdisk disks` or `altdisk disks --json`";
    // 3xx the source
    // 4xx copying
    // 5xx booting
    // 6xx image.data
    // 7xx phases and state
    // 8xx programs and the kernel
    PROGRAM_MISSING = "ALT-801", Refused, "a program that is needed is not installed", "install the package that the cause names and run the command again";
    PROGRAM_FAILED = "ALT-802", Failed, "a program failed", "read its output above (and in the log), mend what it names, and run the command again";
    NOT_ROOT = "ALT-803", Refused, "this needs root", "run it as root, for example with sudo";
    KERNEL = "ALT-804", Failed, "the kernel refused an operation", "see the cause; `dmesg` may say more";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_in_order() {
        for pair in ALL.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
        for e in ALL {
            assert!(e.id.len() == 7 && e.id.starts_with("ALT-"), "{}", e.id);
            assert!(!e.title.is_empty() && !e.remedy.is_empty(), "{}", e.id);
        }
    }

    #[test]
    fn found_below_context() {
        let err = NOT_ROOT.because("uid 1000").context("while cloning");
        assert_eq!(of(&err).unwrap().entry.id, "ALT-803");
    }
}
