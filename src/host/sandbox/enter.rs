//! The way into namespaces of one's own, between fork and exec: what is to be done there is made up before, as [`Acts`], and then only
//! system calls are made.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::filter;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{Mode, SFlag, mknod};

/// capabilities(7): CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_AUDIT_CONTROL, CAP_WAKE_ALARM.
const TAKEN: [libc::c_ulong; 7] = [12, 16, 17, 22, 25, 30, 35];

/// One thing to do in the new namespaces.
#[derive(Debug)]
pub(super) enum Act {
    Mount {
        what: CString,
        at: CString,
        kind: CString,
        flags: libc::c_ulong,
        data: CString,
    },
    Directory {
        at: CString,
        mode: Mode,
    },
    Node {
        at: CString,
        kind: SFlag,
        mode: Mode,
        device: u64,
    },
    Link {
        at: CString,
        to: CString,
    },
    Write {
        at: CString,
        content: Vec<u8>,
        mode: libc::mode_t,
    },
    Bind {
        from: CString,
        at: CString,
    },
    /// What is mounted there cannot be written any more.
    Sealed {
        at: CString,
    },
    /// A bind mount that cannot be written.
    ReadOnly {
        from: CString,
        at: CString,
    },
    /// The same of a directory outside: the number of the source.
    Shown {
        source: usize,
        at: CString,
    },
}

/// What is to be done, in this order; first the directories outside that are shown inside.
#[derive(Default)]
pub(super) struct Acts {
    pub sources: Vec<CString>,
    pub acts: Vec<Act>,
}

impl Acts {
    pub fn mount(&mut self, what: &str, at: &str, kind: &str, flags: libc::c_ulong, data: &str) -> Result<()> {
        self.acts.push(Act::Mount { what: text(what)?, at: text(at)?, kind: text(kind)?, flags, data: text(data)? });
        Ok(())
    }

    /// With those above it.
    pub fn directory(&mut self, at: &Path, mode: u32) -> Result<()> {
        if let Some(above) = at.parent().filter(|p| p.components().count() > 2) {
            self.directory(above, 0o755)?;
        }
        self.acts.push(Act::Directory { at: text(at.as_os_str())?, mode: Mode::from_bits_truncate(mode) });
        Ok(())
    }

    fn above(&mut self, at: &Path) -> Result<()> {
        at.parent().filter(|p| p.components().count() > 2).map_or(Ok(()), |p| self.directory(p, 0o755))
    }

    pub fn node(&mut self, at: &Path, kind: SFlag, mode: u32, device: u64) -> Result<()> {
        self.above(at)?;
        self.acts.push(Act::Node { at: text(at.as_os_str())?, kind, mode: Mode::from_bits_truncate(mode), device });
        Ok(())
    }

    pub fn link(&mut self, at: &Path, to: &Path) -> Result<()> {
        self.above(at)?;
        self.acts.push(Act::Link { at: text(at.as_os_str())?, to: text(to.as_os_str())? });
        Ok(())
    }

    pub fn write(&mut self, at: &Path, content: Vec<u8>, mode: libc::mode_t) -> Result<()> {
        self.above(at)?;
        self.acts.push(Act::Write { at: text(at.as_os_str())?, content, mode });
        Ok(())
    }
}

pub(super) fn text(s: impl AsRef<OsStr>) -> Result<CString> {
    CString::new(s.as_ref().as_bytes()).context("a name with a NUL byte")
}

fn check(result: libc::c_int) -> nix::Result<libc::c_int> {
    Errno::result(result)
}

/// Descriptor of the waiting process that shows that it lives; what lies above it is closed.
const KEPT_OPEN: libc::c_int = 3;
/// Where close_range(2) is missing, descriptors up to this one are closed.
const OLDER: libc::c_int = 65536;

