//! The flags of `altdisk software`.

use super::common::HELP;
use super::model::{Command, EMPTY, Flag};

/// Shows what updates changed.
pub static SOFTWARE: Command = Command {
    name: "software",
    summary: "show what updates changed in the copy",
    about: "Shows every update that phase 2 made (-l of alt_disk_install): the time, the command, and the changed packages with \
their versions before and after. The copy takes this record along: after it has been booted, the same command shows what its own \
updates changed.",
    flags: &[Flag::long("json", "Print the record as JSON."), HELP],
    examples: &[("altdisk software", "show all updates of the copy")],
    see_also: &["alt_disk_install"],
    ..EMPTY
};
