//! Errors of system images: reading them 630 to 644, restoring 645 to 654, making them 655 to 669, installing them 670 to 699.

use super::{Entry, Exit};

catalogue! {
    // 630 to 644 reading
    IMAGE_OPEN = "ALT-630", Refused, "the system image cannot be opened", "name a file, a tape or another device that you can read, or - for standard input";
    // 645 to 654 restoring
    IMAGE_ESCAPES = "ALT-645", Failed, "a member of the system image would be restored outside of the alternate", "do not use this image: it was damaged, or made to do harm";
    // 655 to 669 making
    IMAGE_WRITE = "ALT-655", Failed, "the system image cannot be written", "make room, or name another file or device";
    // 670 to 699 installing
    IMAGE_LEVEL = "ALT-670", Refused, "the system image has another level than was asked for", "take another image, or name its level with -L";
}
