//! Errors of programs, the kernel and the machine: 801 to 899.

use super::entry::{Entry, Exit};

catalogue! {
    PROGRAM_MISSING = "ALT-801", Refused,
        "a program that altdisk needs is not installed",
        "install the program that the cause names (the package manager knows which package has \
         it), and run the command again";
    PROGRAM_FAILED = "ALT-802", Failed,
        "a program failed",
        "read its output above or in the log, fix what it reports, and run the command again";
    NOT_ROOT = "ALT-803", Refused,
        "this needs root",
        "run it as root, for example with sudo";
    KERNEL = "ALT-804", Failed,
        "the kernel refused an operation",
        "the cause says which; `dmesg` may say more";
    NO_THREAD = "ALT-805", Failed,
        "the kernel allows no more threads",
        "end other programs, or raise the limit (`ulimit -a`; TasksMax= of a systemd unit), and \
         run the command again";
    NO_SPACE = "ALT-806", Failed,
        "a file system is full",
        "free some space on the file system of the file that the cause names, and run the \
         command again";
    READ_ONLY = "ALT-807", Failed,
        "a file system is read-only",
        "make it writable (`mount -o remount,rw`) and run the command again; if the kernel made \
         it read-only after an error, `dmesg` shows the error";
    NOT_PERMITTED = "ALT-808", Failed,
        "the kernel did not permit an operation",
        "run the command as root; if you are root, look for an immutable file (`lsattr`), a \
         security policy (SELinux, AppArmor) or a container that forbids it";
    DEVICE_ERROR = "ALT-809", Failed,
        "a device reported an error",
        "`dmesg` names the device and the error; check its cable or replace it, and run the \
         command again";
    INTERNAL = "ALT-898", Failed,
        "altdisk has a bug",
        "report it with the log /var/log/altdisk/alt_disk_inst.log; what is on the disks is as \
         the log says";
    OTHER = "ALT-899", Failed,
        "an error without a number of its own",
        "the cause says what failed, and the log /var/log/altdisk/alt_disk_inst.log what \
         happened before; if neither explains it, report both";
}
