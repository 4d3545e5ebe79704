//! Errors of what a person sees: menu files 90x to 92x, themes 93x, terminals 94x, jobs 95x, the interface 96x.

use super::{Entry, Exit};

catalogue! {
    // 90x to 92x menu files
    MENU_SYNTAX = "ALT-901", Usage, "a menu file is not TOML, or has a field or value that does not belong there", "mend that line; `altdisk --check` looks at the whole set";
    // 97x what panels ask for
    LIST_WHAT = "ALT-971", Usage, "there is no such list", "there are the lists targets, disks, bootable and practice";
    DISCOVER_WHAT = "ALT-972", Usage, "there is nothing of that name to find out", "clone, alternate and practice can be found out";
}
