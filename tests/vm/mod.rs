//! A whole machine in QEMU: disks of a known layout, boots with jobs, transcripts.
//!
//! A [`Lab`] is the directory of one scenario: copies of the layout's disks, blank disks, and the
//! NVRAM, which is kept from boot to boot. [`Lab::boot`] starts a machine with some of the disks
//! and a *job disk*: a tar with the program under test and one script for each step. Each boot of
//! the guest runs the next step (`guest/altdisk-job`); after a good one the machine reboots into
//! whatever its firmware and boot loader choose, after the last or a bad one it powers off. What a
//! step prints comes back over a serial line of its own.
//!
//! The machine is emulated in software: KVM is not to be had everywhere, and where it is, guests
//! are known to hang under it in nested machines.
#[path = "watchdog.rs"]
mod watchdog;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use watchdog::Watchdog;

/// The source machines that `layout.sh` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    BiosExt4,
    BiosMbrLvm,
    UefiLvm,
    UefiBtrfs,
}

impl Layout {
    fn name(self) -> &'static str {
        match self {
            Self::BiosExt4 => "bios-ext4",
            Self::BiosMbrLvm => "bios-mbr-lvm",
            Self::UefiLvm => "uefi-lvm",
            Self::UefiBtrfs => "uefi-btrfs",
        }
    }

    pub fn uefi(self) -> bool {
        matches!(self, Self::UefiLvm | Self::UefiBtrfs)
    }
}

