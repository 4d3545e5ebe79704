use super::efi::{self, commands, complete_fallback, loader_file};
use super::menu::{self, by_uuid, without_prober};
use super::names::{EFI_ARCH, GrubNames};
use super::*;
use crate::boot::loader::capability;
use crate::testing::identity::{NEW_ROOT, map};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn capability_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "etc/os-release", "ID=debian\n");
    assert!(capability(root).bios.unwrap_err().contains("GRUB is not installed"));
    write(root, "boot/efi/EFI/systemd/systemd-bootx64.efi", "");
    assert!(capability(root).efi.unwrap_err().contains("systemd-boot"));
    write(root, "usr/sbin/grub-mkconfig", "");
    write(root, "usr/sbin/grub-install", "");
    let c = capability(root);
    assert!(c.bios.unwrap_err().contains("grub-pc-bin"));
    assert!(c.efi.unwrap_err().contains("grub-efi-amd64-bin"));
    assert!(c.initramfs.is_err() && c.kernels.is_empty());
    write(root, "usr/lib/grub/i386-pc/boot.img", "");
    write(root, "usr/lib/grub/x86_64-efi/moddep.lst", "");
    let c = capability(root);
    assert_eq!((c.bios, c.efi), (Ok(()), Ok(())));
}

#[test]
fn a_signed_loader_on_an_esp_that_is_not_mounted() {
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (root, esp) = (dirs.0.path(), dirs.1.path());
    write(root, "etc/os-release", "ID=fedora\n");
    write(root, "usr/sbin/grub2-mkconfig", "");
    std::fs::create_dir_all(root.join("boot/efi")).unwrap();
    let why = efi::capability_without_esp(root, "/boot/efi", None).unwrap_err();
    assert!(
        why.contains("/boot/efi is in /etc/fstab but not mounted")
            && why.contains("`mount /boot/efi`"),
        "{why}"
    );
    assert!(
        efi::capability_without_esp(root, "/boot/efi", Some(esp)).unwrap_err().contains("shim-")
    );
    write(esp, &format!("EFI/fedora/shim{}.efi", EFI_ARCH), "shim");
    assert_eq!(efi::capability_without_esp(root, "/boot/efi", Some(esp)), Ok(()));
    assert!(efi::capability(root).is_err());
    // Elsewhere packages bring it.
    write(root, "etc/os-release", "ID=debian\n");
    write(root, "usr/sbin/grub-mkconfig", "");
    assert!(
        efi::capability_without_esp(root, "/boot/efi", None)
            .unwrap_err()
            .contains("grub-install is not installed")
    );
}

#[test]
fn each_family_installs_its_own_way() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let argv = |id: &str, prefix: &str| {
        write(root, "etc/os-release", &format!("ID={id}\n"));
        let names = GrubNames {
            install: format!("{prefix}-install"),
            mkconfig: format!("{prefix}-mkconfig"),
            dir: format!("/boot/{prefix}").into(),
            modules: "/usr/lib/grub".into(),
        };
        commands(root, &names, Path::new("/boot/efi"))
            .iter()
            .map(|c| c.argv().join(" "))
            .collect::<Vec<_>>()
    };
    let common = "--target=x86_64-efi --efi-directory=/boot/efi --no-nvram";
    assert_eq!(argv("debian", "grub"), [format!("grub-install {common} --force-extra-removable")]);
    assert!(argv("fedora", "grub2").is_empty());
    assert_eq!(
        argv("arch", "grub"),
        [
            format!("grub-install {common} --bootloader-id=GRUB"),
            format!("grub-install {common} --removable")
        ]
    );
    write(root, "usr/sbin/shim-install", "");
    assert_eq!(
        argv("opensuse-leap", "grub2")[1],
        "shim-install --no-nvram --config-file=/boot/grub2/grub.cfg --removable"
    );
}

#[test]
fn the_fallback_directory_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let esp = dir.path();
    assert_eq!(
        loader_file(&Beneath::open(esp).unwrap(), Path::new("/")),
        "\\EFI\\BOOT\\BOOTX64.EFI"
    );
    write(esp, "EFI/debian/shimx64.efi", "shim");
    write(esp, "EFI/debian/grubx64.efi", "grub");
    write(esp, "EFI/debian/grub.cfg", "new");
    write(esp, "EFI/BOOT/fbx64.efi", "fallback");
    write(esp, "EFI/BOOT/grub.cfg", "stale");
    complete_fallback(&Beneath::open(esp).unwrap(), Path::new("/")).unwrap();
    assert_eq!(std::fs::read_to_string(esp.join("EFI/BOOT/BOOTX64.EFI")).unwrap(), "shim");
    assert_eq!(std::fs::read_to_string(esp.join("EFI/BOOT/grub.cfg")).unwrap(), "new");
    assert!(esp.join("EFI/BOOT/grubx64.efi").is_file() && !esp.join("EFI/BOOT/fbx64.efi").exists());
    assert_eq!(
        loader_file(&Beneath::open(esp).unwrap(), Path::new("/")),
        "\\EFI\\debian\\shimx64.efi"
    );
}

#[test]
fn device_paths_after_root_become_uuids() {
    let cfg = "\tlinux\t/boot/vmlinuz-6.1 root=/dev/vdb3 ro quiet\n\tlinux /v root=/dev/vdb3\nset x=root=/dev/vdb3\n\tlinux /v root=/dev/mapper/alt--vg-home ro\n";
    let want = format!(
        "\tlinux\t/boot/vmlinuz-6.1 root=UUID={NEW_ROOT} ro quiet\n\tlinux /v root=UUID={NEW_ROOT}\nset x=root=/dev/vdb3\n\tlinux /v root=/dev/mapper/alt--vg-home ro\n"
    );
    assert_eq!(by_uuid(cfg, &map()), want);
}

#[test]
fn os_prober_is_hidden() {
    let names = GrubNames {
        install: "i".into(),
        mkconfig: "grub-mkconfig".into(),
        dir: "/boot/grub".into(),
        modules: "/m".into(),
    };
    assert_eq!(menu::command(&names).argv().join(" "), "grub-mkconfig -o /boot/grub/grub.cfg");
    let sandbox = without_prober(&Sandbox::new(Path::new("/alt_inst")));
    assert_eq!(sandbox.hidden, [Path::new("/etc/grub.d/30_os-prober")]);
}
