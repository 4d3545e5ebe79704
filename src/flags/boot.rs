//! The flags of `altdisk bootlist` and `altdisk restart`.

use super::common::HELP;
use super::model::{Command, EMPTY, FLAGS_ONLY, Flag, Form, Forms, ValueKind};

/// Shows and sets the boot list.
pub static BOOTLIST: Command = Command {
    name: "bootlist",
    summary: "show or set the disk that the machine boots next",
    forms: &[Form::operands("[disk ...]", ValueKind::Disk)],
    about: "Without a disk (or with -o) it shows which disks the machine boots, first choice first. With disks it sets the list: the machine boots the first of \
them that it can. This is also the way back: name the old disk. With -m once the machine boots the disk at its next start only, and \
after that what it boots now. The system on the disk is not checked.",
    flags: &[
        Flag::short('m', "The boot list to work on: `normal` holds from the next start on; `once` holds for the next start only, and takes one disk.")
            .takes("normal|once", ValueKind::Choice(&["normal", "once"])),
        Flag::long("cancel", "Cancel a one-time choice."),
        Flag::short('o', "Show the boot list after it was set."),
        Flag::long("json", "Show it as JSON."),
        Flag::long(
            "review",
            "Print, as JSON, what a panel shows before it sets the list. Changes nothing.",
        ),
        HELP,
    ],
    examples: &[
        ("altdisk bootlist -m normal vda", "boot from vda next"),
        ("altdisk bootlist -m once vdb", "boot from vdb once"),
    ],
    see_also: &["disks", "restart", "alt_disk_install"],
    ..EMPTY
};

/// Restarts the machine.
pub static RESTART: Command = Command {
    name: "restart",
    summary: "restart the machine; --review shows what boots then",
    forms: &[FLAGS_ONLY, FLAGS_ONLY],
    about: "Shuts the machine down in the normal way and restarts it: by `systemctl reboot` where systemd runs, else by `shutdown -r now`. Without a flag, on a \
terminal, it opens the panel \"Restart the Machine\", which first shows what boots and who is logged in. It is refused while a run of alt_disk_install or \
a job is active.",
    flags: &[
        Flag::long("yes", "Restart at once, without a question."),
        Flag::long(
            "review",
            "Print, as JSON, what the panel shows before it restarts the machine. Changes nothing.",
        )
        .forms(Forms::nth(1)),
        HELP,
    ],
    opens_panel: true,
    see_also: &["bootlist"],
    ..EMPTY
};