/// The way in. Three processes come of the one: what altdisk waits for, which stays outside; the first process inside, which ends with the second, and
/// the kernel with it everything else inside; and the one that returns from here to become the program.
pub(super) fn enter(root: &CStr, network: bool, sources: &[CString], acts: &[Act]) -> std::io::Result<()> {
    // SAFETY: plain system calls on pointers to memory that lives as long as the closure.
    unsafe {
        let own_network = if network { 0 } else { libc::CLONE_NEWNET };
        check(libc::unshare(libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC | own_network))?;
        let mut alive = [-1; 2];
        check(libc::pipe2(alive.as_mut_ptr(), libc::O_CLOEXEC))?;
        let first = check(libc::fork())?;
        if first != 0 {
            // The pipe's end stays open as long as this process lives.
            check(libc::dup2(alive[1], KEPT_OPEN))?;
            wait_for(first, KEPT_OPEN + 1, false);
        }
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        libc::close(alive[1]);
        // Whoever waits may have been killed before the line above: then nobody would end this.
        let mut gone = libc::pollfd { fd: alive[0], events: 0, revents: 0 };
        if libc::poll(&raw mut gone, 1, 0) > 0 {
            libc::_exit(127);
        }
        libc::close(alive[0]);
        let program = check(libc::fork())?;
        if program != 0 {
            wait_for(program, 3, true);
        }
        leave_terminal();
        check(libc::mount(std::ptr::null(), c"/".as_ptr(), std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE, std::ptr::null()))?;
        libc::umask(0);
        let mut opened = [-1; 16];
        for (fd, source) in opened.iter_mut().zip(sources) {
            *fd = check(libc::open(source.as_ptr(), libc::O_PATH | libc::O_CLOEXEC))?;
        }
        check(libc::chdir(root.as_ptr()))?;
        // The running system itself as the root is for tests.
        let other = root != c"/";
        if other {
            // Old and new root at one place, pivot_root(2): `/` is the new one, the old one lies upon it until it is taken away.
            check(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) as libc::c_int)?;
            no_devices();
        }
        for act in acts {
            if let Err(e) = act.run(&opened) {
                // Not as an error of exec(2), which would be taken for that of the program.
                for part in [c"altdisk could not prepare ", act.at(), c" inside the alternate: ", reason(e), c"\n"] {
                    libc::write(2, part.as_ptr().cast(), part.count_bytes());
                }
                libc::_exit(126);
            }
        }
        if other {
            check(libc::umount2(c".".as_ptr(), libc::MNT_DETACH))?;
        }
        check(libc::chdir(c"/".as_ptr()))?;
        for capability in TAKEN {
            match check(libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0)) {
                // One that this kernel does not know need not be taken.
                Ok(_) | Err(Errno::EINVAL) => {}
                Err(e) => return Err(e.into()),
            }
        }
        libc::umask(0o022);
        filter::no_mounts()?;
    }
    Ok(())
}

/// Forks of altdisk that only wait: they end as `child` did. `init`: also buries orphans.
///
/// # Safety
/// Only in a process that fork(2) has just made: it makes system calls only, and never returns.
unsafe fn wait_for(child: libc::pid_t, first: libc::c_int, init: bool) -> ! {
    // SAFETY: system calls on our own memory, all of them async-signal-safe.
    unsafe {
        // Nothing of altdisk's stays open here, or it would wait for us.
        if libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) < 0 {
            // Linux before 5.9.
            for fd in first..OLDER {
                libc::close(fd);
            }
        }
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::signal(signal, libc::SIG_IGN);
        }
        loop {
            let mut status = 0;
            let ended = libc::waitpid(if init { -1 } else { child }, &raw mut status, 0);
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

/// Device nodes that lie in the alternate's file systems, or are made there, lead nowhere: those of /dev are the only ones. Kernels before 5.12 cannot
/// do that to a whole tree of mounts; there the scripts' good will has to do.
///
/// # Safety
/// System calls only.
unsafe fn no_devices() {
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
    unsafe {
        let size = std::mem::size_of::<Attributes>();
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, c"/".as_ptr(), RECURSIVE, &raw const attributes, size);
    }
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

/// A few words on what can go wrong here.
fn reason(e: Errno) -> &'static CStr {
    match e {
        Errno::ENOENT => c"it is not there",
        Errno::EPERM | Errno::EACCES => c"it is not permitted",
        Errno::ENOSPC | Errno::ENOMEM => c"no room",
        Errno::ENODEV => c"this kernel does not have it",
        Errno::ENOTDIR => c"it is not a directory",
        _ => c"it failed",
    }
}

