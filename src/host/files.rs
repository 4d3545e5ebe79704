//! Files that must survive a power cut: written beside, flushed, renamed; and text that may be
//! absent.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use anyhow::{Context, Result};
use nix::libc::{O_NOCTTY, O_NOFOLLOW, O_NONBLOCK};

/// Largest file that is read whole.
const MAX_BYTES: u64 = 256 << 20;

/// Replaces `path` by `text` at once and durably. Owner and mode of an existing file are kept; a
/// new one gets `mode`.
///
/// # Errors
/// If the directory cannot be written; the old file is then as it was.
pub fn replace(path: &Path, text: &[u8], mode: u32) -> Result<()> {
    let old = fs::metadata(path).ok();
    let mode = old.as_ref().map_or(mode, |m| m.permissions().mode() & 0o7777);
    write_beside(path, text, mode, old.map(|m| (m.uid(), m.gid())))
}

/// The same for a file of this program's own: it has this mode and this process's owner, whatever
/// was there before.
///
/// # Errors
/// As [`replace`].
pub fn write_own(path: &Path, text: &[u8], mode: u32) -> Result<()> {
    write_beside(path, text, mode, None)
}

fn write_beside(path: &Path, text: &[u8], mode: u32, owner: Option<(u32, u32)>) -> Result<()> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = dir.join(format!(".{name}.altdisk-new"));
    let write = || -> std::io::Result<()> {
        // Left by a power cut, or put there by somebody else: neither is written to.
        match fs::remove_file(&beside) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(O_NOFOLLOW)
            .open(&beside)?;
        if let Some((user, group)) = owner {
            fchown(&file, Some(user), Some(group))?;
        }
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(dir)?.sync_all()
    };
    write()
        .inspect_err(|_| drop(fs::remove_file(&beside)))
        .with_context(|| format!("writing {}", path.display()))
}

/// The file's text; None if it does not exist.
///
/// # Errors
/// If it exists and cannot be read.
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>> {
    let read = || -> std::io::Result<Vec<u8>> {
        // Opening a fifo waits, and a device does things.
        let file =
            fs::OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("it is not a regular file"));
        }
        let mut text = vec![];
        if file.take(MAX_BYTES + 1).read_to_end(&mut text)? as u64 > MAX_BYTES {
            return Err(std::io::Error::other(format!("it is larger than {MAX_BYTES} bytes")));
        }
        Ok(text)
    };
    match read() {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("reading {}", path.display())),
    }
}

/// A small file's text without its trailing blanks (sysfs, /proc); None if it is absent or
/// unreadable.
pub fn line(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok().map(|t| t.trim_end().to_owned())
}

/// Removes a file; that it is not there is no error.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes whatever has this name, a directory with everything in it too; links are not followed.
/// That nothing is there is no error.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove_whatever(path: &Path) -> Result<()> {
    if !path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
        return remove(path);
    }
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_there_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("kept/inside")).unwrap();
        fs::create_dir_all(at("dir/x")).unwrap();
        std::os::unix::fs::symlink(at("kept"), at("dir/link")).unwrap();
        std::os::unix::fs::symlink(at("kept"), at("link")).unwrap();
        fs::write(at("file"), "x").unwrap();
        for name in ["dir", "link", "file", "nothing"] {
            remove_whatever(&at(name)).unwrap();
            assert!(!at(name).is_symlink() && !at(name).exists(), "{name}");
        }
        assert!(at("kept/inside").is_dir());
    }

    #[test]
    fn replaces_and_keeps_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        replace(&path, b"one", 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
        assert_eq!(read_optional(&path).unwrap().unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read_optional(&path).unwrap(), None);
    }
}
