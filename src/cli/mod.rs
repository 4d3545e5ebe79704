//! The commands, one file each: their flags, their rules, their exit codes.

use std::ffi::OsString;

use crate::error::{self, Exit};
use crate::event::Events;

pub mod disks;
pub mod practice;

/// Runs the command line (without the program's name).
pub fn run(args: &[OsString]) -> Exit {
    let events = Events::new();
    let done = match args.first().and_then(|a| a.to_str()) {
        Some("disks") => disks::run(&args[1..], &crate::disk::roles::Known::default(), &events),
        Some("practice") => practice::run(&args[1..], &events),
        _ => Ok(Exit::Usage),
    };
    done.unwrap_or_else(|e| match error::of(&e) {
        Some(alt) => {
            eprintln!("altdisk: {alt}\n  To do: {}", alt.remedy);
            alt.entry.exit
        }
        None => {
            eprintln!("altdisk: {e:#}");
            Exit::Failed
        }
    })
}
