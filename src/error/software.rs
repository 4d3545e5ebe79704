//! Errors of updates and packages in the copy: 730 to 759.

use super::{Entry, Exit};

catalogue! {
    UPDATE_FAILED = "ALT-730", Failed,
        "the package manager failed",
        "its messages are above and in the log: fix what they report, then run phase 2 again (-P \
         2 or -P 23; menu: \"Change the Copy\"); the copy stays mounted, and the running system \
         is untouched";
    NO_MANAGER = "ALT-731", Refused,
        "there is no package manager that altdisk knows",
        "altdisk updates with apt, dnf, zypper or pacman: leave out -l and the flags that need \
         it, or use a customization script (-s)";
    BAD_LOCATION = "ALT-732", Refused,
        "there are no packages in the location",
        "give a directory of packages, a repository, a medium or device, or a URL after -l";
    NO_SUCH_PACKAGE = "ALT-733", Refused,
        "a package is not in the location",
        "check the name; `altdisk list packages DIRECTORY` lists the packages there";
    NO_SUCH_FIX = "ALT-734", Refused,
        "a fix is not in the location",
        "check the name; `altdisk list fixes DIRECTORY` lists the fixes there";
    NO_ROOM_FOR_UPDATE = "ALT-735", Failed,
        "the update does not fit into the copy",
        "install less, or remove the copy (-X) and make it again with larger file systems (-i \
         image.data); nothing was installed";
    BAD_LIST = "ALT-736", Usage,
        "a bundle or fix list cannot be used",
        "write one name per line; `#` starts a comment; `I:` or `R:` may precede a name";
    BAD_MANAGER_FLAGS = "ALT-737", Usage,
        "the flags after -I cannot be used",
        "give flags of the copy's package manager, or AIX's letters (-acgX); \
         `altdisk alt_disk_install --help` explains both";
    WRONG_FORMAT = "ALT-738", Refused,
        "the packages have another format than the system",
        "give a location with packages for the system that is updated";
    DAMAGED_PACKAGE = "ALT-739", Refused,
        "a package file is damaged",
        "copy it again, or remove it from the location";
    CONFLICTING_UPDATE = "ALT-740", Failed,
        "the requested packages cannot be installed together",
        "the package manager's messages say why; nothing was installed";
    NOTHING_WANTED = "ALT-741", Usage,
        "-l is given, but nothing to install from there",
        "add -w all for every update, or name what you want with -w, -b, -f or -F";
    NOT_MOUNTED_LOCATION = "ALT-742", Refused,
        "the location's medium cannot be mounted",
        "check that the device holds a medium with a file system";
    NO_LISTING = "ALT-743", Refused,
        "the content of the location cannot be listed from here",
        "only directories and devices can be listed; the packages of a repository at a URL are \
         known when phase 2 runs";
    BAD_REPOSITORY = "ALT-748", Refused,
        "a repository's metadata cannot be read",
        "create the metadata again (createrepo_c), or give a directory that holds only the \
         packages";
    NO_LOCATION_YET = "ALT-754", Usage,
        "no location for packages is given",
        "in a panel: fill in the field \"Directory or device with packages\" first, then ask for \
         the list again; on the command line: `altdisk list packages /updates`";
}
