//! Capabilities(7) and limits of root in the sandbox.

use nix::errno::Errno;
use nix::libc;

/// The capabilities that installing software needs, with the reasons. Not among them, although most
/// containers have them: CAP_NET_RAW and CAP_LEASE, which nothing asked for, and CAP_AUDIT_WRITE:
/// records of scripts do not belong in the running system's log. CAP_DAC_READ_SEARCH is not needed
/// beside CAP_DAC_OVERRIDE, and opens files by handle, wherever they lie.
pub(super) const ALLOWED: [u32; 13] = [
    0,  // CAP_CHOWN: files of a package belong to its users
    1,  // CAP_DAC_OVERRIDE: root reads and writes what users own
    3,  // CAP_FOWNER: modes, times and attributes of files that users own
    4,  // CAP_FSETID: keeps set-user-ID bits when such a file is written
    5,  // CAP_KILL: ends processes of users, only those inside can be seen
    6,  // CAP_SETGID: su, chgrp tools, daemons that give up rights
    7,  // CAP_SETUID: the same
    8,  // CAP_SETPCAP: to give up capabilities, as setpriv and su's modules do
    9,  // CAP_LINUX_IMMUTABLE: chattr +i
    10, // CAP_NET_BIND_SERVICE: without it no program that has it as a file capability starts at all; the network is the sandbox's own and empty
    18, // CAP_SYS_CHROOT: chroots of services, and of initramfs builders
    27, // CAP_MKNOD: device nodes of chroots and initramfs images; they lead nowhere
    31, // CAP_SETFCAP: setcap; packages bring files with capabilities
];
/// CAP_SYS_ADMIN: device-mapper asks for it before it tells anything. Only where the copy lies on
/// logical volumes; what else it would open is closed by the filter of system calls.
const VOLUMES: u32 = 21;
/// Linux has numbers up to 40; those of later kernels go too.
const NUMBERS: u32 = 64;

#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Sets permitted and effective; nothing is inherited otherwise.
unsafe fn set(bits: u64) -> nix::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    let data = [bits as u32, (bits >> 32) as u32].map(|half| Data {
        effective: half,
        permitted: half,
        inheritable: 0,
    });
    // SAFETY: a system call on two structures that live until it returns.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) })
        .map(drop)
}

/// Leaves this process, and all that it starts, only what is allowed: in the bounding set, and so
/// in all others. No program gives back more (no_new_privs): set-user-ID programs included, which
/// root, who runs all of this, does not need; su and sudo only give up rights.
///
/// # Errors
/// The kernel's.
///
/// # Safety
/// System calls only.
pub(super) unsafe fn capabilities(volumes: bool) -> nix::Result<()> {
    let is_kept = |n: u32| ALLOWED.contains(&n) || (volumes && n == VOLUMES);
    let mut bits = 0u64;
    // SAFETY: system calls on numbers.
    unsafe {
        for n in 0..NUMBERS {
            if is_kept(n) {
                bits |= 1 << n;
                continue;
            }
            match Errno::result(libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(n), 0, 0, 0))
            {
                // One that this kernel does not know need not be taken.
                Ok(_) | Err(Errno::EINVAL) => {}
                Err(e) => return Err(e),
            }
        }
        // Kernels before 4.3 have none of these.
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        Errno::result(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        set(bits)
    }
}

/// For the first process: no capability at all, and root's programs do not get any back.
///
/// # Errors
/// The kernel's.
///
/// # Safety
/// System calls only.
pub(super) unsafe fn no_capabilities() -> nix::Result<()> {
    /// SECBIT_NOROOT and its lock.
    const NO_ROOT: libc::c_ulong = 3;
    // SAFETY: system calls on numbers.
    unsafe {
        Errno::result(libc::prctl(libc::PR_SET_SECUREBITS, NO_ROOT, 0, 0, 0))?;
        set(0)
    }
}

/// No real-time priorities, and no core files: of a limit of 1 core(5) says that no program of the
/// running system's is started for one. Signals that wait, timers, and messages are counted for each
/// user, and users inside are the same as outside: a small share of what the kernel gives each.
///
/// # Errors
/// The kernel's.
///
/// # Safety
/// System calls only.
pub(super) unsafe fn resources() -> nix::Result<()> {
    for (what, most) in [
        (libc::RLIMIT_RTPRIO, 0),
        (libc::RLIMIT_NICE, 0),
        (libc::RLIMIT_CORE, 1),
        (libc::RLIMIT_SIGPENDING, 4096),
        (libc::RLIMIT_MSGQUEUE, 1 << 16),
    ] {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: most };
        // SAFETY: system calls on a structure of ours.
        unsafe {
            Errno::result(libc::getrlimit(what, &raw mut limit))?;
            let most = most.min(limit.rlim_max);
            limit = libc::rlimit { rlim_cur: most, rlim_max: most };
            Errno::result(libc::setrlimit(what, &raw const limit))?;
        }
    }
    Ok(())
}
