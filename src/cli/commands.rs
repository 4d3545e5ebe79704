//! The list of commands.

use crate::cli::start::Run;
use crate::cli::{
    alt_disk_install, bootlist, checks, copytree, discover, disks, explain, jobs, list, mksysb,
    mkszfile, practice, restart, restoretree, savetree, software, ui,
};
use crate::flags::{self, Command};

/// Every command that this program has.
pub const COMMANDS: &[(&Command, Run)] = &[
    (&flags::ALT_DISK_INSTALL, alt_disk_install::run),
    (&flags::BOOTLIST, bootlist::run),
    (&flags::RESTART, restart::run),
    (&flags::CHECKS, checks::run),
    (&flags::DISKS, disks::run),
    (&flags::SOFTWARE, software::run),
    (&flags::LIST, list::run),
    (&flags::DISCOVER, discover::run),
    (&flags::PRACTICE, practice::run),
    (&flags::JOBS, jobs::run),
    (&flags::UI, ui::run),
    (&flags::MKSZFILE, mkszfile::run),
    (&flags::MKSYSB, mksysb::run),
    (&flags::COPYTREE, copytree::run),
    (&flags::SAVETREE, savetree::run),
    (&flags::RESTORETREE, restoretree::run),
    (&flags::ERRORS, explain::errors),
    (&flags::EXPLAIN, explain::explain),
];

/// The command of this name.
pub fn find_command(name: &str) -> Option<(&'static Command, Run)> {
    COMMANDS.iter().find(|(c, _)| c.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_list_of_commands() {
        let names: Vec<&str> = COMMANDS.iter().map(|(c, _)| c.name).collect();
        assert_eq!(names, flags::ALL.iter().map(|c| c.name).collect::<Vec<_>>());
    }
}
