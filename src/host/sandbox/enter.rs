//! Entering the sandbox, between fork and exec: everything is prepared before, as a [`Setup`], and
//! then only system calls are made.

use std::ffi::{CStr, CString};

use nix::errno::Errno;
use nix::libc;

use super::setup::{SetupStep, check, reason};
use super::{filter, first, landlock, limits};

/// A directory outside that is shown inside, read-only: what it is, and the directories below /run
/// that lead there, each with those above it.
#[derive(Debug)]
pub(super) struct SharedDirectory {
    pub from: CString,
    pub at: Vec<CString>,
}

/// Everything that entering the sandbox needs.
#[derive(Debug)]
pub(super) struct Setup {
    pub root: CString,
    pub network: bool,
    /// The copy lies on logical volumes.
    pub volumes: bool,
    pub shown: Vec<SharedDirectory>,
    /// The mounts below the root, as seen inside, with their flags.
    pub mounts: Vec<(CString, libc::c_ulong)>,
    pub steps: Vec<SetupStep>,
    pub filter: &'static [libc::sock_filter],
    /// Where the first process writes to enter its control group.
    pub members: Option<libc::c_int>,
}

/// Descriptor of the waiting process that shows that it lives; what lies above it is closed.
const ALIVE_FD: libc::c_int = 3;
/// Where close_range(2) is missing, descriptors up to this one are closed.
const OLDER: libc::c_int = 65536;
const CLOSE_ON_EXEC: libc::c_uint = 4;

/// Three processes come of the one: what altdisk waits for, which stays outside; the first process
/// inside, which becomes a program of its own ([`first`]), ends with the second, and the kernel
/// with it everything else inside; and the one that returns from here to become the program.
pub(super) fn enter(setup: &Setup) -> std::io::Result<()> {
    // SAFETY: system calls on memory that lives as long as the closure.
    unsafe {
        let own_network = if setup.network { 0 } else { libc::CLONE_NEWNET };
        check(libc::unshare(
            libc::CLONE_NEWPID
                | libc::CLONE_NEWNS
                | libc::CLONE_NEWUTS
                | libc::CLONE_NEWIPC
                | own_network,
        ))?;
        let mut alive = [-1; 2];
        check(libc::pipe2(alive.as_mut_ptr(), libc::O_CLOEXEC))?;
        let first = check(libc::fork())?;
        if first != 0 {
            // The pipe's end stays open as long as this process lives.
            check(libc::dup2(alive[1], ALIVE_FD))?;
            wait_for(first);
        }
        must(c"follow its parent into", check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)));
        libc::close(alive[1]);
        // Whoever waits may have been killed before the line above: then nobody would end this.
        let mut gone = libc::pollfd { fd: alive[0], events: 0, revents: 0 };
        if libc::poll(&raw mut gone, 1, 0) > 0 {
            libc::_exit(127);
        }
        libc::close(alive[0]);
        leave_terminal();
        join_group(setup.members);
        // A keyring of this sandbox's own instead of the one of whoever started altdisk; some
        // kernels have none.
        const JOIN_SESSION_KEYRING: libc::c_int = 1;
        libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>());
        change_root(setup);
        libc::umask(0);
        for step in &setup.steps {
            if let Err(e) = step.run() {
                stop(c"altdisk could not prepare ", step.at(), c" in the sandbox: ", e);
            }
        }
        must(c"go to the top of", check(libc::chdir(c"/".as_ptr())));
        must(c"replace what is open in", no_file_from_outside());
        libc::umask(0o022);
        must(c"set limits in", limits::resources());
        must(c"give up capabilities in", limits::capabilities(setup.volumes));
        must(c"confine files of", landlock::confine(setup.network));
        must(c"filter system calls of", filter::confine(setup.filter));
        let mut ready = [-1; 2];
        must(c"make a pipe in", check(libc::pipe2(ready.as_mut_ptr(), libc::O_CLOEXEC)));
        let program = check(libc::fork());
        must(c"start a process in", program);
        if program != Ok(0) {
            become_first(ready[1]);
        }
        libc::close(ready[1]);
        // The first process is a program of its own, and cannot be looked into, before anything of
        // the copy runs.
        let mut none = 0u8;
        while libc::read(ready[0], (&raw mut none).cast(), 1) < 0 && Errno::last() == Errno::EINTR {
        }
        close_on_exec();
    }
    Ok(())
}

/// # Safety
/// System calls only, in a process that fork(2) has made.
unsafe fn join_group(members: Option<libc::c_int>) {
    // SAFETY: system calls on constants.
    unsafe {
        if let Some(fd) = members {
            must(
                c"enter the control group of",
                check(libc::c_int::from(libc::write(fd, c"0".as_ptr().cast(), 1) == 1) - 1),
            );
            // The group is the top one as seen from inside; kernels before 4.6 show it as it is.
            libc::unshare(libc::CLONE_NEWCGROUP);
        }
    }
}

