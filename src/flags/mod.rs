//! The flag tables: one [`Command`] per command. The parser, usage, `--help`, the rules about forms
//! and phases, the check of menu files, man pages and completions follow from here.
//!
//! A new flag is one entry in its command's table. It states the forms (synopses) that it belongs
//! to, its phase, its source and its value.

pub mod aix;
mod alt_disk_install;
mod boot;
mod common;
mod disks;
mod explain;
mod generate;
mod jobs;
mod list;
mod mksysb;
mod model;
mod software;
#[cfg(test)]
mod tests;
mod trial;
mod ui;

pub use alt_disk_install::ALT_DISK_INSTALL;
pub use boot::{BOOTLIST, RESTART};
pub use disks::{DISKS, PRACTICE};
pub use explain::{CHECK, ERRORS, EXPLAIN};
pub use generate::GENERATE;
pub use jobs::JOBS;
pub use list::{DISCOVER, LIST};
pub use mksysb::{COPYTREE, MKSYSB, MKSZFILE, RESTORETREE, SAVETREE};
#[cfg(test)]
pub use model::Forms;
pub use model::{Command, Flag, Source, ValueKind};
pub use software::SOFTWARE;
pub use trial::CHECKS;
pub use ui::UI;

/// Every command that people call. The program that runs them has the same list; the check of menu
/// files, man pages and completions use this one.
pub static ALL: &[&Command] = &[
    &ALT_DISK_INSTALL,
    &BOOTLIST,
    &RESTART,
    &CHECKS,
    &DISKS,
    &SOFTWARE,
    &LIST,
    &DISCOVER,
    &PRACTICE,
    &JOBS,
    &UI,
    &MKSZFILE,
    &MKSYSB,
    &COPYTREE,
    &SAVETREE,
    &RESTORETREE,
    &ERRORS,
    &EXPLAIN,
];
