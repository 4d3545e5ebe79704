//! GRUB in the alternate: installed for BIOS and for UEFI, its configuration generated and checked.
//!
//! Always in the [sandbox](crate::host::sandbox) with the copy's own programs, for explicitly named
//! platforms and disks: GRUB's guesses are about the running system. The firmware's variables are
//! never touched here; `bootlist` does that.

pub mod custom;
pub mod dir;

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::boot::distro::{EFI, Family, GrubNames, foreign_loader};
use crate::boot::identity::ids::IdMap;
use crate::boot::initramfs::{self, Tool};
use crate::boot::kernels::{self, Kernel};
use crate::boot::texts::Text;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};
use crate::host::sandbox::Sandbox;
use crate::host::tree::Kind;

/// What can be made bootable from what is installed in a root, and in words why not.
#[derive(Clone, Debug)]
pub struct Capability {
    pub bios: Result<(), String>,
    pub efi: Result<(), String>,
    pub kernels: Vec<Kernel>,
    pub initramfs: Result<Tool, String>,
}

/// Looks at the packages of `root` (the running system, before anything starts).
pub fn capability(root: &Path) -> Capability {
    let initramfs = initramfs::detect(root).map_err(|e| e.to_string());
    Capability {
        bios: bios_capability(root),
        efi: efi_capability(root),
        kernels: kernels::installed(root),
        initramfs,
    }
}

fn names(root: &Path) -> Result<GrubNames, String> {
    GrubNames::of(root).ok_or_else(|| match foreign_loader(root) {
        Some(loader) => format!("this system boots with {loader}, which altdisk cannot install"),
        None => "GRUB is not installed (grub-mkconfig was not found)".to_owned(),
    })
}

fn has(root: &Path, inner: &Path) -> bool {
    Beneath::open(root).is_ok_and(|root| root.exists(inner))
}

fn bios_capability(root: &Path) -> Result<(), String> {
    let names = names(root)?;
    if cfg!(target_arch = "aarch64") {
        return Err("machines of this kind have no BIOS".to_owned());
    }
    let package = match Family::of(root) {
        Family::Debian => "grub-pc-bin",
        Family::Fedora => "grub2-pc",
        Family::Suse => "grub2-i386-pc",
        Family::Arch | Family::Other => "grub",
    };
    if find_program(root, &names.install).is_none() {
        return Err(format!(
            "{} is not installed (package {})",
            names.install,
            if package == "grub-pc-bin" { "grub2-common" } else { package }
        ));
    }
    let modules = names.modules.join("i386-pc/boot.img");
    if has(root, &modules) {
        Ok(())
    } else {
        Err(format!(
            "GRUB's modules for BIOS are not installed: no {} (package {package})",
            modules.display()
        ))
    }
}

fn efi_capability(root: &Path) -> Result<(), String> {
    let names = names(root)?;
    let family = Family::of(root);
    if family == Family::Fedora {
        let there = esp_of(root).is_some_and(|esp| {
            Beneath::open(root).is_ok_and(|root| vendor_loader(&root, &esp).is_some())
        });
        return require_signed_loader(there);
    }
    if find_program(root, &names.install).is_none() {
        return Err(format!("{} is not installed", names.install));
    }
    let modules = names.modules.join(EFI.0).join("moddep.lst");
    if !has(root, &modules) {
        let package =
            if family == Family::Debian { "grub-efi-amd64-bin" } else { "the EFI part of grub" };
        return Err(format!(
            "GRUB's modules for UEFI are not installed: no {} (package {package})",
            modules.display()
        ));
    }
    let signed = has(root, Path::new("/usr/lib/shim/shimx64.efi.signed"))
        && has(root, Path::new("/usr/lib/grub/x86_64-efi-signed"));
    if secure_boot() && family == Family::Debian && !signed {
        return Err("Secure Boot is on, and the signed loader is not installed (packages shim-signed, grub-efi-amd64-signed)".to_owned());
    }
    Ok(())
}

