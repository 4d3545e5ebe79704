//! Files that tell this program what to do: read without ever hanging, and as root only if nobody
//! else can have written them.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error;

/// The largest file that is read, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;
/// The most files of one directory.
const MAX_FILES: usize = 1000;

/// Why a file or directory is not used: what is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntrustedFile {
    pub path: PathBuf,
    pub wrong: String,
    pub right: String,
}

fn untrusted(path: &Path, wrong: impl Into<String>, right: impl Into<String>) -> UntrustedFile {
    UntrustedFile { path: path.to_owned(), wrong: wrong.into(), right: right.into() }
}

fn unreadable(path: &Path, e: &std::io::Error) -> UntrustedFile {
    untrusted(path, format!("cannot be read: {}", error::text_of(e)), "")
}

/// The files of a directory whose names end with `.ext`, by name; hidden ones are left out. A
/// directory that does not exist has none.
///
/// # Errors
/// If it cannot be read, or must not be trusted.
pub fn list(dir: &Path, ext: &str) -> Result<Vec<PathBuf>, UntrustedFile> {
    match fs::metadata(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(e) => {
            return Err(unreadable(dir, &e));
        }
        Ok(found) if !found.is_dir() => return Err(untrusted(dir, "is not a directory", "")),
        Ok(_) => {}
    }
    trust_path(dir)?;
    let entries = fs::read_dir(dir).map_err(|e| unreadable(dir, &e))?;
    let mut files = vec![];
    for entry in entries {
        let path = entry.map_err(|e| unreadable(dir, &e))?.path();
        let hidden = path.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|e| e == ext) {
            files.push(path);
        }
    }
    if files.len() > MAX_FILES {
        return Err(untrusted(
            dir,
            format!("has {} files", files.len()),
            format!("at most {MAX_FILES} are read"),
        ));
    }
    files.sort();
    Ok(files)
}

/// The text of a file.
///
/// # Errors
/// If it is no regular file, too large, no UTF-8, cannot be read, or must not be trusted.
pub fn read(path: &Path) -> Result<String, UntrustedFile> {
    // Without O_NONBLOCK the open of a FIFO waits for a writer.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY)
        .open(path);
    let file = opened.map_err(|e| unreadable(path, &e))?;
    let meta = file.metadata().map_err(|e| unreadable(path, &e))?;
    if !meta.is_file() {
        return Err(untrusted(path, "is not a regular file", ""));
    }
    if let Some((wrong, right)) = find_objection(&meta, is_root(), false) {
        return Err(untrusted(path, wrong, right));
    }
    // A link may lead elsewhere: what counts is where the file is.
    let real = fs::canonicalize(path).map_err(|e| unreadable(path, &e))?;
    if let Some(dir) = real.parent() {
        trust_path(dir)?;
    }
    if meta.len() > MAX_SIZE {
        return Err(untrusted(
            path,
            format!("has {} bytes", meta.len()),
            format!("at most {MAX_SIZE} are read"),
        ));
    }
    text(file, path)
}

fn text(file: File, path: &Path) -> Result<String, UntrustedFile> {
    let mut bytes = vec![];
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
    String::from_utf8(bytes).map_err(|e| {
        let before = e.as_bytes().iter().take(e.utf8_error().valid_up_to());
        let line = 1 + before.filter(|b| **b == b'\n').count();
        untrusted(path, format!("is not UTF-8 (line {line})"), "save it as UTF-8")
    })
}

/// A directory of this user's own: nobody else can put something else there. None where it does not
/// exist.
///
/// # Errors
/// If it belongs to somebody else, others can write it, or (for root) something above it must not
/// be trusted.
pub fn own_directory(dir: &Path) -> Result<Option<()>, UntrustedFile> {
    let meta = match fs::metadata(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|e| unreadable(dir, &e))?,
    };
    if !meta.is_dir() {
        return Err(untrusted(dir, "is not a directory", ""));
    }
    let me = nix::unistd::geteuid().as_raw();
    if meta.uid() != me {
        return Err(untrusted(
            dir,
            format!("belongs to user {}, not to {me}", meta.uid()),
            "chown",
        ));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(untrusted(
            dir,
            format!("others can write it (mode {:04o})", meta.mode() & 0o7777),
            "chmod go-w",
        ));
    }
    trust_path(dir).map(Some)
}