/// How many machines run at once; `ALTDISK_VM_JOBS` changes it. Emulated guests mostly use one core
/// each.
fn slots() -> usize {
    std::env::var("ALTDISK_VM_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(2)
}

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

struct Slot;

impl Slot {
    fn take() -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        while *running >= slots() {
            running = ENDED.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        *running += 1;
        Self
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

/// A QEMU process that does not outlive its owner.
struct Qemu(Child);

impl Drop for Qemu {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What one boot (or one after another, by reboots) printed.
pub struct Transcript {
    pub what: String,
    /// What the steps printed, with their markers.
    pub job: String,
    /// The first serial line: loader, kernel, system.
    pub console: String,
    /// The guest had to be killed because its time was over.
    pub timed_out: bool,
    /// The emulator stopped dead: nothing is known of the guest.
    pub stalled: bool,
}

impl Transcript {
    /// Whether step `n` ended well.
    pub fn passed(&self, n: u32) -> bool {
        self.job.contains(&format!("--- step {n} ended, rc=0,"))
    }

    /// Fails the test, with what was printed, unless all of the steps 1 to `steps` ended well.
    pub fn expect(&self, steps: u32) -> &Self {
        for n in 1..=steps {
            // Lines with escape sequences are the loader's menu.
            let tail = |text: &str, lines: usize| {
                let all: Vec<&str> = text.lines().filter(|line| !line.contains('\x1b')).collect();
                all[all.len().saturating_sub(lines)..].join("\n")
            };
            assert!(
                self.passed(n),
                "{}: step {n} {}\n===== job =====\n{}\n===== console =====\n{}",
                self.what,
                if self.timed_out { "did not end in time" } else { "failed" },
                tail(&self.job, 150),
                tail(&self.console, 40),
            );
        }
        self
    }
}

/// When the power is cut: `after` the first appearance of `marker` in what the job prints.
pub struct Cut<'a> {
    pub marker: &'a str,
    pub after: Duration,
}

/// The directory of one scenario.
pub struct Lab {
    dir: PathBuf,
    name: String,
    uefi: bool,
    boots: u32,
    /// Where the first serial line ends while somebody sits at it.
    line: Option<PathBuf>,
    /// Packages that each step finds in /run/job/updates.
    updates: Option<PathBuf>,
    gave_up: Arc<AtomicBool>,
}

impl Lab {
    /// A fresh directory with `source` and `data`, copies of the layout's disks, which are made
    /// first if need be.
    pub fn new(name: &str, layout: Layout) -> Self {
        let lab = Self::empty(name, layout.uefi());
        let made = run(Command::new(here().join("layout.sh")).arg(layout.name()));
        let images = PathBuf::from(made.lines().last().unwrap());
        lab.adopt(&images.join("source.img"), "source").adopt(&images.join("data.img"), "data");
        lab
    }

    /// A fresh directory without disks.
    pub fn empty(name: &str, uefi: bool) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vm").join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let lab = Self {
            dir,
            name: name.to_owned(),
            uefi,
            boots: 0,
            line: None,
            updates: None,
            gave_up: Arc::default(),
        };
        lab.forget_boot_list();
        lab
    }

    /// Each step finds in /run/job/updates what is newer than the guest's packages; made first if
    /// need be.
    pub fn bring_updates(&mut self) -> &Self {
        self.updates =
            run(&mut Command::new(here().join("updates.sh"))).lines().last().map(PathBuf::from);
        self
    }

    /// Copies an image from elsewhere.
    pub fn adopt(&self, image: &Path, disk: &str) -> &Self {
        sparse_copy(image, &self.disk(disk));
        self
    }

    /// The image of a disk.
    pub fn disk(&self, disk: &str) -> PathBuf {
        self.dir.join(format!("{disk}.img"))
    }

    /// A new empty disk.
    pub fn blank(&self, disk: &str, mib: u64) -> &Self {
        File::create(self.disk(disk)).unwrap().set_len(mib << 20).unwrap();
        self
    }

    /// A disk as it is now, under another name.
    pub fn snapshot(&self, disk: &str, copy: &str) -> &Self {
        sparse_copy(&self.disk(disk), &self.disk(copy));
        self
    }

    pub fn checksum(&self, disk: &str) -> String {
        run(Command::new("sha256sum").arg(self.disk(disk)))[..64].to_owned()
    }

    /// Puts an empty NVRAM in: the firmware of another machine.
    pub fn forget_boot_list(&self) {
        if self.uefi {
            fs::copy(firmware("VARS"), self.dir.join("nvram.fd")).unwrap();
        }
    }

    /// Boots with `disks` (the first is the firmware's first, and /dev/vda) and runs `steps`, each
    /// in a boot of its own.
    pub fn boot(&mut self, disks: &[&str], steps: &[&str], minutes: u64) -> Transcript {
        self.run(disks, steps, minutes, None)
    }

    /// As [`Lab::boot`], with somebody at the first serial line: `person` gets the socket that it
    /// ends in. The machine is turned off when the person gives up.
    pub fn boot_with(
        &mut self,
        disks: &[&str],
        steps: &[&str],
        minutes: u64,
        person: impl FnOnce(&Path) -> Result<(), String> + Send,
    ) -> (Transcript, Result<(), String>) {
        let socket = self.dir.join("line");
        let _ = fs::remove_file(&socket);
        self.line = Some(socket.clone());
        let gave_up = Arc::clone(&self.gave_up);
        let both = std::thread::scope(|scope| {
            let person =
                scope.spawn(|| person(&socket).inspect_err(|_| gave_up.store(true, Relaxed)));
            (self.run(disks, steps, minutes, None), person.join().unwrap())
        });
        self.line = None;
        both
    }

    /// As [`Lab::boot`] with one step, but the power is cut.
    pub fn boot_and_cut(
        &mut self,
        disks: &[&str],
        step: &str,
        minutes: u64,
        cut: &Cut<'_>,
    ) -> Transcript {
        self.run(disks, &[step], minutes, Some(cut))
    }

    fn run(
        &mut self,
        disks: &[&str],
        steps: &[&str],
        minutes: u64,
        cut: Option<&Cut<'_>>,
    ) -> Transcript {
        let _slot = Slot::take();
        self.boots += 1;
        let job = self.job_disk(steps);
        let log = self.dir.join(format!("boot-{}.job.log", self.boots));
        let console = self.dir.join(format!("boot-{}.console.log", self.boots));
        let begun = Instant::now();
        let mut qemu = Qemu(self.command(disks, &job, &console, &log).spawn().unwrap());
        // For hangs only: on a busy machine a guest takes three times as long.
        let limit = Duration::from_secs(3 * minutes * 60);
        let mut cut_at: Option<Instant> = None;
        let mut timed_out = false;
        let mut watchdog = Watchdog::new(qemu.0.id(), &[&log, &console]);
        while qemu.0.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(200));
            if let Some(cut) = cut {
                match cut_at {
                    Some(at) if Instant::now() >= at => break,
                    None if text(&log).contains(cut.marker) => {
                        cut_at = Some(Instant::now() + cut.after)
                    }
                    _ => {}
                }
            }
            if watchdog.has_stopped() || self.gave_up.load(Relaxed) {
                break;
            }
            if begun.elapsed() > limit {
                timed_out = true;
                break;
            }
        }
        drop(qemu);
        let what = format!("{} boot {} with {}", self.name, self.boots, disks.join("+"));
        println!("{what}: {} s", begun.elapsed().as_secs());
        Transcript {
            what,
            job: text(&log),
            console: text(&console),
            timed_out,
            stalled: watchdog.has_stopped(),
        }
    }

    /// The machine. Without `bootindex` OVMF keeps to the boot order in its NVRAM; SeaBIOS needs it
    /// to know the first disk.
    fn command(&self, disks: &[&str], job: &Path, console: &Path, log: &Path) -> Command {
        // A test that is killed takes its machine along.
        let mut qemu = Command::new("setpriv");
        qemu.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        // Measured: this processor runs a guest twice as fast as `max`, and two machines with one
        // core each do nearly twice the work of one with two cores. cx16 in the emulation of QEMU
        // 7.2 makes newer kernels die.
        qemu.args([
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "qemu64,-cx16",
            "-smp",
            "1",
            "-m",
            "1024",
        ]);
        qemu.args(["-display", "none", "-vga", "none", "-net", "none", "-monitor", "none"]);
        if self.uefi {
            let pflash = |unit: u8, file: &Path, more: &str| {
                format!("if=pflash,format=raw,unit={unit},file={}{more}", file.display())
            };
            qemu.args(["-drive", &pflash(0, &firmware("CODE"), ",readonly=on")]);
            qemu.args(["-drive", &pflash(1, &self.dir.join("nvram.fd"), "")]);
        }
        let mut n = 0;
        let mut attach = |file: &Path, serial: &str| {
            n += 1;
            let index = if self.uefi { String::new() } else { format!(",bootindex={n}") };
            qemu.args([
                "-drive",
                &format!("if=none,id=disk{n},format=raw,cache=unsafe,file={}", file.display()),
            ]);
            qemu.args(["-device", &format!("virtio-blk-pci,drive=disk{n},serial={serial}{index}")]);
        };
        for disk in disks {
            attach(&self.disk(disk), disk);
        }
        attach(job, "job");
        match &self.line {
            None => qemu.args(["-serial", &format!("file:{}", console.display())]),
            Some(socket) => {
                let line = format!(
                    "socket,id=line,path={},server=on,wait=off,logfile={}",
                    socket.display(),
                    console.display()
                );
                qemu.args(["-chardev", &line, "-serial", "chardev:line"])
            }
        };
        qemu.args(["-serial", &format!("file:{}", log.display())]);
        qemu.stdin(Stdio::null()).stdout(Stdio::null());
        qemu
    }

    /// A tar with the program, the helpers and the steps, and a free last sector for the number of
    /// the step that runs.
    fn job_disk(&self, steps: &[&str]) -> PathBuf {
        let dir = self.dir.join("job");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        run(Command::new("strip").arg("-o").arg(dir.join("altdisk")).arg(program()));
        std::os::unix::fs::symlink("altdisk", dir.join("alt_disk_install")).unwrap();
        fs::copy(here().join("job/lib.sh"), dir.join("lib.sh")).unwrap();
        if let Some(updates) = &self.updates {
            run(Command::new("cp").arg("-r").arg(updates).arg(dir.join("updates")));
        }
        for (n, step) in steps.iter().enumerate() {
            fs::write(dir.join(format!("step-{}", n + 1)), format!(". ./lib.sh\n{step}\nfinish\n"))
                .unwrap();
        }
        let image = self.dir.join("job.img");
        run(Command::new("tar").arg("-cf").arg(&image).arg("-C").arg(&dir).arg("."));
        let size = fs::metadata(&image).unwrap().len();
        File::options().write(true).open(&image).unwrap().set_len((size + 4096) & !511).unwrap();
        image
    }
}

