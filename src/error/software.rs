//! Errors of what updates the alternate: 730 to 759.

use super::{Entry, Exit};

catalogue! {
    UPDATE_FAILED = "ALT-730", Failed, "the package manager failed", "its own words are above and in the log: mend what they say, then run phase 2 again (-P 2 or -P 23); the copy stays mounted, the running system is untouched";
    NO_MANAGER = "ALT-731", Refused, "there is no package manager that altdisk knows", "altdisk updates with apt, dnf, zypper or pacman: leave out -l and what needs it, or use a customization script (-s)";
    BAD_LOCATION = "ALT-732", Refused, "there are no packages in the location", "give a directory of packages, a repository, a medium or device, or a URL after -l";
    NO_SUCH_PACKAGE = "ALT-733", Refused, "a package is not in the location", "look at the name; `altdisk list packages DIRECTORY` shows what is there";
    NO_SUCH_FIX = "ALT-734", Refused, "a fix is not in the location", "look at the name; `altdisk list fixes DIRECTORY` shows what is there";
    NO_ROOM_FOR_UPDATE = "ALT-735", Failed, "the update does not fit into the copy", "ask for less, or remove the copy (-X) and make it with larger file systems (-i image.data); nothing was installed";
    BAD_LIST = "ALT-736", Usage, "a bundle or fix list cannot be used", "one name a line; `#` begins a comment; `I:` or `R:` may stand before a name";
    BAD_MANAGER_FLAGS = "ALT-737", Usage, "the flags after -I cannot be used", "give flags of the copy's package manager, or AIX's letters (-acgX); `altdisk alt_disk_install --help` tells which";
    WRONG_FORMAT = "ALT-738", Refused, "the packages are of another format than the system", "give a location with packages of the system that is updated";
    DAMAGED_PACKAGE = "ALT-739", Refused, "a package file is damaged", "copy it anew, or take it away from the location";
    CONFLICTING_UPDATE = "ALT-740", Failed, "what is wanted cannot be installed together", "the package manager's words say why; nothing was installed";
    NOTHING_WANTED = "ALT-741", Usage, "-l is given, but nothing that is to be installed from there", "add -w all for every update that is there, or -w, -b, -f or -F with what you want";
    NOT_MOUNTED_LOCATION = "ALT-742", Refused, "the location's medium cannot be mounted", "look whether there is a medium with a file system in the device";
    NO_LISTING = "ALT-743", Refused, "what is in the location cannot be listed from here", "only directories and devices can be listed; packages of a repository at a URL are known when phase 2 runs";
    NO_LOCATION_YET = "ALT-754", Usage, "it is not said where packages are to be looked for", "in a panel: fill in the field Directory or device with packages first, then ask for the list again; on the command line: `altdisk list packages /updates`";
    BAD_REPOSITORY = "ALT-748", Refused, "a repository's metadata cannot be read", "make them anew (createrepo_c), or give a directory with the packages alone";
}
