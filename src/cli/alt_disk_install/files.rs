//! Files that flags name: they exist, can be read, and a script can be run.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::text::shell::quote;

/// Checks that the script is an executable file.
///
/// # Errors
/// ALT-119 to ALT-121, or ALT-122 if it cannot be looked at.
pub fn check_script(script: &Path) -> Result<()> {
    let shown = quote(script.as_os_str());
    let meta = match fs::metadata(script) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(error::SCRIPT_MISSING.with_cause(format!("{shown} does not exist")));
        }
        Err(e) => return Err(unreadable("s", script, &e)),
    };
    if !meta.is_file() {
        return Err(error::SCRIPT_NO_FILE.with_cause(format!("{shown} is not a regular file")));
    }
    if meta.permissions().mode() & 0o111 == 0 {
        let cause = format!(
            "{shown} has no execute permission (mode {:04o})",
            meta.permissions().mode() & 0o7777
        );
        let mut head = [0; 4];
        let read = fs::File::open(script)
            .and_then(|mut f| std::io::Read::read(&mut f, &mut head))
            .unwrap_or(0);
        let remedy = if head[..read].starts_with(b"#!") || head[..read].starts_with(b"\x7fELF") {
            format!("run `chmod +x {shown}`")
        } else {
            "name a program: this file neither begins with #! nor is it a compiled program"
                .to_owned()
        };
        return Err(error::SCRIPT_NOT_EXECUTABLE.with_remedy(cause, remedy));
    }
    Ok(())
}

/// Checks that the value of the flag `name` is a file that can be read.
///
/// # Errors
/// ALT-122.
pub fn check_readable(name: &str, file: &Path) -> Result<()> {
    let is_file = fs::metadata(file).map_err(|e| unreadable(name, file, &e))?.is_file();
    if !is_file {
        return Err(error::FILE_UNREADABLE.with_cause(format!(
            "{} after -{name} is not a regular file",
            quote(file.as_os_str())
        )));
    }
    File::open(file).map(drop).map_err(|e| unreadable(name, file, &e))
}

/// The error for a file after the flag `name` that cannot be read.
pub fn unreadable(name: &str, file: &Path, e: &std::io::Error) -> anyhow::Error {
    error::FILE_UNREADABLE.with_cause(format!(
        "{} after -{name} cannot be read: {}",
        quote(file.as_os_str()),
        error::text_of(e)
    ))
}