fn require_signed_loader(there: bool) -> Result<(), String> {
    let missing = || {
        format!(
            "no signed loader is on the EFI system partition (packages shim-{0}, grub2-efi-{0})",
            EFI.1
        )
    };
    there.then_some(()).ok_or_else(missing)
}

/// Whether UEFI can start a copy of `root`, whose ESP is not mounted at `at`. `esp`: its top, where
/// it could be opened all the same.
///
/// # Errors
/// In words, why not.
pub fn efi_unmounted(root: &Path, at: &str, esp: Option<&Path>) -> Result<(), String> {
    // Only there the loader is on the ESP alone, and in no package's directory below `/`.
    if Family::of(root) != Family::Fedora {
        return efi_capability(root);
    }
    names(root)?;
    let Some(esp) = esp else {
        return Err(format!(
            "{at} is in /etc/fstab but not mounted, so the signed loader on it is not seen (`mount {at}`)"
        ));
    };
    require_signed_loader(
        Beneath::open(esp).is_ok_and(|esp| vendor_loader(&esp, Path::new("/")).is_some()),
    )
}

/// Whether the firmware of the running machine insists on signatures.
fn secure_boot() -> bool {
    let path = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    std::fs::read(path).is_ok_and(|v| v.get(4) == Some(&1))
}

/// Where a root keeps its ESP (inside it): the directory that holds `EFI`, by the usual places.
pub fn esp_of(root: &Path) -> Option<PathBuf> {
    let root = Beneath::open(root).ok()?;
    ["/boot/efi", "/efi", "/boot"].iter().map(PathBuf::from).find(|p| root.is_dir(p.join("EFI")))
}

fn need(root: &Path) -> Result<GrubNames> {
    GrubNames::of(root).ok_or_else(|| match foreign_loader(root) {
        Some(loader) => {
            error::LOADER_FOREIGN.with_cause(format!("{} boots with {loader}", root.display()))
        }
        None => error::NO_LOADER.with_cause(format!("GRUB is not installed in {}", root.display())),
    })
}

/// Puts GRUB for BIOS onto `target_disk` (a whole disk with a BIOS boot partition), and checks that
/// it is there.
///
/// # Errors
/// ALT-506 if its packages are missing, ALT-802 if grub-install fails, ALT-507 if disk or directory
/// lack what it should have written.
pub fn install_bios(sandbox: &Sandbox, target_disk: &Path, events: &Events) -> Result<()> {
    let root = sandbox.root.as_path();
    let names = need(root)?;
    bios_capability(root).map_err(|why| error::NO_LOADER.with_cause(why))?;
    remove_device_map(root, &names)?;
    Cmd::new(&names.install, format!("install GRUB for BIOS on {}", target_disk.display()))
        .args(["--target=i386-pc", "--no-floppy"])
        .arg(target_disk)
        .in_sandbox(sandbox)
        .run(events)?;
    let core = names.dir.join("i386-pc/core.img");
    if !has(root, &core) {
        return Err(error::LOADER.with_cause(format!("grub-install made no {}", core.display())));
    }
    require_boot_code(target_disk)
}

/// Checks that a BIOS would start GRUB from this disk.
///
/// # Errors
/// ALT-507 if its first sector is not GRUB's.
pub fn require_boot_code(target_disk: &Path) -> Result<()> {
    let mut sector = [0u8; 512];
    let reading = || format!("reading {}", target_disk.display());
    std::fs::File::open(target_disk)
        .with_context(reading)?
        .read_exact(&mut sector)
        .with_context(reading)?;
    let ours = sector.ends_with(&[0x55, 0xaa]) && sector.windows(4).any(|w| w == b"GRUB");
    if ours {
        Ok(())
    } else {
        Err(error::LOADER
            .with_cause(format!("the first sector of {} is not GRUB's", target_disk.display())))
    }
}

/// The device map names disks as they were counted when it was written, and GRUB's programs believe
/// it.
fn remove_device_map(root: &Path, names: &GrubNames) -> Result<()> {
    Beneath::open(root)?.remove(names.dir.join("device.map"))
}

