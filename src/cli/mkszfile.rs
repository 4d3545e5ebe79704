//! `altdisk mkszfile [file]`: writes the image.data of the running system, as AIX's command of that
//! name does.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use crate::cli::getopt;
use crate::cli::output::print_raw;
use crate::engine::facts::Facts;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::MKSZFILE;
use crate::host::files;
use crate::image::parse;
use crate::text::printable;
use crate::text::printable::join_lines;

/// Runs the command.
///
/// # Errors
/// ALT-3xx where the running system cannot be described; where the file cannot be written.
pub fn run(args: &[OsString], _events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&MKSZFILE, args)?;
    if parsed.operands.len() > 1 {
        return Err(error::UNEXPECTED_OPERAND.with_cause("more than one file is named"));
    }
    crate::engine::privilege::require_root()?;
    let facts = Facts::gather()?;
    let mut text = String::new();
    let refused = facts.source.refusals.iter().map(|r| join_lines(&r.cause)).collect::<Vec<_>>();
    for line in facts.source.warnings.iter().chain(&refused).chain(&facts.source.notes) {
        text.push_str(&format!("# {}\n", printable(line, false)));
    }
    text.push_str(&parse::write(&facts.source.image)?);
    match parsed.operands.first() {
        None => Ok(print_raw(&text, Exit::Done)),
        Some(file) => files::replace(Path::new(file), text.as_bytes(), 0o600).map(|()| Exit::Done),
    }
}
