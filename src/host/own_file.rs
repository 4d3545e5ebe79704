//! Files and directories of the user's own that this program writes and believes: nothing that
//! somebody else has put under their names is followed, changed or read. `HOME` may be another
//! user's when root works (su, sudo).
//!
//! Every file is opened without following a link and without waiting (a fifo), and what was opened
//! is looked at, not its name: a regular file with this one name, of this user's, which nobody else
//! can write.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::libc;

use crate::error;
use crate::host::{files, trusted};

/// The origin of a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// This program: it must be a file of the user's own, under this name alone.
    Default,
    /// The user: any file, a link too.
    Given,
}

/// Why a file or directory is not used.
#[derive(Debug)]
pub enum Refused {
    /// Somebody else can have changed it.
    Unsafe { path: PathBuf, wrong: String },
    /// It is something else than it should be: a link, a fifo, too large.
    Odd { path: PathBuf, wrong: String },
    /// The kernel refused.
    Io { path: PathBuf, error: io::Error },
}

impl Refused {
    /// The commands after which it can be used; None if it is not a matter of owner and mode.
    pub fn remedy(&self) -> Option<String> {
        let Self::Unsafe { path, .. } = self else { return None };
        let path = path.display();
        Some(format!(
            "make sure that nobody has changed its content; then `chown root: {path}` and `chmod go-w {path}`"
        ))
    }

    fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::Io { path: path.to_owned(), error }
    }

    fn odd(path: &Path, wrong: impl Into<String>) -> Self {
        Self::Odd { path: path.to_owned(), wrong: wrong.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsafe { path, wrong } | Self::Odd { path, wrong } => {
                write!(f, "{}: {wrong}", path.display())
            }
            Self::Io { path, error: e } => write!(f, "{}: {}", path.display(), error::text_of(e)),
        }
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

const LINK: &str = "it is a symbolic link";
const NO_FILE: &str = "it is not a regular file";

/// Opens a directory that must be this user's (root's) alone to write.
///
/// # Errors
/// If it is a link or no directory, belongs to somebody else, or others can write it.
pub fn directory(path: &Path) -> Result<File, Refused> {
    let opened =
        OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path);
    let dir = opened.map_err(|e| match e.raw_os_error() {
        // Linux says ENOTDIR of a link too.
        Some(libc::ELOOP | libc::ENOTDIR) if path.is_symlink() => Refused::odd(path, LINK),
        Some(libc::ENOTDIR) => Refused::odd(path, "it is not a directory"),
        _ => Refused::io(path)(e),
    })?;
    of_this_user(path, &dir)?;
    Ok(dir)
}

/// The same; makes it with exactly this mode, whatever the umask, where there is none.
///
/// # Errors
/// As [`directory`], and where it cannot be made.
pub fn make_directory(path: &Path, mode: u32) -> Result<File, Refused> {
    if let Some(above) = path.parent() {
        DirBuilder::new().mode(0o755).recursive(true).create(above).map_err(Refused::io(path))?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => directory(path),
        Err(e) => Err(Refused::io(path)(e)),
        Ok(()) => {
            let dir = directory(path)?;
            dir.set_permissions(std::fs::Permissions::from_mode(mode))
                .map_err(Refused::io(path))?;
            Ok(dir)
        }
    }
}

/// The content of a file; None if there is none. Never waits, and reads no more than `max` bytes.
///
/// # Errors
/// If it is a link or no regular file, larger, or (for root) others can have written it.
pub fn read(path: &Path, max: u64) -> Result<Option<Vec<u8>>, Refused> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) if e.raw_os_error() == Some(libc::ELOOP) => return Err(Refused::odd(path, LINK)),
        other => other.map_err(Refused::io(path))?,
    };
    let meta = file.metadata().map_err(Refused::io(path))?;
    if !meta.is_file() {
        return Err(Refused::odd(path, "it is not a regular file"));
    }
    // What another user reads does not become an order.
    if nix::unistd::geteuid().is_root() {
        of_this_user(path, &file)?;
    }
    let mut bytes = vec![];
    file.take(max + 1).read_to_end(&mut bytes).map_err(Refused::io(path))?;
    if bytes.len() as u64 > max {
        return Err(Refused::odd(path, format!("it is larger than {max} bytes")));
    }
    Ok(Some(bytes))
}

