//! Files of the copy that are immutable or append-only (`chattr +i`, `+a`): the copier preserves
//! these flags. They are removed while a step of phases 2 and 3 writes, and restored afterwards,
//! even on a file that replaced another.
//!
//! Meanwhile the removed flags are listed in a file of the copy, so that a step that is repeated
//! after an interruption finds them. An image, or the running system itself, may contain such a
//! file: it is not trusted, see [`discard_list`].

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::fcntl::OFlag;

use crate::engine::paths::FLAGS;
use crate::event::Events;
use crate::host::attrs::{self, flag};
use crate::host::beneath::Beneath;
use crate::host::fs_calls::{self, Kind, Sys};
use crate::tree::dir::join;

/// Directories that altdisk, boot loaders and initramfs builders write to.
const SEARCHED: [&str; 3] = ["boot", "etc", "root/.ssh"];
const FORBIDDING: u32 = flag::IMMUTABLE | flag::APPEND;
const LISTING: usize = 32 << 10;

/// The copy while its files can be changed.
pub struct Unlocked {
    root: Beneath,
    top: OwnedFd,
    /// Paths below the root, and which flags they have.
    taken_off: Vec<(Vec<u8>, u32)>,
}

impl Unlocked {
    /// Takes the flags off.
    ///
    /// # Errors
    /// If a file cannot be looked at or changed.
    pub fn begin(root: &Path, events: &Events) -> Result<Self> {
        let top = OwnedFd::from(
            std::fs::File::open(root).with_context(|| format!("opening {}", root.display()))?,
        );
        let root = Beneath::open(root)?;
        let mut taken_off = root.read(FLAGS)?.map_or(vec![], |text| parse(&text));
        for dir in SEARCHED {
            find(&top, dir.as_bytes(), &mut taken_off).with_context(|| {
                format!("looking for files with chattr's flags in /{dir} of the copy")
            })?;
        }
        let open = Self { root, top, taken_off };
        if !open.taken_off.is_empty() {
            open.root.replace(FLAGS, &write(&open.taken_off), 0o600)?;
            let names: Vec<String> = open
                .taken_off
                .iter()
                .map(|(p, _)| format!("/{}", String::from_utf8_lossy(p)))
                .collect();
            events.note(format!(
                "these may be changed until the step is done (chattr -i -a): {}",
                names.join(" ")
            ));
        }
        // A directory may forbid what is in it, so those above come first.
        open.taken_off.iter().try_for_each(|(path, _)| open.set(path, 0))?;
        Ok(open)
    }

    /// Gives the flags back.
    ///
    /// # Errors
    /// If one cannot be set.
    pub fn close(self) -> Result<()> {
        self.taken_off.iter().rev().try_for_each(|(path, flags)| self.set(path, *flags))?;
        if self.taken_off.is_empty() { Ok(()) } else { self.root.remove(FLAGS) }
    }

    /// Sets the two flags of what is there; something else may be by now, or nothing.
    fn set(&self, path: &[u8], flags: u32) -> Result<()> {
        let Ok(file) =
            fs_calls::open_below(self.top.as_fd(), path, OFlag::O_RDONLY | OFlag::O_NONBLOCK)
        else {
            return Ok(());
        };
        if !fs_calls::stat_fd(&file)
            .is_ok_and(|s| matches!(s.kind(), Some(Kind::Regular | Kind::Directory)))
        {
            return Ok(());
        }
        let now = attrs::flags(&file);
        let wanted = (now & !FORBIDDING) | flags;
        if now == wanted {
            return Ok(());
        }
        attrs::put_flags(&file, wanted).with_context(|| {
            format!(
                "changing chattr's flags of {}",
                self.root.shown(OsStr::from_bytes(path)).display()
            )
        })
    }
}

/// Removes such a file, or whatever has its name, from a copy that no step has written to yet.
///
/// # Errors
/// If it cannot be removed.
pub fn discard_list(root: &Path) -> Result<()> {
    let copy = Beneath::open(root)?;
    let Ok(stat) = copy.link_metadata(FLAGS) else { return Ok(()) };
    if stat.kind() == Some(Kind::Regular) {
        let file = copy.open_file(FLAGS)?;
        let flags = attrs::flags(&file);
        if flags & FORBIDDING != 0 {
            attrs::put_flags(&file, flags & !FORBIDDING).with_context(|| {
                format!("changing chattr's flags of {}", copy.shown(FLAGS).display())
            })?;
        }
    }
    copy.remove_tree(FLAGS)
}

