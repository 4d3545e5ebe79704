//! Errors of the command line: 101 to 199.

use super::entry::{Entry, Exit};

catalogue! {
    UNKNOWN_FLAG = "ALT-101", Usage,
        "unknown flag",
        "`--help` lists all flags";
    MISSING_VALUE = "ALT-102", Usage,
        "a flag's value is missing",
        "give the value after the flag";
    UNEXPECTED_VALUE = "ALT-103", Usage,
        "a flag that takes no value has one",
        "remove the = and the value after it";
    CONTRADICTORY_FLAG = "ALT-104", Usage,
        "a flag is given twice with different values",
        "give it once";
    UNKNOWN_COMMAND = "ALT-105", Usage,
        "unknown command",
        "`altdisk --help` lists the commands";
    UNEXPECTED_OPERAND = "ALT-106", Usage,
        "unexpected argument",
        "leave it out; `--help` shows how the command is used";
    BAD_VALUE = "ALT-107", Usage,
        "the value of a flag is not valid",
        "`--help` lists the values that are valid";
    NO_SOURCE = "ALT-110", Usage,
        "nothing to install: neither -C nor -d is given",
        "give -C to clone the running system, or -d IMAGE to install a system image";
    TWO_SOURCES = "ALT-111", Usage,
        "-C and -d exclude each other",
        "give only one: -C clones the running system, -d installs a system image";
    CLEAN_UP_ALONE = "ALT-112", Usage,
        "-X takes no disk and no other flags",
        "give -X alone, or with --erase SERIAL, -D, -V or --events; there is one copy at a time, \
         so it needs no disk";
    RESUME_ALONE = "ALT-113", Usage,
        "--resume takes no disk and no other flags",
        "give --resume alone, or with -D, -V or --events; the run continues as it was started";
    REBOOT_WHERE = "ALT-114", Usage,
        "-B and -r exclude each other",
        "leave out -B to reboot from the new disk, or leave out -r to stay on this one";
    CLONE_ONLY = "ALT-115", Usage,
        "a flag that is only valid with -C is given with -d",
        "leave that flag out, or clone with -C";
    IMAGE_ONLY = "ALT-116", Usage,
        "a flag that is only valid with -d is given without it",
        "leave that flag out, or install an image with -d";
    NEEDS_LOCATION = "ALT-117", Usage,
        "-b, -I, -f, -F and -w need -l",
        "add -l with the directory or device that holds the packages";
    FULL_PATH = "ALT-118", Usage,
        "a full path is needed",
        "give the full path, starting with /";
    SCRIPT_MISSING = "ALT-119", Usage,
        "the customization script does not exist",
        "check its name; the script must be on the running system";
    SCRIPT_NO_FILE = "ALT-120", Usage,
        "the customization script is not a regular file",
        "name a file that contains the script";
    SCRIPT_NOT_EXECUTABLE = "ALT-121", Usage,
        "the customization script is not executable",
        "make it executable with `chmod +x`";
    FILE_UNREADABLE = "ALT-122", Usage,
        "a file named on the command line cannot be read",
        "check its name and its permissions";
    BAD_PHASE = "ALT-123", Usage,
        "unknown phase",
        "give 1, 2, 3, 12, 23 or all after -P";
    NO_TARGET = "ALT-124", Usage,
        "no target disk is named",
        "add the disk or disks to install to; `altdisk disks` lists them";
    TARGET_TWICE = "ALT-125", Usage,
        "a target disk is named twice",
        "name each target disk once";
    BAD_LEVEL = "ALT-126", Usage,
        "the level is not of the form V.R.M",
        "give three numbers separated by dots, such as 4.3.0";
    JSON_ALONE = "ALT-127", Usage,
        "--json is given without --preview",
        "add --preview, or leave out --json";
    OPERANDS = "ALT-128", Usage,
        "the command needs another file or directory",
        "`altdisk COMMAND --help` shows which arguments it takes";
    UNKNOWN_ERROR_ID = "ALT-129", Usage,
        "there is no error with this number",
        "`altdisk errors` lists them all";
    RESTART_UNCONFIRMED = "ALT-130", Usage,
        "the restart is not confirmed",
        "`altdisk restart` on a terminal shows what a restart does and asks; \
         `altdisk restart --yes` restarts without asking";
    REBOOT_TO_OLD = "ALT-131", Usage,
        "-r would reboot into the disk that runs now",
        "leave out -r, and give -B";
    NOT_A_DIRECTORY = "ALT-132", Usage,
        "the argument is not a directory",
        "name a directory that exists";
    SAME_DIRECTORY = "ALT-133", Usage,
        "two directories are the same",
        "name two different directories";
}
