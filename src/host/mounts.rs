//! Mounts and unmounts file systems. What is mounted is read by [`mountinfo`](super::mountinfo).

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MntFlags, umount2};

use crate::error;
use crate::event::Events;
use crate::host::beneath::{Beneath, Unfit, own_path};
use crate::host::cmd::Cmd;
use crate::host::fs_calls;
pub use crate::host::mountinfo::{
    Mount, escape, is_mount_point, is_of, mount_id, mounted, parse_mountinfo, unescape,
};

/// What every mount of altdisk's has: other users of the running system may get there, and content
/// is a copy's, an image's, or another system's.
const ALWAYS: [&str; 2] = ["nosuid", "nodev"];

/// Mounts `device` at `at` (which must exist), without setuid programs and device nodes. `options` is
/// fstab's fourth field; words that only fstab knows are left out.
///
/// # Errors
/// ALT-802 with what mount(8) said.
pub fn mount(device: &Path, at: &Path, fstype: &str, options: &str, events: &Events) -> Result<()> {
    mount_command(device, at, fstype, options).arg(device).arg(at).run(events).map(drop)
}

fn mount_command(device: &Path, at: &Path, fstype: &str, options: &str) -> Cmd {
    let given = options.split(',');
    let given = given.filter(|o| !o.is_empty() && !fstab_only(o) && !UNDOING.contains(o));
    let mut options: Vec<&str> = given.filter(|o| !ALWAYS.contains(o)).collect();
    // The last word of two counts.
    options.extend(ALWAYS);
    Cmd::new("mount", format!("mount {} at {}", device.display(), at.display())).args([
        "-t",
        fstype,
        "-o",
        &options.join(","),
    ])
}

/// Words of fstab that would undo [`ALWAYS`].
const UNDOING: [&str; 2] = ["suid", "dev"];

/// Mounts `device` on the directory `inner` beneath `root`, which is made if need be.
///
/// Nothing beneath `root` is trusted: the directory is opened without following a link,
/// mounted on by its descriptor, and looked at again afterwards. What turns out to be mounted
/// elsewhere is unmounted.
///
/// # Errors
/// ALT-713 naming the link or file in the way, or where the directory was moved meanwhile; ALT-802
/// with what mount(8) said.
pub fn mount_beneath(
    root: &Path,
    inner: &Path,
    device: &Path,
    fstype: &str,
    options: &str,
    events: &Events,
) -> Result<()> {
    let top = Beneath::open(root)?;
    let shown = top.shown(inner);
    let at = top.mount_point(inner, true).map_err(|e| unfit(&top, &e))?;
    // Without -c, mount(8) would look for the name of the directory and mount there.
    mount_command(device, &shown, fstype, options)
        .arg("-c")
        .arg(device)
        .arg(at.path())
        .run(events)?;
    drop(at);
    if is_mounted_beneath(root, inner, device)? {
        return Ok(());
    }
    if let Some(elsewhere) = mounted()?.iter().rfind(|m| is_of(m, device)) {
        unmount(&elsewhere.mount_point)?;
    }
    Err(error::MOUNT_POINT.with_cause(format!(
        "{} was moved while {} was mounted there",
        shown.display(),
        device.display()
    )))
}

fn unfit(root: &Beneath, why: &Unfit) -> anyhow::Error {
    let (name, what) = match why {
        Unfit::Link(name, target) => (name, format!("is a link to {}", target.display())),
        Unfit::Other(name, e) => {
            (name, format!("is not a directory that can be used: {}", error::text_of(e)))
        }
    };
    let shown = root.shown(name);
    error::MOUNT_POINT.with_remedy(
        format!("{} {what}", shown.display()),
        format!(
            "put a directory in its place (`mv {0} {0}.old && mkdir {0}`) and run the command again; or remove the copy with `alt_disk_install -X`",
            shown.display()
        ),
    )
}

/// True if the directory `inner` beneath `root`, reached without a link, is where the file system
/// on `device` is mounted and seen.
///
/// # Errors
/// If /proc is not mounted.
pub fn is_mounted_beneath(root: &Path, inner: &Path, device: &Path) -> Result<bool> {
    let Ok(top) = Beneath::open(root) else { return Ok(false) };
    let Ok(at) = top.mount_point(inner, false) else { return Ok(false) };
    let (id, shown) =
        (mount_id(at.fd()).context("reading /proc/thread-self/fdinfo")?, top.shown(inner));
    Ok(mounted()?.iter().any(|m| m.id == id && m.mount_point == shown && is_of(m, device)))
}

