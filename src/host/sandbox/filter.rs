//! The system calls that programs in the sandbox may make: an allow list, `calls.txt`, as a filter
//! for seccomp(2).
//!
//! The list is one of names; the numbers of every architecture that the kernel runs (a 64-bit
//! kernel runs 32-bit programs too, and any program can make their system calls: `int 0x80`) come
//! from the crate `syscalls`, which is generated from the kernel's tables. seccompiler and
//! libseccomp were looked at: the first knows no 32-bit architecture and ends what comes from
//! another, the second is a C library that has to be on the machine that altdisk is built on.
//!
//! The numbers are looked up by bisection: some ten comparisons a call, also on kernels that do not
//! remember what a filter allows.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::libc;

use super::rules::{self, Rule, answer, jump, load};

const LIST: &str = include_str!("calls.txt");

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// The filter's answer to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Fails(Errno),
    Ruled(Rule),
}

/// The tables of one architecture, as audit.h numbers it.
struct Architecture {
    audit: u32,
    number: fn(&str) -> Option<u32>,
    /// Every number that has a name.
    known: fn() -> Vec<u32>,
    /// Calls that are in no table: ARM's cacheflush and set_tls.
    more: &'static [u32],
}

macro_rules! architecture {
    ($module:ident, $audit:expr, $more:expr) => {
        Architecture {
            audit: $audit,
            number: |name| {
                syscalls::$module::Sysno::from_str(name)
                    .ok()
                    .and_then(|s| u32::try_from(s.id()).ok())
            },
            known: || {
                let last = u32::try_from(syscalls::$module::Sysno::last().id()).unwrap_or(0);
                (0..=last)
                    .filter(|n| syscalls::$module::Sysno::new(*n as usize).is_some())
                    .collect()
            },
            more: $more,
        }
    };
}

/// The machine's own architecture first, then the one of its 32-bit programs. x32 has the numbers
/// of x86_64 with a bit that no entry has.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURES: [Architecture; 2] =
    [architecture!(x86_64, 0xc000_003e, &[]), architecture!(x86, 0x4000_0003, &[])];
#[cfg(target_arch = "aarch64")]
const ARCHITECTURES: [Architecture; 2] = [
    architecture!(aarch64, 0xc000_00b7, &[]),
    architecture!(arm, 0x4000_0028, &[0xf_0002, 0xf_0005]),
];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!(
    "the numbers of system calls of this architecture have to be added to ARCHITECTURES, and its program to first.rs"
);

/// The words of the list: names, and what follows `=`.
fn words(list: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let lines = list.lines().filter(|l| !l.starts_with('#'));
    lines
        .flat_map(str::split_whitespace)
        .map(|w| w.split_once('=').map_or((w, None), |(name, rule)| (name, Some(rule))))
}

fn verdict(rule: Option<&str>) -> Verdict {
    match rule {
        None => Verdict::Allowed,
        Some("ENOSYS") => Verdict::Fails(Errno::ENOSYS),
        // One that is not known allows nothing; a test looks for those.
        Some(name) => Rule::from_name(name).map_or(Verdict::Fails(Errno::EPERM), Verdict::Ruled),
    }
}

/// The verdict on each call of an architecture: the first numbers of ranges, and what applies from
/// there on.
fn ranges(list: &str, architecture: &Architecture) -> Vec<(u32, Verdict)> {
    let mut all: BTreeMap<u32, Verdict> =
        (architecture.known)().into_iter().map(|n| (n, Verdict::Fails(Errno::EPERM))).collect();
    all.extend(
        words(list).filter_map(|(name, rule)| Some(((architecture.number)(name)?, verdict(rule)))),
    );
    all.extend(architecture.more.iter().map(|n| (*n, Verdict::Allowed)));
    let mut ranges = vec![];
    let mut next = 0;
    for (number, verdict) in all {
        if number > next {
            ranges.push((next, Verdict::Fails(Errno::ENOSYS)));
        }
        ranges.push((number, verdict));
        next = number + 1;
    }
    ranges.push((next, Verdict::Fails(Errno::ENOSYS)));
    ranges.dedup_by_key(|(_, verdict)| *verdict);
    ranges
}

