//! Which distribution's habits a root follows: names of programs, of directories, of files.

use std::path::{Path, PathBuf};

use crate::host::beneath::Beneath;
use crate::host::cmd::find_program;

/// What decides how loader and initramfs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Debian,
    Fedora,
    Suse,
    Arch,
    Other,
}

impl Family {
    /// By ID and ID_LIKE of os-release.
    pub fn of(root: &Path) -> Self {
        let text = Beneath::open(root).ok().and_then(|root| {
            ["etc/os-release", "usr/lib/os-release"].iter().find_map(|p| root.text(p))
        });
        Self::parse(&text.unwrap_or_default())
    }

    pub fn parse(os_release: &str) -> Self {
        let value = |key: &str| {
            os_release
                .lines()
                .find_map(|l| l.strip_prefix(key))
                .unwrap_or_default()
                .trim_matches(['"', '\''])
                .to_owned()
        };
        let ids = format!("{} {}", value("ID="), value("ID_LIKE="));
        let family = ids.split_whitespace().find_map(|id| match id {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            s if s == "suse" || s == "sles" || s.starts_with("opensuse") => Some(Self::Suse),
            _ => None,
        });
        family.unwrap_or(Self::Other)
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
    pub fn of(root: &Path) -> Option<Self> {
        let (prefix, dir) = if find_program(root, "grub-mkconfig").is_some() {
            ("grub", "/boot/grub")
        } else if find_program(root, "grub2-mkconfig").is_some() {
            ("grub2", "/boot/grub2")
        } else {
            return None;
        };
        let modules = ["/usr/share/grub2", "/usr/lib/grub"];
        let root = Beneath::open(root).ok()?;
        let has = |m: &str| {
            ["i386-pc", EFI.0].iter().any(|platform| root.is_dir(Path::new(m).join(platform)))
        };
        let modules = modules.into_iter().find(|m| has(m)).unwrap_or("/usr/lib/grub");
        Some(Self {
            install: format!("{prefix}-install"),
            mkconfig: format!("{prefix}-mkconfig"),
            dir: dir.into(),
            modules: modules.into(),
        })
    }
}

/// GRUB's name of this machine's EFI platform, and the suffix of EFI file names.
pub const EFI: (&str, &str) =
    if cfg!(target_arch = "aarch64") { ("arm64-efi", "aa64") } else { ("x86_64-efi", "x64") };

/// A loader other than GRUB that this root boots with; asked only where GRUB is not installed.
pub fn foreign_loader(root: &Path) -> Option<&'static str> {
    let root = Beneath::open(root).ok()?;
    let there = |p: &str| root.exists(p);
    let esps = ["boot/efi", "efi", "boot"];
    let on_esp = |p: &str| esps.iter().any(|e| root.exists(Path::new(e).join(p)));
    [
        (
            on_esp("EFI/systemd/systemd-bootx64.efi") || on_esp("EFI/systemd/systemd-bootaa64.efi"),
            "systemd-boot",
        ),
        (there("boot/extlinux/extlinux.conf"), "extlinux"),
        (there("boot/syslinux/syslinux.cfg"), "syslinux"),
        (there("boot/refind_linux.conf") || on_esp("EFI/refind"), "rEFInd"),
        (there("boot/limine.conf") || on_esp("limine.conf"), "Limine"),
        (
            there("boot/firmware/config.txt")
                || (there("boot/config.txt") && there("boot/cmdline.txt")),
            "the Raspberry Pi firmware",
        ),
        (there("etc/zipl.conf"), "zipl"),
        (there("etc/lilo.conf"), "LILO"),
        (on_esp("EFI/Linux"), "unified kernel images"),
    ]
    .into_iter()
    .find_map(|(found, name)| found.then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (text, want) in [
            ("ID=debian\n", Family::Debian),
            ("NAME=x\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Family::Debian),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Family::Fedora),
            ("ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", Family::Suse),
            ("ID=arch\n", Family::Arch),
            ("ID=void\n", Family::Other),
            ("", Family::Other),
        ] {
            assert_eq!(Family::parse(text), want, "{text}");
        }
    }

    #[test]
    fn names_and_foreign_loaders() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert_eq!(GrubNames::of(root), None);
        assert_eq!(foreign_loader(root), None);
        std::fs::create_dir_all(root.join("boot/extlinux")).unwrap();
        std::fs::write(root.join("boot/extlinux/extlinux.conf"), "").unwrap();
        assert_eq!(foreign_loader(root), Some("extlinux"));
        std::fs::create_dir_all(root.join("usr/sbin")).unwrap();
        std::fs::write(root.join("usr/sbin/grub2-mkconfig"), "").unwrap();
        let names = GrubNames::of(root).unwrap();
        assert_eq!(
            (names.install.as_str(), names.dir.to_str().unwrap()),
            ("grub2-install", "/boot/grub2")
        );
    }
}
