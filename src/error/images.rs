//! Errors of system images: reading them 630 to 644, restoring 645 to 654, making them 655 to 669,
//! installing them 670 to 699.

use super::entry::{Entry, Exit};

catalogue! {
    IMAGE_OPEN = "ALT-630", Refused,
        "the system image cannot be opened",
        "name a file, a tape or another device that you can read, or - for standard input";
    IMAGE_NOT_TAR = "ALT-631", Refused,
        "the file is not a system image",
        "name an image that mksysb made, or a root file system as a tar archive";
    IMAGE_COMPRESSION = "ALT-632", Refused,
        "altdisk cannot read this compression",
        "unpack the image first, or pipe it: PROGRAM -dc IMAGE | alt_disk_install -d - ...";
    IMAGE_DAMAGED = "ALT-633", Failed,
        "the system image is damaged",
        "fetch or make the image again; `altdisk mksysb --check IMAGE` shows whether it is \
         intact";
    IMAGE_CUT = "ALT-634", Failed,
        "the system image is not complete",
        "fetch or make the image again; `altdisk mksysb --check IMAGE` shows whether it is \
         complete";
    IMAGE_MEMBER = "ALT-635", Failed,
        "the archive has a member that cannot be restored",
        "make the archive again, in one part and without --incremental: tar --xattrs --acls -S \
         -cf ARCHIVE -C / .";
    IMAGE_LIMIT = "ALT-636", Failed,
        "a header in the archive is larger than any real file needs",
        "do not use this image: it was damaged, or made to do harm";
    IMAGE_SUM = "ALT-637", Failed,
        "a file in the system image differs from the file that was saved",
        "fetch or make the image again";
    IMAGE_READ = "ALT-638", Failed,
        "the system image cannot be read",
        "check the disk, the tape or the network it comes from; `dmesg` shows errors of devices";
    IMAGE_FORMAT = "ALT-639", Refused,
        "the system image was made by a newer altdisk",
        "install it with the altdisk that made it, or a newer one";
    IMAGE_AGAIN = "ALT-640", Refused,
        "the image cannot be read a second time",
        "store it in a file, and name that file";
    IMAGE_MANIFEST = "ALT-641", Refused,
        "the image's description of itself is damaged",
        "fetch or make the image again";
    IMAGE_SPOOL = "ALT-642", Failed,
        "the checksums of an image cannot be stored while it is read",
        "free some space in the directory that the cause names";
    IMAGE_ESCAPES = "ALT-645", Failed,
        "a member of the system image would be restored outside the copy",
        "do not use this image: it was damaged, or made to do harm";
    RESTORE_IN_THE_WAY = "ALT-646", Unfinished,
        "another file is in the way of a member of the system image",
        "the image holds one name twice, as a directory with files in it and as something else: \
         make the image again";
    RESTORE_NO_TARGET = "ALT-647", Unfinished,
        "a hard link in the system image points to a file that is missing",
        "the image is not complete: make it again, with every name of a file in it";
    RESTORE_FILES = "ALT-648", Unfinished,
        "files of the system image could not be restored",
        "the cause gives the reason for each file; another type of file system may be able to \
         hold them";
    IMAGE_WRITE = "ALT-655", Failed,
        "the system image cannot be written",
        "see the cause (`dmesg` shows disk errors), or name another file or device";
    IMAGE_FULL = "ALT-656", Failed,
        "there was no space left for the system image",
        "free some space, name another file system, compress more (-z), or leave something out \
         with -e";
    IMAGE_ROOM = "ALT-657", Refused,
        "there is not enough space for the system image",
        "free some space, name a file on another file system, compress (-z 3), or leave \
         something out with -e";
    IMAGE_PLACE = "ALT-658", Refused,
        "a system image cannot be written there",
        "name a file, a tape, a pipe, or - for standard output";
    IMAGE_METHOD = "ALT-659", Usage,
        "there is no such compression",
        "give -z a level from 1 to 19 (zstd), or zstd, gzip, xz or none; a level can follow \
         after a colon: xz:9";
    IMAGE_INCOMPLETE = "ALT-660", Failed,
        "files could not be read, so the system image was not kept",
        "check the files that the cause names (`dmesg` shows disk errors), exclude with -e those \
         that cannot be read, and make the image again";
    IMAGE_SOURCE = "ALT-661", Failed,
        "the system can no longer be read",
        "see the cause (`dmesg` shows disk errors), and make the image again";
    IMAGE_STOPPED = "ALT-662", Failed,
        "making the system image was interrupted",
        "make it again: nothing is left of it, and an older file of that name is unchanged";
    IMAGE_EXISTS = "ALT-663", Refused,
        "there is a file of that name already",
        "name another file, or add --replace (in the panel: the field \
         \"Replace an image of that name?\")";
    IMAGE_LEVEL = "ALT-670", Refused,
        "the system image does not have the required level",
        "take another image, or name its level with -L";
    IMAGE_ARCHITECTURE = "ALT-671", Refused,
        "the system image is for another type of processor",
        "take an image that was made on a machine of this type";
    BOOT_IMAGE = "ALT-672", Refused,
        "a boot image cannot be used",
        "make it again: a tar of a kernel's files in /boot (vmlinuz-, config-, \
         initrd.img-VERSION) and of lib/modules/VERSION, named PLATFORM_LEVEL_boot";
    IMAGE_CHANGED = "ALT-673", Failed,
        "the system image is not the one that the run started with",
        "put the first image back and give --resume; or start over after -X";
    IMAGE_UNKNOWN = "ALT-674", Refused,
        "a pipe can be read only once, so this archive cannot be checked before it is written",
        "save it to a file and name that; or give -g: it is restored as it comes, and no boot \
         loader is installed";
    IMAGE_NO_LAYOUT = "ALT-675", Refused,
        "there is no layout for the disk",
        "give an image.data with -i";
    IMAGE_UNTRUSTED = "ALT-676", Refused,
        "the image.data inside the image has settings that are not accepted from an image",
        "look at it (`tar -xf IMAGE image.data`); if you trust it, give it with -i";
    IMAGE_ON_TARGET = "ALT-677", Refused,
        "the system image lies on a target disk",
        "copy it to another disk, or name another target";
    IMAGE_NOT_A_ROOT = "ALT-678", Refused,
        "the archive does not hold a system's root directory",
        "archive the root directory itself: `tar -C DIRECTORY -cf FILE .`";
    IMAGE_THROUGH_LINK = "ALT-679", Refused,
        "a member of the archive cannot be restored where it belongs",
        "unpack it into an empty directory with the program that made it, and archive that \
         directory: `tar -C DIRECTORY -cf FILE .`";
}
