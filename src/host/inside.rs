//! How programs run inside the alternate when packages are installed there, whose scripts take the machine that they run on for theirs.
//!
//! They have processes of their own (a PID namespace: what a script leaves behind ends with it, and everything ends with altdisk, however
//! that ends), mounts, a host name and System V IPC of their own. Inside, `/proc` shows only them, and `/proc/sys` and `/sys` cannot be
//! written; EFI variables are not there. `/dev` is made anew, with the usual nodes and the alternate's own block devices: no script can
//! write to another disk. `/run` is empty but for udev's records (so that tools recognise file systems): no socket of the running system's
//! services is there. `/tmp` is empty. Services do not start: `policy-rc.d` forbids it (Debian's invoke-rc.d(8)), `SYSTEMD_OFFLINE` tells
//! systemctl(1) the same. What could change the kernel that runs (modules, clock, reboot, network) is taken from them (capabilities(7)).
//!
//! All of it lives in the namespaces, so nothing has to be undone, except where a file must exist to be mounted on: those are
//! [`Placeholders`], which say so in their content, and which [`tidy`] finds after a kill.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{Mode, SFlag, mknod};

use super::files;
use super::resolve::resolve;

/// What programs find inside; see [`Cmd::inside`](super::cmd::Cmd::inside).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Where the alternate is mounted.
    pub root: PathBuf,
    /// The block devices that are the alternate's: the only ones that exist inside, under the same names.
    pub devices: Vec<PathBuf>,
    /// Links below /dev to them: the link, and what it holds.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Directories of the running system that are seen inside, read-only: from, and where, below [`SHOWN`].
    pub shown: Vec<(PathBuf, PathBuf)>,
    /// What resolv.conf says inside: that of the running system.
    pub resolv_conf: Option<Vec<u8>>,
}

/// Where the running system's directories are seen inside, and our own files.
pub const SHOWN: &str = "/run/altdisk";

const POLICY: &str = "/usr/sbin/policy-rc.d";
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// By these words a placeholder is known.
const MARK: &str = "made by altdisk while packages are installed; it may be removed";

/// What runs programs inside keeps of the caller's environment.
const KEPT: [&str; 8] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"];

/// capabilities(7): CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_WAKE_ALARM.
const TAKEN: [libc::c_ulong; 6] = [12, 16, 17, 22, 25, 35];

/// The nodes that every /dev has: name, major, minor, mode.
const NODES: [(&str, u64, u64, u32); 6] = [
    ("/dev/null", 1, 3, 0o666),
    ("/dev/zero", 1, 5, 0o666),
    ("/dev/full", 1, 7, 0o666),
    ("/dev/random", 1, 8, 0o666),
    ("/dev/urandom", 1, 9, 0o666),
    ("/dev/tty", 5, 0, 0o666),
];

const LINKS: [(&str, &str); 5] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
];

