//! Errors of what a person sees: menu files 90x to 92x, themes 93x, terminals 94x, jobs 95x, the interface 96x.

use super::{Entry, Exit};

catalogue! {
    // 90x to 92x menu files
    MENU_SYNTAX = "ALT-901", Usage, "a menu file is not TOML, or has a field or value that does not belong there", "mend that line; `altdisk --check` looks at the whole set";

    // 94x terminals
    NO_TERMINAL = "ALT-941", Usage, "standard input or output is no terminal", "run altdisk on a terminal; `altdisk --help` lists the commands that need none";
    TERMINAL_GONE = "ALT-942", Failed, "the terminal has vanished", "log in again and run altdisk: what it was running goes on, and it says so";
    TERMINAL_FAILED = "ALT-943", Failed, "the terminal could not be set up", "try another terminal, or `altdisk --plain`";
}
