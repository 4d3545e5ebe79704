//! `altdisk restoretree IMAGE TO [-V]`: the restorer by itself, for tests, benchmarks and the
//! curious.
//!
//! Restores the image in the file or on the device IMAGE (`-`: standard input) into the existing
//! directory TO.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use crate::cli::getopt;
use crate::cli::session::attach_console;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::RESTORETREE;
use crate::host::signals;
use crate::image::archive::Archive;
use crate::image::restore::{Job, restore};
use crate::tree::{Progress, Totals};

/// Parses the arguments and restores.
///
/// # Errors
/// The restorer's; wrong arguments.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&RESTORETREE, args)?;
    let [image, to] = parsed.operands.as_slice() else {
        return Err(error::OPERANDS
            .with_remedy("IMAGE and TO are needed", "name a system image and a directory"));
    };
    let verbose = parsed.has("V");
    attach_console(events, &RESTORETREE, false, verbose, false);
    let to = Path::new(to);
    if !to.is_dir() {
        return Err(
            error::NOT_A_DIRECTORY.with_cause(format!("{} is not a directory", to.display()))
        );
    }
    signals::catch();
    let archive = Archive::open(Path::new(image))?;
    let manifest = archive.head.manifest.as_ref();
    let totals = manifest.map_or(Totals::default(), |m| Totals { bytes: m.bytes, files: m.files });
    let progress = Progress::new(1, totals);
    let report = restore(archive, &Job { to, divert: &[], verbose }, events, &progress)?;
    events.note(format!("{} files, {} bytes", report.files, report.bytes));
    Ok(Exit::Done)
}
