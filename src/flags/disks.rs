//! The flags of `altdisk disks` and `altdisk practice`.

use super::common::HELP;
use super::model::{Command, EMPTY, FLAGS_ONLY, Flag, Form, Forms, ValueKind};

/// Lists disks.
pub static DISKS: Command = Command {
    name: "disks",
    summary: "list the disks, what is on them, and which can be a target",
    forms: &[Form::operands("[disk ...]", ValueKind::Disk), FLAGS_ONLY],
    about: "Lists every disk with its size, model, serial number, connection, content, role (rootvg: the running system; \
altinst_rootvg: the copy; old_rootvg: the previous system; none), and whether it can be a target; if not, why. With \
names: those disks only, with every reason and what would change it.",
    flags: &[
        Flag::long(
            "alternates",
            "Show the copies of the system, how far each one is, and what can be done with it.",
        )
        .selects(Forms::nth(1)),
        Flag::long("json", "Print the list as JSON.").forms(Forms::nth(0).and(Forms::nth(1))),
        HELP,
    ],
    see_also: &["alt_disk_install", "bootlist", "practice"],
    ..EMPTY
};

const CREATE: Forms = Forms::nth(0);
const REMOVE: Forms = Forms::nth(2);

/// Makes disks out of files.
pub static PRACTICE: Command = Command {
    name: "practice",
    summary: "make practice disks: files that count as disks",
    forms: &[
        Form::word("create", "[name]", ValueKind::Text),
        Form::word("list", "", ValueKind::Text),
        Form::word("remove", "[name ...]", ValueKind::Text),
    ],
    about: "A practice disk is a sparse file behind a loop device. altdisk treats it as a disk, so that everything can be tried without \
risk. It takes only as much space as is written to it.",
    flags: &[
        Flag::long("size", "the size of each disk, such as 8G or 512M.")
            .takes("SIZE", ValueKind::Text)
            .forms(CREATE),
        Flag::long("count", "how many disks to make; the default is 1.")
            .takes("N", ValueKind::Number)
            .forms(CREATE),
        Flag::long("sector-size", "the size of a sector in bytes, 512 or 4096.")
            .takes("BYTES", ValueKind::Choice(&["512", "4096"]))
            .forms(CREATE),
        Flag::long("all", "remove every practice disk.").forms(REMOVE),
        HELP,
    ],
    examples: &[
        ("altdisk practice create --size 8G one", "make a practice disk of 8 GiB"),
        ("alt_disk_install -C -B one", "clone the running system to it"),
        ("altdisk practice remove one", "remove it"),
    ],
    see_also: &["disks", "alt_disk_install"],
    ..EMPTY
};
