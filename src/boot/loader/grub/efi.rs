//! GRUB for UEFI: its files on the EFI system partition.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::names::{EFI, EFI_ARCH, GrubNames, exists, installed, remove_device_map, require};
use crate::boot::distro::Family;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};
use crate::host::fs_calls::Kind;
use crate::host::sandbox::Sandbox;

/// Whether GRUB for UEFI can be installed from the packages in `root`.
///
/// # Errors
/// In words, why not.
pub fn capability(root: &Path) -> Result<(), String> {
    let names = installed(root)?;
    let family = Family::detect(root);
    if family == Family::Fedora {
        let there = esp_of(root).is_some_and(|esp| {
            Beneath::open(root).is_ok_and(|root| vendor_loader(&root, &esp).is_some())
        });
        return require_signed_loader(there);
    }
    if find_program(root, &names.install).is_none() {
        return Err(format!("{} is not installed", names.install));
    }
    let modules = names.modules.join(EFI).join("moddep.lst");
    if !exists(root, &modules) {
        let package =
            if family == Family::Debian { "grub-efi-amd64-bin" } else { "the EFI part of grub" };
        return Err(format!(
            "GRUB's modules for UEFI are not installed: no {} (package {package})",
            modules.display()
        ));
    }
    let signed = exists(root, Path::new("/usr/lib/shim/shimx64.efi.signed"))
        && exists(root, Path::new("/usr/lib/grub/x86_64-efi-signed"));
    if secure_boot() && family == Family::Debian && !signed {
        return Err("Secure Boot is on, and the signed loader is not installed (packages shim-signed, grub-efi-amd64-signed)".to_owned());
    }
    Ok(())
}

fn require_signed_loader(there: bool) -> Result<(), String> {
    let missing = || {
        format!(
            "no signed loader is on the EFI system partition (packages shim-{0}, grub2-efi-{0})",
            EFI_ARCH
        )
    };
    there.then_some(()).ok_or_else(missing)
}

/// Whether UEFI can start a copy of `root`, whose ESP is not mounted at `at`. `esp`: its top, where
/// it could be opened all the same.
///
/// # Errors
/// In words, why not.
pub fn capability_without_esp(root: &Path, at: &str, esp: Option<&Path>) -> Result<(), String> {
    // Only there the loader is on the ESP alone, and in no package's directory below `/`.
    if Family::detect(root) != Family::Fedora {
        return capability(root);
    }
    installed(root)?;
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
fn esp_of(root: &Path) -> Option<PathBuf> {
    let root = Beneath::open(root).ok()?;
    ["/boot/efi", "/efi", "/boot"].iter().map(PathBuf::from).find(|p| root.is_dir(p.join("EFI")))
}

/// Puts GRUB for UEFI onto the ESP mounted at `efi_dir` (inside the root), also where a firmware
/// without any entry looks. Returns the EFI path of the loader that a boot entry should name.
///
/// # Errors
/// ALT-506 if its packages are missing, ALT-802 if grub-install fails, ALT-507 if files are missing
/// afterwards.
pub fn install(sandbox: &Sandbox, efi_dir: &Path, events: &Events) -> Result<String> {
    let root = sandbox.root.as_path();
    let names = require(root)?;
    capability(root).map_err(|why| error::NO_LOADER.with_cause(why))?;
    remove_device_map(root, &names)?;
    for cmd in commands(root, &names, efi_dir) {
        cmd.in_sandbox(sandbox).env("DEBIAN_FRONTEND", "noninteractive").run(events)?;
    }
    let copy = Beneath::open(root)?;
    complete_fallback(&copy, efi_dir)?;
    let fallback = fallback_file(efi_dir);
    if !copy.is_file(&fallback) {
        return Err(error::LOADER.with_cause(format!("no {} was installed", fallback.display())));
    }
    Ok(loader_file(&copy, efi_dir))
}

/// Fedora's loader is signed and comes with its packages: nothing is run, the files that were
/// copied are right, `references` has mended the stub.
pub(super) fn commands(root: &Path, names: &GrubNames, efi_dir: &Path) -> Vec<Cmd> {
    let sentence = "install GRUB for UEFI";
    let suse = find_program(root, "shim-install").is_some();
    let install = |more: &[&str]| {
        Cmd::new(&names.install, sentence)
            .arg(format!("--target={}", EFI))
            .arg(format!("--efi-directory={}", efi_dir.display()))
            .arg("--no-nvram")
            .args(more)
    };
    match Family::detect(root) {
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

/// The loader that a firmware starts from a disk without a boot entry.
pub fn fallback_file(esp: &Path) -> PathBuf {
    esp.join(format!("EFI/BOOT/BOOT{}.EFI", EFI_ARCH.to_uppercase()))
}

/// `\EFI\BOOT` must start GRUB by itself. shim there would rather run fbx64.efi, which writes boot
/// entries of its own; with GRUB beside shim it is not needed.
pub(super) fn complete_fallback(root: &Beneath, esp: &Path) -> Result<()> {
    let boot = esp.join("EFI/BOOT");
    let grub = format!("grub{}.efi", EFI_ARCH);
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
        for name in [format!("fb{}.efi", EFI_ARCH), format!("FB{}.EFI", EFI_ARCH.to_uppercase())] {
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
    let wanted = [format!("shim{}.efi", EFI_ARCH), format!("grub{}.efi", EFI_ARCH)];
    wanted.iter().find_map(|f| dirs.iter().map(|d| d.join(f)).find(|p| root.is_file(p)))
}

/// The EFI path of the loader on the ESP that is mounted at `esp` in the system at `root`.
pub fn loader_file(root: &Beneath, esp: &Path) -> String {
    let path = vendor_loader(root, esp).unwrap_or_else(|| fallback_file(esp));
    let inner = path.strip_prefix(esp).unwrap_or(&path);
    format!("\\{}", inner.to_string_lossy().replace('/', "\\"))
}
