//! Errors of system images: reading them 630 to 644, restoring 645 to 654, making them 655 to 669, installing them 670 to 699.

use super::{Entry, Exit};

catalogue! {
    // 630 to 644 reading
    IMAGE_OPEN = "ALT-630", Refused, "the system image cannot be opened", "name a file, a tape or another device that you can read, or - for standard input";
    // 645 to 654 restoring
    IMAGE_ESCAPES = "ALT-645", Failed, "a member of the system image would be restored outside of the alternate", "do not use this image: it was damaged, or made to do harm";
    // 655 to 669 making
    IMAGE_WRITE = "ALT-655", Failed, "the system image cannot be written", "see the cause (`dmesg` tells of disk errors), or name another file or device";
    IMAGE_FULL = "ALT-656", Failed, "there was no room left for the system image", "make room, name another file system, compress more (-z), or leave something out with -e";
    IMAGE_ROOM = "ALT-657", Refused, "there is not enough room for the system image", "make room, name a file on another file system, compress (-z 3), or leave something out with -e";
    IMAGE_PLACE = "ALT-658", Refused, "a system image cannot be written there", "name a file, a tape, a pipe, or - for standard output";
    IMAGE_METHOD = "ALT-659", Usage, "the system image cannot be compressed like that", "give -z a level from 1 to 19 (zstd), or zstd, gzip, xz or none; a level follows after a colon: xz:9";
    IMAGE_INCOMPLETE = "ALT-660", Failed, "files could not be read, and so the system image is not kept", "look into the files that the cause names (`dmesg` tells of disk errors), exclude with -e what cannot be mended, and make the image again";
    IMAGE_SOURCE = "ALT-661", Failed, "the system could not be read any more", "see the cause (`dmesg` tells of disk errors), and make the image again";
    IMAGE_STOPPED = "ALT-662", Failed, "making the system image was interrupted", "make it again: nothing is left of it, and a file that was there before is as it was";
    // 670 to 699 installing
    IMAGE_LEVEL = "ALT-670", Refused, "the system image has another level than was asked for", "take another image, or name its level with -L";
}
