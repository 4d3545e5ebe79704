//! The command line: finding the command, parsing its flags, checking its rules, output, exit codes.
//!
//! [`main`] (in `dispatch`) finds the command by the program's name or the first word, and `start`
//! answers `--help` or runs it. A command reports through an event stream; `session` connects it to
//! the console, the log and the list of jobs. An error is printed the same way everywhere
//! (`failure`): number and cause, then the remedy.

pub mod alt_disk_install;
pub mod alternates;
pub mod bootlist;
pub mod check;
pub mod checks;
pub mod commands;
pub mod console;
pub mod copytree;
pub mod discover;
pub mod disks;
pub mod dispatch;
pub mod explain;
pub mod failure;
pub mod generate;
pub mod getopt;
pub mod help;
pub mod in_job;
pub mod job_supervisor;
pub mod jobs;
pub mod json;
pub mod list;
pub mod logfile;
pub mod mksysb;
pub mod mkszfile;
pub mod output;
pub mod practice;
pub mod restart;
pub mod restoretree;
pub mod review;
pub mod savetree;
pub mod session;
pub mod software;
pub mod start;
#[cfg(test)]
mod tests;
pub mod ui;
pub mod values;

pub use dispatch::main;
