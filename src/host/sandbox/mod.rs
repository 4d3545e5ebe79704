//! The sandbox: the one way to run a program of the copy. Package managers, the scripts of
//! packages, initramfs builders, GRUB's tools, whatever an image brings: they take the machine that
//! they run on for theirs, and may be hostile.
//!
//! What programs find there is what is allowed; everything else is not there, or fails:
//!
//! - Processes of their own (a PID namespace: what a script leaves behind ends with it, and
//!   everything ends with altdisk, however that ends), mounts, a host name, System V IPC, a
//!   keyring, and mostly a network of their own. The first process is a program of ours
//!   ([`first`]).
//! - The copy's file systems and nothing else (pivot_root(2)). `/dev` is made anew, with the usual
//!   nodes and the block devices that the task needs; nodes elsewhere lead nowhere. `/run` is empty
//!   but for udev's records (so that tools recognise file systems): no socket of the running
//!   system's services is there. `/tmp` is empty. `/proc` shows the sandbox's processes and cannot
//!   be written, what tells of the running system in it is hidden; nor can `/sys` be written; EFI
//!   variables are not there.
//! - Some capabilities ([`limits`]), some system calls ([`filter`], `calls.txt`), some devices
//!   ([`devices`]), so much memory and so many processes ([`cgroup`]), and with Landlock no file
//!   outside, however it may be reached ([`landlock`]).
//! - Services do not start: `policy-rc.d` forbids it (Debian's invoke-rc.d(8)), `SYSTEMD_OFFLINE`
//!   tells systemctl(1) the same, and what asks neither is hidden by a program of the same name.
//!
//! A user namespace is not used. With root mapped to root, what belongs to root outside belongs to
//! root inside all the same; with root mapped to another user, every file of the copy would need a
//! mapped mount, which not every file system has. In both, chattr and device nodes do not work,
//! file capabilities are written in another form, and kernels are built or configured without it.
//!
//! All of it lives in the namespaces, so nothing has to be undone, except where a file must exist
//! to be mounted on: those are [`placeholders`](super::placeholders), which say so in their
//! content, and which are found after a kill. What this kernel does not have, [`missing`] tells.
#![allow(unsafe_code)]

mod acts;
mod cgroup;
mod devices;
mod enter;
mod filter;
mod first;
mod landlock;
mod limits;
mod rules;
mod walls;

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::libc;
use nix::sys::stat::{SFlag, makedev};

use super::mountinfo;
use super::replaced_files::{MARK, POLICY, RESOLV_CONF, is_file, link_into_run};
use acts::{Act, Acts, text};
pub use cgroup::Cgroup;
use devices::Allowed;
use enter::{Shown, Way, enter};
pub use walls::missing;

/// What programs find inside; see [`Cmd::in_sandbox`](super::cmd::Cmd::in_sandbox).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Where the alternate is mounted.
    pub root: PathBuf,
    /// Block devices of the copy: the only ones that exist inside, under the same names.
    pub devices: Vec<PathBuf>,
    /// Those of them that may be written. Where control groups cannot tell (see [`missing`]) all
    /// can be, by root.
    pub writable: Vec<PathBuf>,
    /// Links below /dev to them: the link, and what it holds.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Directories of the running system that are seen inside, read-only: from, and where, below
    /// [`SHOWN`].
    pub shown: Vec<(PathBuf, PathBuf)>,
    /// Whether programs reach the network. Without it they have one of their own with nothing in
    /// it: a script that updates a database at 127.0.0.1 must not find that of the running system.
    pub network: bool,
    /// Directories inside that are laid over others there, for the program alone: which, and over
    /// which.
    pub laid: Vec<(PathBuf, PathBuf)>,
    /// Files inside that are hidden behind /dev/null.
    pub hidden: Vec<PathBuf>,
    /// What resolv.conf says inside: that of the running system.
    pub resolv_conf: Option<Vec<u8>>,
}

/// Where the running system's directories are seen inside, and our own files.
pub const SHOWN: &str = "/run/altdisk";

/// Programs of ours, the first in PATH: what would start services without asking policy-rc.d or
/// looking at `SYSTEMD_OFFLINE`.
pub const PROGRAMS: &str = "/run/altdisk/bin";
const STARTERS: [&str; 3] = ["service", "start-stop-daemon", "initctl"];

/// What programs that fetch packages keep of the caller's environment. It may hold passwords, so
/// that no others get it.
const PROXIES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
];

/// The nodes that every /dev has: name, major, minor, mode.
const NODES: [(&str, u64, u64, u32); 6] = [
    ("/dev/null", 1, 3, 0o666),
    ("/dev/zero", 1, 5, 0o666),
    ("/dev/full", 1, 7, 0o666),
    ("/dev/random", 1, 8, 0o666),
    ("/dev/urandom", 1, 9, 0o666),
    ("/dev/tty", 5, 0, 0o666),
];
/// /dev/ptmx, which devpts brings.
const TERMINALS: (u64, u64) = (5, 2);
const VOLUME_CONTROL: &str = "/dev/mapper/control";

