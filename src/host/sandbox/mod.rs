//! The sandbox: the only way to run a program of the copy. Package managers, the scripts of
//! packages, initramfs builders, GRUB's tools and whatever an image brings assume that the machine
//! they run on is theirs, and may be hostile.
//!
//! Programs find in it what is allowed; everything else does not exist, or fails:
//!
//! - Their own processes (a PID namespace: everything ends with the first process, and that ends
//!   with altdisk, however altdisk ends), mounts, host name, System V IPC, keyring, and usually
//!   their own network. The first process is a program of ours ([`first`]).
//! - The copy's file systems and nothing else (pivot_root(2)). `/dev` is new, with the usual nodes
//!   and the block devices that the task needs; device nodes elsewhere do not work. `/run` is empty
//!   except for udev's records (so that tools recognise file systems): no socket of the running
//!   system's services is there. `/tmp` is empty. `/proc` shows the sandbox's processes, is
//!   read-only, and hides what describes the running system; `/sys` is read-only too; there are no
//!   EFI variables.
//! - Some capabilities ([`limits`]), some system calls ([`filter`], `calls.txt`), some devices
//!   ([`devices`]), limited memory and processes ([`cgroup`]), and with Landlock no file outside,
//!   however it may be reached ([`landlock`]).
//! - Services do not start: `policy-rc.d` forbids it (Debian's invoke-rc.d(8)), `SYSTEMD_OFFLINE`
//!   makes systemctl(1) skip it, and programs that respect neither are replaced by scripts of the
//!   same name.
//!
//! There is no user namespace. With root mapped to root, files of root outside belong to root
//! inside all the same; with root mapped to another user, every file of the copy would need a
//! mapped mount, which not every file system supports. In both cases chattr and device nodes do not
//! work, file capabilities are written in another form, and some kernels do not have it or forbid
//! it.
//!
//! Everything is in the namespaces, so nothing has to be undone, except that a file must exist to
//! be mounted on: those files are [`placeholders`](super::placeholders), recognised by their
//! content and removed after a crash. [`missing`] lists what this kernel does not support.
#![allow(unsafe_code)]

mod cgroup;
mod devices;
mod enter;
mod filter;
mod first;
mod landlock;
mod limits;
mod rules;
mod setup;
mod support;

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
pub use cgroup::Cgroup;
use devices::Allowed;
use enter::{Setup, SharedDirectory, enter};
use setup::{SetupStep, SetupSteps, text};
pub use support::missing;

/// A description of the sandbox; see [`Cmd::in_sandbox`](super::cmd::Cmd::in_sandbox).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// The directory at which the alternate is mounted.
    pub root: PathBuf,
    /// Block devices of the copy: the only ones that exist inside, under the same names.
    pub devices: Vec<PathBuf>,
    /// Those of them that may be written. Without control groups (see [`missing`]) root can write
    /// all of them.
    pub writable: Vec<PathBuf>,
    /// Links below /dev to them: the link, and what it holds.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Directories of the running system that are visible in the sandbox, read-only: from, and
    /// where, below [`SHARED_DIR`].
    pub shared: Vec<(PathBuf, PathBuf)>,
    /// True if programs reach the network. Without it they have one of their own with nothing in
    /// it: a script that updates a database at 127.0.0.1 must not find that of the running system.
    pub network: bool,
    /// Directories in the sandbox that are mounted over others there, for this program only: which,
    /// and over which.
    pub overlays: Vec<(PathBuf, PathBuf)>,
    /// Files in the sandbox that are hidden behind /dev/null.
    pub hidden: Vec<PathBuf>,
    /// The content of resolv.conf inside: that of the running system.
    pub resolv_conf: Option<Vec<u8>>,
}

/// Where directories of the running system are visible in the sandbox, and our own files.
pub const SHARED_DIR: &str = "/run/altdisk";

/// Programs of ours, the first in PATH: they replace programs that would start services without
/// regard to policy-rc.d and `SYSTEMD_OFFLINE`.
pub const PROGRAMS: &str = "/run/altdisk/bin";
const STARTERS: [&str; 3] = ["service", "start-stop-daemon", "initctl"];

/// Variables of the caller's environment for programs that fetch packages. No other program gets
/// them, because they may hold passwords.
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