/// Bisection; each end of it returns.
fn search(ranges: &[(u32, Verdict)], volumes: bool) -> Vec<libc::sock_filter> {
    match ranges {
        [] => vec![answer(libc::SECCOMP_RET_ERRNO | Errno::ENOSYS as u32)],
        [(_, verdict)] => match verdict {
            Verdict::Allowed => vec![answer(libc::SECCOMP_RET_ALLOW)],
            Verdict::Fails(e) => vec![answer(libc::SECCOMP_RET_ERRNO | *e as u32)],
            Verdict::Ruled(rule) => rule.program(volumes),
        },
        _ => {
            let (below, above) = ranges.split_at(ranges.len() / 2);
            let below = search(below, volumes);
            let far = u32::try_from(below.len()).unwrap_or(u32::MAX);
            let mut all = vec![
                rules::line(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, above[0].0),
                jump(far),
            ];
            all.extend(below);
            all.extend(search(above, volumes));
            all
        }
    }
}

fn program(volumes: bool) -> Vec<libc::sock_filter> {
    let mut all = vec![load(ARCHITECTURE)];
    for architecture in ARCHITECTURES {
        let part = search(&ranges(LIST, &architecture), volumes);
        let far = u32::try_from(part.len() + 1).unwrap_or(u32::MAX);
        all.extend([
            rules::line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, architecture.audit),
            jump(far),
            load(NUMBER),
        ]);
        all.extend(part);
    }
    all.push(answer(libc::SECCOMP_RET_ERRNO | Errno::ENOSYS as u32));
    all
}

/// The filter; `volumes`: device-mapper may be asked, as programs must where the copy lies on
/// logical volumes.
pub(super) fn lines(volumes: bool) -> &'static [libc::sock_filter] {
    static PLAIN: OnceLock<Vec<libc::sock_filter>> = OnceLock::new();
    static VOLUMES: OnceLock<Vec<libc::sock_filter>> = OnceLock::new();
    (if volumes { &VOLUMES } else { &PLAIN }).get_or_init(|| program(volumes))
}

/// True if this kernel has filters. One that has none says EINVAL, any other looks for the program
/// that is not there (prctl(2)).
pub(super) fn is_there() -> bool {
    let none = std::ptr::null::<libc::sock_fprog>();
    // SAFETY: nothing is read or changed through a null pointer.
    let asked = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, none, 0, 0) };
    Errno::result(asked) != Err(Errno::EINVAL)
}