impl Inside {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), devices: vec![], links: vec![], shown: vec![], resolv_conf: fs::read(RESOLV_CONF).ok() }
    }

    /// Makes `command`, which names a program inside, run there.
    ///
    /// # Errors
    /// If a device of the alternate is not there, or a name holds a NUL byte.
    pub(super) fn enter_before_exec(&self, command: &mut Command) -> Result<()> {
        command.env_clear();
        command.envs(KEPT.iter().filter_map(|k| std::env::var_os(k).map(|v| (k, v))));
        command.envs([("SYSTEMD_OFFLINE", "1"), ("HOME", "/root"), ("TERM", "dumb"), ("USER", "root"), ("LOGNAME", "root")]);
        let root = text(self.root.as_os_str())?;
        let (sources, acts) = self.acts()?;
        let enter = move || enter(&root, &sources, &acts);
        // SAFETY: between fork and exec the closure makes only system calls, on memory that was filled before.
        unsafe { command.pre_exec(enter) };
        Ok(())
    }

    /// What is done in the new namespaces, after the change of root; first the directories outside that are shown inside.
    fn acts(&self) -> Result<(Vec<CString>, Vec<Act>)> {
        let mut list = Acts::default();
        list.mount("proc", "/proc", "proc", libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC, "")?;
        for at in ["/proc/sys", "/proc/sysrq-trigger"] {
            list.acts.push(Act::ReadOnly { from: text(at)?, at: text(at)? });
        }
        list.mount("sysfs", "/sys", "sysfs", libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC, "")?;
        self.dev(&mut list)?;
        self.run(&mut list)?;
        list.mount("tmpfs", "/tmp", "tmpfs", libc::MS_NOSUID | libc::MS_NODEV, "mode=1777")?;
        Ok((list.sources, list.acts))
    }

    fn dev(&self, list: &mut Acts) -> Result<()> {
        list.mount("tmpfs", "/dev", "tmpfs", libc::MS_NOSUID | libc::MS_NOEXEC, "mode=755,size=16m")?;
        for (name, major, minor, mode) in NODES {
            list.node(Path::new(name), SFlag::S_IFCHR, mode, nix::sys::stat::makedev(major, minor))?;
        }
        for (name, to) in LINKS {
            list.link(Path::new(name), Path::new(to))?;
        }
        list.directory(Path::new("/dev/pts"), 0o755)?;
        list.directory(Path::new("/dev/shm"), 0o1777)?;
        list.mount("devpts", "/dev/pts", "devpts", libc::MS_NOSUID | libc::MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")?;
        list.mount("tmpfs", "/dev/shm", "tmpfs", libc::MS_NOSUID | libc::MS_NODEV, "mode=1777")?;
        for device in &self.devices {
            let meta = fs::metadata(device).with_context(|| format!("looking at {}", device.display()))?;
            list.node(device, SFlag::S_IFBLK, 0o660, meta.rdev())?;
        }
        // device-mapper's own node: without it no tool can say which volume a file system is on.
        let control = Path::new("/dev/mapper/control");
        if let (true, Ok(meta)) = (self.devices.iter().any(|d| d.starts_with("/dev/mapper")), fs::metadata(control)) {
            list.node(control, SFlag::S_IFCHR, 0o600, meta.rdev())?;
        }
        self.links.iter().try_for_each(|(link, to)| list.link(link, to))
    }

    fn run(&self, list: &mut Acts) -> Result<()> {
        list.mount("tmpfs", "/run", "tmpfs", libc::MS_NOSUID | libc::MS_NODEV, "mode=755")?;
        list.directory(Path::new("/run/lock"), 0o1777)?;
        list.directory(Path::new(SHOWN), 0o755)?;
        let udev = Path::new("/run/udev/data");
        let records = [(udev.to_owned(), udev.to_owned())].into_iter().filter(|_| udev.is_dir());
        for (from, at) in records.chain(self.shown.iter().cloned()) {
            list.directory(&at, 0o755)?;
            list.acts.push(Act::Shown { source: list.sources.len(), at: text(at.as_os_str())? });
            list.sources.push(text(from.as_os_str())?);
        }
        let policy = Path::new(SHOWN).join("policy-rc.d");
        list.write(&policy, format!("#!/bin/sh\n# {MARK}\nexit 101\n").into_bytes(), 0o755)?;
        if is_file(&self.root, POLICY) {
            list.acts.push(Act::Bind { from: text(policy.as_os_str())?, at: text(POLICY)? });
        }
        let Some(resolv_conf) = &self.resolv_conf else { return Ok(()) };
        let ours = Path::new(SHOWN).join("resolv.conf");
        list.write(&ours, resolv_conf.clone(), 0o644)?;
        match link_into_run(&self.root) {
            // Its target is made in the new /run.
            Some(target) => list.write(&target, resolv_conf.clone(), 0o644),
            None if is_file(&self.root, RESOLV_CONF) => {
                list.acts.push(Act::Bind { from: text(ours.as_os_str())?, at: text(RESOLV_CONF)? });
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Files that must exist for the time of the run, because something is mounted on them.
#[must_use = "closing removes them and tells whether that went well"]
pub struct Placeholders {
    made: Vec<PathBuf>,
}

impl Placeholders {
    /// Makes those that are missing in the alternate.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn hold(inside: &Inside) -> Result<Self> {
        tidy(&inside.root)?;
        let mut held = Self { made: vec![] };
        if inside.root.join("usr/sbin").is_dir() && !is_file(&inside.root, POLICY) {
            held.make(&inside.root, POLICY, &format!("#!/bin/sh\n# {MARK}\nexit 101\n"), 0o755)?;
        }
        let no_resolv_conf = inside.resolv_conf.is_some() && inside.root.join("etc").is_dir();
        if no_resolv_conf && link_into_run(&inside.root).is_none() && !is_file(&inside.root, RESOLV_CONF) {
            held.make(&inside.root, RESOLV_CONF, &format!("# {MARK}\n"), 0o644)?;
        }
        Ok(held)
    }

    fn make(&mut self, root: &Path, name: &str, content: &str, mode: u32) -> Result<()> {
        let at = resolve(root, Path::new(name))?;
        if at.symlink_metadata().is_ok() {
            return Ok(()); // Not a file, and not for us to change.
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&at)?;
        self.made.push(at.clone());
        std::io::Write::write_all(&mut file, content.as_bytes()).with_context(|| format!("writing {}", at.display()))?;
        fs::set_permissions(&at, fs::Permissions::from_mode(mode)).with_context(|| format!("writing {}", at.display()))
    }

    /// # Errors
    /// Where one cannot be removed.
    pub fn close(mut self) -> Result<()> {
        std::mem::take(&mut self.made).iter().filter(|at| is_ours(at)).try_for_each(|at| files::remove(at))
    }
}

impl Drop for Placeholders {
    fn drop(&mut self) {
        // After an error; what stays is found by tidy.
        self.made.iter().filter(|at| is_ours(at)).for_each(|at| drop(files::remove(at)));
    }
}

/// Removes what a killed run left in the alternate.
///
/// # Errors
/// Where it cannot be removed.
pub fn tidy(root: &Path) -> Result<()> {
    for name in [POLICY, RESOLV_CONF] {
        let at = resolve(root, Path::new(name))?;
        if is_ours(&at) {
            files::remove(&at)?;
        }
    }
    Ok(())
}

fn is_ours(at: &Path) -> bool {
    at.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() < 4096)
        && fs::read(at).is_ok_and(|c| String::from_utf8_lossy(&c).contains(MARK))
}

fn is_file(root: &Path, name: &str) -> bool {
    resolve(root, Path::new(name)).is_ok_and(|p| p.is_file())
}

/// Where resolv.conf leads, if that is below /run: as systemd-resolved and NetworkManager have it.
fn link_into_run(root: &Path) -> Option<PathBuf> {
    let at = resolve(root, Path::new(RESOLV_CONF)).ok()?;
    let inside = Path::new("/").join(at.strip_prefix(root).ok()?);
    inside.starts_with("/run").then_some(inside)
}

/// One thing to do in the new namespaces.
#[derive(Debug)]
enum Act {
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

#[derive(Default)]
struct Acts {
    sources: Vec<CString>,
    acts: Vec<Act>,
}

impl Acts {
    fn mount(&mut self, what: &str, at: &str, kind: &str, flags: libc::c_ulong, data: &str) -> Result<()> {
        self.acts.push(Act::Mount { what: text(what)?, at: text(at)?, kind: text(kind)?, flags, data: text(data)? });
        Ok(())
    }

    /// With those above it.
    fn directory(&mut self, at: &Path, mode: u32) -> Result<()> {
        if let Some(above) = at.parent().filter(|p| p.components().count() > 2) {
            self.directory(above, 0o755)?;
        }
        self.acts.push(Act::Directory { at: text(at.as_os_str())?, mode: Mode::from_bits_truncate(mode) });
        Ok(())
    }

    fn above(&mut self, at: &Path) -> Result<()> {
        at.parent().filter(|p| p.components().count() > 2).map_or(Ok(()), |p| self.directory(p, 0o755))
    }

    fn node(&mut self, at: &Path, kind: SFlag, mode: u32, device: u64) -> Result<()> {
        self.above(at)?;
        self.acts.push(Act::Node { at: text(at.as_os_str())?, kind, mode: Mode::from_bits_truncate(mode), device });
        Ok(())
    }

    fn link(&mut self, at: &Path, to: &Path) -> Result<()> {
        self.above(at)?;
        self.acts.push(Act::Link { at: text(at.as_os_str())?, to: text(to.as_os_str())? });
        Ok(())
    }

    fn write(&mut self, at: &Path, content: Vec<u8>, mode: libc::mode_t) -> Result<()> {
        self.above(at)?;
        self.acts.push(Act::Write { at: text(at.as_os_str())?, content, mode });
        Ok(())
    }
}

fn text(s: impl AsRef<OsStr>) -> Result<CString> {
    CString::new(s.as_ref().as_bytes()).context("a name with a NUL byte")
}

fn check(result: libc::c_int) -> nix::Result<libc::c_int> {
    Errno::result(result)
}

/// The way in. Three processes come of the one: what altdisk waits for, which stays outside; the first process inside, which ends with the second, and
/// the kernel with it everything else inside; and the one that returns from here to become the program.
fn enter(root: &CStr, sources: &[CString], acts: &[Act]) -> std::io::Result<()> {
    // SAFETY: plain system calls on pointers to memory that lives as long as the closure.
    unsafe {
        check(libc::unshare(libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC))?;
        let first = check(libc::fork())?;
        if first != 0 {
            wait_for(first, false);
        }
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        let program = check(libc::fork())?;
        if program != 0 {
            wait_for(program, true);
        }
        leave_terminal();
        check(libc::mount(std::ptr::null(), c"/".as_ptr(), std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE, std::ptr::null()))?;
        libc::umask(0);
        let mut opened = [-1; 16];
        for (fd, source) in opened.iter_mut().zip(sources) {
            *fd = check(libc::open(source.as_ptr(), libc::O_PATH | libc::O_CLOEXEC))?;
        }
        check(libc::chroot(root.as_ptr()))?;
        check(libc::chdir(c"/".as_ptr()))?;
        for act in acts {
            if let Err(e) = act.run(&opened) {
                // Not as an error of exec(2), which would be taken for that of the program.
                for part in [c"altdisk could not prepare ", act.at(), c" inside the alternate: ", reason(e), c"\n"] {
                    libc::write(2, part.as_ptr().cast(), part.count_bytes());
                }
                libc::_exit(126);
            }
        }
        for capability in TAKEN {
            // One that this kernel does not know need not be taken.
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        libc::umask(0o022);
    }
    Ok(())
}

/// Forks of altdisk that only wait: they end as `child` did. `init`: also buries orphans.
///
/// # Safety
/// Only in a process that fork(2) has just made: it makes system calls only, and never returns.
unsafe fn wait_for(child: libc::pid_t, init: bool) -> ! {
    // SAFETY: system calls on our own memory, all of them async-signal-safe.
    unsafe {
        // Nothing of altdisk's stays open here, or it would wait for us.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
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
                        // The very same is mounted there already (/sys, where the root is the running system's).
                        Ok(_) | Err(Errno::EBUSY) => {}
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

#[cfg(test)]
#[path = "inside_tests.rs"]
mod tests;
