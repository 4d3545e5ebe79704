//! System calls whose arguments decide: what `calls.txt` calls a rule, as part of the filter.
//!
//! Only arguments in registers can be looked at. The kernel reads all of these as 32-bit numbers,
//! so their lower half is the whole.

use nix::errno::Errno;
use nix::libc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// clone(2) without new namespaces.
    Namespaces,
    /// unshare(2) of what is no namespace.
    NewNamespaces,
    /// socket(2) and socketpair(2) of the families that are needed: of any other the kernel would
    /// load the module.
    Families,
    /// socketcall(2), but not for new sockets and pairs of them.
    NoSocket,
    /// ioctl(2) of the kinds that files, terminals, sockets and block devices have.
    Kinds,
    /// prctl(2) about the process itself.
    Options,
    /// personality(2) without those that weaken memory protection.
    Personas,
    /// setrlimit(2) but for core files.
    Limit,
    /// The same of prlimit(2).
    ProcessLimit,
}

const NAMESPACES: u32 = 0x7e02_0000;
/// The permitted flags of unshare(2): CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD,
/// CLONE_SYSVSEM. Kernels add flags that make namespaces, so this is a list of those that make
/// none.
const NO_NAMESPACE: u32 = 0x0005_0f00;
/// SYS_SOCKET and SYS_SOCKETPAIR of linux/net.h.
const NEW_SOCKETS: [u32; 2] = [1, 8];

/// ioctl(2) commands by their second byte:
/// linux/Documentation/userspace-api/ioctl/ioctl-number.rst. Not among them: SCSI and NVMe
/// commands, device-mapper, loop, the virtual consoles.
const KINDS: [u32; 12] = [
    0x00, // sizes of blocks
    0x03, // geometry of a disk
    0x09, // RAID; to ask needs no capability, anything else CAP_SYS_ADMIN
    0x12, // block devices: size, sectors; the same holds
    0x15, // what a file system is called
    0x54, // terminals
    0x58, // XFS
    0x66, // attributes of files (chattr), extents, encryption, verity
    0x72, // attributes of FAT
    0x76, // versions of files
    0x89, // sockets
    0x94, // btrfs, and copies that share blocks
];
/// TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD: to type on a terminal, take it over, or load a driver
/// for it.
const TERMINAL_REFUSED: [u32; 4] = [0x5412, 0x541c, 0x541d, 0x5423];
/// DM_VERSION, DM_LIST_DEVICES, DM_DEV_STATUS, DM_TABLE_DEPS: which volume lies on which device.
/// Not DM_TABLE_STATUS: it tells keys.
const VOLUMES: [u32; 4] = [0xc138_fd00, 0xc138_fd02, 0xc138_fd07, 0xc138_fd0b];

/// prctl(2) options up to this one, but for the two below, and those further up.
const OPTIONS: u32 = 56;
/// PR_MCE_KILL, PR_SET_MM.
const OPTIONS_REFUSED: [u32; 2] = [33, 35];
/// PR_SET_MDWE, PR_GET_MDWE, PR_SET_VMA, PR_GET_AUXV, PR_SET_PTRACER.
const OPTIONS_MORE: [u32; 5] = [65, 66, 0x5356_4d41, 0x4155_5856, 0x5961_6d61];

/// PER_LINUX and PER_LINUX32, each also with UNAME26 or ADDR_NO_RANDOMIZE, and the question.
const PERSONAS: [u32; 7] = [0, 8, 0x2_0000, 0x2_0008, 0x4_0000, 0x4_0008, u32::MAX];

const NETLINK_ROUTE: u32 = 0;

pub(super) const fn line(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    #[expect(clippy::cast_possible_truncation, reason = "codes have 16 bits")]
    libc::sock_filter { code: code as u16, jt, jf, k }
}

pub(super) const fn load(offset: u32) -> libc::sock_filter {
    line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}

pub(super) const fn jump(far: u32) -> libc::sock_filter {
    line(libc::BPF_JMP | libc::BPF_JA, 0, 0, far)
}

pub(super) const fn answer(what: u32) -> libc::sock_filter {
    line(libc::BPF_RET | libc::BPF_K, 0, 0, what)
}

const ALLOW: libc::sock_filter = answer(libc::SECCOMP_RET_ALLOW);

