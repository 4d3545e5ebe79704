//! A second wall: Landlock, where the kernel has it. What does not lie below the sandbox's root
//! cannot be opened, whatever way (a descriptor, a link in /proc) may lead there; mounts cannot be
//! changed, processes outside not traced, signalled, or reached by abstract sockets.

use nix::errno::Errno;
use nix::libc;

/// The first version that can tell moves within the tree from others; before it, no file could be
/// moved to another directory.
const NEEDED: i64 = 2;
const ABSTRACT_SOCKETS_AND_SIGNALS: u64 = 3;
/// LANDLOCK_ACCESS_NET_BIND_TCP.
const TAKE_A_PORT: u64 = 1;

/// `struct landlock_ruleset_attr`.
#[repr(C)]
struct Ruleset {
    files: u64,
    network: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    parent: libc::c_int,
}

/// `struct landlock_net_port_attr`.
#[repr(C)]
struct Port {
    allowed: u64,
    number: u64,
}

/// The version of Landlock that this kernel has; 0: none.
pub(super) fn version() -> i64 {
    const VERSION: libc::c_int = 1;
    // SAFETY: with this flag the call reads nothing.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<Ruleset>(),
            0usize,
            VERSION,
        )
    };
    version.max(0)
}

pub(super) fn is_there() -> bool {
    version() >= NEEDED
}

/// Everything that this version can forbid for files.
const fn files(version: i64) -> u64 {
    match version {
        ..3 => 0x3fff,
        3 | 4 => 0x7fff,
        _ => 0xffff,
    }
}

/// From here on this process and all that it starts see only what lies below its root. `shared`: the
/// network is the running system's, and no port of it may be taken, which another service could
/// want. A kernel without Landlock is left as it is.
///
/// # Errors
/// The kernel's.
///
/// # Safety
/// System calls only; the process must have given up new privileges.
pub(super) unsafe fn confine(shared: bool) -> nix::Result<()> {
    let version = version();
    if version < NEEDED {
        return Ok(());
    }
    let scoped = if version >= 6 { ABSTRACT_SOCKETS_AND_SIGNALS } else { 0 };
    let network = if shared && version >= 4 { TAKE_A_PORT } else { 0 };
    let ruleset = Ruleset { files: files(version), network, scoped };
    // Older kernels refuse a structure that is longer than theirs.
    let members = match version {
        6.. => 3,
        4.. => 2,
        _ => 1,
    };
    let size = members * std::mem::size_of::<u64>();
    // SAFETY: system calls on structures that live until they return.
    unsafe {
        let rules = Errno::result(libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const ruleset,
            size,
            0,
        ))?;
        let root = Errno::result(libc::open(
            c"/".as_ptr(),
            libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC,
        ))?;
        let beneath = Beneath { allowed: ruleset.files, parent: root };
        const PATH_BENEATH: libc::c_int = 1;
        Errno::result(libc::syscall(
            libc::SYS_landlock_add_rule,
            rules,
            PATH_BENEATH,
            &raw const beneath,
            0,
        ))?;
        if network != 0 {
            // Any port that is free is everybody's.
            let port = Port { allowed: TAKE_A_PORT, number: 0 };
            const NET_PORT: libc::c_int = 2;
            let add = libc::SYS_landlock_add_rule;
            Errno::result(libc::syscall(add, rules, NET_PORT, &raw const port, 0))?;
        }
        Errno::result(libc::syscall(libc::SYS_landlock_restrict_self, rules, 0))?;
        libc::close(root);
        libc::syscall(libc::SYS_close, rules);
    }
    Ok(())
}
