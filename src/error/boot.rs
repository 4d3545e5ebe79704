//! Errors of booting: kernels, boot loaders, the boot list, what still refers to the old disk: 501
//! to 599.

use super::entry::{Entry, Exit};

catalogue! {
    FSTAB_LINE = "ALT-501", Refused,
        "a line of fstab or crypttab cannot be parsed",
        "correct the line in the file that the cause names, and run the command again";
    NO_KERNEL = "ALT-502", Refused,
        "no kernel is installed",
        "install a kernel package of the distribution, or give -g to make a copy that cannot \
         boot by itself";
    NO_INITRAMFS_TOOL = "ALT-503", Refused,
        "no program that builds an initramfs is installed",
        "install initramfs-tools, dracut or mkinitcpio, whichever the distribution uses, or give \
         -g";
    INITRAMFS = "ALT-504", Failed,
        "building an initramfs failed",
        "read the tool's output in the log, fix what it reports (often there is too little free \
         space in /boot), and run the command again";
    LOADER_FOREIGN = "ALT-505", Refused,
        "the system boots with a loader that altdisk cannot install",
        "install GRUB from the distribution's packages, or give -g to make a copy that cannot \
         boot by itself";
    NO_LOADER = "ALT-506", Refused,
        "the boot loader cannot be installed",
        "install the packages, or mount the file systems, that the cause names, and run the \
         command again";
    LOADER = "ALT-507", Failed,
        "the boot loader is not complete",
        "read the loader's output in the log, fix what it reports, and run the command again";
    NOT_INDEPENDENT = "ALT-508", Failed,
        "the copy still refers to the disk it was made from",
        "correct each place that is named, below /alt_inst where the copy is mounted, and run \
         the command again; or remove the copy with `alt_disk_install -X`, correct the places in \
         the running system, and start over";
    NO_BOOTLIST = "ALT-509", Refused,
        "altdisk cannot set the boot list of this machine",
        "choose the disk in the firmware's boot menu; in alt_disk_install, -B leaves the boot \
         list alone";
    BOOT_ENTRY = "ALT-510", Failed,
        "the firmware did not accept the boot entry or the boot order",
        "choose the disk in the firmware's boot menu; the disk boots from its fallback loader \
         without an entry";
    BOOT_DISK = "ALT-511", Usage,
        "the boot list does not know this disk",
        "`altdisk bootlist -o` lists the disks that it knows";
    OTHER_GRUB = "ALT-512", Failed,
        "the GRUB of another disk cannot be changed",
        "see the cause; the firmware's boot menu can start the disk without it";
    NO_BOOT_PARTITION = "ALT-513", Refused,
        "the disk has no EFI system partition that altdisk knows",
        "the firmware of this machine needs one; choose the disk in the firmware's boot menu if \
         it offers it";
    ONCE_RECORD = "ALT-514", Failed,
        "the record of a one-time boot cannot be kept",
        "see the cause; nothing was armed: the machine boots what `altdisk bootlist` shows";
    WOULD_REFER = "ALT-520", Refused,
        "the copy would still refer to the disk it is made from, and altdisk has no replacement \
         for the reference",
        "correct the line that the cause names; if the copy does not need the file, leave it out \
         with a line like `^./etc/FILE$` in an exclude list (-e)";
    BOOT_FS = "ALT-521", Refused,
        "the boot loader cannot read the file system that /boot is on",
        "put /boot on a file system of its own, of type ext4: in the running system, or for the \
         copy with an edited image.data (-i); or add -g to make a copy that cannot boot by itself";
}