fn fails(e: Errno) -> libc::sock_filter {
    answer(libc::SECCOMP_RET_ERRNO | e as u32)
}

/// The lower half of an argument; the machines that altdisk runs on are little-endian.
const fn argument(n: u32) -> libc::sock_filter {
    load(16 + 8 * n)
}

/// If what was loaded is one of these, that is the answer.
fn among(values: &[u32], then: libc::sock_filter) -> Vec<libc::sock_filter> {
    values
        .iter()
        .flat_map(|v| [line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, *v), then])
        .collect()
}

/// If it has any of these bits.
fn any_of(bits: u32, then: libc::sock_filter) -> [libc::sock_filter; 2] {
    [line(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, bits), then]
}

impl Rule {
    /// The rule that `calls.txt` calls `name`.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "namespaces" => Self::Namespaces,
            "new-namespaces" => Self::NewNamespaces,
            "families" => Self::Families,
            "no-socket" => Self::NoSocket,
            "kinds" => Self::Kinds,
            "options" => Self::Options,
            "personas" => Self::Personas,
            "limit" => Self::Limit,
            "process-limit" => Self::ProcessLimit,
            _ => return None,
        })
    }

    /// The lines, which end in an answer on every path; `volumes`: device-mapper may be asked.
    pub fn program(self, volumes: bool) -> Vec<libc::sock_filter> {
        let refuse = fails(Errno::EPERM);
        // Done, as far as the program knows: a crash in the sandbox must not start the running
        // system's core dump handler (core(5): a limit of 1).
        let pretend = answer(libc::SECCOMP_RET_ERRNO);
        let mut all = vec![];
        match self {
            Self::Namespaces => {
                all.push(argument(0));
                all.extend(any_of(NAMESPACES, refuse));
                all.push(ALLOW);
            }
            Self::NewNamespaces => {
                all.push(argument(0));
                all.extend(any_of(!NO_NAMESPACE, refuse));
                all.push(ALLOW);
            }
            Self::Families => {
                all.push(argument(0));
                all.extend(among(
                    &[libc::AF_UNIX as u32, libc::AF_INET as u32, libc::AF_INET6 as u32],
                    ALLOW,
                ));
                all.push(line(
                    libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                    1,
                    0,
                    libc::AF_NETLINK as u32,
                ));
                all.push(fails(Errno::EAFNOSUPPORT));
                all.push(argument(2));
                all.extend(among(&[NETLINK_ROUTE], ALLOW));
                // As a kernel without the audit system says it: programs go on without.
                all.push(fails(Errno::EPROTONOSUPPORT));
            }
            Self::NoSocket => {
                all.push(argument(0));
                all.extend(among(&NEW_SOCKETS, fails(Errno::EAFNOSUPPORT)));
                all.push(ALLOW);
            }
            Self::Kinds => {
                all.push(argument(1));
                all.extend(among(&TERMINAL_REFUSED, refuse));
                if volumes {
                    all.extend(among(&VOLUMES, ALLOW));
                }
                all.push(line(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, 0xff00));
                all.extend(among(&KINDS.map(|k| k << 8), ALLOW));
                all.push(fails(Errno::ENOTTY));
            }
            Self::Options => {
                all.push(argument(0));
                all.extend(among(&OPTIONS_REFUSED, fails(Errno::EINVAL)));
                all.extend(among(&OPTIONS_MORE, ALLOW));
                all.extend([
                    line(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, OPTIONS + 1),
                    fails(Errno::EINVAL),
                    ALLOW,
                ]);
            }
            Self::Personas => {
                all.push(argument(0));
                all.extend(among(&PERSONAS, ALLOW));
                all.push(refuse);
            }
            Self::Limit => {
                all.push(argument(0));
                all.extend(among(&[libc::RLIMIT_CORE], pretend));
                all.push(ALLOW);
            }
            Self::ProcessLimit => {
                all.push(argument(1));
                all.extend([
                    line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, libc::RLIMIT_CORE),
                    ALLOW,
                ]);
                // To ask, without new limits, is allowed.
                for half in [argument(2), load(16 + 8 * 2 + 4)] {
                    all.extend([
                        half,
                        line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, 0),
                        pretend,
                    ]);
                }
                all.push(ALLOW);
            }
        }
        all
    }
}