/// From here on this process and all that it starts may do only that. A kernel that has no filters
/// is left as it is, and the preview says so.
///
/// # Errors
/// The kernel's.
///
/// # Safety
/// System calls only.
pub(super) unsafe fn confine(lines: &'static [libc::sock_filter]) -> nix::Result<()> {
    if !is_there() {
        return Ok(());
    }
    let len = libc::c_ushort::try_from(lines.len()).map_err(|_| Errno::E2BIG)?;
    let program = libc::sock_fprog { len, filter: lines.as_ptr().cast_mut() };
    // SAFETY: the program lives until the call returns; the kernel copies it and does not write to
    // it.
    let done = unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0)
    };
    Errno::result(done).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The filter's answer to a call: the machine of bpf(4) as far as filters use it.
    fn run(lines: &[libc::sock_filter], arch: u32, number: u32, args: [u32; 3]) -> u32 {
        let (mut at, mut a) = (0usize, 0u32);
        loop {
            let l = lines[at];
            at += 1;
            let hit = |yes: bool| usize::from(if yes { l.jt } else { l.jf });
            match u32::from(l.code) {
                c if c == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    a = match l.k {
                        0 => number,
                        4 => arch,
                        k => {
                            args.get((k as usize - 16) / 8).copied().unwrap_or(0)
                                * u32::from(k % 8 == 0)
                        }
                    }
                }
                c if c == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => a &= l.k,
                c if c == libc::BPF_JMP | libc::BPF_JA => at += l.k as usize,
                c if c == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => at += hit(a == l.k),
                c if c == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => at += hit(a >= l.k),
                c if c == libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K => at += hit(a & l.k != 0),
                c if c == libc::BPF_RET | libc::BPF_K => return l.k,
                c => panic!("{c:#x}"),
            }
        }
    }

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    fn fails(e: Errno) -> u32 {
        libc::SECCOMP_RET_ERRNO | e as u32
    }

    fn call(volumes: bool, which: usize, name: &str, args: [u32; 3]) -> u32 {
        let a = &ARCHITECTURES[which];
        run(lines(volumes), a.audit, (a.number)(name).unwrap_or_else(|| panic!("{name}")), args)
    }

    #[test]
    fn every_word_of_the_list_means_something() {
        let tables: [fn(&str) -> bool; 4] = [
            |n| syscalls::x86_64::Sysno::from_str(n).is_ok(),
            |n| syscalls::x86::Sysno::from_str(n).is_ok(),
            |n| syscalls::aarch64::Sysno::from_str(n).is_ok(),
            |n| syscalls::arm::Sysno::from_str(n).is_ok(),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for (name, rule) in words(LIST) {
            assert!(tables.iter().any(|t| t(name)), "{name} is no system call");
            assert!(seen.insert(name), "{name} stands there twice");
            assert!(
                rule.is_none_or(|r| r == "ENOSYS" || Rule::from_name(r).is_some()),
                "{name}={rule:?}"
            );
        }
    }

    #[test]
    fn both_architectures_are_held_by_the_same_list() {
        for which in [0, 1] {
            for name in ["read", "openat", "execve", "mknod", "rt_sigaction", "seccomp", "setxattr"]
            {
                assert_eq!(call(false, which, name, [0; 3]), ALLOW, "{name} {which}");
            }
            for name in [
                "mount",
                "umount2",
                "open_tree",
                "move_mount",
                "fsopen",
                "mount_setattr",
                "pivot_root",
                "setns",
                "bpf",
                "perf_event_open",
                "ptrace",
                "process_vm_readv",
                "pidfd_getfd",
                "open_by_handle_at",
                "acct",
                "syslog",
                "swapon",
                "quotactl",
                "reboot",
                "kexec_load",
                "init_module",
                "io_uring_setup",
                "userfaultfd",
                "fanotify_init",
                "settimeofday",
                "sethostname",
                "kcmp",
                "modify_ldt",
                "iopl",
            ] {
                assert_eq!(call(false, which, name, [0; 3]), fails(Errno::EPERM), "{name} {which}");
            }
            for name in ["clone3", "keyctl", "add_key", "request_key"] {
                assert_eq!(
                    call(false, which, name, [0; 3]),
                    fails(Errno::ENOSYS),
                    "{name} {which}"
                );
            }
        }
        let native = ARCHITECTURES[0].audit;
        for (arch, number) in
            [(native, 5000), (native, 0x4000_0000), (native, u32::MAX), (0xc000_0015, 1), (0, 0)]
        {
            assert_eq!(
                run(lines(false), arch, number, [0; 3]),
                fails(Errno::ENOSYS),
                "{arch:#x} {number:#x}"
            );
        }
    }

    #[test]
    fn arguments_are_looked_at() {
        let refused = fails(Errno::EPERM);
        for (name, args, want) in [
            ("clone", [libc::SIGCHLD as u32, 0, 0], ALLOW),
            ("clone", [libc::CLONE_NEWUSER as u32, 0, 0], refused),
            ("clone", [libc::CLONE_NEWNS as u32 | libc::CLONE_VM as u32, 0, 0], refused),
            ("unshare", [libc::CLONE_FILES as u32, 0, 0], ALLOW),
            ("unshare", [libc::CLONE_NEWNET as u32, 0, 0], refused),
            ("unshare", [0x80, 0, 0], refused),
            ("unshare", [libc::CLONE_FS as u32 | libc::CLONE_SYSVSEM as u32, 0, 0], ALLOW),
            // UNSHARE_EMPTY_MNTNS, which is newer than this list.
            ("unshare", [0x0010_0000, 0, 0], refused),
            ("socket", [libc::AF_UNIX as u32, 1, 0], ALLOW),
            ("socket", [libc::AF_INET6 as u32, 1, 0], ALLOW),
            ("socket", [libc::AF_INET as u32, 2, 17], ALLOW),
            ("socket", [libc::AF_INET as u32, 1, 132], fails(Errno::EPROTONOSUPPORT)),
            ("socket", [libc::AF_INET6 as u32, 6, 33], fails(Errno::EPROTONOSUPPORT)),
            ("socket", [libc::AF_INET6 as u32, 1, 262], fails(Errno::EPROTONOSUPPORT)),
            ("socket", [libc::AF_NETLINK as u32, 3, 0], ALLOW),
            ("socket", [libc::AF_NETLINK as u32, 3, 9], fails(Errno::EPROTONOSUPPORT)),
            ("socket", [libc::AF_VSOCK as u32, 1, 0], fails(Errno::EAFNOSUPPORT)),
            ("socket", [libc::AF_PACKET as u32, 3, 0], fails(Errno::EAFNOSUPPORT)),
            ("socketpair", [libc::AF_UNIX as u32, 1, 0], ALLOW),
            ("socketpair", [libc::AF_TIPC as u32, 1, 0], fails(Errno::EAFNOSUPPORT)),
            ("personality", [0, 0, 0], ALLOW),
            ("personality", [u32::MAX, 0, 0], ALLOW),
            ("personality", [0x0040_0000, 0, 0], fails(Errno::EPERM)),
            ("ioctl", [0, 0x5401, 0], ALLOW),
            ("ioctl", [0, 0x5412, 0], refused),
            ("ioctl", [0, 0x541c, 0], refused),
            ("ioctl", [0, 0x4008_6602, 0], ALLOW),
            // A disk's size, on both architectures; attributes of files.
            ("ioctl", [0, 0x8008_1272, 0], ALLOW),
            ("ioctl", [0, 0x8004_1272, 0], ALLOW),
            ("ioctl", [0, 0x1268, 0], ALLOW),
            ("ioctl", [0, 0x401c_5820, 0], ALLOW),
            ("ioctl", [0, 0x4004_9409, 0], ALLOW),
            ("ioctl", [0, 0x8008_6601, 0], ALLOW),
            ("ioctl", [0, 0x5000_940e, 0], ALLOW),
            // XFS_IOC_OPEN_BY_HANDLE, BTRFS_IOC_TREE_SEARCH, BTRFS_IOC_ADD_DEV,
            // FS_IOC_REMOVE_ENCRYPTION_KEY, FS_IOC_ADD_ENCRYPTION_KEY.
            ("ioctl", [0, 0x4048_586b, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0xd000_9411, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x5000_940a, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0xc040_6618, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0xc050_6617, 0], fails(Errno::ENOTTY)),
            // FIFREEZE, FITRIM, shutdown of ext4 and XFS; BLKPG, BLKRRPART, BLKROSET, BLKRASET,
            // BLKTRACESETUP, BLKTRACESTART, BLKDISCARD; STOP_ARRAY; HDIO_DRIVE_CMD.
            ("ioctl", [0, 0xc004_5877, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0xc018_5879, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x8004_587d, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x1269, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x125f, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x125d, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x1262, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0xc048_1273, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x1274, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x1277, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x0932, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x031f, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0x2285, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0xc048_4e41, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0xc138_fd09, 0], fails(Errno::ENOTTY)),
            ("ioctl", [0, 0xc138_fd07, 0], fails(Errno::ENOTTY)),
            ("prctl", [libc::PR_SET_NAME as u32, 0, 0], ALLOW),
            ("prctl", [libc::PR_SET_MM as u32, 0, 0], fails(Errno::EINVAL)),
            ("prctl", [62, 0, 0], fails(Errno::EINVAL)),
            ("madvise", [0, 0, libc::MADV_DONTNEED as u32], ALLOW),
            ("madvise", [0, 0, 100], refused),
            ("madvise", [0, 0, 101], refused),
            ("ioprio_set", [1, 0, 3 << 13], ALLOW),
            ("ioprio_set", [1, 0, 1 << 13 | 4], refused),
            ("setrlimit", [libc::RLIMIT_CORE, 0, 0], libc::SECCOMP_RET_ERRNO),
            ("setrlimit", [libc::RLIMIT_NOFILE, 0, 0], ALLOW),
            ("prlimit64", [0, libc::RLIMIT_CORE, 0], ALLOW),
            ("prlimit64", [0, libc::RLIMIT_CORE, 1], libc::SECCOMP_RET_ERRNO),
        ] {
            for which in [0, 1] {
                assert_eq!(call(false, which, name, args), want, "{name} {args:x?} {which}");
            }
        }
        // Where there are logical volumes, device-mapper may be asked; nothing can be changed, and
        // no table with its keys read.
        for (command, want) in [
            (0x00, ALLOW),
            (0x02, ALLOW),
            (0x07, ALLOW),
            (0x0b, ALLOW),
            (0x03, fails(Errno::ENOTTY)),
            (0x09, fails(Errno::ENOTTY)),
            (0x0c, fails(Errno::ENOTTY)),
        ] {
            assert_eq!(call(true, 0, "ioctl", [0, 0xc138_fd00 | command, 0]), want, "{command:#x}");
        }
        #[cfg(target_arch = "x86_64")]
        for (kind, want) in
            [(1, fails(Errno::EAFNOSUPPORT)), (8, fails(Errno::EAFNOSUPPORT)), (9, ALLOW)]
        {
            assert_eq!(call(false, 1, "socketcall", [kind, 0, 0]), want);
        }
    }

    #[test]
    fn it_is_short_enough_for_the_kernel() {
        assert!(lines(true).len() < 4096, "{}", lines(true).len());
        println!("{} lines", lines(true).len());
    }
}
