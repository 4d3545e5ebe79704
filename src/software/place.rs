//! The location made readable: a directory is one already, a medium is mounted read-only for the
//! time of the run.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Location, Place};
use crate::error;
use crate::event::Events;
use crate::host::cmd::Cmd;
use crate::host::mounts;
use crate::host::sandbox::SHARED_DIR;

/// Where a medium is mounted; one at a time, so that the next run finds what a killed one left.
const MEDIUM: &str = "/run/altdisk-medium";

/// An open location.
#[must_use = "closing unmounts the medium and tells whether that went well"]
pub struct Opened {
    pub place: Place,
    mounted: bool,
}

impl Opened {
    /// # Errors
    /// ALT-742 where a medium cannot be mounted.
    pub fn open(location: &Location, events: &Events) -> Result<Self> {
        let inside = Path::new(SHARED_DIR).join("images");
        let directory = |here: PathBuf| Place::Directory { inside: inside.clone(), here };
        let (place, mounted) = match location {
            Location::Directory(dir) => (directory(dir.clone()), false),
            Location::Device(device) => {
                mount(device, events)?;
                (directory(PathBuf::from(MEDIUM)), true)
            }
            Location::Url { url, rest } => {
                (Place::Url { url: url.clone(), rest: rest.clone() }, false)
            }
            Location::Configured => (Place::Configured, false),
        };
        Ok(Self { place, mounted })
    }

    /// The directory to show inside: from, and where.
    pub fn shown(&self) -> Option<(PathBuf, PathBuf)> {
        match &self.place {
            Place::Directory { inside, here } => Some((here.clone(), inside.clone())),
            _ => None,
        }
    }

    /// # Errors
    /// Where the medium cannot be unmounted.
    pub fn close(mut self) -> Result<()> {
        if std::mem::take(&mut self.mounted) { tidy() } else { Ok(()) }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.mounted {
            // After an error, which is what is told.
            let _ = tidy();
        }
    }
}

fn mount(device: &Path, events: &Events) -> Result<()> {
    tidy()?;
    std::fs::create_dir_all(MEDIUM)?;
    let once = |unwritten: &str| {
        let mut options = vec!["ro", "nosuid", "nodev", "noexec"];
        options.extend(device.is_file().then_some("loop"));
        options.extend(Some(unwritten).filter(|o| !o.is_empty()));
        let cmd = Cmd::new("mount", format!("mount {} to read packages from it", device.display()))
            .args(["-o", &options.join(",")]);
        cmd.arg(device).arg(MEDIUM).run(events).map(drop)
    };
    let ways = unwritten(&kind(device)?);
    let mut mounted = once(ways[0]);
    for way in &ways[1..] {
        mounted = mounted.or_else(|_| once(way));
    }
    mounted.map_err(|e| {
        let _ = std::fs::remove_dir(MEDIUM);
        // Its own number is enough.
        let why = error::cause(&e);
        let (line, more) = why.split_once('\n').unwrap_or((&why, ""));
        error::NOT_MOUNTED_LOCATION.with_cause((line, more.to_owned()))
    })
}

/// The type of a medium's file system, as blkid(8) finds it in the device itself; empty where it
/// finds none.
fn kind(device: &Path) -> Result<String> {
    let asked = Cmd::new("blkid", format!("look what is on {}", device.display()))
        .args(["-p", "-o", "value", "-s", "TYPE"]);
    // 2: nothing is there; 8: several things are.
    Ok(asked.arg(device).accept(&[2, 8]).read()?.text().trim().to_owned())
}

/// The options, the best first, by which nothing is written: `ro` alone lets a journal that was
/// left be replayed (ext4(5), xfs(5), btrfs(5)).
fn unwritten(kind: &str) -> &'static [&'static str] {
    match kind {
        "ext3" | "ext4" => &["noload"],
        "xfs" | "f2fs" | "nilfs2" => &["norecovery"],
        // The second one is that of kernels before 5.9.
        "btrfs" => &["rescue=nologreplay", "nologreplay"],
        _ => &[""],
    }
}

/// Unmounts a medium that a killed run left mounted.
///
/// # Errors
/// Where it stays busy.
pub fn tidy() -> Result<()> {
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
            (unwritten("ext4"), unwritten("xfs"), unwritten("iso9660")),
            (&["noload"][..], &["norecovery"][..], &[""][..])
        );
        assert_eq!(unwritten("btrfs").len(), 2);
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
                Opened::open(&Location::Device(device.0.clone().into()), &Events::new()).unwrap();
            assert!(mounts::is_mount_point(Path::new(MEDIUM)), "{make}");
            opened.close().unwrap();
            assert_eq!(before, sum(), "{make}");
        }
    }
}
