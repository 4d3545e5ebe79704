//! How programs run inside the alternate when packages are installed there, whose scripts take the machine that they run on for theirs.
//!
//! They have processes of their own (a PID namespace: what a script leaves behind ends with it, and everything ends with altdisk, however
//! that ends), mounts, a host name and System V IPC of their own. Sandbox, `/proc` shows only them, and `/proc/sys` and `/sys` cannot be
//! written; EFI variables are not there. `/dev` is made anew, with the usual nodes and the alternate's own block devices, and nodes elsewhere lead nowhere: no script
//! writes to another disk. The running system's file systems are not there at all (pivot_root(2)), and nothing can be mounted. `/run` is empty but for udev's records (so that tools recognise file systems): no socket of the running system's
//! services is there. `/tmp` is empty. Services do not start: `policy-rc.d` forbids it (Debian's invoke-rc.d(8)), `SYSTEMD_OFFLINE` tells
//! systemctl(1) the same, and what asks neither is hidden by a program of the same name. What could change the kernel that runs (modules, clock, reboot, network) is taken from them (capabilities(7), seccomp(2)). With packages that lie in a
//! directory there is no network either.
//!
//! All of it lives in the namespaces, so nothing has to be undone, except where a file must exist to be mounted on: those are
//! [`Placeholders`], which say so in their content, and which [`tidy`] finds after a kill.
#![allow(unsafe_code)]

mod enter;
mod filter;

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::libc;
use nix::sys::stat::SFlag;

use super::files;
use super::resolve::resolve;
use enter::{Act, Acts, enter, text};

/// What programs find inside; see [`Cmd::inside`](super::cmd::Cmd::inside).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Where the alternate is mounted.
    pub root: PathBuf,
    /// The block devices that are the alternate's: the only ones that exist inside, under the same names.
    pub devices: Vec<PathBuf>,
    /// Links below /dev to them: the link, and what it holds.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Directories of the running system that are seen inside, read-only: from, and where, below [`SHOWN`].
    pub shown: Vec<(PathBuf, PathBuf)>,
    /// Whether programs reach the network. Without it they have one of their own with nothing in it: a script that updates a database at
    /// 127.0.0.1 must not find that of the running system.
    pub network: bool,
    /// Directories inside that are laid over others there, for the program alone: which, and over which.
    pub laid: Vec<(PathBuf, PathBuf)>,
    /// What resolv.conf says inside: that of the running system.
    pub resolv_conf: Option<Vec<u8>>,
}

/// Where the running system's directories are seen inside, and our own files.
pub const SHOWN: &str = "/run/altdisk";

/// Programs of ours, the first in PATH: what would start services without asking policy-rc.d or looking at `SYSTEMD_OFFLINE`.
pub const PROGRAMS: &str = "/run/altdisk/bin";
const STARTERS: [&str; 3] = ["service", "start-stop-daemon", "initctl"];

const POLICY: &str = "/usr/sbin/policy-rc.d";
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// By these words a placeholder is known.
const MARK: &str = "made by altdisk while packages are installed; it may be removed";

/// What runs programs inside keeps of the caller's environment.
const KEPT: [&str; 8] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"];

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

impl Sandbox {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            devices: vec![],
            links: vec![],
            shown: vec![],
            laid: vec![],
            network: false,
            resolv_conf: fs::read(RESOLV_CONF).ok(),
        }
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
        let network = self.network;
        let enter = move || enter(&root, network, &sources, &acts);
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
        for (from, at) in &self.laid {
            list.acts.push(Act::Bind { from: text(from.as_os_str())?, at: text(at.as_os_str())? });
        }
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
        self.links.iter().try_for_each(|(link, to)| list.link(link, to))?;
        list.acts.push(Act::Sealed { at: text("/dev")? });
        Ok(())
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
        for name in STARTERS {
            let script = format!("#!/bin/sh\n# {MARK}\necho \"$0 $*: nothing is started while packages are installed\" >&2\n");
            list.write(&Path::new(PROGRAMS).join(name), script.into_bytes(), 0o755)?;
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
    pub fn hold(inside: &Sandbox) -> Result<Self> {
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
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&at).with_context(|| format!("making {}", at.display()))?;
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

#[cfg(test)]
mod tests;
