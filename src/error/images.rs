//! Errors of system images: reading them 630 to 644, restoring 645 to 654, making them 655 to 669,
//! installing them 670 to 699.

use super::{Entry, Exit};

catalogue! {
    // 630 to 644 reading
    IMAGE_OPEN = "ALT-630", Refused, "the system image cannot be opened", "name a file, a tape or another device that you can read, or - for standard input";
    IMAGE_NOT_TAR = "ALT-631", Refused, "this is no system image", "name an image that mksysb made, or a root file system as a tar archive";
    IMAGE_COMPRESSION = "ALT-632", Refused, "the image is compressed in a way that is not read here", "unpack it first, or pipe it: PROGRAM -dc IMAGE | alt_disk_install -d - ...";
    IMAGE_DAMAGED = "ALT-633", Failed, "the system image is damaged", "fetch or make the image again; `altdisk mksysb --check IMAGE` tells whether it is sound";
    IMAGE_CUT = "ALT-634", Failed, "the system image ends too early", "fetch or make the image again; `altdisk mksysb --check IMAGE` tells whether it is whole";
    IMAGE_MEMBER = "ALT-635", Failed, "the archive holds a member that cannot be restored", "make the archive anew, in one part and without --incremental: tar --xattrs --acls -S -cf ARCHIVE -C / .";
    IMAGE_LIMIT = "ALT-636", Failed, "the archive says more of a member than any file has", "do not use this image: it was damaged, or made to do harm";
    IMAGE_SUM = "ALT-637", Failed, "a file in the system image is not what was saved", "fetch or make the image again";
    IMAGE_READ = "ALT-638", Failed, "the system image cannot be read", "see what the kernel says of the disk, the tape or the network it comes from";
    IMAGE_FORMAT = "ALT-639", Refused, "the system image was made by a newer altdisk", "install it with the altdisk that made it, or a newer one";
    IMAGE_AGAIN = "ALT-640", Refused, "the image cannot be read a second time", "store it in a file, and name that";
    IMAGE_MANIFEST = "ALT-641", Refused, "the system image says nothing sensible of itself", "fetch or make the image again";
    IMAGE_SPOOL = "ALT-642", Failed, "the checksums of an image cannot be kept while it is read", "make room in the directory that is named";
    // 645 to 654 restoring
    IMAGE_ESCAPES = "ALT-645", Failed, "a member of the system image would be restored outside of the copy", "do not use this image: it was damaged, or made to do harm";
    RESTORE_IN_THE_WAY = "ALT-646", Unfinished, "something else stands where a member of the system image belongs", "the image holds one name twice, as a directory with files in it and as something else: make the image anew";
    RESTORE_NO_TARGET = "ALT-647", Unfinished, "a hard link of the system image names a file that is not there", "the image is not complete: make it anew, with every name of a file in it";
    RESTORE_FILES = "ALT-648", Unfinished, "files of the system image could not be restored", "see why at each file that the cause names; another type of file system may be able to hold them";
    // 655 to 669 making
    IMAGE_WRITE = "ALT-655", Failed, "the system image cannot be written", "see the cause (`dmesg` tells of disk errors), or name another file or device";
    IMAGE_FULL = "ALT-656", Failed, "there was no room left for the system image", "make room, name another file system, compress more (-z), or leave something out with -e";
    IMAGE_ROOM = "ALT-657", Refused, "there is not enough room for the system image", "make room, name a file on another file system, compress (-z 3), or leave something out with -e";
    IMAGE_PLACE = "ALT-658", Refused, "a system image cannot be written there", "name a file, a tape, a pipe, or - for standard output";
    IMAGE_METHOD = "ALT-659", Usage, "the system image cannot be compressed like that", "give -z a level from 1 to 19 (zstd), or zstd, gzip, xz or none; a level follows after a colon: xz:9";
    IMAGE_INCOMPLETE = "ALT-660", Failed, "files could not be read, and so the system image is not kept", "look into the files that the cause names (`dmesg` tells of disk errors), exclude with -e what cannot be mended, and make the image again";
    IMAGE_SOURCE = "ALT-661", Failed, "the system could not be read any more", "see the cause (`dmesg` tells of disk errors), and make the image again";
    IMAGE_STOPPED = "ALT-662", Failed, "making the system image was interrupted", "make it again: nothing is left of it, and a file that was there before is as it was";
    IMAGE_EXISTS = "ALT-663", Refused, "there is a file of that name, and it was not said to replace it", "name another file, or say --replace";
    // 670 to 699 installing
    IMAGE_LEVEL = "ALT-670", Refused, "the system image has another level than was asked for", "take another image, or name its level with -L";
    IMAGE_ARCHITECTURE = "ALT-671", Refused, "the system image is for another kind of machine", "take an image that was made on a machine of this kind";
    BOOT_IMAGE = "ALT-672", Refused, "a boot image cannot be used", "make it anew: a tar of what a kernel has in /boot (vmlinuz-, config-, initrd.img-VERSION) and of lib/modules/VERSION, named PLATFORM_LEVEL_boot";
    IMAGE_CHANGED = "ALT-673", Failed, "the system image is not the one that the run began with", "put the image of before there again and say --resume; or start anew after -X";
    IMAGE_UNKNOWN = "ALT-674", Refused, "nothing can be known of this stream before it is written", "save it to a file and name that; or say -g: it is restored as it comes, and nothing is installed that boots it";
    IMAGE_NO_LAYOUT = "ALT-675", Refused, "there is no layout for the disk", "give an image.data with -i";
    IMAGE_UNTRUSTED = "ALT-676", Refused, "the image.data of the image says what is not taken from an image", "look at it (`tar -xf IMAGE image.data`); if you trust it, give it with -i";
    IMAGE_ON_TARGET = "ALT-677", Refused, "the system image lies on a target disk", "copy it to another disk, or name another target";
    IMAGE_NOT_A_ROOT = "ALT-678", Refused, "the archive is not that of a system's root directory", "make the archive of the root directory itself: `tar -C DIRECTORY -cf FILE .`";
    IMAGE_THROUGH_LINK = "ALT-679", Refused, "a member of the archive cannot be restored where it belongs", "unpack it into an empty directory with the program that made it, and make the archive of that: `tar -C DIRECTORY -cf FILE .`";
}