/// Puts GRUB for UEFI onto the ESP mounted at `efi_dir` (inside the root), also where a firmware
/// without any entry looks. Returns the EFI path of the loader that a boot entry should name.
///
/// # Errors
/// ALT-506 if its packages are missing, ALT-802 if grub-install fails, ALT-507 if files are missing
/// afterwards.
pub fn install_efi(sandbox: &Sandbox, efi_dir: &Path, events: &Events) -> Result<String> {
    let root = sandbox.root.as_path();
    let names = need(root)?;
    efi_capability(root).map_err(|why| error::NO_LOADER.with_cause(why))?;
    remove_device_map(root, &names)?;
    for cmd in efi_commands(root, &names, efi_dir) {
        cmd.in_sandbox(sandbox).env("DEBIAN_FRONTEND", "noninteractive").run(events)?;
    }
    let copy = Beneath::open(root)?;
    complete_fallback(&copy, efi_dir)?;
    let fallback = fallback_file(efi_dir);
    if !copy.is_file(&fallback) {
        return Err(error::LOADER.with_cause(format!("no {} was installed", fallback.display())));
    }
    Ok(loader(&copy, efi_dir))
}

/// Fedora's loader is signed and comes with its packages: nothing is run, the files that were
/// copied are right, `references` has mended the stub.
fn efi_commands(root: &Path, names: &GrubNames, efi_dir: &Path) -> Vec<Cmd> {
    let sentence = "install GRUB for UEFI";
    let suse = find_program(root, "shim-install").is_some();
    let install = |more: &[&str]| {
        Cmd::new(&names.install, sentence)
            .arg(format!("--target={}", EFI.0))
            .arg(format!("--efi-directory={}", efi_dir.display()))
            .arg("--no-nvram")
            .args(more)
    };
    match Family::of(root) {
        Family::Fedora => vec![],
        Family::Debian => vec![install(&["--force-extra-removable"])],
        Family::Suse if suse => {
            let config = format!("--config-file={}/grub.cfg", names.dir.display());
            let shim = |more: &[&str]| {
                Cmd::new("shim-install", sentence).args(["--no-nvram", &config]).args(more)
            };
            vec![shim(&[]), shim(&["--removable"])]
        }
        _ => vec![install(&["--bootloader-id=GRUB"]), install(&["--removable"])],
    }
}

fn fallback_file(esp: &Path) -> PathBuf {
    esp.join(format!("EFI/BOOT/BOOT{}.EFI", EFI.1.to_uppercase()))
}

/// `\EFI\BOOT` must start GRUB by itself. shim there would rather run fbx64.efi, which writes boot
/// entries of its own; with GRUB beside shim it is not needed.
fn complete_fallback(root: &Beneath, esp: &Path) -> Result<()> {
    let boot = esp.join("EFI/BOOT");
    let grub = format!("grub{}.efi", EFI.1);
    let copy = |from: &Path, to: &Path| {
        let content = root
            .read(from)?
            .with_context(|| format!("{} is not there any more", root.shown(from).display()))?;
        root.replace(to, &content, 0o644)
    };
    if let (false, Some(vendor)) = (root.is_file(fallback_file(esp)), vendor_loader(root, esp)) {
        copy(&vendor, &fallback_file(esp))?;
    }
    // What shim starts lies beside it; the stub too, for loaders that look where they were started
    // from.
    for name in [grub.as_str(), "grub.cfg"] {
        let from = vendor_loader(root, esp)
            .and_then(|v| v.parent().map(|d| d.join(name)))
            .filter(|p| root.is_file(p));
        if let Some(from) = from.filter(|_| name == "grub.cfg" || !root.is_file(boot.join(name))) {
            copy(&from, &boot.join(name))?;
        }
    }
    if root.is_file(boot.join(&grub)) {
        for name in [format!("fb{}.efi", EFI.1), format!("FB{}.EFI", EFI.1.to_uppercase())] {
            root.remove(boot.join(name))?;
        }
    }
    Ok(())
}

