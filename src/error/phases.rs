//! Errors of phases, stored state and scripts: 701 to 729.

use super::entry::{Entry, Exit};

catalogue! {
    BUSY = "ALT-701", Refused,
        "another run of altdisk is at work",
        "wait until it has finished; `altdisk jobs` shows it, and `altdisk jobs stop ID` stops \
         one that hangs; `altdisk disks` works meanwhile";
    BAD_STATE = "ALT-702", Failed,
        "the stored state cannot be read",
        "`alt_disk_install -X` removes what belongs to the copy from the running system; it does \
         not erase the copy's disk, and `--erase SERIAL` uses that disk again";
    ALTERNATE_EXISTS = "ALT-703", Refused,
        "there is a copy (altinst_rootvg) already",
        "if it is finished: `alt_disk_install -C --erase SERIAL DISK` replaces it on its disk, \
         and `alt_disk_install -X` forgets it; if it was interrupted: \
         `alt_disk_install --resume` continues it, and `alt_disk_install -X` removes it";
    NOTHING_TO_RESUME = "ALT-704", Refused,
        "there is no interrupted run to continue",
        "start one with `alt_disk_install -C DISK`";
    TARGET_GONE = "ALT-705", Refused,
        "a disk of the copy is missing",
        "attach it and run the command again, or remove the copy with `alt_disk_install -X`";
    OTHER_TARGET = "ALT-706", Refused,
        "the copy is on other disks than those named",
        "name the disks that the cause lists, or none";
    WRONG_PHASE = "ALT-707", Refused,
        "this phase cannot run now",
        "`alt_disk_install -X` removes the copy, so that you can start over with phase 1";
    ALT_INST_TAKEN = "ALT-708", Refused,
        "/alt_inst is in use",
        "unmount or empty it: altdisk mounts the copy there";
    RUNNING_FROM_IT = "ALT-709", Refused,
        "the running system is on the disk of the copy",
        "boot the other disk first (`altdisk bootlist`)";
    TARGET_BUSY = "ALT-710", Failed,
        "a disk of the copy is in use",
        "end what the cause names and run the command again";
    INTERRUPTED = "ALT-711", Failed,
        "interrupted",
        "`alt_disk_install --resume` continues";
    STATE_FULL = "ALT-712", Failed,
        "there is no space left for altdisk's own records",
        "free some space on the file system that holds /var/lib/altdisk; then \
         `alt_disk_install --resume` continues, and -X cleans up";
    MOUNT_POINT = "ALT-713", Unfinished,
        "a file system of the copy cannot be mounted where it belongs",
        "make a directory at the place that the cause names and run the command again; or remove \
         the copy with `alt_disk_install -X`";
    DISK_EXCHANGED = "ALT-714", Failed,
        "the target's name now belongs to another disk",
        "nothing more was written; look at `altdisk disks`, attach the right disk again, and \
         continue with `alt_disk_install --resume`, or remove the copy with -X";
    DISK_USED_AGAIN = "ALT-715", Refused,
        "a target disk holds something else by now",
        "to keep that, give the copy up with `alt_disk_install -X`, which leaves the disk as it \
         is; the disk can then be a target again with `--erase SERIAL`";
    NEWER_STATE = "ALT-716", Failed,
        "the stored state was written by a newer altdisk",
        "use the altdisk that wrote it, or a newer one; or give the copy up with \
         `alt_disk_install -X`, which leaves its disk as it is";
    UNSAFE_STATE = "ALT-717", Refused,
        "users other than root may have changed what altdisk has stored",
        "make sure that nobody has changed it, then give it to root alone (`chown root:`, \
         `chmod go-w`)";
    STATE_READ_ONLY = "ALT-718", Failed,
        "altdisk's own records cannot be written: the file system is read-only",
        "make the file system that holds /var/lib/altdisk writable (`mount -o remount,rw`), and \
         run the command again";
    SCRIPT_FAILED = "ALT-720", Failed,
        "the customization script failed",
        "correct the script; then run phase 2 again (-P 2 or -P 23), or continue with --resume";
}
