//! Locks of other programs' files, taken the way those programs understand (fcntl, on the open file
//! description, so that reading the file elsewhere in this process does not release it).

use std::fs::{File, OpenOptions};
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// A lock; it ends when this is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// How it went.
#[derive(Debug)]
pub enum Tried {
    Locked(Lock),
    /// Somebody else has it.
    Held,
    /// There is no such file: the program is not installed.
    Absent,
}

/// Tries to lock an existing file for writing.
///
/// # Errors
/// If the file cannot be opened, or the kernel refuses.
pub fn try_lock(path: &Path) -> Result<Tried> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Tried::Absent),
        other => other.with_context(|| format!("opening {}", path.display()))?,
    };
    let whole = libc::flock {
        l_type: libc::F_WRLCK as _,
        l_whence: libc::SEEK_SET as _,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole)) {
        Ok(_) => Ok(Tried::Locked(Lock { _file: file })),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(Tried::Held),
        Err(e) => Err(e).with_context(|| format!("locking {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(matches!(try_lock(&path).unwrap(), Tried::Absent));
        File::create(&path).unwrap();
        let first = try_lock(&path).unwrap();
        assert!(matches!(first, Tried::Locked(_)));
        // Reading the file, as the copier does, keeps the lock.
        drop(std::fs::read(&path).unwrap());
        assert!(matches!(try_lock(&path).unwrap(), Tried::Held));
        drop(first);
        assert!(matches!(try_lock(&path).unwrap(), Tried::Locked(_)));
    }
}
