//! Access to a location: a directory is used as it is, a medium is mounted read-only during the
//! run.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::location::Location;
use crate::disk::fs::FsType;
use crate::error;
use crate::event::Events;
use crate::host::cmd::Cmd;
use crate::host::mounts;
use crate::host::sandbox::SHARED_DIR;
use crate::secret::SecretText;

/// The mount point of a medium. There is one, so that the next run finds what a killed one left.
const MEDIUM: &str = "/run/altdisk-medium";

/// Where packages come from, as the alternate sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageSource {
    /// A directory, read-only.
    Directory {
        /// Its path inside the alternate.
        inside: PathBuf,
        /// Its path in the running system.
        outside: PathBuf,
    },
    /// A repository.
    Url {
        /// Its address, perhaps with a password.
        url: SecretText,
        /// Words after it: for apt the suite and components, for pacman names of repositories.
        rest: Vec<String>,
    },
    /// The repositories that the alternate is configured with.
    Configured,
}

/// A location that can be read.
#[must_use = "close() unmounts the medium and reports errors"]
pub struct OpenSource {
    /// The source, as the alternate sees it.
    pub source: PackageSource,
    mounted: bool,
}

impl OpenSource {
    /// Mounts the medium, if the location is one.
    ///
    /// # Errors
    /// ALT-742 if the medium cannot be mounted.
    pub fn open(location: &Location, events: &Events) -> Result<Self> {
        let inside = Path::new(SHARED_DIR).join("images");
        let directory =
            |outside: PathBuf| PackageSource::Directory { inside: inside.clone(), outside };
        let (source, mounted) = match location {
            Location::Directory(dir) => (directory(dir.clone()), false),
            Location::Device(device) => {
                mount(device, events)?;
                (directory(PathBuf::from(MEDIUM)), true)
            }
            Location::Url { url, rest } => {
                (PackageSource::Url { url: url.clone(), rest: rest.clone() }, false)
            }
            Location::Configured => (PackageSource::Configured, false),
        };
        Ok(Self { source, mounted })
    }

    /// The directory that the sandbox must show: its path here, and the one inside.
    pub fn shown(&self) -> Option<(PathBuf, PathBuf)> {
        match &self.source {
            PackageSource::Directory { inside, outside } => Some((outside.clone(), inside.clone())),
            _ => None,
        }
    }

    /// Unmounts the medium.
    ///
    /// # Errors
    /// If it cannot be unmounted.
    pub fn close(mut self) -> Result<()> {
        if std::mem::take(&mut self.mounted) { unmount_leftover() } else { Ok(()) }
    }
}

impl Drop for OpenSource {
    fn drop(&mut self) {
        if self.mounted {
            // There was an error already, which is reported.
            let _ = unmount_leftover();
        }
    }
}

fn mount(device: &Path, events: &Events) -> Result<()> {
    unmount_leftover()?;
    std::fs::create_dir_all(MEDIUM)?;
    let once = |option: &str| {
        let mut options = vec!["ro", "nosuid", "nodev", "noexec"];
        options.extend(device.is_file().then_some("loop"));
        options.extend(Some(option).filter(|o| !o.is_empty()));
        let cmd = Cmd::new("mount", format!("mount {} to read packages from it", device.display()))
            .args(["-o", &options.join(",")]);
        cmd.arg(device).arg(MEDIUM).run(events).map(drop)
    };
    let choices = read_only_options(&file_system_type(device)?);
    let mut mounted = once(choices[0]);
    for choice in &choices[1..] {
        mounted = mounted.or_else(|_| once(choice));
    }
    mounted.map_err(|e| {
        let _ = std::fs::remove_dir(MEDIUM);
        error::NOT_MOUNTED_LOCATION.with_cause_of(&e)
    })
}

/// The type of the file system on a medium, as blkid(8) finds it on the device itself; empty if it
/// finds none.
fn file_system_type(device: &Path) -> Result<String> {
    let asked = Cmd::new("blkid", format!("look what is on {}", device.display()))
        .args(["-p", "-o", "value", "-s", "TYPE"]);
    // 2: nothing is there; 8: several things are.
    Ok(asked.arg(device).accept(&[2, 8]).read()?.text().trim().to_owned())
}

/// Mount options that prevent all writing, the best first: with `ro` alone the kernel still replays
/// a journal (ext4(5), xfs(5), btrfs(5)).
fn read_only_options(kind: &str) -> &'static [&'static str] {
    match kind {
        // A type that altdisk does not make.
        "nilfs2" => &["norecovery"],
        other => other.parse::<FsType>().map_or(&[""], |t| t.facts().no_replay),
    }
}

/// Unmounts a medium that a killed run left mounted.
///
/// # Errors
/// If it stays busy.
pub fn unmount_leftover() -> Result<()> {
    let at = Path::new(MEDIUM);
    if !at.exists() {
        return Ok(());
    }
    mounts::unmount_below(at)?;
    std::fs::remove_dir(at).map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn options_by_type() {
        assert_eq!(
            (read_only_options("ext4"), read_only_options("f2fs"), read_only_options("iso9660")),
            (&["noload"][..], &["norecovery"][..], &[""][..])
        );
        assert_eq!(read_only_options("btrfs").len(), 2);
    }

    /// Runs a line of the shell; what it says if it does well.
    fn shell(line: &str) -> Option<String> {
        let done = Command::new("sh").args(["-ec", line]).output().unwrap();
        done.status.success().then(|| String::from_utf8(done.stdout).unwrap().trim().to_owned())
    }

    /// A loop device, let go at the end.
    struct Loop(String);

    impl Drop for Loop {
        fn drop(&mut self) {
            shell(&format!("losetup -d {}", self.0));
        }
    }

    /// A disk that was taken out of a machine while it was written to.
    #[test]
    fn a_medium_is_not_written_to() {
        if !nix::unistd::geteuid().is_root() {
            return println!("skipped: needs root");
        }
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().display();
        for make in ["mkfs.ext4 -q", "mkfs.xfs -q", "mkfs.btrfs -q"] {
            // Copied while it is mounted: its journal is to be replayed.
            let torn = format!(
                "cd {at}; rm -rf disk torn m; mkdir m; truncate -s 320M disk; {make} disk >/dev/null; mount -o loop disk m; echo x >m/a; sync -f m; echo y >m/b; \
                 sync m/b; cp --sparse=always disk torn; umount m; losetup -f --show torn"
            );
            let Some(device) = shell(&torn).map(Loop) else {
                println!("skipped: {make} or loop devices are missing");
                continue;
            };
            let sum = || shell(&format!("sha256sum {}", device.0)).unwrap();
            let before = sum();
            let opened =
                OpenSource::open(&Location::Device(device.0.clone().into()), &Events::new())
                    .unwrap();
            assert!(mounts::is_mount_point(Path::new(MEDIUM)), "{make}");
            opened.close().unwrap();
            assert_eq!(before, sum(), "{make}");
        }
    }
}
