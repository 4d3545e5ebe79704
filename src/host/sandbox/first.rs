//! The first process in the sandbox: a program of a few dozen instructions, which waits for the one
//! that altdisk started there and buries orphans.
//!
//! Processes in a sandbox can name the first one (`/proc/1`). A fork of altdisk would keep
//! altdisk's memory, environment, working directory and mapped files; a program of the copy could
//! be of another system, or hostile. So it is a program of its own, made here, put into the
//! sandbox's /run and started from there: it maps nothing but itself, and has no environment, no
//! descriptor and no capability. It says that it cannot be traced (PR_SET_DUMPABLE in prctl(2))
//! before it closes the descriptor that the second process waits for.

/// Its path in the sandbox.
pub(super) const AT: &std::ffi::CStr = c"/run/altdisk/first";
/// Its name in `ps`.
pub(super) const NAME: &std::ffi::CStr = c"altdisk-sandbox";
/// The descriptor whose end tells the second process that the first is ready. Those up to it are
/// closed by the program.
pub(super) const READY: nix::libc::c_int = 3;

// prctl(PR_SET_DUMPABLE, 0); close(0 to 3); then wait4(-1) until process 2 has ended; exit as it
// did, or as a shell tells of a signal.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".pushsection .rodata.altdisk_first, \"a\"",
    ".globl altdisk_first",
    ".globl altdisk_first_end",
    "altdisk_first:",
    "mov edi, 4",
    "xor esi, esi",
    "mov eax, 157",
    "syscall",
    "xor ebx, ebx",
    "2:",
    "mov edi, ebx",
    "mov eax, 3",
    "syscall",
    "add ebx, 1",
    "cmp ebx, 4",
    "jne 2b",
    "sub rsp, 16",
    "3:",
    "mov edi, -1",
    "mov rsi, rsp",
    "xor edx, edx",
    "xor r10d, r10d",
    "mov eax, 61",
    "syscall",
    "cmp eax, 2",
    "je 4f",
    "test eax, eax",
    "jns 3b",
    "cmp eax, -4",
    "je 3b",
    "mov edi, 127",
    "jmp 6f",
    "4:",
    "mov eax, [rsp]",
    "mov edi, eax",
    "and edi, 0x7f",
    "jz 5f",
    "add edi, 128",
    "jmp 6f",
    "5:",
    "shr eax, 8",
    "movzx edi, al",
    "6:",
    "mov eax, 231",
    "syscall",
    "altdisk_first_end:",
    ".popsection",
);

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".pushsection .rodata.altdisk_first, \"a\"",
    ".balign 4",
    ".globl altdisk_first",
    ".globl altdisk_first_end",
    "altdisk_first:",
    "mov x0, #4",
    "mov x1, #0",
    "mov x8, #167",
    "svc #0",
    "mov x19, #0",
    "2:",
    "mov x0, x19",
    "mov x8, #57",
    "svc #0",
    "add x19, x19, #1",
    "cmp x19, #4",
    "b.ne 2b",
    "sub sp, sp, #16",
    "3:",
    "mov x0, #-1",
    "mov x1, sp",
    "mov x2, #0",
    "mov x3, #0",
    "mov x8, #260",
    "svc #0",
    "cmp w0, #2",
    "b.eq 4f",
    "tbz w0, #31, 3b",
    "cmn w0, #4",
    "b.eq 3b",
    "mov x0, #127",
    "b 6f",
    "4:",
    "ldr w1, [sp]",
    "and w0, w1, #0x7f",
    "cbz w0, 5f",
    "add w0, w0, #128",
    "b 6f",
    "5:",
    "ubfx w0, w1, #8, #8",
    "6:",
    "mov x8, #94",
    "svc #0",
    "altdisk_first_end:",
    ".popsection",
);

unsafe extern "C" {
    static altdisk_first: u8;
    static altdisk_first_end: u8;
}

fn instructions() -> &'static [u8] {
    let (from, to) = (&raw const altdisk_first, &raw const altdisk_first_end);
    // SAFETY: both are labels of one piece of read-only data above, the second at its end.
    unsafe { std::slice::from_raw_parts(from, to.addr() - from.addr()) }
}

/// EM_X86_64 or EM_AARCH64 of elf(5).
const MACHINE: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
const HEADER: u64 = 64;
const SEGMENT: u64 = 56;
const LOADED_AT: u64 = 0x40_0000;
const READ: u32 = 4;
const WRITE: u32 = 2;
const EXECUTE: u32 = 1;

/// The program as a file, elf(5): a header, two segments (itself; a stack that is not executable),
/// the instructions.
pub(super) fn program() -> Vec<u8> {
    let code = instructions();
    let start = HEADER + 2 * SEGMENT;
    let size = start + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for half in [2, MACHINE] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes());
    for long in [LOADED_AT + start, HEADER, 0] {
        file.extend(long.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 2, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    segment(&mut file, 1, READ | EXECUTE, [0, LOADED_AT, LOADED_AT, size, size, 0x1_0000]);
    segment(&mut file, 0x6474_e551, READ | WRITE, [0, 0, 0, 0, 0, 16]);
    file.extend(code);
    file
}

fn segment(file: &mut Vec<u8>, kind: u32, flags: u32, rest: [u64; 6]) {
    file.extend(kind.to_le_bytes());
    file.extend(flags.to_le_bytes());
    rest.iter().for_each(|n| file.extend(n.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_program_that_starts() {
        use std::os::unix::fs::OpenOptionsExt;
        let file = program();
        assert!(file.len() < 512, "{}", file.len());
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("first");
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o755)
            .open(&at)
            .unwrap();
        std::io::Write::write_all(&mut out, &file).unwrap();
        drop(out);
        // It has no children here.
        assert_eq!(std::process::Command::new(&at).status().unwrap().code(), Some(127));
    }
}
