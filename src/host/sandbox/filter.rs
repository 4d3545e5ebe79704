//! What the scripts of packages may not ask of the kernel that runs: a filter of system calls, seccomp(2).
//!
//! Mounting is among it: what is mounted inside could make kernel settings writable again, or (binfmt_misc) have the running kernel start programs of
//! the alternate. Programs meet EPERM, as in any container, and go on without.

use nix::errno::Errno;
use nix::libc;

/// Of the kernel's audit.h: numbers of system calls are those of this machine's own programs; a 32-bit program has others, which are not looked at.
const ARCH: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else if cfg!(target_arch = "riscv64") {
    Some(0xc000_00f3)
} else {
    None
};

const REFUSED: [libc::c_long; 19] = [
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
];

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const fn line(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// Two lines for the architecture, one for the number, one for each refused call, and the two ends.
const LINES: usize = REFUSED.len() + 5;

/// The program, made by the compiler: nothing may be allocated where it is put to use.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of system calls and lines are small")]
const fn program(arch: u32) -> [libc::sock_filter; LINES] {
    let refuse = LINES - 1;
    let mut out = [line(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW); LINES];
    out[0] = line(LOAD, 0, 0, ARCHITECTURE);
    // Another architecture goes to the line that allows.
    out[1] = line(EQUAL, 0, (refuse - 1 - 2) as u8, arch);
    out[2] = line(LOAD, 0, 0, NUMBER);
    let mut n = 0;
    while n < REFUSED.len() {
        let at = n + 3;
        out[at] = line(EQUAL, (refuse - at - 1) as u8, 0, REFUSED[n] as u32);
        n += 1;
    }
    out[refuse] = line(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
    out
}

/// From here on this process and all that it starts may not do that.
///
/// # Errors
/// What the kernel says; one that has no filters is left as it is.
///
/// # Safety
/// System calls only.
pub(super) unsafe fn no_mounts() -> std::io::Result<()> {
    let Some(arch) = ARCH else { return Ok(()) };
    let mut lines = program(arch);
    let program = libc::sock_fprog { len: LINES as libc::c_ushort, filter: lines.as_mut_ptr() };
    // SAFETY: the program lives until the call returns; the kernel copies it.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0) };
    match Errno::result(done) {
        Ok(_) | Err(Errno::EINVAL) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
