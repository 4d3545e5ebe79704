//! A machine in a namespace: a small Debian on loop devices, in which the program under test clones
//! "the running system" at native speed.
//!
//! `machine.sh` says how it is made. The program sees `/` on a loop device and takes that disk for
//! rootvg; nothing in it knows of the test. Targets are loop devices on files in the machine's
//! /var/lib/altdisk/practice, as `altdisk practice` makes them. Disks of a machine that is off can
//! be looked at, checksummed, and booted in QEMU.
#![allow(dead_code, clippy::panic)] // each test program that includes it uses a part

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One at a time in a test program: they share the kernel's loop devices, and each sees those of
/// the other.
static ONE: Mutex<()> = Mutex::new(());

/// One at a time among test programs too: another checkout may be tested on this host.
fn lock_host() -> fs::File {
    let cache = std::env::var_os("ALTDISK_TEST_CACHE")
        .map_or_else(|| PathBuf::from("/var/cache/altdisk-tests"), PathBuf::from);
    fs::create_dir_all(&cache).unwrap();
    let lock =
        fs::OpenOptions::new().create(true).append(true).open(cache.join("machines.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// `None`: by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A machine that is on; it goes off, and leaves no device and no mount, when dropped.
pub struct Machine {
    dir: PathBuf,
    on: bool,
    // The last field: fields are dropped in order, and the locks go after everything else.
    _locks: (fs::File, MutexGuard<'static, ()>),
}

impl Machine {
    /// Makes one of layout `parts` (GPT with /boot, /, /home and swap) or `plain` (ext4 on the bare
    /// disk), with the program installed, and turns it on.
    pub fn new(name: &str, layout: &str) -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let host = lock_host();
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("machine").join(name);
        let _ = script(&["off", dir.to_str().unwrap()]).status();
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let mut machine = Self { dir: dir.canonicalize().unwrap(), on: false, _locks: (host, one) };
        machine.script("make", &[layout]);
        machine.power_on();
        let program = machine.root().join("usr/local/sbin/altdisk");
        assert!(
            Command::new("strip")
                .arg("-o")
                .arg(&program)
                .arg(env!("CARGO_BIN_EXE_altdisk"))
                .status()
                .unwrap()
                .success()
        );
        std::os::unix::fs::symlink(
            "altdisk",
            machine.root().join("usr/local/sbin/alt_disk_install"),
        )
        .unwrap();
        machine
    }

    pub fn power_on(&mut self) {
        self.script("on", &[]);
        self.on = true;
    }

    /// As a power loss: all processes, mounts and loop devices go, what was written stays.
    pub fn power_off(&mut self) {
        self.script("off", &[]);
        self.on = false;
    }

    /// Runs a shell command.
    pub fn run(&self, command: &str) -> Ended {
        let done = self.command(command).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: done.status.code(), stdout: text(&done.stdout), stderr: text(&done.stderr) }
    }

    /// Runs a shell command that must succeed; returns its standard output.
    pub fn must(&self, command: &str) -> String {
        let done = self.run(command);
        assert_eq!(done.code, Some(0), "{command}\n{}\n{}", done.stdout, done.stderr);
        done.stdout
    }

    /// Starts one program (no shell syntax but quotes): the child is that program, so killing it
    /// kills just that.
    pub fn start(&self, command: &str) -> Child {
        self.command(&format!("exec {command}")).spawn().unwrap()
    }

    /// The words that run a command with whatever terminal they are started on; `MACHINE_TERM` says
    /// which kind it is.
    pub fn words(&self, command: &str) -> Vec<String> {
        let run = script(&["run", self.dir.to_str().unwrap(), command]);
        std::iter::once(run.get_program())
            .chain(run.get_args())
            .map(|w| w.to_str().unwrap().to_owned())
            .collect()
    }

    /// The command ready to run; standard output and error are pipes.
    pub fn command(&self, command: &str) -> Command {
        let mut run = script(&["run", self.dir.to_str().unwrap(), command]);
        run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        run
    }

    /// A blank practice disk (sparse, in the machine); returns its device. After
    /// [`Machine::power_off`] it must be attached again.
    pub fn blank(&self, name: &str, mib: u64) -> String {
        let file = format!("/var/lib/altdisk/practice/{name}.img");
        self.must(&format!("mkdir -p /var/lib/altdisk/practice && truncate -s {mib}M {file}"));
        self.attach(name)
    }

    /// Attaches a practice disk that exists; returns its device.
    pub fn attach(&self, name: &str) -> String {
        let device = self
            .must(&format!("losetup -f --show /var/lib/altdisk/practice/{name}.img"))
            .trim()
            .to_owned();
        // No udev and no partition scanning here: what is on it already shows only so.
        self.run(&format!("partx -a {device}"));
        device
    }

    /// The device that `/` is on, as a whole disk.
    pub fn disk(&self) -> String {
        fs::read_to_string(self.dir.join("disk")).unwrap().trim().to_owned()
    }

    /// The image of the machine's own disk.
    pub fn image(&self) -> PathBuf {
        self.dir.join("source.img")
    }

    /// The machine's root as seen from outside; only while it is on.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/root",
            fs::read_to_string(self.dir.join("pid")).unwrap().trim()
        ))
    }

    /// Mounts, devices, swap, and every file of /etc and /boot, as text to compare.
    pub fn state(&self) -> String {
        self.must(&format!("machine={}\n{}\nstate", self.dir.display(), include_str!("inside.sh")))
    }

    /// Everything below a directory, on its file system, as text to compare.
    pub fn manifest(&self, path: &str) -> String {
        self.must(&format!("{}\nmanifest {path}", include_str!("inside.sh")))
    }

    /// What an update of the copy must leave as it is: everything of the machine but what altdisk
    /// keeps, and `more`.
    pub fn own(&self, more: &[&str]) -> String {
        let ours = [
            "./var/lib/altdisk",
            "./var/log/altdisk",
            "./alt_inst",
            "./var/log\t",
            "./var/lib\t",
            ".\t",
            "./dev\t",
            "./proc\t",
            "./sys\t",
        ];
        let is_own = |line: &&str| !ours.iter().chain(more).any(|o| line.contains(o));
        self.manifest("/").lines().filter(is_own).map(|l| format!("{l}\n")).collect()
    }

    /// Lays what a script beside this file makes over the machine's root.
    pub fn lay_over(&self, script: &str) {
        self.lay_over_in(script, "");
    }

    /// The same for a directory of the machine that is the root of a system.
    pub fn lay_over_in(&self, script: &str, below: &str) {
        let over = Command::new(beside(script)).output().unwrap();
        assert!(over.status.success(), "{over:?}");
        let over = String::from_utf8(over.stdout).unwrap();
        let copy = format!(
            "tar -C {} -c . | tar -C {} -x --keep-directory-symlink",
            over.trim(),
            self.root().join(below).display()
        );
        assert!(
            Command::new("bash")
                .args(["-euo", "pipefail", "-c", &copy])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Starts an update of a package whose script makes /root/waits and hangs, and waits until it
    /// does.
    pub fn hanging(&self, command: &str) -> Child {
        let mut run = self.start(command);
        let (end, file) =
            (Instant::now() + Duration::from_secs(60), self.root().join("alt_inst/root/waits"));
        while !file.exists() {
            if Instant::now() > end || run.try_wait().unwrap().is_some() {
                let _ = run.kill();
                panic!("the script does not run: {:?}", run.wait_with_output().unwrap());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        run
    }

    /// The disk that is attached and mounted but not part of rootvg.
    pub fn data_checksum(&self) -> String {
        let done = Command::new("sha256sum").arg(self.dir.join("data.img")).output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    fn script(&self, what: &str, args: &[&str]) {
        let done = script(&[&[what, self.dir.to_str().unwrap()], args].concat())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "machine.sh {what}: {:?} {}",
            done.status.into_raw(),
            String::from_utf8_lossy(&done.stderr)
        );
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.on {
            let _ = script(&["off", self.dir.to_str().unwrap_or_default()])
                .stdin(Stdio::null())
                .status();
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// A script beside this file.
pub fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine").join(name)
}

/// It ended with this code, and said these words.
pub fn said(ended: &Ended, code: i32, words: &[&str]) {
    let text = format!("{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
}

/// [`Machine::own`] before and after.
pub fn same(before: &str, after: &str) {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let other: Vec<&&str> = a
        .iter()
        .filter(|l| !b.contains(l))
        .chain(b.iter().filter(|l| !a.contains(l)))
        .take(20)
        .collect();
    assert!(before == after, "the machine itself changed: {other:#?}");
}

fn script(args: &[&str]) -> Command {
    let mut command = Command::new(beside("machine.sh"));
    command.args(args);
    command
}

/// Why there can be no such machine here, if so.
pub fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root".into());
    }
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    for kind in ["ext4", "xfs"] {
        let loaded = || {
            Command::new("modprobe")
                .arg(kind)
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
        };
        if !known.lines().any(|line| line.trim() == kind) && !loaded() {
            return Some(format!("the kernel has no {kind}"));
        }
    }
    if !Path::new("/dev/loop-control").exists() {
        return Some("the kernel has no loop devices".into());
    }
    let programs = ["debootstrap", "mkfs.xfs", "sfdisk", "partx", "losetup", "nsenter", "strip"];
    let absent = |program: &&str| {
        !["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
            .iter()
            .any(|dir| Path::new(dir).join(program).exists())
    };
    let absent: Vec<&str> = programs.into_iter().filter(absent).collect();
    (!absent.is_empty()).then(|| format!("{} not installed", absent.join(", ")))
}
