//! Errors of records that cannot be read or written.

use std::path::Path;

use anyhow::Result;

use crate::engine::paths;
use crate::host::own_file::{self, Refused};
use crate::{error, text};

/// The error for a record or a directory that cannot be used as it is.
pub(super) fn refused(no: Refused) -> anyhow::Error {
    match (no.remedy(), &no) {
        (Some(remedy), _) => error::UNSAFE_STATE.with_remedy(no.to_string(), remedy),
        (None, Refused::Odd { .. }) => error::BAD_STATE.with_cause(no.to_string()),
        (None, Refused::Io { .. }) | (None, Refused::Unsafe { .. }) => {
            no_room(anyhow::Error::new(no))
        }
    }
}

/// The same for a directory: something else in its place is not replaced, because its owner is
/// unknown.
pub(super) fn refused_directory(no: Refused) -> anyhow::Error {
    match &no {
        Refused::Odd { path, .. } => {
            let remedy = format!(
                "see who put it there, and move it away: altdisk makes {} itself",
                path.display()
            );
            error::UNSAFE_STATE.with_remedy(no.to_string(), remedy)
        }
        _ => refused(no),
    }
}

/// True if the error says that somebody else could have changed the record.
pub(super) fn is_unsafe(e: &anyhow::Error) -> bool {
    error::find(e).is_some_and(|alt| alt.entry.id == error::UNSAFE_STATE.id)
}

/// True if the caller may not read it.
pub(super) fn is_denied(e: &anyhow::Error) -> bool {
    error::system_error(e).is_some_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
}

/// True if the file system took nothing, because it is full or read-only.
pub(super) fn is_no_room(e: &anyhow::Error) -> bool {
    error::find(e).is_some_and(|alt| {
        [error::STATE_FULL.id, error::STATE_READ_ONLY.id].contains(&alt.entry.id)
    })
}

/// A file system that is full or read-only has an error of its own; every other error stays what it
/// is.
pub(super) fn no_room(e: anyhow::Error) -> anyhow::Error {
    use std::io::ErrorKind;
    let kind = error::system_error(&e).map(|e| e.kind());
    let cause = error::chain_of(&e);
    match kind {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            error::STATE_FULL.with_cause(format!("{cause}{}", room()))
        }
        Some(ErrorKind::ReadOnlyFilesystem) => error::STATE_READ_ONLY.with_cause(cause),
        _ => e,
    }
}

/// How much room there is, for an error.
fn room() -> String {
    let above = Path::new(paths::STATE).ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let Ok(space) = nix::sys::statvfs::statvfs(above) else { return String::new() };
    let free = space.blocks_available() * space.fragment_size();
    format!(
        "; the file system of {} has {} free and {} unused inodes",
        above.display(),
        text::size::format_size(free),
        space.files_available()
    )
}

/// Largest plan or journal that is read. A plan has some 200 KiB where a disk holds a hundred file
/// systems.
const MAX_BYTES: u64 = 64 << 20;

/// A small file of root's own; None where it does not exist.
///
/// # Errors
/// ALT-717 if somebody else can have changed it, ALT-702 if it is something else.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    own_file::read(path, MAX_BYTES).map_err(refused)
}
