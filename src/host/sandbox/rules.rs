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
    /// socket(2) and socketpair(2) of the families and protocols that are needed: of any other the
    /// kernel would load the module.
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
    /// madvise(2), but not that a page of the machine's memory is broken.
    Advice,
    /// ioprio_set(2), but not before everybody else's.
    IoPriority,
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
const KINDS: [u32; 5] = [
    0x15, // what a file system is called
    0x54, // terminals
    0x72, // attributes of FAT
    0x76, // versions of files
    0x89, // sockets
];
/// Of other kinds these commands, by the lower half, which says nothing of the argument's size. The
/// rest of these kinds freezes and shuts down file systems, takes their keys away, opens any file of
/// one (also of the running system's, whose directory of packages can be seen), traces what a disk
/// does, and changes how the kernel sees it: some of that without any capability, the rest with the
/// one that questions about logical volumes need.
#[rustfmt::skip]
const COMMANDS: [u32; 66] = [
    0x0001, 0x0002, // FIBMAP, FIGETBSZ
    0x0301, 0x030d, // HDIO_GETGEO, HDIO_GET_IDENTITY
    0x0910, 0x0911, 0x0912, 0x0915, // RAID_VERSION, GET_ARRAY_INFO, GET_DISK_INFO, GET_BITMAP_FILE
    // BLKROGET, BLKGETSIZE, BLKFLSBUF, BLKRAGET, BLKFRAGET, BLKSECTGET, BLKSSZGET
    0x125e, 0x1260, 0x1261, 0x1263, 0x1265, 0x1267, 0x1268,
    // BLKBSZGET, BLKGETSIZE64, BLKIOMIN, BLKIOOPT, BLKALIGNOFF, BLKPBSZGET, BLKDISCARDZEROES
    0x1270, 0x1272, 0x1278, 0x1279, 0x127a, 0x127b, 0x127c,
    // BLKROTATIONAL, BLKGETDISKSEQ, BLKREPORTZONE, BLKGETZONESZ, BLKGETNRZONES
    0x127e, 0x1280, 0x1282, 0x1284, 0x1285,
    // FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR; of XFS: GETXATTRA, DIOINFO, GETBMAP, geometry
    0x581f, 0x5820, 0x582d, 0x581e, 0x5826, 0x5838, 0x5864, 0x587c, 0x587e,
    // Attributes (chattr), extents, policies of encryption, verity
    0x6601, 0x6602, 0x660b, 0x6615, 0x6616, 0x6685, 0x6686, 0x6687,
    // Copies that share blocks, labels
    0x9409, 0x940d, 0x9436, 0x9431,
    // btrfs: subvolumes made, described and removed; snapshots; sync, defragmentation
    0x9401, 0x9402, 0x9408, 0x940e, 0x940f, 0x9410, 0x9412, 0x9414, 0x9416, 0x9417,
    0x9418, 0x9419, 0x941a, 0x941e, 0x941f, 0x943c, 0x943d, 0x943e,
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
/// Of the Internet's families: the usual one, ICMP (ping), TCP, UDP, ICMPv6, whatever there is
/// (IPPROTO_RAW). SCTP, DCCP, L2TP and others would be loaded.
const PROTOCOLS: [u32; 6] = [0, 1, 6, 17, 58, 255];
/// MADV_HWPOISON, MADV_SOFT_OFFLINE.
const BROKEN_MEMORY: [u32; 2] = [100, 101];
/// Class and class IOPRIO_CLASS_RT of an I/O priority.
const IO_CLASS: (u32, u32) = (0xe000, 0x2000);

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
    pub fn from_name(name: &str) -> Option<Self> {
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
            "advice" => Self::Advice,
            "io-priority" => Self::IoPriority,
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
                all.extend(among(&[libc::AF_UNIX as u32], ALLOW));
                // As a kernel without the protocol (of netlink: the audit system) says it: programs
                // go on without.
                let refused = fails(Errno::EPROTONOSUPPORT);
                for (family, protocols) in [
                    (libc::AF_INET, PROTOCOLS.as_slice()),
                    (libc::AF_INET6, &PROTOCOLS),
                    (libc::AF_NETLINK, &[NETLINK_ROUTE]),
                ] {
                    let mut part = vec![argument(2)];
                    part.extend(among(protocols, ALLOW));
                    part.push(refused);
                    let past = u8::try_from(part.len()).unwrap_or(u8::MAX);
                    let family = family as u32;
                    all.push(line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, past, family));
                    all.extend(part);
                }
                all.push(fails(Errno::EAFNOSUPPORT));
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
                all.push(line(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, 0xffff));
                all.extend(among(&COMMANDS, ALLOW));
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
            Self::Advice => {
                all.push(argument(2));
                all.extend(among(&BROKEN_MEMORY, refuse));
                all.push(ALLOW);
            }
            Self::IoPriority => {
                all.push(argument(2));
                all.push(line(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, IO_CLASS.0));
                all.extend(among(&[IO_CLASS.1], refuse));
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
