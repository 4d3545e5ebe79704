//! Errors of single package files, which do not stop the reading of a directory.

use crate::error;

/// Whether reading was stopped by a signal: then the file is not damaged.
pub fn is_interruption(e: &anyhow::Error) -> bool {
    error::find(e).is_some_and(|alt| std::ptr::eq(alt.entry, &error::INTERRUPTED))
}
