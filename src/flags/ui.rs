//! The flags of the interface: those of smit, and a few of its own.

use super::{Command, Flag, HELP};

pub static UI: Command = Command {
    name: "ui",
    summary: "the full-screen interface: panels, lists, help; also `altdisk` alone",
    forms: &[("", &["l", "s", "x", "X", "t", "v", "D", "m", "n", "d", "o", "theme", "menu-dir", "plain"], "[fastpath]")],
    about: "Opens the panels: clone the system, look at disks, change the boot list, follow what runs, and whatever menu files add. Every panel \
makes a command line, shows it (F6), and runs it as a job that goes on without the interface.

A fast path is the name of a panel: `altdisk alt_clone` opens it at once. F8 shows the fast path of the panel on the screen. `altdisk` \
and `altdisk fastpath` do the same as `altdisk ui`.",
    flags: &[
        Flag::short('l', "Write the log to this file, not to smit.log in the home directory.").takes("file"),
        Flag::short('s', "Write the script (the commands that were run) to this file, not to smit.script in the home directory.").takes("file"),
        Flag::short('x', "Run no command of a dialog, only write it down. Lists and such are still looked up."),
        Flag::short('X', "Run nothing at all."),
        Flag::short('t', "Trace: write down what lists and such are looked up with too."),
        Flag::short('v', "Write down what those commands answer too."),
        Flag::short('D', "Debug: -t and -v."),
        Flag::short('m', "The fast path is a menu."),
        Flag::short('n', "The fast path is a selector (a panel that asks one question)."),
        Flag::short('d', "The fast path is a dialog."),
        Flag::short('o', "Another directory with menu files, as --menu-dir.").takes("directory").repeats(),
        Flag::long("theme", "The look: classic, mono, serial, high-contrast, colour-blind-safe, or one of /etc/altdisk/themes.d.").takes("NAME"),
        Flag::long("menu-dir", "Another directory with menu files; they add panels, or replace those with the same id. May be repeated.")
            .takes("DIR")
            .repeats(),
        Flag::long("plain", "No full screens: numbered lines and prompts, for printers, screen readers and TERM=dumb."),
        HELP,
    ],
    operands: true,
    after: "Examples:
  altdisk
      begin with the first menu
  altdisk alt_clone
      clone the running system
  altdisk -x -s /tmp/script alt_clone
      build the command line, run nothing",
};
