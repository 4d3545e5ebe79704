//! Errors of target disks and practice disks: 201 to 299.

use super::entry::{Entry, Exit};

catalogue! {
    NO_SUCH_DISK = "ALT-201", Refused,
        "there is no such disk",
        "`altdisk disks` lists the disks of this machine";
    DISK_IS_PARTITION = "ALT-202", Refused,
        "the target is a partition, not a whole disk",
        "name the whole disk";
    NOT_A_DISK = "ALT-203", Refused,
        "the target is not a disk that a machine can boot from",
        "name a disk that `altdisk disks` lists; `altdisk practice create` makes one for \
         practice";
    DISK_IS_LEG = "ALT-204", Refused,
        "the disk is one path of a multipath device",
        "altdisk does not install on multipath devices; choose another disk";
    DISK_HAS_ROOTVG = "ALT-210", Refused,
        "the running system is on this disk",
        "choose another disk";
    DISK_MOUNTED = "ALT-211", Refused,
        "a file system on the disk is mounted",
        "unmount it and run the command again";
    DISK_SWAP = "ALT-212", Refused,
        "the disk is in use as swap space",
        "switch it off with `swapoff` and run the command again";
    DISK_HELD = "ALT-213", Refused,
        "a volume group, RAID, mapping or loop device uses the disk",
        "deactivate it and run the command again";
    DISK_OPEN = "ALT-214", Refused,
        "a process has the disk open",
        "end that process and run the command again";
    DISK_CONFIGURED = "ALT-215", Refused,
        "a configuration file names the disk",
        "if the disk may be overwritten, remove that line and run the command again";
    DISK_CLAIMED = "ALT-216", Refused,
        "the kernel does not grant exclusive access to the disk",
        "find the program that uses it with `lsblk` and `fuser -v`, end it, and run the command \
         again";
    DISK_CHANGED = "ALT-217", Refused,
        "the disk is not the one that was checked",
        "look at `altdisk disks` and run the command again";
    DISK_UNREADABLE = "ALT-218", Refused,
        "altdisk cannot find out what is on the disk",
        "run the command as root; if that does not help, the disk is failing or this system may \
         not read it";
    DISK_TWIN = "ALT-219", Refused,
        "the disk is in use under another name",
        "choose another disk; if they really are two disks, give each its own serial number";
    DISK_READ_ONLY = "ALT-220", Refused,
        "the disk is read-only",
        "remove its write protection (a switch on the medium, or `blockdev --setrw DEVICE`), or \
         choose another disk";
    DISK_TOO_SMALL = "ALT-221", Refused,
        "the disk is too small",
        "choose a larger disk";
    DISK_SECTOR = "ALT-222", Refused,
        "the disk's sector size is not supported",
        "choose a disk with sectors of 512 or 4096 bytes";
    DISK_NO_MEDIUM = "ALT-223", Refused,
        "there is no medium in the drive",
        "insert one, or choose another disk";
    DISK_HAS_CONTENT = "ALT-230", Refused,
        "the disk is not empty",
        "confirm with `--erase SERIAL` that everything on it may be destroyed";
    DISK_HAS_CLONE = "ALT-231", Refused,
        "the disk holds a copy (altinst_rootvg)",
        "confirm with `--erase SERIAL` that the copy may be destroyed";
    DISK_HAS_OLD_ROOTVG = "ALT-232", Refused,
        "the disk holds the previous system (old_rootvg), which you can go back to",
        "choose another disk, or give the previous system up with `--erase SERIAL`";
    ERASE_NOT_A_TARGET = "ALT-233", Refused,
        "--erase names a disk that is not a target, or with -X not a disk of the copy",
        "give the serial number that `altdisk disks` shows for the disk";
    LAYOUT_DOES_NOT_FIT = "ALT-240", Refused,
        "the partitions do not fit on the disk",
        "choose a larger disk or smaller sizes";
    PARTITIONING_WRONG = "ALT-241", Unfinished,
        "the partition table on the disk differs from the one that was written",
        "the disk may be failing: check `dmesg`, and choose another disk";
    NODE_MISSING = "ALT-242", Unfinished,
        "the kernel does not show the new partitions",
        "try `partx -u DISK` (`dmesg` shows why they are missing); then run the command again";
    FS_UNSUPPORTED = "ALT-243", Refused,
        "altdisk cannot make file systems of this type",
        "use one of the types that the cause names";
    BAD_SIZE = "ALT-250", Usage,
        "this is not a size",
        "write it as 8G, 500M or 1.5GiB";
    PRACTICE_NAME = "ALT-251", Usage,
        "this name cannot be used for a practice disk",
        "use up to 32 letters, digits, '-' and '_', starting with a letter";
    PRACTICE_EXISTS = "ALT-252", Refused,
        "a practice disk of this name exists already",
        "`altdisk practice list` shows it; `altdisk practice remove NAME` removes it";
    PRACTICE_UNKNOWN = "ALT-253", Refused,
        "there is no such practice disk",
        "`altdisk practice list` lists the practice disks";
    PRACTICE_IN_USE = "ALT-254", Refused,
        "the practice disk is in use",
        "end what the cause names and run the command again; if the copy is on it, \
         `alt_disk_install -X` frees it";
    PRACTICE_USAGE = "ALT-255", Usage,
        "the command line of `altdisk practice` is wrong",
        "`altdisk practice --help` shows how it is used";
    PRACTICE_ROOM = "ALT-256", Refused,
        "there is not enough free space for what would be written to a practice disk",
        "free some space on the file system that the cause names, or clone to a real disk";
}