/// A directory and everything above it: for root, nobody else can put something there.
///
/// # Errors
/// If somebody else can, or it cannot be read.
pub fn trust_path(dir: &Path) -> Result<(), UntrustedFile> {
    if !is_root() {
        return Ok(());
    }
    let real = fs::canonicalize(dir).map_err(|e| unreadable(dir, &e))?;
    for (n, above) in real.ancestors().enumerate() {
        let meta = fs::metadata(above).map_err(|e| unreadable(above, &e))?;
        // Where the sticky bit is (/tmp), others cannot put something else in place of what is
        // root's.
        let sticky = n > 0 && meta.mode() & 0o1000 != 0;
        if let Some((wrong, right)) = find_objection(&meta, true, sticky) {
            return Err(untrusted(above, wrong, right));
        }
    }
    Ok(())
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The reason why root must not trust these permissions, if there is one.
fn find_objection(meta: &Metadata, root: bool, sticky: bool) -> Option<(String, String)> {
    rules(meta.uid(), meta.mode(), root, sticky)
}

fn rules(owner: u32, mode: u32, root: bool, sticky: bool) -> Option<(String, String)> {
    let mode = mode & 0o7777;
    if !root {
        None
    } else if owner != 0 {
        Some((format!("belongs to user {owner}, and root does what it says"), "chown root".into()))
    } else if mode & 0o022 != 0 && !sticky {
        Some((
            format!("others can write it (mode {mode:04o}), and root does what it says"),
            "chmod go-w".into(),
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn wrong(path: &Path) -> String {
        read(path).unwrap_err().wrong
    }

    #[test]
    fn who_may_have_written_it() {
        let table = [
            (0, 0o100644, true, false, ""),
            (
                0,
                0o100664,
                true,
                false,
                "others can write it (mode 0664), and root does what it says",
            ),
            (
                0,
                0o40777,
                true,
                false,
                "others can write it (mode 0777), and root does what it says",
            ),
            (0, 0o41777, true, true, ""),
            (1000, 0o100600, true, false, "belongs to user 1000, and root does what it says"),
            (1000, 0o100666, false, false, ""),
        ];
        for (owner, mode, root, sticky, want) in table {
            assert_eq!(
                rules(owner, mode, root, sticky).map(|(w, _)| w).unwrap_or_default(),
                want,
                "{owner} {mode:o}"
            );
        }
    }

    #[test]
    fn only_files_and_no_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a.toml"), "text").unwrap();
        assert_eq!(read(&at("a.toml")).unwrap(), "text");
        nix::unistd::mkfifo(&at("f.toml"), nix::sys::stat::Mode::from_bits_truncate(0o600))
            .unwrap();
        assert_eq!(wrong(&at("f.toml")), "is not a regular file");
        assert_eq!(wrong(dir.path()), "is not a regular file");
        assert_eq!(wrong(Path::new("/dev/null")), "is not a regular file");
        assert_eq!(wrong(&at("none.toml")), "cannot be read: No such file or directory");
        fs::write(at("b.toml"), b"a\n\xff").unwrap();
        assert_eq!(wrong(&at("b.toml")), "is not UTF-8 (line 2)");
        File::create(at("c.toml")).unwrap().set_len(MAX_SIZE + 1).unwrap();
        assert_eq!(wrong(&at("c.toml")), "has 1048577 bytes");
    }

    #[test]
    fn directories() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.toml", ".c.toml", "d.toml~", "e.txt"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let names: Vec<_> = list(dir.path(), "toml")
            .unwrap()
            .iter()
            .map(|p| p.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["a.toml", "b.toml"]);
        assert_eq!(list(&dir.path().join("none"), "toml").unwrap(), Vec::<PathBuf>::new());
        assert_eq!(
            list(&dir.path().join("a.toml"), "toml").unwrap_err().wrong,
            "is not a directory"
        );
        if is_root() {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
            assert!(list(dir.path(), "toml").unwrap_err().wrong.starts_with("others can write it"));
            assert!(wrong(&dir.path().join("a.toml")).starts_with("others can write it"));
        }
    }
}