/// Makes the copy's root the root, with nothing else mounted, but for what is to be shown of the
/// running system. Nothing is looked up by a path that the copy decides on while the old root is
/// still there: links in the copy could lead to it (`/..` does, as long as it lies upon the new
/// one).
///
/// # Safety
/// System calls only, in a process that fork(2) has made.
unsafe fn change_root(setup: &Setup) {
    let (none, bind) = (std::ptr::null::<libc::c_char>(), libc::MS_BIND);
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: system calls on strings that live as long as `setup`.
    unsafe {
        must(
            c"keep mounts in",
            check(libc::mount(
                none,
                c"/".as_ptr(),
                none,
                libc::MS_REC | libc::MS_PRIVATE,
                none.cast(),
            )),
        );
        let root = must(c"open the root of", check(libc::open(setup.root.as_ptr(), flags)));
        let directory = |at: libc::c_int, name: &CStr| {
            must(c"open a directory for", check(libc::openat(at, name.as_ptr(), flags)))
        };
        let enter = |fd: libc::c_int| must(c"go to a directory of", check(libc::fchdir(fd)));
        let under = directory(root, c"run");
        enter(under);
        let plain = libc::MS_NOSUID | libc::MS_NODEV;
        must(
            c"make /run of",
            check(libc::mount(
                c"tmpfs".as_ptr(),
                c".".as_ptr(),
                c"tmpfs".as_ptr(),
                plain,
                c"mode=755".as_ptr().cast(),
            )),
        );
        let run = directory(root, c"run");
        for shown in &setup.shown {
            let source = must(
                c"open what is shown in",
                check(libc::open(
                    shown.from.as_ptr(),
                    libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC,
                )),
            );
            for at in &shown.at {
                match check(libc::mkdirat(run, at.as_ptr(), 0o755)) {
                    Ok(_) | Err(Errno::EEXIST) => {}
                    Err(e) => stop(c"altdisk could not make ", at, c" in the sandbox: ", e),
                }
            }
            let at = shown.at.last().map_or(c".", |at| at.as_c_str());
            let target = directory(run, at);
            enter(target);
            must(
                c"show a directory in",
                check(libc::mount(
                    descriptor(source).as_ptr().cast(),
                    c".".as_ptr(),
                    none,
                    bind,
                    none.cast(),
                )),
            );
            let mounted = directory(run, at);
            enter(mounted);
            let remount = bind | libc::MS_REMOUNT | libc::MS_RDONLY | plain;
            must(
                c"protect what is shown in",
                check(libc::mount(none, c".".as_ptr(), none, remount, none.cast())),
            );
            for fd in [source, target, mounted] {
                libc::close(fd);
            }
        }
        enter(root);
        for fd in [under, run, root] {
            libc::close(fd);
        }
        // The running system itself as the root is for tests.
        if setup.root.as_c_str() == c"/" {
            return;
        }
        // Old and new root at one place, pivot_root(2): `/` is the new one, the old one lies upon
        // it until it is taken away.
        must(
            c"change to the root of",
            check(
                libc::c_int::try_from(libc::syscall(
                    libc::SYS_pivot_root,
                    c".".as_ptr(),
                    c".".as_ptr(),
                ))
                .unwrap_or(-1),
            ),
        );
        must(c"leave the old root for", check(libc::umount2(c".".as_ptr(), libc::MNT_DETACH)));
        must(c"go to the top of", check(libc::chdir(c"/".as_ptr())));
        must(c"close device nodes of", no_devices(&setup.mounts));
    }
}

/// `/proc/self/fd/N`.
fn descriptor(fd: libc::c_int) -> [u8; 32] {
    let mut path = [0u8; 32];
    path[..14].copy_from_slice(b"/proc/self/fd/");
    let mut digits = [0u8; 10];
    let (mut rest, mut count) = (fd.unsigned_abs(), 0);
    while rest > 0 || count == 0 {
        digits[count] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        count += 1;
    }
    for (to, digit) in path[14..].iter_mut().zip(digits[..count].iter().rev()) {
        *to = *digit;
    }
    path
}

/// Goes on only where it went well; says on standard error what did not, and not as an error of
/// exec(2), which would be taken for that of the program.
fn must<T>(what: &CStr, done: nix::Result<T>) -> T {
    match done {
        Ok(done) => done,
        Err(e) => stop(c"altdisk could not ", what, c" the sandbox: ", e),
    }
}

fn stop(begin: &CStr, what: &CStr, end: &CStr, why: Errno) -> ! {
    // SAFETY: system calls on strings, in a process that fork(2) has made.
    unsafe {
        for part in [begin, what, end, reason(why), c"\n"] {
            libc::write(2, part.as_ptr().cast(), part.count_bytes());
        }
        libc::_exit(126)
    }
}