/// What a failed scenario leaves can be looked at; a good one leaves nothing.
impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The program under test: `ALTDISK_VM_PROGRAM` names another build, for example an optimised one,
/// with which emulated guests are quicker.
fn program() -> PathBuf {
    std::env::var_os("ALTDISK_VM_PROGRAM")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_altdisk")), PathBuf::from)
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm")
}

/// OVMF's part `CODE` or `VARS`.
fn firmware(part: &str) -> PathBuf {
    PathBuf::from(format!("/usr/share/OVMF/OVMF_{part}_4M.fd"))
}

fn text(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

fn sparse_copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("--sparse=always").arg(from).arg(to));
}

/// A disk with an ext4 of `mib` MiB that holds `root.tar.zst`: the root of the guests, as
/// debootstrap and base.sh made it, with a kernel.
pub fn root_tarball(disk: &Path, mib: u64) {
    let base = run(&mut Command::new(here().join("base.sh")));
    let root = PathBuf::from(base.lines().last().unwrap()).join("root");
    let line = r#"set -eo pipefail; mkdir "$1.d"; tar --numeric-owner --xattrs --acls -C "$0" -cf - . | zstd -qc -1 -T0 >"$1.d/root.tar.zst"
        rm -f "$1"; mkfs.ext4 -q -d "$1.d" "$1" "$2"; rm -r "$1.d""#;
    run(Command::new("bash")
        .args(["-c", line])
        .args([root.as_path(), disk])
        .arg(format!("{mib}M")));
}

