//! Disks with a GRUB each, started in QEMU (SeaBIOS); which GRUB's menu ran is read from the serial
//! line.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const ESP1: &str = "1111-2222";
pub const ESP2: &str = "ABCD-1234";
pub const BOOT1: &str = "11111111-1111-4111-8111-111111111111";
pub const BOOT2: &str = "22222222-2222-4222-8222-222222222222";

/// The tail of a Debian grub.cfg (41_custom), after a menu that says whose it is.
const MENU: &str = r#"serial --unit=0
terminal_output serial
set default=0
set timeout=0
menuentry 'own' { echo "BOOTED-@NAME@ root=$root prefix=$prefix"; halt; }
if [ -f  ${config_directory}/custom.cfg ]; then
  source ${config_directory}/custom.cfg
elif [ -z "${config_directory}" -a -f  $prefix/custom.cfg ]; then
  source $prefix/custom.cfg
fi
"#;

/// A loop device that goes away with the value.
pub struct Loop(String);

impl Loop {
    pub fn of(file: &Path) -> Option<Self> {
        let out = run("losetup", &["-f", "--show", file.to_str()?])?;
        let this = Self(out.trim().to_owned());
        run("partx", &["-u", &this.0])?;
        Some(this)
    }

    pub fn part(&self, n: u32) -> String {
        format!("{}p{n}", self.0)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        drop(run("partx", &["-d", &self.0]));
        drop(run("losetup", &["-d", &self.0]));
    }
}

pub struct Mounted(pub PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

pub fn run(program: &str, args: &[&str]) -> Option<String> {
    let out = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    if !out.status.success() {
        println!("{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        return None;
    }
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

pub fn missing() -> Option<&'static str> {
    let tools = [
        "qemu-system-x86_64",
        "grub-install",
        "losetup",
        "partx",
        "sfdisk",
        "mkfs.vfat",
        "mkfs.ext4",
    ];
    let there = |t: &str| {
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|d| Path::new(d).join(t).exists())
    };
    if let Some(tool) = tools.into_iter().find(|t| !there(t)) {
        return Some(tool);
    }
    if !Path::new("/usr/lib/grub/i386-pc/boot.img").exists() {
        return Some("grub-pc-bin");
    }
    (run("id", &["-u"])?.trim() != "0").then_some("root")
}

/// A GPT disk with BIOS boot partition, ESP and ext4 with GRUB.
pub fn disk(dir: &Path, name: &str, fat: &str, ext: &str, custom: Option<&[u8]>) -> PathBuf {
    let file = dir.join(name);
    std::fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
    let table = "label: gpt\nsize=1MiB,type=21686148-6449-6E6F-744E-656564454649\nsize=34MiB,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n\
                 type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n";
    let mut sfdisk =
        Command::new("sfdisk").arg("-q").arg(&file).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut sfdisk.stdin.take().unwrap(), table.as_bytes()).unwrap();
    assert!(sfdisk.wait().unwrap().success());
    let looped = Loop::of(&file).expect("a loop device with partitions");
    run("mkfs.vfat", &["-F", "32", "-i", &fat.replace('-', ""), &looped.part(2)]).unwrap();
    run("mkfs.ext4", &["-q", "-U", ext, &looped.part(3)]).unwrap();
    let at = dir.join(format!("{name}.mnt"));
    std::fs::create_dir(&at).unwrap();
    run("mount", &[&looped.part(3), at.to_str().unwrap()]).unwrap();
    let mounted = Mounted(at.clone());
    let boot = format!("--boot-directory={}", at.join("boot").display());
    run("grub-install", &["--target=i386-pc", &boot, &looped.0]).unwrap();
    let grub = at.join("boot/grub");
    std::fs::write(grub.join("grub.cfg"), MENU.replace("@NAME@", name)).unwrap();
    if let Some(text) = custom {
        std::fs::write(grub.join("custom.cfg"), text).unwrap();
    }
    drop(mounted);
    file
}

/// Writes another custom.cfg onto a disk that is there.
pub fn set_custom(disk: &Path, text: &[u8]) {
    let looped = Loop::of(disk).expect("a loop device with partitions");
    let at = disk.with_extension("mnt");
    std::fs::create_dir_all(&at).unwrap();
    run("mount", &[&looped.part(3), at.to_str().unwrap()]).unwrap();
    let mounted = Mounted(at.clone());
    std::fs::write(at.join("boot/grub/custom.cfg"), text).unwrap();
    drop(mounted);
}

struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts the machine from these disks and returns what its serial line says until a menu entry
/// speaks (or 30 seconds). What it writes is kept if `keep` says so.
pub fn boot(disks: &[&Path], keep: bool) -> String {
    let mut q = Command::new("qemu-system-x86_64");
    q.args([
        "-accel",
        "tcg,thread=multi",
        "-cpu",
        "max,-cx16",
        "-m",
        "64",
        "-display",
        "none",
        "-nodefaults",
        "-serial",
        "stdio",
        "-no-reboot",
    ]);
    for d in disks {
        let snapshot = if keep { "off" } else { "on" };
        q.arg("-drive")
            .arg(format!("file={},format=raw,if=virtio,snapshot={snapshot}", d.display()));
    }
    let mut machine = Machine(
        q.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap(),
    );
    let mut out = machine.0.stdout.take().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0u8; 4096];
        while let Ok(n @ 1..) = out.read(&mut buffer) {
            if tell.send(buffer[..n].to_vec()).is_err() {
                break;
            }
        }
    });
    let end = Instant::now() + Duration::from_secs(30);
    let mut text = String::new();
    while let Ok(more) = told.recv_timeout(end.saturating_duration_since(Instant::now())) {
        text.push_str(&String::from_utf8_lossy(&more));
        if text.rfind("BOOTED-").is_some_and(|at| text[at..].contains('\n')) {
            break;
        }
    }
    text
}

pub fn booted(text: &str) -> &str {
    text.rfind("BOOTED-")
        .map_or("nothing", |at| text[at + 7..].split_whitespace().next().unwrap_or("nothing"))
}
