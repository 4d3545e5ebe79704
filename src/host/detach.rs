//! Leaving the session: a process that no terminal and no parent holds, and a descriptor for one
//! child alone.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;

/// Signals that a supervisor survives: the end of the machine's other processes too, so that it can
/// write down how its command took that.
const IGNORED: [libc::c_int; 3] = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM];

/// Goes on in a child of a session of its own; this process ends, so that nobody has to wait for
/// that child. Hang-up, interrupt and termination are ignored from now on. Only for a process that
/// has one thread.
///
/// # Errors
/// If the kernel makes no more processes.
pub fn detach() -> io::Result<()> {
    // SAFETY: one thread only, so that no lock is held for ever in the child; _exit and setsid are
    // async-signal-safe.
    unsafe {
        match libc::fork() {
            -1 => return Err(io::Error::last_os_error()),
            0 => {}
            _ => libc::_exit(0),
        }
        for signal in IGNORED {
            libc::signal(signal, libc::SIG_IGN);
        }
        if libc::setsid() < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// What the programs below this process leave behind becomes its child, so that it can be ended
/// with certainty.
///
/// # Errors
/// If the kernel does not know this.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

/// The program keeps descriptor `fd` if there is one (others do not get it), leads a process group,
/// and takes signals as programs do.
pub fn hand_over(command: &mut Command, fd: Option<RawFd>) {
    let prepare = move || {
        // SAFETY: plain system calls on a descriptor that is open in the child as well.
        unsafe {
            for signal in IGNORED {
                libc::signal(signal, libc::SIG_DFL);
            }
            match fd {
                Some(fd) if libc::fcntl(fd, libc::F_SETFD, 0) < 0 => {
                    Err(io::Error::last_os_error())
                }
                _ => Ok(()),
            }
        }
    };
    // SAFETY: between fork and exec the closure makes only system calls.
    unsafe { command.pre_exec(prepare) };
    command.process_group(0);
}

/// A descriptor that becomes readable when process `pid` ends; None if the kernel has none, or
/// the process is gone.
pub fn end_of(pid: i32) -> Option<std::os::fd::OwnedFd> {
    // SAFETY: the call takes two numbers; a descriptor that it returns is new and belongs to nobody
    // else.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        (fd >= 0).then(|| std::os::fd::FromRawFd::from_raw_fd(RawFd::try_from(fd).unwrap_or(-1)))
    }
}
