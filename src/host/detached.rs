//! Detached mounts: a descriptor of a mounted tree without what is mounted below it, which is in no
//! mount table and is gone with the process.
//!
//! A thread takes a mount namespace of its own, mounts there, opens the top and ends; the namespace
//! and its mounts go with it, the open descriptor keeps the one mount it stands on. That works on
//! every kernel and leaves nothing behind whenever the process dies. (open_tree and mount_setattr
//! could do it without the namespace, since Linux 5.12.)
//!
//! A mount that others hide is seen by taking those off, in that namespace alone ([`open_mount`]).
//! The file system is not mounted once more: that would need its options, would fail where it is
//! mounted writable and we want to read only, and would write to it (a journal is played back) if
//! it were unmounted at that very moment.

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::error;
use crate::host::fs_calls::errno;
use crate::host::mountinfo::{Mount, mount_id, parse_mountinfo};
use crate::host::{covered, threads};

/// Where the thread mounts in its namespace: a directory that every Linux system has; the real one
/// is not touched.
const MOUNT_POINT: &str = "/proc";

/// The directory `at` as it is below everything mounted under it. With `read_only` nothing can be
/// written through it and reading changes no access time.
///
/// # Errors
/// ALT-406 if the kernel does not allow it or `at` is not there; ALT-805 where it gives no
/// thread.
pub fn open_directory(at: &Path, read_only: bool) -> Result<OwnedFd> {
    in_own_namespace(|| bind(at, read_only))?.map_err(|e| {
        error::NO_VIEW.with_cause(format!(
            "{} could not be opened below its mounts: {}",
            at.display(),
            error::text_of(&e)
        ))
    })
}

/// The top of a mount, also where others hide it: read-only, reading changes no access time,
/// without what is mounted in it.
///
/// # Errors
/// ALT-406 if it is not mounted any more, or the kernel does not allow it; ALT-805 where it
/// gives no thread.
pub fn open_mount(wanted: &Mount) -> Result<OwnedFd> {
    in_own_namespace(|| {
        let all =
            parse_mountinfo(&std::fs::read("/proc/thread-self/mountinfo").map_err(|e| errno(&e))?);
        let mine = all.iter().rfind(|m| m.is_same_as(wanted)).ok_or(Errno::ENOENT)?;
        for at in covered::covering(&all, mine) {
            umount2(&at, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)?;
        }
        let top = open(
            &mine.mount_point,
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?;
        if mount_id(&top).map_err(|e| errno(&e))? != mine.id {
            return Err(Errno::ESTALE);
        }
        bind(&mine.mount_point, true)
    })?
    .map_err(|e| {
        let at = wanted.mount_point.display();
        error::NO_VIEW.with_cause(format!(
            "{} at {at} could not be opened below what is mounted over it: {}",
            wanted.source,
            error::text_of(&e)
        ))
    })
}

/// Makes what is at `at` appear at [`MOUNT_POINT`], in the thread's own namespace.
fn bind(at: &Path, read_only: bool) -> nix::Result<()> {
    let none: Option<&str> = None;
    let mut flags = mount_flags(at)?;
    mount(Some(at), MOUNT_POINT, none, MsFlags::MS_BIND, none)?;
    if read_only {
        flags |= MsFlags::MS_RDONLY | MsFlags::MS_NOATIME | MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
        mount(none, MOUNT_POINT, none, flags, none)?;
    }
    Ok(())
}

/// The file system on `device`, mounted read-only with these options and seen by nobody else;
/// `subvolid=5` gives a btrfs's top level, whatever of it is mounted.
///
/// # Errors
/// ALT-406 with what the kernel said; ALT-805 where it gives no thread.
pub fn open_device(device: &Path, fstype: &str, options: &str) -> Result<OwnedFd> {
    in_own_namespace(|| {
        mount(
            Some(device),
            MOUNT_POINT,
            Some(fstype),
            MsFlags::MS_RDONLY | MsFlags::MS_NOATIME,
            Some(options),
        )
    })?
    .map_err(|e| {
        error::NO_VIEW.with_cause(format!(
            "{} ({fstype}, {options}) could not be mounted: {}",
            device.display(),
            error::text_of(&e)
        ))
    })
}

/// The mount's own restrictions, which a remount would otherwise clear (and may not, in a
/// container).
fn mount_flags(at: &Path) -> nix::Result<MsFlags> {
    let now = statvfs(at)?.flags();
    let pairs = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
    ];
    Ok(pairs.into_iter().filter(|(have, _)| now.contains(*have)).map(|(_, keep)| keep).collect())
}

fn in_own_namespace(
    mounting: impl FnOnce() -> nix::Result<()> + Send,
) -> Result<nix::Result<OwnedFd>> {
    let none: Option<&str> = None;
    let work = || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mounting()?;
        open(MOUNT_POINT, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
    };
    std::thread::scope(|s| {
        Ok(threads::start_in(s, "mount", work)?.join().unwrap_or(Err(Errno::ECANCELED)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs_calls;

    #[test]
    fn sees_what_lies_under_a_mount_point() {
        if !nix::unistd::geteuid().is_root() {
            return println!("skipped: needs root");
        }
        let before = std::fs::read("/proc/self/mountinfo").unwrap();
        let view = open_directory(Path::new("/"), true).unwrap();
        // Whatever is mounted at /proc, the root file system has another inode there.
        let below = fs_calls::stat_at(&view, c"proc").unwrap();
        let above = fs_calls::stat_fd(std::fs::File::open("/proc").unwrap()).unwrap();
        assert_ne!((below.dev, below.ino), (above.dev, above.ino));
        assert_eq!(
            fs_calls::stat_fd(&view).unwrap().ino,
            fs_calls::stat_fd(std::fs::File::open("/").unwrap()).unwrap().ino
        );
        let made = nix::sys::stat::mkdirat(&view, "altdisk-test-must-fail", Mode::S_IRWXU);
        assert_eq!(made.unwrap_err(), fs_calls::Errno::EROFS);
        assert_eq!(
            std::fs::read("/proc/self/mountinfo").unwrap(),
            before,
            "nothing is left mounted"
        );
    }
}
