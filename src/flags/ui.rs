//! The flags of the interface: those of smit, and a few of its own.

use super::common::HELP;
use super::model::{Command, EMPTY, Flag, Form, ValueKind};

/// Opens the full-screen interface.
pub static UI: Command = Command {
    name: "ui",
    summary: "the full-screen interface: panels, lists, help; also `altdisk` alone",
    forms: &[Form::operands("[fastpath]", ValueKind::Text)],
    about: "Opens the panels: clone the system, look at disks, change the boot list, follow jobs, and whatever menu files add. Every panel \
builds a command line, shows it (F6), and runs it as a job that continues without the interface.

A fast path is the name of a panel: `altdisk alt_clone` opens it at once. F8 shows the fast path of the panel on the screen. `altdisk` \
and `altdisk fastpath` do the same as `altdisk ui`.",
    flags: &[
        Flag::short('l', "Write the log to this file, not to smit.log in the home directory.").takes("file", ValueKind::File),
        Flag::short('s', "Write the script (the commands that were run) to this file, not to smit.script in the home directory.").takes("file", ValueKind::File),
        Flag::short('x', "Run no command of a dialog, only write it down. Lists and initial values are still looked up."),
        Flag::short('X', "Run nothing at all."),
        Flag::short('t', "Trace: log the commands that look up lists and initial values too."),
        Flag::short('v', "Log the output of those commands too."),
        Flag::short('D', "Debug: -t and -v."),
        Flag::short('m', "The fast path is a menu."),
        Flag::short('n', "The fast path is a selector (a panel that asks one question)."),
        Flag::short('d', "The fast path is a dialog."),
        Flag::short('o', "Another directory with menu files, like --menu-dir.").takes("directory", ValueKind::Directory).repeats(),
        Flag::long("theme", "The theme: classic, mono, serial, high-contrast, colour-blind-safe, or one of /etc/altdisk/themes.d.").takes("NAME", ValueKind::Choice(&["classic", "mono", "serial", "high-contrast", "colour-blind-safe"])),
        Flag::long("menu-dir", "Another directory with menu files; they add panels, or replace those with the same id. May be repeated.")
            .takes("DIR", ValueKind::Directory)
            .repeats(),
        Flag::long("plain", "No full screens: numbered lines and prompts, for printers, screen readers and TERM=dumb."),
        HELP,
    ],
    examples: &[
        ("altdisk", "start with the first menu"),
        ("altdisk alt_clone", "clone the running system"),
        ("altdisk -x -s /tmp/script alt_clone", "build the command line, run nothing"),
    ],
    files: &[
        ("/etc/altdisk/menus.d", "menu files of this machine"),
        ("/etc/altdisk/themes.d", "themes of this machine"),
        ("~/smit.log", "the log of the interface"),
        ("~/smit.script", "the commands that were run"),
    ],
    ..EMPTY
};