/// Runs a program of the test's own; returns what it printed.
fn run(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", done.status);
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Which machines to run: `ALTDISK_VM=none` (the default), `some` or `all`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    None,
    Some,
    All,
}

/// Why scenarios of this kind cannot or shall not run here, if so.
pub fn skipped(kind: Extent) -> Option<String> {
    let wanted = match std::env::var("ALTDISK_VM").as_deref() {
        Ok("all") => Extent::All,
        Ok("some") => Extent::Some,
        _ => Extent::None,
    };
    if wanted < kind {
        return Some(format!(
            "ALTDISK_VM={} asks for it",
            if kind == Extent::All { "all" } else { "some" }
        ));
    }
    let until = std::env::var("ALTDISK_VM_UNTIL")
        .ok()
        .and_then(|s| s.parse().ok())
        .map(Duration::from_secs);
    if until.is_some_and(|end| std::time::UNIX_EPOCH.elapsed().is_ok_and(|now| now > end)) {
        return Some("there was no time left for this machine".into());
    }
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root".into());
    }
    let missing: Vec<&str> = [
        "qemu-system-x86_64",
        "debootstrap",
        "mcopy",
        "lvm",
        "mkfs.xfs",
        "mkfs.btrfs",
        "mkfs.vfat",
        "strip",
    ]
    .into_iter()
    .filter(|program| {
        !["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
            .iter()
            .any(|dir| Path::new(dir).join(program).exists())
    })
    .collect();
    if !missing.is_empty() {
        return Some(format!("{} not installed", missing.join(", ")));
    }
    (!firmware("CODE").exists()).then(|| "OVMF not installed".into())
}
