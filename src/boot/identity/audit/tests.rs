use std::fs;

use super::*;
use crate::testing::identity::{NEW_ROOT, OLD_ROOT, map};

const OLD_SWAP: &str = "44444444-aaaa-4aaa-8aaa-444444444444";

fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A finished alternate.
fn clean(root: &Path) {
    let fstab = format!(
        "# see fstab(5)\nUUID={NEW_ROOT} / ext4 defaults 0 1\nUUID=77AA-88BB /boot/efi vfat umask=0077 0 1\n/dev/mapper/alt--vg-home /home ext4 defaults 0 2\n"
    );
    write(root, "etc/fstab", fstab);
    write(root, "etc/initramfs-tools/conf.d/resume", "RESUME=none\n");
    write(root, "boot/vmlinuz-6.1", "\0kernel");
    fs::create_dir_all(root.join("lib/modules/6.1")).unwrap();
    write(
        root,
        "boot/initrd.img-6.1",
        cpio::tests::newc(&[("conf/conf.d/zz-resume", b"RESUME=none\n"), ("bin/sh", b"\x7fELF\0")]),
    );
    write(
        root,
        "boot/grub/grub.cfg",
        format!("\tlinux /boot/vmlinuz-6.1 root=UUID={NEW_ROOT} ro\n"),
    );
    write(root, "boot/grub/i386-pc/core.img", "\0core");
    write(root, "boot/efi/EFI/debian/shimx64.efi", "\0");
    write(root, "boot/efi/EFI/debian/grub.cfg", format!("search.fs_uuid {NEW_ROOT} root\n"));
    write(root, "boot/efi/EFI/BOOT/BOOTX64.EFI", "\0");
}

fn expect() -> Expect {
    Expect {
        boot_ids: vec![NEW_ROOT.into()],
        bios: true,
        esp: Some("/boot/efi".into()),
        kernels: true,
    }
}

fn findings(change: impl Fn(&Path)) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    clean(dir.path());
    change(dir.path());
    audit(dir.path(), &map(), &expect()).unwrap().iter().map(Finding::to_string).collect()
}

#[test]
fn a_clean_alternate_has_none() {
    assert_eq!(findings(|_| {}), Vec::<String>::new());
    // Common words are no findings: a label, a volume group's name, a device path in a comment or
    // in prose.
    assert_eq!(
        findings(|r| {
            write(r, "etc/motd", "my root is on my-vg, see /dev/vda2 and root=/dev/vda2\n");
            write(r, "etc/default/grub", "# root=/dev/vda2 /dev/my-vg/home\n");
            write(r, "var/log/syslog", OLD_ROOT);
        }),
        Vec::<String>::new()
    );
}

