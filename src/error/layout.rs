//! Errors of image.data, the description of a layout: 601 to 629.

use super::entry::{Entry, Exit};

catalogue! {
    IMAGE_UNREADABLE = "ALT-601", Refused,
        "image.data cannot be read",
        "check its name and its permissions";
    IMAGE_SYNTAX = "ALT-602", Refused,
        "image.data is not TOML, or has a field or value that does not belong there",
        "correct that line; `altdisk mkszfile` writes a file without mistakes, to compare with";
    IMAGE_FS_LV = "ALT-603", Refused,
        "a file system lies on a volume that no lv_data describes",
        "set FS_LV (and FS_VG) to the name of a LOGICAL_VOLUME, or add its lv_data";
    IMAGE_SAME_MOUNT = "ALT-604", Refused,
        "two file systems have the same mount point",
        "give each its own, or remove one";
    IMAGE_NO_ROOT = "ALT-605", Refused,
        "no file system is mounted at /",
        "add the fs_data stanza for /";
    IMAGE_ZERO = "ALT-606", Refused,
        "a size is 0",
        "write the size in MiB, at least 1";
    IMAGE_SWAP_FS = "ALT-607", Refused,
        "a swap space has a file system",
        "remove the fs_data stanza, or set the volume's TYPE to \"fs\"";
    IMAGE_ESP_VFS = "ALT-608", Refused,
        "the EFI system partition is not vfat",
        "firmware reads nothing else: write FS_VFS = \"vfat\"";
    IMAGE_TWO_ESPS = "ALT-609", Refused,
        "there are two EFI system partitions",
        "keep one lv_data stanza with TYPE \"esp\"";
    IMAGE_NO_VG = "ALT-610", Refused,
        "a logical volume belongs to a volume group that no vg_data describes",
        "name one of the VGNAMEs, or add its vg_data";
    IMAGE_TOO_SMALL = "ALT-611", Refused,
        "a volume is smaller than the minimum size of its file system",
        "make SIZE_MB at least FS_MIN_SIZE_MB";
    IMAGE_MIN_USED = "ALT-612", Refused,
        "the minimum size of a file system is less than the space used in it",
        "make FS_MIN_SIZE_MB at least FS_USED_MB";
    IMAGE_VFS = "ALT-613", Refused,
        "altdisk cannot make a file system of this type",
        "use one of the types that the cause names";
    IMAGE_SUBVOLUMES = "ALT-614", Refused,
        "a file system without subvolumes is given some",
        "only btrfs has subvolumes: remove them, or write FS_VFS = \"btrfs\"";
    IMAGE_SAME_NAME = "ALT-615", Refused,
        "two volumes or volume groups have the same name",
        "give each its own name";
    IMAGE_SWAP_FILE = "ALT-616", Refused,
        "a swap file is in a place where there cannot be one",
        "put it into a file system that is not vfat";
    IMAGE_EXACT_FIT = "ALT-617", Refused,
        "EXACT_FIT is yes, but no source_disk_data gives the sizes",
        "add source_disk_data, or write EXACT_FIT = \"no\"";
    IMAGE_PATH = "ALT-618", Refused,
        "a path is not a full path",
        "write the full path, starting with /, without . or .. in it and without / at its end";
    IMAGE_NO_FS = "ALT-619", Refused,
        "a volume has no file system",
        "add its fs_data stanza, or remove the lv_data";
    IMAGE_TWO_FS = "ALT-620", Refused,
        "two file systems lie on one volume",
        "give each its own lv_data";
    IMAGE_ESP_LVM = "ALT-621", Refused,
        "the EFI system partition lies in a volume group",
        "firmware cannot read LVM: remove VOLUME_GROUP there";
    IMAGE_NAME = "ALT-622", Refused,
        "LVM does not accept this name",
        "use letters, digits and . _ + - and do not start with -";
    IMAGE_TOO_LARGE = "ALT-623", Refused,
        "a size is larger than any disk",
        "sizes are in MiB: correct the number";
}
