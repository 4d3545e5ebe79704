//! The flags of `altdisk checks`.

use super::common::HELP;
use super::model::{Command, EMPTY, Flag};

/// Lists and runs the health checks.
pub static CHECKS: Command = Command {
    name: "checks",
    summary: "run the health checks of this system",
    about: "Runs the health checks of this system, one after the other, and shows the result of each. A check is a program whose name ends \
with .sh in one of the directories below; it passes with exit code 0, and may take 60 seconds. Those in required.d must pass: the first that fails ends the run. \
Those in wanted.d are only reported. The checks run as root, so they must belong to root, and nobody else may be able to write to them.",
    flags: &[
        Flag::long("list", "List the checks; run none."),
        Flag::long("json", "Print the list or the results as JSON."),
        HELP,
    ],
    exit_codes: &[(0, "every required check has passed"), (1, "a required check has failed")],
    examples: &[
        ("altdisk checks", "run all checks"),
        ("altdisk checks --list", "show which there are"),
    ],
    files: &[
        ("/etc/altdisk/check", "the checks of this machine, in required.d and wanted.d"),
        ("/etc/greenboot/check", "those of greenboot, likewise"),
        ("/usr/lib/greenboot/check", "those that come with packages, likewise"),
    ],
    see_also: &["bootlist"],
    ..EMPTY
};