#[test]
fn every_planted_leak_is_found() {
    let leaks: Vec<(&str, String, &str)> = vec![
        ("etc/notes", format!("a\n# {OLD_ROOT}\n"), "/etc/notes:2: the identifier"),
        (
            "etc/default/grub",
            "GRUB_CMDLINE_LINUX=\"resume=/dev/vda5\"\n".into(),
            "/etc/default/grub:1: resume=/dev/vda5",
        ),
        (
            "etc/default/grub.d/x.cfg",
            "X=\"rd.lvm.lv=my-vg/home\"\n".into(),
            "/etc/default/grub.d/x.cfg:1: rd.lvm.lv=my-vg/",
        ),
        (
            "etc/fstab",
            format!("UUID={NEW_ROOT} / ext4 defaults\n/dev/vda5 none swap sw\n"),
            "/etc/fstab:2: /dev/vda5 names",
        ),
        (
            "etc/fstab",
            format!("UUID={NEW_ROOT} / ext4 defaults\nLABEL=my\\040root /x ext4 rw\n"),
            "/etc/fstab:2: LABEL=my\\040root",
        ),
        (
            "etc/fstab",
            format!(
                "UUID={NEW_ROOT} / ext4 defaults\n/dev/vdc1 /x ext4 x-systemd.requires=/dev/vda2\n"
            ),
            "/etc/fstab:2: /dev/vda2",
        ),
        (
            "etc/fstab",
            format!("UUID={NEW_ROOT} / ext4 defaults\n/dev/my-vg/home /x ext4 rw\n"),
            "/etc/fstab:2: /dev/my-vg/",
        ),
        (
            "etc/fstab",
            "UUID=99999999-9999-4999-8999-999999999999 / ext4 rw\n".into(),
            "/etc/fstab:1: / is mounted from",
        ),
        ("etc/fstab", "\n".into(), "/etc/fstab: there is no line for /"),
        ("etc/crypttab", "x /dev/vda2 none\n".into(), "/etc/crypttab:1: /dev/vda2"),
        (
            "etc/systemd/system/x.mount",
            "[Mount]\nWhat=/dev/vda2\n".into(),
            "/etc/systemd/system/x.mount:2: /dev/vda2",
        ),
        (
            "etc/systemd/system/dev-vda.swap",
            format!("[Swap]\nWhat=/dev/disk/by-uuid/{OLD_SWAP}\n"),
            "dev-vda.swap:2: the identifier",
        ),
        ("etc/systemd/system/luks-ABCD1234.x", "x".into(), ""),
        (
            "boot/grub/grub.cfg",
            "linux /v root=/dev/vda2\n".into(),
            "/boot/grub/grub.cfg:1: root=/dev/vda2",
        ),
        (
            "boot/grub/grub.cfg",
            "search --no-floppy --fs-uuid --set=root ABCD-1234\n".into(),
            "/boot/grub/grub.cfg:1: the identifier ABCD-1234",
        ),
        (
            "boot/grub/grub.cfg",
            "search --no-floppy --label 'my root'\n".into(),
            "/boot/grub/grub.cfg:1: search",
        ),
        (
            "boot/loader/entries/a.conf",
            "options root=LABEL=x rd.lvm.vg=my-vg\n".into(),
            "/boot/loader/entries/a.conf:1: rd.lvm.vg=my-vg",
        ),
        (
            "boot/efi/EFI/debian/grub.cfg",
            "search.fs_uuid x root\n".into(),
            "no loader here looks for",
        ),
        (
            "var/cache/debconf/config.dat",
            "Value: /dev/disk/by-id/virtio-OLD\n".into(),
            "/var/cache/debconf/config.dat:1: the identifier",
        ),
        (
            "usr/local/etc/backup.conf",
            "disk=1234abcd\n".into(),
            "/usr/local/etc/backup.conf:1: the identifier 1234abcd",
        ),
        ("etc/lvm/backup/my-vg", format!("id = \"{OLD_ROOT}\"\n"), "/etc/lvm/backup/my-vg:1"),
        (
            "etc/initramfs-tools/conf.d/resume",
            "RESUME=/dev/vda5\n".into(),
            "conf.d/resume:1: RESUME=/dev/vda5",
        ),
    ];
    for (path, text, want) in leaks {
        let found = findings(|r| write(r, path, &text));
        if want.is_empty() {
            assert!(found.is_empty(), "{path}: {found:?}");
        } else {
            assert!(found.iter().any(|f| f.contains(want)), "{path}: {want}: {found:?}");
        }
    }
}

#[test]
fn an_initramfs_is_searched_inside() {
    let with = |name: &str, text: String| {
        let name = name.to_owned();
        findings(move |r| {
            write(r, "boot/initrd.img-6.1", cpio::tests::newc(&[(name.as_str(), text.as_bytes())]))
        })
    };
    for (name, text) in [
        ("conf/conf.d/zz-resume", format!("RESUME=UUID={OLD_SWAP}\n")),
        ("conf/conf.d/zz-resume", "RESUME=/dev/vda5\n".into()),
        ("etc/cmdline.d/20-root.conf", "rd.lvm.lv=my-vg/home\n".into()),
        ("etc/fstab", "/dev/vda2 / ext4 rw\n".into()),
        ("usr/lib/x", format!("# {OLD_ROOT}\n")),
    ] {
        let found = with(name, text);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("/boot/initrd.img-6.1:{name}:1: ")),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn what_is_missing_is_found() {
    let gone =
        |path: &'static str| findings(move |r| fs::remove_file(r.join(path)).unwrap()).join("\n");
    assert!(gone("boot/initrd.img-6.1").contains("kernel 6.1 has no initramfs"));
    assert!(
        gone("boot/efi/EFI/BOOT/BOOTX64.EFI")
            .contains("BOOTX64.EFI: the loader for a firmware without boot entries")
    );
    assert!(gone("boot/grub/i386-pc/core.img").contains("BIOS loader"));
    assert!(
        gone("boot/efi/EFI/debian/grub.cfg")
            .contains("no loader here looks for the boot file system")
    );
    let dir = tempfile::tempdir().unwrap();
    clean(dir.path());
    fs::remove_file(dir.path().join("boot/initrd.img-6.1")).unwrap();
    assert_eq!(audit(dir.path(), &map(), &Expect::default()).unwrap(), []);
    // An image that cannot be searched is not clean.
    write(dir.path(), "boot/initrd.img-6.1", "garbage");
    assert!(audit(dir.path(), &map(), &expect()).is_err());
}

#[test]
fn names_of_units_count() {
    let unit =
        format!("etc/systemd/system/dev-disk-by\\x2duuid-{}.swap", OLD_SWAP.replace('-', "\\x2d"));
    let found = findings(|r| write(r, &unit, "[Swap]\n"));
    assert!(found.len() == 1 && found[0].contains("a name with the identifier"), "{found:?}");
}
