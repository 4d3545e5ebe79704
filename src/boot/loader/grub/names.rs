//! GRUB's own names: of its programs and directories in a root, and of its platforms.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::boot::firmware::Firmware;
use crate::boot::loader::foreign::foreign_loader;
use crate::error;
use crate::host::beneath::Beneath;
use crate::host::cmd::find_program;

/// GRUB's platform for BIOS.
pub const BIOS: &str = "i386-pc";
/// GRUB's platform for UEFI on this machine's processor.
pub const EFI: &str = if cfg!(target_arch = "aarch64") { "arm64-efi" } else { "x86_64-efi" };
/// The processor in the names of EFI programs: `grubx64.efi`.
pub const EFI_ARCH: &str = if cfg!(target_arch = "aarch64") { "aa64" } else { "x64" };

/// GRUB's name of the platform that a firmware starts.
pub fn platform(firmware: Firmware) -> &'static str {
    match firmware {
        Firmware::Bios => BIOS,
        // Systems of other processors are not installed from images.
        Firmware::Uefi => "x86_64-efi",
    }
}

/// GRUB as it is named in a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrubNames {
    /// `grub-install` or `grub2-install`.
    pub install: String,
    pub mkconfig: String,
    /// Inside the root: `/boot/grub` or `/boot/grub2`.
    pub dir: PathBuf,
    /// Where its modules lie, inside the root: `/usr/lib/grub` (`/usr/share/grub2` on SUSE).
    pub modules: PathBuf,
}

impl GrubNames {
    /// None where GRUB's programs are not installed.
    pub fn detect(root: &Path) -> Option<Self> {
        let (prefix, dir) = if find_program(root, "grub-mkconfig").is_some() {
            ("grub", "/boot/grub")
        } else if find_program(root, "grub2-mkconfig").is_some() {
            ("grub2", "/boot/grub2")
        } else {
            return None;
        };
        let modules = ["/usr/share/grub2", "/usr/lib/grub"];
        let root = Beneath::open(root).ok()?;
        let has =
            |m: &str| [BIOS, EFI].iter().any(|platform| root.is_dir(Path::new(m).join(platform)));
        let modules = modules.into_iter().find(|m| has(m)).unwrap_or("/usr/lib/grub");
        Some(Self {
            install: format!("{prefix}-install"),
            mkconfig: format!("{prefix}-mkconfig"),
            dir: dir.into(),
            modules: modules.into(),
        })
    }
}

/// [`GrubNames::detect`], or in words why there are none.
pub fn installed(root: &Path) -> Result<GrubNames, String> {
    GrubNames::detect(root).ok_or_else(|| match foreign_loader(root) {
        Some(loader) => format!("this system boots with {loader}, which altdisk cannot install"),
        None => "GRUB is not installed (grub-mkconfig was not found)".to_owned(),
    })
}

/// [`GrubNames::detect`] for what cannot go on without.
///
/// # Errors
/// ALT-505, ALT-506.
pub fn require(root: &Path) -> anyhow::Result<GrubNames> {
    GrubNames::detect(root).ok_or_else(|| match foreign_loader(root) {
        Some(loader) => {
            error::LOADER_FOREIGN.with_cause(format!("{} boots with {loader}", root.display()))
        }
        None => error::NO_LOADER.with_cause(format!("GRUB is not installed in {}", root.display())),
    })
}

/// Whether a path inside the root exists there.
pub fn exists(root: &Path, inner: &Path) -> bool {
    Beneath::open(root).is_ok_and(|root| root.exists(inner))
}

/// The device map names disks as they were counted when it was written, and GRUB's programs believe
/// it.
pub fn remove_device_map(root: &Path, names: &GrubNames) -> anyhow::Result<()> {
    Beneath::open(root)?.remove(names.dir.join("device.map"))
}

/// True for a file (a path without the first `/`) that grub-mkconfig or grub-install makes: the
/// menu, what lies in the directory of a platform (`x86_64-efi`), the stub on an ESP.
pub fn is_generated(path: &Path) -> bool {
    const FILES: [&str; 2] = ["grub.cfg", "load.cfg"];
    const PLATFORMS: [&str; 8] =
        ["-pc", "-efi", "-coreboot", "-emu", "-ieee1275", "-multiboot", "-qemu", "-xen"];
    let is_platform = |name: &str| {
        PLATFORMS.iter().any(|p| name.ends_with(p))
            && name.chars().next().is_some_and(char::is_alphabetic)
    };
    let inner = ["boot/grub", "boot/grub2"].iter().find_map(|d| path.strip_prefix(d).ok());
    let in_platform = inner
        .and_then(|inner| inner.iter().next())
        .and_then(OsStr::to_str)
        .is_some_and(is_platform);
    let is_file = inner.is_some_and(|inner| FILES.iter().any(|f| inner == Path::new(f)));
    let is_stub = || {
        let dir = path.parent().and_then(Path::parent);
        path.ends_with("grub.cfg")
            && ["boot/efi/EFI", "efi/EFI", "boot/EFI"].iter().any(|d| dir == Some(Path::new(d)))
    };
    in_platform || is_file || is_stub()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_the_programs_that_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert_eq!(GrubNames::detect(root), None);
        std::fs::create_dir_all(root.join("usr/sbin")).unwrap();
        std::fs::write(root.join("usr/sbin/grub2-mkconfig"), "").unwrap();
        let names = GrubNames::detect(root).unwrap();
        assert_eq!(
            (names.install.as_str(), names.dir.to_str().unwrap()),
            ("grub2-install", "/boot/grub2")
        );
    }
}