/// Opens a file that is believed later, to append to; makes it with exactly this mode where there
/// is none.
///
/// # Errors
/// If it is a link or no regular file, has other names, belongs to somebody else, or others can
/// write it.
pub fn append_believed(path: &Path, mode: u32) -> Result<File, Refused> {
    let file = open_append(path, Name::Default, mode).map_err(Refused::io(path))?;
    of_this_user(path, &file)?;
    Ok(file)
}

fn of_this_user(path: &Path, file: &File) -> Result<(), Refused> {
    let meta = file.metadata().map_err(Refused::io(path))?;
    let me = nix::unistd::geteuid().as_raw();
    let wrong = if meta.uid() != me {
        format!("it belongs to user {}", meta.uid())
    } else if meta.mode() & 0o022 != 0 {
        format!("others can write it (mode {:04o})", meta.mode() & 0o7777)
    } else {
        return Ok(());
    };
    Err(Refused::Unsafe { path: path.to_owned(), wrong })
}

/// Opens a file to append to; makes it, for its owner alone, where there is none.
///
/// # Errors
/// If the kernel refuses, or it is not such a file.
pub fn append(path: &Path, name: Name) -> io::Result<File> {
    open_append(path, name, 0o600)
}

/// The same, with this mode for a new file.
///
/// # Errors
/// As [`append`].
pub fn open_append(path: &Path, name: Name, mode: u32) -> io::Result<File> {
    // A pipe that nobody reads is an error and no wait.
    let mut flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    if name == Name::Default {
        flags |= libc::O_NOFOLLOW;
    }
    let opened =
        OpenOptions::new().append(true).create(true).mode(mode).custom_flags(flags).open(path);
    let file = opened.map_err(|e| match e.raw_os_error() {
        Some(libc::ELOOP) => wrong(LINK),
        Some(libc::ENXIO) => wrong(NO_FILE),
        _ => e,
    })?;
    let meta = file.metadata()?;
    let null = nix::sys::stat::makedev(1, 3);
    match name {
        Name::Given if meta.is_file() || meta.rdev() == null => Ok(file),
        _ if !meta.is_file() => Err(wrong(NO_FILE)),
        _ if meta.nlink() != 1 => Err(wrong("it has other names too (hard links)")),
        _ if meta.uid() != nix::unistd::geteuid().as_raw() => {
            Err(wrong(&format!("it belongs to user {}", meta.uid())))
        }
        _ => Ok(file),
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

/// Puts a small file in place of an older one, with the directories above it where there are none.
/// As root only below directories that nobody else can change.
///
/// # Errors
/// If the directory must not be trusted, or cannot be written.
pub fn replace(path: &Path, text: &[u8]) -> Result<()> {
    if let Some(there) = path.ancestors().skip(1).find(|p| p.exists()) {
        trusted::trust_path(there)
            .map_err(|no| anyhow::anyhow!("{} {}", no.path.display(), no.wrong))?;
    }
    if let Some(dir) = path.parent() {
        DirBuilder::new().mode(0o700).recursive(true).create(dir)?;
    }
    files::replace(path, text, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_is_the_users_own() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "victim\n").unwrap();
        symlink(at("victim"), at("link")).unwrap();
        symlink(at("nothing"), at("dangling")).unwrap();
        fs::hard_link(at("victim"), at("hard")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        let _reader =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(at("fifo")).unwrap();
        for (name, why) in [
            ("link", "it is a symbolic link"),
            ("dangling", "it is a symbolic link"),
            ("hard", "it has other names too (hard links)"),
            ("fifo", "it is not a regular file"),
        ] {
            assert_eq!(append(&at(name), Name::Default).unwrap_err().to_string(), why, "{name}");
        }
        assert!(!at("nothing").exists());
        assert!(append(Path::new("/dev/null"), Name::Default).is_err());
        assert!(append(&at("fifo"), Name::Given).is_err());
        for path in [at("link"), at("hard"), "/dev/null".into()] {
            append(&path, Name::Given).unwrap().write_all(b"more\n").unwrap();
        }
        assert_eq!(fs::read_to_string(at("victim")).unwrap(), "victim\nmore\nmore\n");
        for _ in 0..2 {
            append(&at("new"), Name::Default).unwrap().write_all(b"x").unwrap();
        }
        assert_eq!(fs::read_to_string(at("new")).unwrap(), "xx");
        assert_eq!(fs::metadata(at("new")).unwrap().mode() & 0o777, 0o600);
        if nix::unistd::geteuid().is_root() {
            nix::unistd::chown(&at("new"), Some(1000.into()), None).unwrap();
            assert_eq!(
                append(&at("new"), Name::Default).unwrap_err().to_string(),
                "it belongs to user 1000"
            );
        }
    }

    #[test]
    fn what_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let said = |name: &str| read(&at(name), 10).unwrap_err().to_string();
        let wrong = |name: &str, why: &str| format!("{}: {why}", at(name).display());
        fs::write(at("plan"), "0123456789").unwrap();
        fs::write(at("large"), "0123456789a").unwrap();
        symlink(at("plan"), at("link")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        fs::create_dir(at("dir")).unwrap();
        assert_eq!(read(&at("plan"), 10).unwrap().unwrap(), b"0123456789");
        assert_eq!(read(&at("none"), 10).unwrap(), None);
        assert_eq!(said("large"), wrong("large", "it is larger than 10 bytes"));
        for name in ["link", "zero"] {
            assert_eq!(said(name), wrong(name, LINK));
        }
        for name in ["fifo", "dir"] {
            assert_eq!(said(name), wrong(name, "it is not a regular file"));
        }
        symlink(at("dir"), at("dirlink")).unwrap();
        assert_eq!(directory(&at("dirlink")).unwrap_err().to_string(), wrong("dirlink", LINK));
        assert_eq!(
            directory(&at("plan")).unwrap_err().to_string(),
            wrong("plan", "it is not a directory")
        );
        fs::set_permissions(at("dir"), fs::Permissions::from_mode(0o775)).unwrap();
        let refused = make_directory(&at("dir"), 0o755).unwrap_err();
        assert_eq!(refused.to_string(), wrong("dir", "others can write it (mode 0775)"));
        assert!(refused.remedy().unwrap().contains(&format!("chmod go-w {}", at("dir").display())));
        make_directory(&at("new"), 0o750).unwrap();
        assert_eq!(fs::metadata(at("new")).unwrap().mode() & 0o7777, 0o750);
        fs::set_permissions(at("plan"), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(
            append_believed(&at("plan"), 0o600)
                .unwrap_err()
                .to_string()
                .ends_with("others can write it (mode 0666)")
        );
        if nix::unistd::geteuid().is_root() {
            assert!(matches!(read(&at("plan"), 10).unwrap_err(), Refused::Unsafe { .. }));
            nix::unistd::chown(&at("large"), Some(1000.into()), None).unwrap();
            assert_eq!(
                read(&at("large"), 99).unwrap_err().to_string(),
                wrong("large", "it belongs to user 1000")
            );
        }
    }

    #[test]
    fn kept_beside_and_renamed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "victim\n").unwrap();
        fs::create_dir(at("altdisk")).unwrap();
        symlink(at("victim"), at("altdisk/theme")).unwrap();
        symlink(at("victim"), at("altdisk/.theme.altdisk-new")).unwrap();
        replace(&at("altdisk/theme"), b"mono\n").unwrap();
        assert_eq!(fs::read_to_string(at("altdisk/theme")).unwrap(), "mono\n");
        assert!(!at("altdisk/theme").is_symlink());
        replace(&at("a/b/theme"), b"x").unwrap();
        assert_eq!(fs::read_to_string(at("victim")).unwrap(), "victim\n");
        if nix::unistd::geteuid().is_root() {
            fs::set_permissions(at("altdisk"), fs::Permissions::from_mode(0o777)).unwrap();
            assert!(replace(&at("altdisk/new/theme"), b"x").is_err());
            assert!(!at("altdisk/new").exists());
        }
    }
}
