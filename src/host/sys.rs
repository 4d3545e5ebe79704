//! System calls that no safe crate offers. The only `unsafe` of the project, each with why it is
//! sound.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::host::clock;

/// Files that this process and its programs make can be written by nobody else and read by
/// everybody, unless they are made with another mode: whatever the umask of the caller was.
pub fn fix_umask() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
}

/// Makes the program end when this process is killed, so that nothing works on behind the back of
/// `-X`.
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

/// Seconds since the epoch, and the local time as `date` prints it in the C locale (`Tue Nov 22
/// 14:48:12 EET 2011`).
pub fn now() -> (u64, String) {
    let secs = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    (secs, clock::shown(secs, c"%a %b %e %H:%M:%S %Z %Y"))
}