/// The first process becomes the program that waits; the kernel closes what it has open.
///
/// # Safety
/// System calls only, in a process that fork(2) has made.
unsafe fn become_first(ready: libc::c_int) -> ! {
    // SAFETY: system calls on constants.
    unsafe {
        must(c"keep a pipe of", check(libc::dup2(ready, first::READY)));
        close_from(first::READY + 1);
        ignore_signals();
        must(c"give up capabilities in", limits::no_capabilities());
        let words = [first::NAME.as_ptr(), std::ptr::null()];
        let none = [std::ptr::null::<libc::c_char>()];
        must(
            c"start the first process of",
            check(libc::execve(first::AT.as_ptr(), words.as_ptr(), none.as_ptr())),
        );
        libc::_exit(126)
    }
}

unsafe fn ignore_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: nothing is called when it comes.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Nothing of altdisk's stays open in a process that waits, or altdisk would wait for it.
unsafe fn close_from(first: libc::c_int) {
    // SAFETY: system calls on numbers.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) < 0 {
            // Linux before 5.9.
            for fd in first..OLDER {
                libc::close(fd);
            }
        }
    }
}

/// Standard input is usually the running system's `/dev/null`: whoever has it open changes its mode
/// and owner (`/proc/self/fd/0`), and no Landlock keeps root from that. So everything that is no
/// pipe becomes the sandbox's own.
///
/// # Safety
/// System calls only, in a process that fork(2) has made.
unsafe fn no_file_from_outside() -> nix::Result<()> {
    // SAFETY: system calls on memory of ours and on constants.
    unsafe {
        for fd in 0..=2 {
            let mut what = std::mem::zeroed::<libc::stat>();
            let known = libc::fstat(fd, &raw mut what) == 0;
            if known && what.st_mode & libc::S_IFMT == libc::S_IFIFO {
                continue;
            }
            let own = check(libc::open(c"/dev/null".as_ptr(), libc::O_RDWR))?;
            if own != fd {
                check(libc::dup2(own, fd))?;
                libc::close(own);
            }
        }
    }
    Ok(())
}

/// The program gets standard input, output and error, and nothing that altdisk has open or was
/// started with.
unsafe fn close_on_exec() {
    // SAFETY: system calls on numbers.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOSE_ON_EXEC) < 0 {
            // Linux before 5.11.
            for fd in 3..OLDER {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}

/// A fork of altdisk that only waits, outside: it ends as `child` did.
///
/// # Safety
/// Only in a process that fork(2) has just made: it makes system calls only, and never returns.
unsafe fn wait_for(child: libc::pid_t) -> ! {
    // SAFETY: system calls on our own memory, all of them async-signal-safe.
    unsafe {
        close_from(ALIVE_FD + 1);
        ignore_signals();
        loop {
            let mut status = 0;
            let ended = libc::waitpid(child, &raw mut status, 0);
            if ended == child && libc::WIFEXITED(status) {
                libc::_exit(libc::WEXITSTATUS(status));
            }
            if ended == child && libc::WIFSIGNALED(status) {
                libc::_exit(128 + libc::WTERMSIG(status));
            }
            if ended < 0 && Errno::last() != Errno::EINTR {
                libc::_exit(127);
            }
        }
    }
}

/// Device nodes that lie in the copy's file systems, or are made there, lead nowhere: those of /dev
/// are the only ones.
///
/// # Safety
/// System calls only.
unsafe fn no_devices(mounts: &[(CString, libc::c_ulong)]) -> nix::Result<()> {
    /// `struct mount_attr` of mount_setattr(2).
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    const NODEV: u64 = 4;
    const RECURSIVE: libc::c_int = 0x8000;
    let attributes = Attributes { set: NODEV, clear: 0, propagation: 0, user_namespace: 0 };
    // SAFETY: a system call on a structure of ours.
    let done = unsafe {
        let size = std::mem::size_of::<Attributes>();
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            c"/".as_ptr(),
            RECURSIVE,
            &raw const attributes,
            size,
        )
    };
    match Errno::result(done) {
        // Linux before 5.12: one after the other.
        // SAFETY: as here.
        Err(Errno::ENOSYS) => unsafe { each_without_devices(mounts) },
        other => other.map(drop),
    }
}

/// # Safety
/// System calls only.
pub(super) unsafe fn each_without_devices(mounts: &[(CString, libc::c_ulong)]) -> nix::Result<()> {
    let none = std::ptr::null::<libc::c_char>();
    for (at, flags) in mounts {
        let flags = flags | libc::MS_REMOUNT | libc::MS_BIND | libc::MS_NODEV;
        // SAFETY: a system call on strings that live as long as the list.
        check(unsafe { libc::mount(none, at.as_ptr(), none, flags, none.cast()) })?;
    }
    Ok(())
}

/// No script may ask on the terminal that altdisk was started from.
///
/// # Safety
/// System calls only.
unsafe fn leave_terminal() {
    // SAFETY: system calls on constants.
    unsafe {
        let tty = libc::open(c"/dev/tty".as_ptr(), libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        if tty >= 0 {
            libc::ioctl(tty, libc::TIOCNOTTY);
            libc::close(tty);
        }
    }
}
