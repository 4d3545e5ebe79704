//! Flags of `altdisk list` and `altdisk discover`.

use super::{Command, HELP};

pub static LIST: Command = Command {
    name: "list",
    summary: "print the choices that the panels offer, one a line",
    forms: &[
        ("", &[], "{targets | disks | bootable | practice | locations | errors}"),
        ("", &[], "images [directory]"),
        ("", &[], "{packages | fixes} location"),
        ("", &[], "{bundles | fixbundles} [location]"),
    ],
    about: "What the lists of the panels (F4) show. The first word of a line is the value. The first line, which begins with #, is the \
heading; a line that begins with ! cannot be chosen; lines that begin with # after a choice belong to it and say more.

targets: disks for a clone, free ones first. disks: all of them. bootable: the disks that the boot list knows. images: system images below /var/lib/altdisk/images, /mnt, /media and the directory. practice: practice disks. locations: media that are there, and `configured`. errors: \
error numbers.

packages: what a location (-l of alt_disk_install: a directory, or a medium that is mounted) has, and what is installed of it, in the alternate if one is \
mounted at /alt_inst, else in the running system. bundles: update_all, and the files there whose names end in .bnd, .bundle or .list. fixes: the advisories, CVE and bug \
numbers that its advisories and changelogs name. fixbundles: the files there whose names end in .fix, .fixes or .apar.",
    flags: &[HELP],
    operands: true,
    after: "Example:
  altdisk list targets
  altdisk list packages /updates",
};

pub static DISCOVER: Command = Command {
    name: "discover",
    summary: "print the values that a panel starts with",
    forms: &[("", &[], "{clone | alternate | image | practice}")],
    about: "Prints the first values of a panel's fields: a line of names that starts with #, and a line of values, both separated \
by colons. A colon in a value is written #!:

clone: target (the only free disk, if there is exactly one) and bootlist. alternate: target (the disks that hold the alternate) and \
bootlist. image: file (where an image of this system may be stored). practice: name (one that is not taken) and size (so that a clone fits).",
    flags: &[HELP],
    operands: true,
    after: "Example:
  altdisk discover clone",
};
