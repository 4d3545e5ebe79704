//! System calls that no safe crate offers. The only `unsafe` of the project, each with why it is sound.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::host::clock;

/// What this process and its programs make can be written by nobody else and read by everybody, unless it is made with another mode:
/// whatever the umask of the caller was.
pub fn fix_umask() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
}

/// Makes `command` run chrooted in `root`, in a mount namespace of its own with /proc, /sys, /dev, /run and /tmp
/// there. The namespace dies with the program, and with it every mount.
///
/// # Errors
/// If `root` holds a NUL byte.
pub fn enter_root_before_exec(command: &mut Command, root: &Path) -> Result<()> {
    let root_c = CString::new(root.as_os_str().as_bytes()).context("a path with a NUL byte")?;
    let at = |name: &str| CString::new([root.as_os_str().as_bytes(), name.as_bytes()].concat()).context("a path with a NUL byte");
    let (proc, sys, dev, run, tmp) = (at("/proc")?, at("/sys")?, at("/dev")?, at("/run")?, at("/tmp")?);
    let enter = move || -> std::io::Result<()> {
        let none: Option<&str> = None;
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(Some("proc"), proc.as_c_str(), Some("proc"), MsFlags::empty(), none)?;
        mount(Some("sysfs"), sys.as_c_str(), Some("sysfs"), MsFlags::MS_RDONLY, none)?;
        mount(Some("/dev"), dev.as_c_str(), none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
        mount(Some("/run"), run.as_c_str(), none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
        mount(Some("tmpfs"), tmp.as_c_str(), Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=1777"))?;
        nix::unistd::chroot(root_c.as_c_str())?;
        nix::unistd::chdir("/")?;
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes only system calls, on strings that were allocated before.
    unsafe { command.pre_exec(enter) };
    Ok(())
}

/// Makes the program end when this process is killed, so that nothing works on behind the back of `-X`.
pub fn die_with_parent(command: &mut Command) {
    // SAFETY: prctl(2) is a plain system call.
    let ask = || {
        if unsafe { nix::libc::prctl(nix::libc::PR_SET_PDEATHSIG, nix::libc::SIGKILL) } == 0 {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    };
    // SAFETY: between fork and exec the closure makes one system call.
    unsafe { command.pre_exec(ask) };
}

/// Seconds since the epoch, and the local time as `date` prints it in the C locale (`Tue Nov 22 14:48:12 EET 2011`).
pub fn now() -> (u64, String) {
    let secs = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    (secs, clock::shown(secs, c"%a %b %e %H:%M:%S %Z %Y"))
}
