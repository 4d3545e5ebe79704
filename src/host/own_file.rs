//! Files of the user's own that this program writes by itself: nobody asked for these names, so nothing that somebody else has put there
//! is followed or changed. `HOME` may be another user's when root works (su, sudo).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Result;
use nix::libc;

use crate::host::{files, trusted};

/// Who has chosen a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// This program: it must be a file of the user's own, under this name alone.
    Default,
    /// The user: any file, a link too.
    Given,
}

/// Opens a file to append to; makes it, for its owner alone, where there is none.
///
/// # Errors
/// If the kernel refuses, or it is not such a file.
pub fn append(path: &Path, name: Name) -> io::Result<File> {
    // A pipe that nobody reads is an error and no wait.
    let mut flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    if name == Name::Default {
        flags |= libc::O_NOFOLLOW;
    }
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path);
    let file = opened.map_err(|e| if e.raw_os_error() == Some(libc::ELOOP) { wrong("it is a symbolic link") } else { e })?;
    let meta = file.metadata()?;
    let null = nix::sys::stat::makedev(1, 3);
    match name {
        Name::Given if meta.is_file() || meta.rdev() == null => Ok(file),
        _ if !meta.is_file() => Err(wrong("it is not a regular file")),
        _ if meta.nlink() != 1 => Err(wrong("it has other names too (hard links)")),
        _ if meta.uid() != nix::unistd::geteuid().as_raw() => Err(wrong(&format!("it belongs to user {}", meta.uid()))),
        _ => Ok(file),
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

/// Puts a small file in place of an older one, with the directories above it where there are none. As root only below directories
/// that nobody else can change.
///
/// # Errors
/// If the directory must not be trusted, or cannot be written.
pub fn keep(path: &Path, text: &[u8]) -> Result<()> {
    if let Some(there) = path.ancestors().skip(1).find(|p| p.exists()) {
        trusted::trust_path(there).map_err(|no| anyhow::anyhow!("{} {}", no.path.display(), no.wrong))?;
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
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn only_what_is_the_users_own() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "victim\n").unwrap();
        symlink(at("victim"), at("link")).unwrap();
        symlink(at("nothing"), at("dangling")).unwrap();
        fs::hard_link(at("victim"), at("hard")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        let _reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(at("fifo")).unwrap();
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
            assert_eq!(append(&at("new"), Name::Default).unwrap_err().to_string(), "it belongs to user 1000");
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
        keep(&at("altdisk/theme"), b"mono\n").unwrap();
        assert_eq!(fs::read_to_string(at("altdisk/theme")).unwrap(), "mono\n");
        assert!(!at("altdisk/theme").is_symlink());
        keep(&at("a/b/theme"), b"x").unwrap();
        assert_eq!(fs::read_to_string(at("victim")).unwrap(), "victim\n");
        if nix::unistd::geteuid().is_root() {
            fs::set_permissions(at("altdisk"), fs::Permissions::from_mode(0o777)).unwrap();
            assert!(keep(&at("altdisk/new/theme"), b"x").is_err());
            assert!(!at("altdisk/new").exists());
        }
    }
}
