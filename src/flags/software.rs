//! Flags of `altdisk software`.

use super::{Command, Flag, HELP};

pub static SOFTWARE: Command = Command {
    name: "software",
    summary: "show what updates changed in the copy",
    forms: &[("", &["json"], "")],
    about: "Shows every update that phase 2 made (-l of alt_disk_install): when, with which command, and the packages that it changed, with \
their versions before and after. The alternate takes this record along: after it has been booted, the same command shows what its own \
updates changed.",
    flags: &[Flag::long("json", "The same as JSON."), HELP],
    operands: false,
    after: "Example:
  altdisk software",
};
