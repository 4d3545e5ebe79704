//! The text files of an alternate: walked without leaving it, read without loss whatever their encoding, replaced with all
//! that a file has.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::host::{files, xattrs};

/// No configuration file is larger; a larger one (a kernel, an initramfs) is looked at only by its first bytes.
const LARGEST: u64 = 64 << 20;

/// A file's text. Bytes that are no UTF-8 come as Latin-1, and go back as they were.
pub struct Text {
    pub text: String,
    latin1: bool,
}

impl Text {
    /// None for a binary file (it holds a NUL byte) and for an enormous one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let reading = || format!("reading {}", path.display());
        let meta = fs::metadata(path).with_context(reading)?;
        // Opening a fifo waits, and a device does things.
        if !meta.is_file() || meta.len() > LARGEST {
            return Ok(None);
        }
        Ok(Self::of(fs::read(path).with_context(reading)?))
    }

    pub fn of(bytes: Vec<u8>) -> Option<Self> {
        if bytes.contains(&0) {
            return None;
        }
        Some(match String::from_utf8(bytes) {
            Ok(text) => Self { text, latin1: false },
            Err(e) => Self { text: e.as_bytes().iter().map(|b| char::from(*b)).collect(), latin1: true },
        })
    }

    /// A new text of this file, in its encoding.
    pub fn bytes(&self, new: &str) -> Vec<u8> {
        if !self.latin1 {
            return new.as_bytes().to_vec();
        }
        let mut out = Vec::with_capacity(new.len());
        for c in new.chars() {
            match u8::try_from(u32::from(c)) {
                Ok(b) => out.push(b),
                Err(_) => out.extend_from_slice(c.to_string().as_bytes()),
            }
        }
        out
    }
}

/// Replaces a file, durably, with owner, mode and extended attributes as they are.
///
/// # Errors
/// If it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let attributes = xattrs::read(path).unwrap_or_default();
    files::replace(path, bytes, 0o644)?;
    xattrs::write(path, &attributes).with_context(|| format!("setting the extended attributes of {}", path.display()))
}

/// Regular files below `dir`, by name; symbolic links are not followed. A missing directory has none.
///
/// # Errors
/// If a directory cannot be read.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    walk(dir, &mut |path, kind| {
        if kind.is_file() {
            found.push(path.to_owned());
        }
    })?;
    Ok(found)
}

/// Everything below `dir`, directories after what they hold.
///
/// # Errors
/// If a directory cannot be read.
pub fn walk(dir: &Path, see: &mut impl FnMut(&Path, fs::FileType)) -> Result<()> {
    let list = match fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.with_context(|| format!("reading {}", dir.display()))?,
    };
    let mut entries = list.collect::<std::io::Result<Vec<_>>>().with_context(|| format!("reading {}", dir.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for e in entries {
        let kind = e.file_type().with_context(|| format!("reading {}", e.path().display()))?;
        if kind.is_dir() {
            walk(&e.path(), see)?;
        }
        see(&e.path(), kind);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_encoding_is_lost() {
        for bytes in [b"caf\xe9 \xff\n".to_vec(), "naïve ✓".as_bytes().to_vec(), vec![]] {
            let t = Text::of(bytes.clone()).unwrap();
            assert_eq!(t.bytes(&t.text), bytes);
        }
        assert!(Text::of(b"a\0b".to_vec()).is_none());
    }

    #[test]
    fn replacing_keeps_the_mode() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let name = c"user.altdisk".to_owned();
        let kept = xattrs::write(&path, &[(name, b"v".to_vec())]).is_ok();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        if kept {
            assert_eq!(xattrs::read(&path).unwrap().iter().find(|(n, _)| n.as_c_str() == c"user.altdisk").unwrap().1, b"v");
        }
        assert_eq!(files_below(dir.path()).unwrap(), [path]);
        assert!(files_below(&dir.path().join("none")).unwrap().is_empty());
    }
}