impl Act {
    fn at(&self) -> &CStr {
        match self {
            Self::Mount { at, .. }
            | Self::Directory { at, .. }
            | Self::Node { at, .. }
            | Self::Link { at, .. }
            | Self::Write { at, .. }
            | Self::Bind { at, .. }
            | Self::Sealed { at }
            | Self::ReadOnly { at, .. }
            | Self::Shown { at, .. } => at,
        }
    }

    /// # Safety
    /// After fork(2): system calls only.
    unsafe fn run(&self, opened: &[libc::c_int]) -> nix::Result<()> {
        let remount = libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY;
        let none = std::ptr::null();
        // SAFETY: system calls on strings that live as long as self.
        unsafe {
            match self {
                Self::Mount { what, at, kind, flags, data } => {
                    match check(libc::mount(what.as_ptr(), at.as_ptr(), kind.as_ptr(), *flags, data.as_ptr().cast())) {
                        // /sys is there already where the root is the running system's.
                        Ok(_) => {}
                        Err(Errno::EBUSY) if at.as_c_str() == c"/sys" => {}
                        Err(e) => return Err(e),
                    }
                }
                Self::Directory { at, mode } => match check(libc::mkdir(at.as_ptr(), mode.bits())) {
                    Ok(_) | Err(Errno::EEXIST) => {}
                    Err(e) => return Err(e),
                },
                Self::Node { at, kind, mode, device } => match mknod(at.as_c_str(), *kind, *mode, *device) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(e) => return Err(e),
                },
                Self::Link { at, to } => match check(libc::symlink(to.as_ptr(), at.as_ptr())) {
                    Ok(_) | Err(Errno::EEXIST) => {}
                    Err(e) => return Err(e),
                },
                Self::Write { at, content, mode } => {
                    let fd = check(libc::open(at.as_ptr(), libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC, *mode))?;
                    let mut rest = content.as_slice();
                    while !rest.is_empty() {
                        let n = Errno::result(libc::write(fd, rest.as_ptr().cast(), rest.len()))?;
                        rest = rest.get(usize::try_from(n).unwrap_or(0)..).unwrap_or_default();
                    }
                    libc::close(fd);
                }
                Self::Bind { from, at } => {
                    check(libc::mount(from.as_ptr(), at.as_ptr(), none, libc::MS_BIND, none.cast()))?;
                }
                Self::Sealed { at } => {
                    check(libc::mount(none, at.as_ptr(), none, remount | libc::MS_NOSUID | libc::MS_NOEXEC, none.cast()))?;
                }
                Self::ReadOnly { from, at } => {
                    match check(libc::mount(from.as_ptr(), at.as_ptr(), none, libc::MS_BIND, none.cast())) {
                        // Kernels are built without the one or the other.
                        Err(Errno::ENOENT) => return Ok(()),
                        other => other?,
                    };
                    check(libc::mount(none, at.as_ptr(), none, remount, none.cast()))?;
                }
                Self::Shown { source, at } => {
                    let fd = opened.get(*source).copied().ok_or(Errno::E2BIG)?;
                    // By way of /proc, which is mounted already: the path outside cannot be named from here.
                    let mut path = *b"/proc/self/fd/\0\0\0\0";
                    let digits = [fd / 100, fd / 10 % 10, fd % 10];
                    for (to, digit) in path[14..].iter_mut().zip(digits.iter().skip_while(|d| **d == 0)) {
                        *to = b'0' + u8::try_from(*digit).unwrap_or(0);
                    }
                    check(libc::mount(path.as_ptr().cast(), at.as_ptr(), none, libc::MS_BIND, none.cast()))?;
                    check(libc::mount(none, at.as_ptr(), none, remount | libc::MS_NOSUID | libc::MS_NODEV, none.cast()))?;
                }
            }
        }
        Ok(())
    }
}
