//! Errors of the commands, the engine and the rooms below it.

use super::{Entry, Exit};

catalogue! {
    // 1xx usage
    UNKNOWN_FLAG = "ALT-101", Usage, "there is no such flag", "`--help` lists all flags";
    MISSING_VALUE = "ALT-102", Usage, "a flag's value is missing", "write the value after the flag";
    UNEXPECTED_VALUE = "ALT-103", Usage, "a flag that takes no value has one", "leave out the = and what follows it";
    CONTRADICTORY_FLAG = "ALT-104", Usage, "a flag is given twice with different values", "give it once";
    UNKNOWN_COMMAND = "ALT-105", Usage, "there is no such command", "`altdisk --help` lists the commands";
    UNEXPECTED_OPERAND = "ALT-106", Usage, "a word too much", "leave it out; `--help` shows how the command is called";
    BAD_VALUE = "ALT-107", Usage, "a flag's value is not one that it can have", "`--help` says what it can be";
    NO_SOURCE = "ALT-110", Usage, "neither -C nor -d is given", "give -C to clone the running system (or -d device to install a system image)";
    TWO_SOURCES = "ALT-111", Usage, "-C and -d exclude each other", "give only one: -C clones the running system, -d installs a system image";
    CLEAN_UP_ALONE = "ALT-112", Usage, "-X stands alone", "give -X without other flags and without disks (only -D, -V and --events go with it)";
    RESUME_ALONE = "ALT-113", Usage, "--resume stands alone", "give --resume without other flags and without disks (only -D, -V and --events go with it): the run goes on as it was begun";
    REBOOT_WHERE = "ALT-114", Usage, "-B and -r exclude each other", "leave out -B to reboot from the new disk, or leave out -r to stay on this one";
    CLONE_ONLY = "ALT-115", Usage, "a flag that is only valid with -C is given with -d", "leave that flag out, or clone with -C";
    IMAGE_ONLY = "ALT-116", Usage, "a flag that is only valid with -d is given without it", "leave that flag out";
    NEEDS_LOCATION = "ALT-117", Usage, "-b, -I, -f, -F and -w need -l", "add -l with the directory or device that holds the packages";
    FULL_PATH = "ALT-118", Usage, "a full path is needed", "give the full path, starting with /";
    SCRIPT_MISSING = "ALT-119", Usage, "the customization script does not exist", "look at the name; the script is looked up on the running system";
    SCRIPT_NO_FILE = "ALT-120", Usage, "the customization script is not a regular file", "name a file that holds the script";
    SCRIPT_NOT_EXECUTABLE = "ALT-121", Usage, "the customization script is not executable", "make it executable with `chmod +x`";
    FILE_UNREADABLE = "ALT-122", Usage, "a file that a flag names cannot be read", "look at the name and at the file's permissions";
    BAD_PHASE = "ALT-123", Usage, "there is no such phase", "give one of 1, 2, 3, 12, 23 or all after -P";
    NO_TARGET = "ALT-124", Usage, "no target disk is named", "add the disk or disks to install to; `altdisk disks` lists them";
    TARGET_TWICE = "ALT-125", Usage, "a target disk is named twice", "name each target disk once";
    BAD_LEVEL = "ALT-126", Usage, "the level is not of the form V.R.M", "write it as three numbers with dots, such as 4.3.0";
    JSON_ALONE = "ALT-127", Usage, "--json is given without --preview", "add --preview, or leave --json out";
    // ALT-128 was for flags of later versions; there are none any more.
    OPERANDS = "ALT-128", Usage, "not every file or directory that the command needs is named", "`altdisk COMMAND --help` shows what it takes";
    UNKNOWN_ERROR_ID = "ALT-129", Usage, "there is no error with this id", "`altdisk errors` lists them all";
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
    PRACTICE_ROOM = "ALT-256", Refused, "there is no room for what would be written to a practice disk", "make room on the file system that the cause names, or clone to a real disk";
    // 3xx the source
    NO_ROOT_DEVICE = "ALT-301", Refused, "the running system's root is on no disk", "altdisk clones systems whose / is a file system on a disk, partition or logical volume";
    SOURCE_LUKS = "ALT-302", Refused, "the running system is encrypted (LUKS)", "this version does not clone encrypted systems";
    SOURCE_MD = "ALT-303", Refused, "the running system is on software RAID (MD)", "this version does not clone systems on MD RAID";
    SOURCE_ZFS = "ALT-304", Refused, "the running system is on ZFS", "this version does not clone ZFS; use boot environments of ZFS itself";
    SOURCE_BCACHE = "ALT-305", Refused, "the running system is on bcache", "this version does not clone systems on bcache";
    SOURCE_MULTIPATH = "ALT-306", Refused, "the running system is on a multipath device", "this version does not clone systems on multipath devices";
    SOURCE_THIN = "ALT-307", Refused, "the running system is on LVM thin volumes", "this version does not clone thin volumes";
    SOURCE_SPREAD = "ALT-308", Refused, "a btrfs of the running system lies on several devices", "this version clones btrfs on one device";
    SOURCE_FSTYPE = "ALT-309", Refused, "a file system of the running system is of a type that cannot be cloned", "unmount it if it does not belong to the system, or leave it out with an edited image.data (-i)";
    SOURCE_CHANGED = "ALT-310", Failed, "the running system changed while it was cloned", "see the cause, then run the command again";
    PACKAGES_BUSY = "ALT-311", Refused, "a package manager is at work", "wait until it has ended, and run the command again";
    TOO_SMALL = "ALT-320", Refused, "the target is too small", "name a larger disk, or more disks; where the files themselves fit, a smaller disk does too: write an image.data with `altdisk mkszfile FILE`, set SHRINK = \"yes\" in it, and give it with -i";
    NOT_EXACT = "ALT-321", Refused, "the target disks are not those of image.data", "name disks of the same sizes, or write EXACT_FIT = \"no\"";
    NO_SPREAD = "ALT-322", Refused, "the layout does not spread over the target disks", "name one disk that is large enough";
    NO_ROOT_FS = "ALT-323", Refused, "image.data has no root file system", "add the fs_data stanza for /";
    IMAGE_NOT_SOURCE = "ALT-324", Refused, "image.data names a file system that the running system has not mounted", "mount it, or remove its fs_data and lv_data";
    // 4xx copying
    BAD_PATTERN = "ALT-401", Usage, "a line of the exclude list is not a pattern of grep", "mend the line that the cause names; patterns are grep's basic regular expressions, one a line";
    UNREADABLE = "ALT-402", Unfinished, "files could not be copied", "look into the files that the cause names (`dmesg` tells of disk errors); exclude with -e what cannot be mended, and run the phase again";
    TARGET_FULL = "ALT-403", Unfinished, "the target is full", "use a larger disk, or leave something out with -e, and run the phase again";
    TARGET_WRITE = "ALT-404", Unfinished, "the target could not be written", "`dmesg` tells what the disk said; use another disk if it is failing";
    SOURCE_LOST = "ALT-405", Unfinished, "the source could not be read any more", "`dmesg` tells what the disk said; run the phase again when the source can be read";
    NO_VIEW = "ALT-406", Failed, "a file system could not be opened below its mounts", "run it as root on the machine itself; a container needs CAP_SYS_ADMIN for it";
    // 5xx booting
    FSTAB_LINE = "ALT-501", Failed, "a line of fstab or crypttab cannot be read", "mend the line that the cause names, on the running system, and run the command again";
    NO_KERNEL = "ALT-502", Refused, "no kernel is installed", "install a kernel package of the distribution, or say -g to make a copy that cannot boot by itself";
    NO_INITRAMFS_TOOL = "ALT-503", Refused, "nothing here makes an initramfs", "install initramfs-tools, dracut or mkinitcpio, whichever the distribution uses, or say -g";
    INITRAMFS = "ALT-504", Failed, "an initramfs was not made", "read the tool's output in the log; free space in /boot is the usual reason";
    LOADER_FOREIGN = "ALT-505", Refused, "the system boots with a loader that altdisk cannot install", "install GRUB as the distribution's packages do, or say -g to make a copy that cannot boot by itself";
    NO_LOADER = "ALT-506", Refused, "the boot loader's packages are not installed", "install the packages that the cause names and run the command again";
    LOADER = "ALT-507", Failed, "the boot loader is not complete", "read the loader's output in the log, mend what it names, and run phase 3 again";
    NOT_INDEPENDENT = "ALT-508", Failed, "the alternate still refers to the disk it was made from", "each place is named above: correct it below /alt_inst (or in the customization script) and run phase 3 again";
    NO_BOOTLIST = "ALT-509", Refused, "the boot list of this machine cannot be set from here", "choose the disk in the menu of the firmware; `alt_disk_install -B` leaves the boot list alone";
    BOOT_ENTRY = "ALT-510", Failed, "the firmware did not take the boot entry or the boot order", "choose the disk in the firmware's boot menu; the disk boots from its fallback loader without an entry";
    BOOT_DISK = "ALT-511", Usage, "not a disk that the boot list knows", "see `altdisk bootlist -o` for the disks that it knows";
    OTHER_GRUB = "ALT-512", Failed, "the GRUB of another disk cannot be changed", "see the cause; the firmware's boot menu chooses the disk without it";
    // 6xx image.data
    IMAGE_UNREADABLE = "ALT-601", Refused, "image.data cannot be read", "look at the name and at the file's permissions";
    IMAGE_SYNTAX = "ALT-602", Refused, "image.data is not TOML, or has a field or value that does not belong there", "mend that line; the file that a run without -i writes shows what is right";
    IMAGE_FS_LV = "ALT-603", Refused, "a file system lies on a volume that no lv_data describes", "give FS_LV (and FS_VG) the name of a LOGICAL_VOLUME, or add its lv_data";
    IMAGE_SAME_MOUNT = "ALT-604", Refused, "two file systems have the same mount point", "give each its own, or remove one";
    IMAGE_NO_ROOT = "ALT-605", Refused, "no file system is mounted at /", "add the fs_data stanza for /";
    IMAGE_ZERO = "ALT-606", Refused, "a size is 0", "write the size in MiB, at least 1";
    IMAGE_SWAP_FS = "ALT-607", Refused, "a swap space has a file system", "remove the fs_data stanza, or make the volume's TYPE \"fs\"";
    IMAGE_ESP_VFS = "ALT-608", Refused, "the EFI system partition is not vfat", "firmware reads nothing else: write FS_VFS = \"vfat\"";
    IMAGE_TWO_ESPS = "ALT-609", Refused, "there are two EFI system partitions", "keep one lv_data stanza with TYPE \"esp\"";
    IMAGE_NO_VG = "ALT-610", Refused, "a logical volume belongs to a volume group that no vg_data describes", "name one of the VGNAMEs, or add its vg_data";
    IMAGE_TOO_SMALL = "ALT-611", Refused, "a volume is smaller than the least size of its file system", "make SIZE_MB at least FS_MIN_SIZE_MB";
    IMAGE_MIN_USED = "ALT-612", Refused, "the least size of a file system is below what is used in it", "make FS_MIN_SIZE_MB at least FS_USED_MB";
    IMAGE_VFS = "ALT-613", Refused, "a file system of a kind that altdisk does not make", "use ext4, xfs, btrfs, vfat, ext3 or ext2";
    IMAGE_SUBVOLUMES = "ALT-614", Refused, "subvolumes on a file system that has none", "only btrfs has subvolumes: remove them, or write FS_VFS = \"btrfs\"";
    IMAGE_SAME_NAME = "ALT-615", Refused, "two volumes or volume groups have the same name", "give each its own name";
    IMAGE_SWAP_FILE = "ALT-616", Refused, "a swap file lies where none can be", "put it as a file into a file system that is not vfat";
    IMAGE_EXACT_FIT = "ALT-617", Refused, "EXACT_FIT is yes, but no source_disk_data says which sizes", "add source_disk_data, or write EXACT_FIT = \"no\"";
    IMAGE_PATH = "ALT-618", Refused, "a path is not written from / on", "write the full path, without . or .. in it and without / at its end";
    IMAGE_NO_FS = "ALT-619", Refused, "a volume has no file system", "add its fs_data stanza, or remove the lv_data";
    IMAGE_TWO_FS = "ALT-620", Refused, "two file systems lie on one volume", "give each its own lv_data";
    IMAGE_ESP_LVM = "ALT-621", Refused, "the EFI system partition lies in a volume group", "firmware cannot read LVM: remove VOLUME_GROUP there";
    IMAGE_NAME = "ALT-622", Refused, "a name that LVM does not take", "use letters, digits and . _ + - and do not begin with -";
    // 7xx phases and state
    BUSY = "ALT-701", Refused, "another run of altdisk is at work", "wait until it has ended; `altdisk jobs` shows it, and `altdisk jobs stop` stops one that hangs; `altdisk disks` works meanwhile";
    BAD_STATE = "ALT-702", Failed, "the stored state cannot be read", "if no alternate is needed any more, remove the directory that the cause names; its disk is then freed with --erase";
    ALTERNATE_EXISTS = "ALT-703", Refused, "there is an altinst_rootvg already", "`alt_disk_install -X` removes it; `alt_disk_install --resume` goes on with one that was interrupted";
    NOTHING_TO_RESUME = "ALT-704", Refused, "there is nothing to go on with", "start with `alt_disk_install -C DISK`";
    TARGET_GONE = "ALT-705", Refused, "a disk of the alternate is not there", "attach it and run the command again, or remove the alternate with `alt_disk_install -X`";
    OTHER_TARGET = "ALT-706", Refused, "the alternate is on other disks than those named", "name the disks that the cause says, or none";
    WRONG_PHASE = "ALT-707", Refused, "this phase cannot run now", "`alt_disk_install -X` removes the alternate, so that phase 1 can begin anew";
    ALT_INST_TAKEN = "ALT-708", Refused, "/alt_inst is in use", "unmount or empty it: the alternate is mounted there";
    RUNNING_FROM_IT = "ALT-709", Refused, "the running system is on the disk that -X would erase", "boot the other disk first (`altdisk bootlist`)";
    TARGET_BUSY = "ALT-710", Failed, "a disk of the alternate is in use", "end what the cause names and run the command again";
    INTERRUPTED = "ALT-711", Failed, "interrupted", "`alt_disk_install --resume` goes on";
    STATE_FULL = "ALT-712", Failed, "there is no room left for altdisk's own records", "make room on the file system that holds /var/lib/altdisk; then `alt_disk_install --resume` goes on, and -X cleans up";
    SCRIPT_FAILED = "ALT-720", Failed, "the customization script failed", "mend it; then run phase 2 again (-P 2 or -P 23), or go on with --resume";
    // 8xx programs and the kernel
    PROGRAM_MISSING = "ALT-801", Refused, "a program that is needed is not installed", "install the package that the cause names and run the command again";
    PROGRAM_FAILED = "ALT-802", Failed, "a program failed", "read its output above (and in the log), mend what it names, and run the command again";
    NOT_ROOT = "ALT-803", Refused, "this needs root", "run it as root, for example with sudo";
    KERNEL = "ALT-804", Failed, "the kernel refused an operation", "see the cause; `dmesg` may say more";
    OTHER = "ALT-899", Failed, "a failure without a message of its own", "see the cause; the log /var/log/altdisk/alt_disk_inst.log says what was done before";
}
