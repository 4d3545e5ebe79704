//! `altdisk generate`: man pages and completions, from the flag tables.

mod bash;
mod fish;
mod man;
mod roff;
#[cfg(test)]
mod tests;
mod words;
mod zsh;

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use crate::cli::getopt;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::GENERATE;
use crate::host::files;

/// Writes the files into the directory.
///
/// # Errors
/// ALT-107 for other words; where a file cannot be written.
pub fn run(args: &[OsString], _events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&GENERATE, args)?;
    let [what, directory] = parsed.operands.as_slice() else {
        return Err(usage("name what to generate, and one directory"));
    };
    let all = match what.to_str() {
        Some("man") => man::pages(),
        Some("completions") => completions(),
        _ => return Err(usage(format!("`{}` cannot be generated", what.display()))),
    };
    for (name, text) in all {
        files::replace(&Path::new(directory).join(name), text.as_bytes(), 0o644)?;
    }
    Ok(Exit::Done)
}

fn usage(cause: impl Into<crate::text::printable::Message>) -> anyhow::Error {
    error::BAD_VALUE.with_remedy(cause, "give `man` or `completions`, and a directory")
}

/// The completions: file names and texts.
fn completions() -> Vec<(String, String)> {
    vec![
        ("altdisk.bash".to_owned(), bash::script()),
        ("_altdisk".to_owned(), zsh::script()),
        ("altdisk.fish".to_owned(), fish::script()),
    ]
}