/// The distribution's loader on an ESP: shim before GRUB, in a directory of its own below EFI.
fn vendor_loader(root: &Beneath, esp: &Path) -> Option<PathBuf> {
    let mut found = root.read_dir(esp.join("EFI")).ok()?;
    found.retain(|e| {
        e.kind == Kind::Directory
            && !e.name.eq_ignore_ascii_case("boot")
            && !e.name.eq_ignore_ascii_case("microsoft")
    });
    let dirs: Vec<PathBuf> = found.iter().map(|e| esp.join("EFI").join(&e.name)).collect();
    let wanted = [format!("shim{}.efi", EFI.1), format!("grub{}.efi", EFI.1)];
    wanted.iter().find_map(|f| dirs.iter().map(|d| d.join(f)).find(|p| root.is_file(p)))
}

/// The EFI path of the loader on the ESP that is mounted at `esp` in the system at `root`.
pub fn loader(root: &Beneath, esp: &Path) -> String {
    let path = vendor_loader(root, esp).unwrap_or_else(|| fallback_file(esp));
    let inner = path.strip_prefix(esp).unwrap_or(&path);
    format!("\\{}", inner.to_string_lossy().replace('/', "\\"))
}

/// Generates the alternate's menu. Other systems are not looked for: the source's kernels would
/// come into it, with the source's root.
///
/// # Errors
/// ALT-802 if grub-mkconfig fails, ALT-507 if the menu holds no kernel.
pub fn mkconfig(sandbox: &Sandbox, map: &IdMap, events: &Events) -> Result<()> {
    let root = sandbox.root.as_path();
    let names = need(root)?;
    if find_program(Path::new("/"), "udevadm").is_some() {
        // grub-mkconfig names the root by UUID only if udev has made the link.
        Cmd::new("udevadm", "wait for device links")
            .args(["settle", "--timeout=30"])
            .accept(&[1])
            .run(events)?;
    }
    // A root file system that never booted has GRUB's packages, and not yet its directory.
    let copy = Beneath::open(root)?;
    copy.make_directories(&names.dir)?;
    mkconfig_command(&names).in_sandbox(&without_prober(sandbox)).run(events)?;
    let path = names.dir.join("grub.cfg");
    let old = Text::read(&copy, &path)?
        .ok_or_else(|| error::LOADER.with_cause(format!("{} is not text", path.display())))?;
    let new = by_uuid(&old.text, map);
    if new != old.text {
        copy.replace(&path, &old.bytes(&new), 0o644)?;
        events.note("grub.cfg: device paths after root= replaced by UUIDs");
    }
    let bls = new.contains("blscfg");
    if bls || new.lines().any(|l| l.trim_start().starts_with("linux")) {
        return Ok(());
    }
    Err(error::LOADER
        .with_cause(format!("{} holds no kernel", names.dir.join("grub.cfg").display())))
}

/// os-prober is hidden in the sandbox: no setting can bring it back, and nothing is left behind.
fn without_prober(sandbox: &Sandbox) -> Sandbox {
    Sandbox { hidden: vec!["/etc/grub.d/30_os-prober".into()], ..sandbox.clone() }
}

fn mkconfig_command(names: &GrubNames) -> Cmd {
    Cmd::new(&names.mkconfig, "generate the copy's GRUB menu")
        .arg("-o")
        .arg(names.dir.join("grub.cfg"))
        .env("GRUB_DISABLE_OS_PROBER", "true")
}

/// Where udev had no link yet, grub-mkconfig wrote `root=/dev/vdb3`, a name that changes when a
/// disk is pulled.
pub fn by_uuid(text: &str, map: &IdMap) -> String {
    let root_of = |word: &str| {
        let device = word.strip_prefix("root=")?;
        let v =
            map.volumes.iter().find(|v| v.new.devices.iter().any(|d| d.as_os_str() == device))?;
        (v.new_spec != device && !v.new_spec.is_empty()).then(|| format!("root={}", v.new_spec))
    };
    let line = |l: &str| match l.trim_start().starts_with("linux") {
        true => l
            .split(' ')
            .map(|w| {
                root_of(w.trim_end()).map_or(w.to_owned(), |n| w.replacen(w.trim_end(), &n, 1))
            })
            .collect::<Vec<_>>()
            .join(" "),
        false => l.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod on_disk_tests;