/// Files of /proc and /sys that describe the running system and its machine, and that no package
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
    /// A sandbox in the copy at `root`, with no devices and no network.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            devices: vec![],
            writable: vec![],
            links: vec![],
            shared: vec![],
            overlays: vec![],
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
        let mut setup = self.setup()?;
        setup.members = group.as_ref().map(Cgroup::members);
        // SAFETY: between fork and exec the closure makes only system calls, on memory that was
        // filled before.
        unsafe { command.pre_exec(move || enter(&setup)) };
        Ok(group)
    }

    /// True if the copy lies on logical volumes: then programs must be able to ask device-mapper.
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

    fn setup(&self) -> Result<Setup> {
        let udev = (PathBuf::from("/run/udev/data"), PathBuf::from("/run/udev/data"));
        let shown = std::iter::once(&udev).filter(|(from, _)| from.is_dir()).chain(&self.shared);
        let shown = shown
            .map(|(from, at)| Ok(SharedDirectory { from: text(from)?, at: below_run(at)? }))
            .collect::<Result<_>>()?;
        Ok(Setup {
            root: text(&self.root)?,
            network: self.network,
            volumes: self.volumes(),
            shown,
            mounts: mounted(&self.root, &mountinfo::mounted()?)?,
            steps: self.setup_steps()?,
            filter: filter::lines(self.volumes()),
            members: None,
        })
    }

    /// The steps in the new mount namespace, after the change of root.
    fn setup_steps(&self) -> Result<Vec<SetupStep>> {
        let mut list = SetupSteps::default();
        let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        list.mount("proc", "/proc", "proc", flags, "")?;
        list.mount("sysfs", "/sys", "sysfs", flags, "")?;
        self.dev(&mut list)?;
        self.run(&mut list)?;
        for at in HIDDEN.into_iter().map(Path::new).chain(self.hidden.iter().map(PathBuf::as_path))
        {
            list.0.push(SetupStep::Hide { at: text(at)? });
        }
        for (from, at) in &self.overlays {
            list.0.push(SetupStep::Bind { from: text(from)?, at: text(at)? });
        }
        list.mount("tmpfs", "/tmp", "tmpfs", libc::MS_NOSUID | libc::MS_NODEV, "mode=1777")?;
        Ok(list.0)
    }

    fn dev(&self, list: &mut SetupSteps) -> Result<()> {
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
        list.0.push(SetupStep::MakeReadOnly { at: text("/dev")? });
        Ok(())
    }

    fn run(&self, list: &mut SetupSteps) -> Result<()> {
        list.directory(Path::new("/run/lock"), 0o1777)?;
        list.directory(Path::new(SHARED_DIR), 0o755)?;
        list.write(
            Path::new(std::ffi::OsStr::from_bytes(first::AT.to_bytes())),
            first::program(),
            0o755,
        )?;
        let swaps = Path::new(SHARED_DIR).join("swaps");
        list.write(&swaps, SWAPS.into(), 0o444)?;
        list.0.push(SetupStep::Bind { from: text(&swaps)?, at: text("/proc/swaps")? });
        let policy = Path::new(SHARED_DIR).join("policy-rc.d");
        list.write(&policy, format!("#!/bin/sh\n# {MARK}\nexit 101\n").into_bytes(), 0o755)?;
        if is_file(&self.root, POLICY) {
            list.0.push(SetupStep::Bind { from: text(&policy)?, at: text(POLICY)? });
        }
        for name in STARTERS {
            let script = format!(
                "#!/bin/sh\n# {MARK}\necho \"$0 $*: nothing is started while packages are installed\" >&2\n"
            );
            list.write(&Path::new(PROGRAMS).join(name), script.into_bytes(), 0o755)?;
        }
        let Some(resolv_conf) = &self.resolv_conf else { return Ok(()) };
        let ours = Path::new(SHARED_DIR).join("resolv.conf");
        list.write(&ours, resolv_conf.clone(), 0o644)?;
        match link_into_run(&self.root) {
            // Its target is made in the new /run.
            Some(target) => list.write(&target, resolv_conf.clone(), 0o644),
            None if is_file(&self.root, RESOLV_CONF) => {
                list.0.push(SetupStep::Bind { from: text(&ours)?, at: text(RESOLV_CONF)? });
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

/// The mounts at `root` and below it, as seen from there, with their flags of mount(2).
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
