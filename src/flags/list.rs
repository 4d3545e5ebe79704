//! The flags of `altdisk list` and `altdisk discover`.

use super::common::HELP;
use super::model::{Command, EMPTY, Form, ValueKind};

/// Prints the choices of a panel's field.
pub static LIST: Command = Command {
    name: "list",
    summary: "print the choices that the panels offer, one per line",
    forms: &[
        Form::word(
            "{targets | disks | bootable | practice | locations | errors}",
            "",
            ValueKind::Text,
        ),
        Form::word("images", "[directory]", ValueKind::Directory),
        Form::word("{packages | fixes}", "location", ValueKind::Directory),
        Form::word("{bundles | fixbundles}", "[location]", ValueKind::Directory),
    ],
    about: "Prints the lists that the panels show (F4). The first word of a line is the value. The first line, which begins with #, is the \
heading; a line that begins with ! cannot be chosen; lines that begin with # after a choice are notes on it.

targets: disks for a clone, free ones first. disks: all of them. bootable: the disks in the boot list, and those that can be added. images: system images below /var/lib/altdisk/images, /mnt, /media and the directory. practice: practice disks. locations: media that are inserted, and `configured`. errors: \
error numbers.

packages: the packages at a location (-l of alt_disk_install: a directory, or a medium that is mounted), and their installed versions, in the copy if it is \
mounted at /alt_inst, else in the running system. bundles: update_all, and the files there whose names end in .bnd, .bundle or .list. fixes: the advisories, CVE and bug \
numbers in its advisories and changelogs. fixbundles: the files there whose names end in .fix, .fixes or .apar.",
    flags: &[HELP],
    examples: &[
        ("altdisk list targets", "the disks that a clone can go to"),
        ("altdisk list packages /updates", "the packages in /updates"),
    ],
    see_also: &["discover"],
    ..EMPTY
};

/// Prints the initial values of a panel.
pub static DISCOVER: Command = Command {
    name: "discover",
    summary: "print the values that a panel starts with",
    forms: &[Form::word("{clone | alternate | image | practice}", "", ValueKind::Text)],
    about: "Prints the values that the fields of a panel have when it opens: a line of names that begins with #, and a line of values, both separated \
by colons. A colon in a value is written #!:

clone: target (the only free disk, if there is exactly one) and bootlist. alternate: target (the disks of the copy) and \
bootlist. image: file (where an image of this system may be stored). practice: name (one that is free) and size (enough for a clone).",
    flags: &[HELP],
    examples: &[("altdisk discover clone", "the values of the panel for a clone")],
    see_also: &["list"],
    ..EMPTY
};
