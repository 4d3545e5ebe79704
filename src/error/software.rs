//! Errors of updates and packages in the copy: 730 to 759.

use super::entry::{Entry, Exit};

catalogue! {
    UPDATE_FAILED = "ALT-730", Failed,
        "the package manager failed",
        "its output is above and in the log: fix the cause, then run phase 2 again (-P 2 or -P \
         23; menu: \"Change the Copy\"); the copy stays mounted, and the running system is not \
         affected";
    NO_MANAGER = "ALT-731", Refused,
        "the system has no package manager that altdisk supports",
        "altdisk updates with apt, dnf, zypper or pacman: leave out -l and the flags that need \
         it, or use a customization script (-s)";
    BAD_LOCATION = "ALT-732", Refused,
        "the location has no packages that can be used",
        "give a directory of packages, a repository, a medium or device, or a URL after -l";
    NO_SUCH_PACKAGE = "ALT-733", Refused,
        "a package is not in the location",
        "check the name; `altdisk list packages DIRECTORY` shows the packages of a location";
    NO_SUCH_FIX = "ALT-734", Refused,
        "a fix is not in the location",
        "check the name; `altdisk list fixes DIRECTORY` shows the fixes of a location";
    NO_ROOM_FOR_UPDATE = "ALT-735", Failed,
        "the update does not fit into the copy",
        "install fewer packages, or remove the copy (-X) and create it with larger file systems \
         (-i image.data); nothing was installed";
    BAD_LIST = "ALT-736", Usage,
        "a bundle or a list of fixes cannot be used",
        "write one name on each line; `#` begins a comment; `I:` or `R:` may precede a name";
    BAD_MANAGER_FLAGS = "ALT-737", Usage,
        "the flags after -I cannot be used",
        "give flags of the copy's package manager, or AIX's letters (-acgX); \
         `altdisk alt_disk_install --help` explains them";
    WRONG_FORMAT = "ALT-738", Refused,
        "the packages are of another format than the system",
        "give a location with packages for the system that is updated";
    DAMAGED_PACKAGE = "ALT-739", Refused,
        "a package file is damaged",
        "copy it again, or remove it from the location";
    CONFLICTING_UPDATE = "ALT-740", Failed,
        "the packages cannot be installed as requested",
        "the message of the package manager says why; nothing was installed";
    NOTHING_WANTED = "ALT-741", Usage,
        "-l is given, but nothing to install from there",
        "add -w all for every update in the location, or name packages or fixes with -w, -b, -f \
         or -F";
    NOT_MOUNTED_LOCATION = "ALT-742", Refused,
        "the medium of the location cannot be mounted",
        "check that the device contains a medium with a file system";
    NO_LISTING = "ALT-743", Refused,
        "the packages of this location cannot be listed",
        "only directories and devices can be listed; the package manager reads a repository at a \
         URL in phase 2";
    PASSWORD_NOT_STORED = "ALT-744", Refused,
        "a password of the update is no longer stored",
        "run phase 2 with the whole command line again: `alt_disk_install -C -P 2 -l ...`";
    OLDER_VERSION = "ALT-745", Failed,
        "a package would be replaced by an older version",
        "to install an older version, name the package with it (-w name=version); nothing was \
         installed";
    ESSENTIAL_REMOVED = "ALT-746", Failed,
        "a package that every system needs would be removed",
        "request fewer packages, or other versions; nothing was installed";
    PACKAGE_HELD = "ALT-747", Failed,
        "the package manager would not install a package that the location has",
        "check whether the package is held or pinned in the copy, or replaced by another; nothing \
         was installed";
    BAD_REPOSITORY = "ALT-748", Refused,
        "the metadata of a repository cannot be read",
        "create the metadata again (createrepo_c), or give a directory with only the packages";
    REQUISITE_NEEDED = "ALT-749", Failed,
        "a package that was not asked for would be installed too",
        "add the letter g to -I to install requisites too, or name the package; nothing was \
         installed";
    NO_SIGNING_KEY = "ALT-750", Failed,
        "the copy trusts no key with which packages are signed",
        "import the key of the repository in the copy (rpm --import), or give -I '--nogpgcheck' \
         if the packages need no check; nothing was installed";
    NO_LOCATION_YET = "ALT-754", Usage,
        "no location of packages is given",
        "in a panel: fill in the field \"Directory or device with packages\" first, then open \
         the list again; on the command line: `altdisk list packages /updates`";
}