/// What /proc and /sys tell of the running system and its machine, and nothing that is installed
/// needs. All of /proc is read-only besides.
const HIDDEN: [&str; 24] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/interrupts",
    "/proc/iomem",
    "/proc/ioports",
    "/proc/irq",
    "/proc/kcore",
    "/proc/key-users",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/pagetypeinfo",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/vmallocinfo",
    "/proc/vmcore",
    "/sys/firmware/qemu_fw_cfg",
];
/// The swap spaces in use are the running system's: an initramfs must not resume from them.
const SWAPS: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

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
            writable: vec![],
            links: vec![],
            shown: vec![],
            laid: vec![],
            hidden: vec![],
            network: false,
            resolv_conf: fs::read(RESOLV_CONF).ok(),
        }
    }

    /// Makes `command`, which names a program inside, run there. The control group, if there can be
    /// one, must live as long as the program.
    ///
    /// # Errors
    /// If a device is not there, or a name holds a NUL byte.
    pub(super) fn enter_before_exec(&self, command: &mut Command) -> Result<Option<Cgroup>> {
        command.env_clear();
        command.envs(
            PROXIES
                .iter()
                .filter(|_| self.network)
                .filter_map(|k| std::env::var_os(k).map(|v| (k, v))),
        );
        command.envs([
            ("SYSTEMD_OFFLINE", "1"),
            ("HOME", "/root"),
            ("TERM", "dumb"),
            ("USER", "root"),
            ("LOGNAME", "root"),
        ]);
        let group = Cgroup::make(&self.allowed()?);
        let mut way = self.way()?;
        way.members = group.as_ref().map(Cgroup::members);
        // SAFETY: between fork and exec the closure makes only system calls, on memory that was
        // filled before.
        unsafe { command.pre_exec(move || enter(&way)) };
        Ok(group)
    }

    /// Whether the copy lies on logical volumes: then programs must be able to ask device-mapper.
    fn volumes(&self) -> bool {
        self.devices.iter().any(|d| d.starts_with("/dev/mapper"))
    }

    fn allowed(&self) -> Result<Vec<Allowed>> {
        let disk = |d: &PathBuf| Ok(Allowed::disk(device_number(d)?, self.writable.contains(d)));
        let mut all = self.devices.iter().map(disk).collect::<Result<Vec<Allowed>>>()?;
        all.extend(
            NODES.iter().map(|(_, major, minor, _)| Allowed::character(makedev(*major, *minor))),
        );
        all.extend([Allowed::character(makedev(TERMINALS.0, TERMINALS.1)), Allowed::terminals()]);
        if self.volumes() {
            all.extend(fs::metadata(VOLUME_CONTROL).ok().map(|m| Allowed::character(m.rdev())));
        }
        Ok(all)
    }

    fn way(&self) -> Result<Way> {
        let udev = (PathBuf::from("/run/udev/data"), PathBuf::from("/run/udev/data"));
        let shown = std::iter::once(&udev).filter(|(from, _)| from.is_dir()).chain(&self.shown);
        let shown = shown
            .map(|(from, at)| Ok(Shown { from: text(from)?, at: below_run(at)? }))
            .collect::<Result<_>>()?;
        Ok(Way {
            root: text(&self.root)?,
            network: self.network,
            volumes: self.volumes(),
            shown,
            mounts: mounted(&self.root, &mountinfo::mounted()?)?,
            acts: self.acts()?,
            filter: filter::lines(self.volumes()),
            members: None,
        })
    }

    /// What is done in the new mount namespace, after the change of root.
    fn acts(&self) -> Result<Vec<Act>> {
        let mut list = Acts::default();
        let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        list.mount("proc", "/proc", "proc", flags, "")?;
        list.mount("sysfs", "/sys", "sysfs", flags, "")?;
        self.dev(&mut list)?;
        self.run(&mut list)?;
        for at in HIDDEN.into_iter().map(Path::new).chain(self.hidden.iter().map(PathBuf::as_path))
        {
            list.0.push(Act::Hidden { at: text(at)? });
        }
        for (from, at) in &self.laid {
            list.0.push(Act::Bind { from: text(from)?, at: text(at)? });
        }
        list.mount("tmpfs", "/tmp", "tmpfs", libc::MS_NOSUID | libc::MS_NODEV, "mode=1777")?;
        Ok(list.0)
    }

    fn dev(&self, list: &mut Acts) -> Result<()> {
        list.mount(
            "tmpfs",
            "/dev",
            "tmpfs",
            libc::MS_NOSUID | libc::MS_NOEXEC,
            "mode=755,size=16m",
        )?;
        for (name, major, minor, mode) in NODES {
            list.node(Path::new(name), SFlag::S_IFCHR, mode, makedev(major, minor))?;
        }
        for (name, to) in LINKS {
            list.link(Path::new(name), Path::new(to))?;
        }
        list.directory(Path::new("/dev/pts"), 0o755)?;
        list.directory(Path::new("/dev/shm"), 0o1777)?;
        list.mount(
            "devpts",
            "/dev/pts",
            "devpts",
            libc::MS_NOSUID | libc::MS_NOEXEC,
            "newinstance,ptmxmode=0666,mode=0620,gid=5",
        )?;
        list.mount("tmpfs", "/dev/shm", "tmpfs", libc::MS_NOSUID | libc::MS_NODEV, "mode=1777")?;
        for device in &self.devices {
            list.node(device, SFlag::S_IFBLK, 0o660, device_number(device)?)?;
        }
        // Without it no tool can say which volume a file system is on; the filter lets it be asked,
        // and nothing be changed.
        if let (true, Ok(meta)) = (self.volumes(), fs::metadata(VOLUME_CONTROL)) {
            list.node(Path::new(VOLUME_CONTROL), SFlag::S_IFCHR, 0o600, meta.rdev())?;
        }
        self.links.iter().try_for_each(|(link, to)| list.link(link, to))?;
        list.0.push(Act::Sealed { at: text("/dev")? });
        Ok(())
    }

    fn run(&self, list: &mut Acts) -> Result<()> {
        list.directory(Path::new("/run/lock"), 0o1777)?;
        list.directory(Path::new(SHOWN), 0o755)?;
        list.write(
            Path::new(std::ffi::OsStr::from_bytes(first::AT.to_bytes())),
            first::program(),
            0o755,
        )?;
        let swaps = Path::new(SHOWN).join("swaps");
        list.write(&swaps, SWAPS.into(), 0o444)?;
        list.0.push(Act::Bind { from: text(&swaps)?, at: text("/proc/swaps")? });
        let policy = Path::new(SHOWN).join("policy-rc.d");
        list.write(&policy, format!("#!/bin/sh\n# {MARK}\nexit 101\n").into_bytes(), 0o755)?;
        if is_file(&self.root, POLICY) {
            list.0.push(Act::Bind { from: text(&policy)?, at: text(POLICY)? });
        }
        for name in STARTERS {
            let script = format!(
                "#!/bin/sh\n# {MARK}\necho \"$0 $*: nothing is started while packages are installed\" >&2\n"
            );
            list.write(&Path::new(PROGRAMS).join(name), script.into_bytes(), 0o755)?;
        }
        let Some(resolv_conf) = &self.resolv_conf else { return Ok(()) };
        let ours = Path::new(SHOWN).join("resolv.conf");
        list.write(&ours, resolv_conf.clone(), 0o644)?;
        match link_into_run(&self.root) {
            // Its target is made in the new /run.
            Some(target) => list.write(&target, resolv_conf.clone(), 0o644),
            None if is_file(&self.root, RESOLV_CONF) => {
                list.0.push(Act::Bind { from: text(&ours)?, at: text(RESOLV_CONF)? });
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn device_number(device: &Path) -> Result<u64> {
    fs::metadata(device)
        .map(|m| m.rdev())
        .with_context(|| format!("looking at {}", device.display()))
}

/// A directory below /run with those above it, as names below /run.
fn below_run(at: &Path) -> Result<Vec<CString>> {
    let below =
        at.strip_prefix("/run").with_context(|| format!("{} is not below /run", at.display()))?;
    let mut all: Vec<&Path> = below.ancestors().filter(|p| !p.as_os_str().is_empty()).collect();
    all.reverse();
    all.into_iter().map(text).collect()
}

/// What is mounted at `root` and below it, as seen from there, with the flags of mount(2) that it
/// has.
fn mounted(root: &Path, all: &[mountinfo::Mount]) -> Result<Vec<(CString, libc::c_ulong)>> {
    let flags = |m: &mountinfo::Mount| {
        m.options.split(',').fold(0, |all, option| {
            all | match option {
                "ro" => libc::MS_RDONLY,
                "nosuid" => libc::MS_NOSUID,
                "nodev" => libc::MS_NODEV,
                "noexec" => libc::MS_NOEXEC,
                "noatime" => libc::MS_NOATIME,
                "nodiratime" => libc::MS_NODIRATIME,
                "relatime" => libc::MS_RELATIME,
                _ => 0,
            }
        })
    };
    let below = all
        .iter()
        .filter_map(|m| Some((Path::new("/").join(m.mount_point.strip_prefix(root).ok()?), m)));
    below.map(|(at, m)| Ok((text(at)?, flags(m)))).collect()
}

#[cfg(test)]
mod tests;