/// Adds what has one of the flags, parents first.
fn find(top: &OwnedFd, start: &[u8], found: &mut Vec<(Vec<u8>, u32)>) -> Sys<()> {
    let mut waiting = vec![start.to_vec()];
    let mut buffer = vec![0; LISTING];
    while let Some(path) = waiting.pop() {
        let Ok(dir) =
            fs_calls::open_below(top.as_fd(), &path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)
        else {
            continue;
        };
        let mut note = |path: Vec<u8>, attributes: u64| {
            // statx has these two under the same numbers as the inode flags.
            let flags = u32::try_from(attributes).unwrap_or(0) & FORBIDDING;
            if flags != 0 && !found.iter().any(|(p, _)| *p == path) {
                found.push((path, flags));
            }
        };
        note(path.clone(), fs_calls::stat_fd(&dir)?.attributes & u64::from(FORBIDDING));
        while let Some(entries) = fs_calls::list(&dir, &mut buffer)? {
            for entry in entries {
                let stat = fs_calls::stat_at(&dir, &entry.name)?;
                let below = join(&path, &entry.name);
                match stat.kind() {
                    Some(Kind::Directory) => waiting.push(below),
                    Some(Kind::Regular) => note(below, stat.attributes & u64::from(FORBIDDING)),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// One a line: the flags as a number, a blank, the path; NUL-terminated, as a name may hold a
/// newline.
fn write(all: &[(Vec<u8>, u32)]) -> Vec<u8> {
    all.iter()
        .flat_map(|(path, flags)| [format!("{flags} ").as_bytes(), path, b"\0"].concat())
        .collect()
}

fn parse(text: &[u8]) -> Vec<(Vec<u8>, u32)> {
    let one = |entry: &[u8]| {
        let blank = entry.iter().position(|b| *b == b' ')?;
        Some((
            entry[blank + 1..].to_vec(),
            std::str::from_utf8(&entry[..blank]).ok()?.parse::<u32>().ok()? & FORBIDDING,
        ))
    };
    text.split(|b| *b == 0).filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_round_trip() {
        let all =
            vec![(b"etc/fstab".to_vec(), flag::IMMUTABLE), (b"boot/a b\nc".to_vec(), FORBIDDING)];
        assert_eq!(parse(&write(&all)), all);
        assert_eq!(parse(b"nonsense\0 \0x y\0"), vec![]);
    }

    #[test]
    fn flags_go_and_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("etc/deep")).unwrap();
        std::fs::write(root.join("etc/deep/x"), "old").unwrap();
        std::fs::write(root.join("etc/plain"), "old").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("etc/link")).unwrap();
        let set = |path: &str, flags: u32| {
            let file = std::fs::File::open(root.join(path)).unwrap();
            attrs::put_flags(&file, (attrs::flags(&file) & !FORBIDDING) | flags)
        };
        if set("etc/deep/x", flag::IMMUTABLE).is_err() {
            return println!("skipped: no chattr here");
        }
        set("etc/deep", flag::APPEND).unwrap();
        let has =
            |path: &str| attrs::flags(std::fs::File::open(root.join(path)).unwrap()) & FORBIDDING;
        let events = Events::new();
        let open = Unlocked::begin(root, &events).unwrap();
        assert_eq!((has("etc/deep"), has("etc/deep/x")), (0, 0));
        // Interrupted here, and repeated.
        drop(open);
        let open = Unlocked::begin(root, &events).unwrap();
        Beneath::open(root).unwrap().replace("etc/deep/x", b"new", 0o644).unwrap();
        open.close().unwrap();
        assert_eq!(
            (has("etc/deep"), has("etc/deep/x"), has("etc/plain")),
            (flag::APPEND, flag::IMMUTABLE, 0)
        );
        assert!(!root.join(FLAGS).exists());
        assert_eq!(std::fs::read(root.join("etc/deep/x")).unwrap(), b"new");
        Unlocked::begin(root, &events).unwrap();
    }

    #[test]
    fn what_came_with_the_source_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir(root.join("etc")).unwrap();
        discard_list(root).unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(root.join("etc/passwd"), "").unwrap();
        let planted = write(&[(b"etc/passwd".to_vec(), flag::IMMUTABLE)]);
        std::fs::write(root.join(FLAGS), &planted).unwrap();
        let file = std::fs::File::open(root.join(FLAGS)).unwrap();
        let _ = attrs::put_flags(&file, attrs::flags(&file) | flag::IMMUTABLE);
        discard_list(root).unwrap();
        let open = Unlocked::begin(root, &Events::new()).unwrap();
        assert_eq!(open.taken_off, []);
        open.close().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join(FLAGS)).unwrap();
        discard_list(root).unwrap();
        std::fs::create_dir_all(root.join(FLAGS).join("x")).unwrap();
        discard_list(root).unwrap();
        assert!(!root.join(FLAGS).exists() && outside.path().exists());
    }
}
