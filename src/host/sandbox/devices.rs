//! The devices that programs in the sandbox may open, by number, wherever a node of them may lie: a
//! program for the kernel's device control of a control group (bpf(2),
//! BPF_PROG_TYPE_CGROUP_DEVICE). What is mounted without devices already keeps foreign nodes from
//! leading anywhere; this also makes a disk readable and not writable, which no mode of a node does
//! for root.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

const MKNOD: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 4;
const BLOCK: u32 = 1;
const CHARACTER: u32 = 2;
/// Numbers of pseudo-terminals.
const TERMINALS: u32 = 136;

/// One device, or all of a major number, and what may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    kind: u32,
    major: u32,
    minor: Option<u32>,
    access: u32,
}

impl Allowed {
    /// A block device.
    pub fn disk(rdev: u64, writable: bool) -> Self {
        let access = if writable { READ | WRITE } else { READ };
        Self {
            kind: BLOCK,
            major: number(nix::sys::stat::major(rdev)),
            minor: Some(number(nix::sys::stat::minor(rdev))),
            access,
        }
    }

    /// A character device, to read and write.
    pub fn character(rdev: u64) -> Self {
        Self { kind: CHARACTER, access: READ | WRITE, ..Self::disk(rdev, true) }
    }

    /// All pseudo-terminals.
    pub fn terminals() -> Self {
        Self { kind: CHARACTER, major: TERMINALS, minor: None, access: READ | WRITE }
    }
}

fn number(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// `struct bpf_insn`: code, registers, offset, number.
const fn line(code: u8, to: u8, from: u8, far: i16, k: u32) -> u64 {
    (code as u64)
        | ((to as u64) << 8)
        | ((from as u64) << 12)
        | ((far as u16 as u64) << 16)
        | ((k as u64) << 32)
}

/// Of `struct bpf_cgroup_dev_ctx`: kind and access in one word, major, minor; returns 1 where it is
/// allowed.
fn program(all: &[Allowed]) -> Vec<u64> {
    const LOAD: u8 = 0x61;
    const MOVE: u8 = 0xbf;
    const MOVE_NUMBER: u8 = 0xb7;
    const AND: u8 = 0x57;
    const SHIFT: u8 = 0x77;
    const DIFFERS: u8 = 0x55;
    const EXIT: u8 = 0x95;
    let mut out = vec![
        line(LOAD, 2, 1, 0, 0),
        line(LOAD, 5, 1, 4, 0),
        line(LOAD, 6, 1, 8, 0),
        line(MOVE, 3, 2, 0, 0),
    ];
    out.extend([line(AND, 3, 0, 0, 0xffff), line(MOVE, 4, 2, 0, 0), line(SHIFT, 4, 0, 0, 16)]);
    let yes = [line(MOVE_NUMBER, 0, 0, 0, 1), line(EXIT, 0, 0, 0, 0)];
    // Nodes may be made.
    out.push(line(DIFFERS, 4, 0, 2, MKNOD));
    out.extend(yes);
    for a in all {
        let mut tests = vec![(3, a.kind), (5, a.major)];
        tests.extend(a.minor.map(|minor| (6, minor)));
        // To what follows this device's lines: the other tests, four lines, the way out.
        let lines = i16::try_from(tests.len()).unwrap_or(0) + 5;
        out.extend(
            (0..)
                .zip(tests)
                .map(|(n, (register, wanted))| line(DIFFERS, register, 0, lines - n - 1, wanted)),
        );
        out.extend([
            line(MOVE, 7, 4, 0, 0),
            line(AND, 7, 0, 0, !a.access & 0xffff),
            line(DIFFERS, 7, 0, 2, 0),
        ]);
        out.extend(yes);
    }
    out.extend([line(MOVE_NUMBER, 0, 0, 0, 0), line(EXIT, 0, 0, 0, 0)]);
    out
}

/// From now on processes of the control group open only these.
///
/// # Errors
/// ENOSYS, EPERM, EINVAL where the kernel does not have it.
pub(super) fn restrict(group: BorrowedFd, all: &[Allowed]) -> nix::Result<()> {
    const LOAD: libc::c_int = 5;
    const ATTACH: libc::c_int = 8;
    const KIND: u64 = 15;
    const PLACE: u64 = 6;
    let lines = program(all);
    let license = c"GPL";
    let count = u64::try_from(lines.len()).unwrap_or(0);
    // `union bpf_attr`, as 64-bit words, little-endian: kind and count, lines, license.
    let mut load = [0u64; 16];
    load[..3].copy_from_slice(&[
        KIND | (count << 32),
        lines.as_ptr().expose_provenance() as u64,
        license.as_ptr().expose_provenance() as u64,
    ]);
    // SAFETY: system calls on memory that lives until they return; the descriptor is ours.
    let loaded = unsafe {
        let fd = Errno::result(libc::syscall(
            libc::SYS_bpf,
            LOAD,
            load.as_ptr(),
            std::mem::size_of_val(&load),
        ))?;
        OwnedFd::from_raw_fd(libc::c_int::try_from(fd).map_err(|_| Errno::EBADF)?)
    };
    let word = |fd: libc::c_int| u64::from(fd.unsigned_abs());
    let mut attach = [0u64; 16];
    attach[..2]
        .copy_from_slice(&[word(group.as_raw_fd()) | (word(loaded.as_raw_fd()) << 32), PLACE]);
    // SAFETY: as above; the group keeps the program.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_bpf, ATTACH, attach.as_ptr(), std::mem::size_of_val(&attach))
    })
    .map(drop)
}