fn fstab_only(option: &str) -> bool {
    matches!(
        option,
        "defaults"
            | "auto"
            | "noauto"
            | "nofail"
            | "_netdev"
            | "user"
            | "users"
            | "owner"
            | "group"
    ) || option.starts_with("x-")
        || option.starts_with("comment=")
}

/// Unmounts everything at and below `top`, by what mountinfo says at each moment: what is mounted
/// on another goes first. A busy one is tried for two seconds. Returns what was unmounted, the last
/// first.
///
/// # Errors
/// ALT-804 naming the mount point that stays busy.
pub fn unmount_below(top: &Path) -> Result<Vec<PathBuf>> {
    let mut unmounted = vec![];
    for _ in 0..MAX_MOUNTS {
        let Some(m) = last_below(&mounted()?, top) else { return Ok(unmounted) };
        unmount(&m.mount_point)?;
        unmounted.insert(0, m.mount_point);
    }
    Err(error::KERNEL.with_cause(format!("more and more is mounted below {}", top.display())))
}

/// More mounts than anybody has in one place.
const MAX_MOUNTS: usize = 10_000;

/// The mount at or below `top` that is to be unmounted next: the newest of those that nothing is
/// mounted on.
fn last_below(all: &[Mount], top: &Path) -> Option<Mount> {
    let is_free = |m: &Mount| !all.iter().any(|other| other.parent == m.id && other.id != m.id);
    all.iter().rfind(|m| m.mount_point.starts_with(top) && is_free(m)).cloned()
}

/// Unmounts one mount point, patiently. `at` is a path as mountinfo has it, without links.
///
/// # Errors
/// ALT-804 if it stays busy.
pub fn unmount(at: &Path) -> Result<()> {
    const MAX_TRIES: u32 = 20;
    let mut last = Errno::EBUSY;
    for _ in 0..MAX_TRIES {
        match unmount_once(at) {
            Ok(()) => return Ok(()),
            Err(_) if !is_mount_point(at) => return Ok(()),
            Err(e) => last = e,
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(error::KERNEL.with_remedy(
        format!("{} could not be unmounted: {}", at.display(), error::text_of(&last)),
        format!(
            "end what uses it (`fuser -vm {}` lists it) and run the command again",
            at.display()
        ),
    ))
}

/// The directory above is opened without following a link, so that nothing else is unmounted if a
/// name on the way becomes one. The mount point itself cannot be held open: that would keep it
/// busy.
fn unmount_once(at: &Path) -> nix::Result<()> {
    let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else {
        return Err(Errno::EINVAL);
    };
    let top = std::fs::File::open("/").map_err(|e| fs_calls::errno(&e))?;
    let parent = parent.as_os_str().as_bytes().strip_prefix(b"/").unwrap_or_default();
    let dir = fs_calls::open_below(top.as_fd(), parent, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
    umount2(&own_path(&dir).join(name), MntFlags::UMOUNT_NOFOLLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_beneath_a_root_whatever_links_are_in_it() {
        if !nix::unistd::geteuid().is_root() {
            return println!("skipped: needs root");
        }
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let (root, outside, device) =
            (top.join("root"), top.join("outside"), Path::new("altdisk-test-tmpfs"));
        for at in [&root, &outside] {
            std::fs::create_dir(at).unwrap();
        }
        std::os::unix::fs::symlink("../outside", root.join("boot")).unwrap();
        let mount = |inner: &str| {
            mount_beneath(&root, Path::new(inner), device, "tmpfs", "size=1m", &Events::new())
        };
        let is_there = |inner: &str| is_mounted_beneath(&root, Path::new(inner), device).unwrap();
        for inner in ["/boot", "/boot/efi"] {
            let e = format!("{:#}", mount(inner).unwrap_err());
            assert!(
                e.contains("ALT-713") && e.contains("root/boot is a link to ../outside"),
                "{e}"
            );
        }
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        mount("/a/b").unwrap();
        mount("/a/b/c").unwrap();
        assert!(is_there("/a/b") && is_there("/a/b/c") && !is_there("/a") && !is_there("/"));
        // A directory above mount points can be renamed, and its name used for a link.
        std::fs::rename(root.join("a"), root.join("moved")).unwrap();
        std::os::unix::fs::symlink("../outside", root.join("a")).unwrap();
        assert!(!is_there("/a/b") && is_there("/moved/b"));
        assert_eq!(unmount_below(&root).unwrap(), [root.join("moved/b"), root.join("moved/b/c")]);
        assert!(unmount_below(&root).unwrap().is_empty() && root.join("moved/b").is_dir());
    }
}
