//! Loaders that altdisk cannot install, recognised by their files.

use std::path::Path;

use crate::host::beneath::Beneath;

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
    fn recognised_by_their_files() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert_eq!(foreign_loader(root), None);
        std::fs::create_dir_all(root.join("boot/extlinux")).unwrap();
        std::fs::write(root.join("boot/extlinux/extlinux.conf"), "").unwrap();
        assert_eq!(foreign_loader(root), Some("extlinux"));
    }
}
