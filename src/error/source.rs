//! Errors of the running system (301 to 399) and of copying it (401 to 499).

use super::entry::{Entry, Exit};

catalogue! {
    NO_ROOT_DEVICE = "ALT-301", Refused,
        "the root file system of the running system is not on a disk",
        "altdisk clones systems whose / is a file system on a disk, a partition or a logical \
         volume";
    SOURCE_LUKS = "ALT-302", Refused,
        "the running system is encrypted (LUKS)",
        "this version does not clone encrypted systems";
    SOURCE_MD = "ALT-303", Refused,
        "the running system is on software RAID (MD)",
        "this version does not clone systems on MD RAID";
    SOURCE_ZFS = "ALT-304", Refused,
        "the running system is on ZFS",
        "this version does not clone ZFS; use ZFS's own boot environments";
    SOURCE_BCACHE = "ALT-305", Refused,
        "the running system is on bcache",
        "this version does not clone systems on bcache";
    SOURCE_MULTIPATH = "ALT-306", Refused,
        "the running system is on a multipath device",
        "this version does not clone systems on multipath devices";
    SOURCE_THIN = "ALT-307", Refused,
        "the running system is on LVM thin volumes",
        "this version does not clone thin volumes";
    SOURCE_SPREAD = "ALT-308", Refused,
        "a btrfs of the running system spans several devices",
        "this version clones btrfs on one device";
    SOURCE_FSTYPE = "ALT-309", Refused,
        "a file system of the running system has a type that cannot be cloned",
        "unmount it if it does not belong to the system, or leave it out with an edited \
         image.data (-i)";
    SOURCE_CHANGED = "ALT-310", Failed,
        "the running system changed while it was cloned",
        "see the cause, then run the command again";
    PACKAGES_BUSY = "ALT-311", Refused,
        "a package manager is at work",
        "wait until it has finished, and run the command again; `altdisk jobs` shows whether \
         altdisk itself is making an image";
    SOURCE_CHECKED = "ALT-312", Refused,
        "the running system is on dm-verity or dm-integrity",
        "this version does not clone such systems: the copy would not be protected";
    TOO_SMALL = "ALT-320", Refused,
        "the target is too small",
        "name a larger disk, or more disks; if the files themselves fit, a smaller disk works \
         too: write an image.data with `altdisk mkszfile FILE`, set SHRINK = \"yes\" in it, and \
         give it with -i";
    NOT_EXACT = "ALT-321", Refused,
        "the target disks are not those of image.data",
        "name disks of the same sizes, or write EXACT_FIT = \"no\"";
    NO_SPREAD = "ALT-322", Refused,
        "the layout cannot be spread over the target disks",
        "name one disk that is large enough";
    NO_ROOT_FS = "ALT-323", Refused,
        "image.data has no root file system",
        "add the fs_data stanza for /";
    IMAGE_NOT_SOURCE = "ALT-324", Refused,
        "image.data names a file system that is not mounted in the running system",
        "mount it, or remove its fs_data and lv_data";
    TOO_LARGE = "ALT-326", Refused,
        "a file system would be larger than its format allows",
        "name a smaller disk; or run `altdisk mkszfile /root/image.data`, set FS_VFS = \"xfs\" \
         for that file system, and add `-i /root/image.data`";
    SOURCE_LOCKED = "ALT-327", Refused,
        "files of the running system are encrypted, and their key is not loaded",
        "unlock the directory (`fscrypt unlock DIRECTORY`), or leave it out: a line like \
         `^./DIRECTORY/` in an exclude list (-e)";
    PROTECTION_LOST = "ALT-335", Refused,
        "a protection that files have in the running system would be lost in the copy",
        "leave those files out with an exclude list (-e), or accept the loss (--accept)";
    NO_ROOM_FOR_SNAPSHOTS = "ALT-336", Refused,
        "there is not enough room for the writable btrfs snapshots",
        "name a larger disk, or allow them to be left out (--accept snapshots)";
    BAD_PATTERN = "ALT-401", Usage,
        "a line of the exclude list is not a valid pattern",
        "correct the line that the cause names; patterns are grep's basic regular expressions, \
         one per line";
    UNREADABLE = "ALT-402", Unfinished,
        "files could not be copied",
        "find the reason for each file that the cause names (`dmesg` shows disk errors), fix it, \
         and run the command again; if it cannot be fixed, remove the copy with \
         `alt_disk_install -X` and start over with an exclude list (-e)";
    TARGET_FULL = "ALT-403", Unfinished,
        "the target is full",
        "remove the copy with `alt_disk_install -X`; then start over with an exclude list (-e), \
         or with a larger SIZE_MB for that file system: `altdisk mkszfile /root/image.data` \
         writes the sizes, and -i takes them";
    TARGET_WRITE = "ALT-404", Unfinished,
        "the target could not be written",
        "`dmesg` shows the disk's errors; if the disk is failing, remove the copy with \
         `alt_disk_install -X` and name another disk";
    SOURCE_LOST = "ALT-405", Unfinished,
        "the source can no longer be read",
        "`dmesg` shows the disk's errors; when the source is readable again, run the command \
         again";
    NO_VIEW = "ALT-406", Failed,
        "a file system could not be opened beneath the mounts on top of it",
        "run the command as root on the machine itself; in a container it needs CAP_SYS_ADMIN";
    EXCLUDES_ALL = "ALT-407", Refused,
        "the exclude list leaves out files that every system needs",
        "remove the lines that the cause names from the exclude list, or make them match less";
}
