use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::testing::identity::{NEW_ROOT, OLD_ROOT, map};

const NEW_SWAP: &str = "55555555-bbbb-4bbb-8bbb-555555555555";

fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A small Debian with references to the source in every place that is known.
fn source(root: &Path) {
    write(
        root,
        "etc/fstab",
        format!("UUID={OLD_ROOT} / ext4 defaults 0 1\n/dev/vda5 none swap sw 0 0\n"),
    );
    write(
        root,
        "etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"resume=/dev/vda5 quiet\"\nGRUB_DISABLE_OS_PROBER=true\n",
    );
    write(root, "etc/initramfs-tools/conf.d/resume", "RESUME=/dev/vda5\n");
    write(root, "etc/systemd/system/mnt.mount", "[Mount]\nWhat=/dev/vda2\nWhere=/mnt\n");
    let unit = format!("dev-disk-by\\x2duuid-{}.swap", OLD_ROOT.replace('-', "\\x2d"));
    write(
        root,
        &format!("etc/systemd/system/{unit}"),
        format!("[Swap]\nWhat=/dev/disk/by-uuid/{OLD_ROOT}\n"),
    );
    fs::create_dir_all(root.join("etc/systemd/system/swap.target.wants")).unwrap();
    symlink(
        format!("/etc/systemd/system/{unit}"),
        root.join("etc/systemd/system/swap.target.wants").join(&unit),
    )
    .unwrap();
    write(root, "etc/crypttab", "# x\nhome /dev/mapper/my--vg-home none luks\n");
    write(root, "etc/lvm/archive/my-vg_0001.vg", "contents");
    write(root, "etc/lvm/devices/system.devices", "IDTYPE=devname");
    write(root, "etc/lvm/devices/mine.devices", "IDTYPE=devname");
    write(root, "etc/lvm/devices/other.devices", "IDTYPE=sys_wwid");
    write(root, "etc/lvm/lvmlocal.conf", "devices {\n\tdevicesfile = \"mine.devices\"\n}\n");
    write(root, "boot/grub/device.map", "(hd0) /dev/disk/by-id/virtio-OLD\n");
    write(
        root,
        "boot/grub/grubenv",
        [b"# GRUB Environment Block\nsaved_entry=3\n".as_slice(), &[b'#'; 984]].concat(),
    );
    write(root, "boot/grub/grub.cfg", format!("linux /vmlinuz root=UUID={OLD_ROOT} ro\n"));
    write(root, "boot/efi/EFI/debian/grub.cfg", format!("search.fs_uuid {OLD_ROOT} root\n"));
    write(root, "boot/vmlinuz-6.1", [b"\x7fELF\0".as_slice(), OLD_ROOT.as_bytes()].concat());
    write(root, "etc/notes", [b"caf\xe9 ".as_slice(), OLD_ROOT.as_bytes(), b"\n"].concat());
    write(root, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    write(root, "var/lib/systemd/random-seed", "seed");
    let block = custom::block(&[custom::Chain {
        id: "x".into(),
        title: "x".into(),
        fs_uuid: "ABCD-1234".into(),
    }]);
    write(root, "boot/grub/custom.cfg", custom::insert_block(Some(b"set x=1\n"), &block));
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn every_known_place_is_rewritten_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    source(root);
    let events = Events::new();
    let changes = rewrite(root, &map(), &FstabExtras::default(), &events).unwrap();
    assert_eq!(
        read(root, "etc/fstab"),
        format!("UUID={NEW_ROOT} / ext4 defaults 0 1\nUUID={NEW_SWAP} none swap sw 0 0\n")
    );
    assert!(
        read(root, "etc/default/grub")
            .starts_with(&format!("GRUB_CMDLINE_LINUX=\"resume=UUID={NEW_SWAP} quiet\""))
    );
    assert_eq!(
        read(root, "etc/initramfs-tools/conf.d/resume"),
        format!("RESUME=UUID={NEW_SWAP}\n")
    );
    assert!(
        read(root, "etc/systemd/system/mnt.mount")
            .contains(&format!("What=/dev/disk/by-uuid/{NEW_ROOT}\nWhere=/mnt"))
    );
    let unit = format!("dev-disk-by\\x2duuid-{}.swap", NEW_ROOT.replace('-', "\\x2d"));
    assert!(read(root, &format!("etc/systemd/system/{unit}")).contains(NEW_ROOT));
    let link =
        fs::read_link(root.join("etc/systemd/system/swap.target.wants").join(&unit)).unwrap();
    assert_eq!(link, Path::new("/etc/systemd/system").join(&unit));
    assert!(read(root, "etc/crypttab").contains("home /dev/mapper/alt--vg-home none luks"));
    for gone in [
        "etc/lvm/archive/my-vg_0001.vg",
        "etc/lvm/devices/system.devices",
        "etc/lvm/devices/mine.devices",
        "boot/grub/device.map",
        "var/lib/systemd/random-seed",
    ] {
        assert!(!root.join(gone).exists(), "{gone}");
    }
    let env = fs::read(root.join("boot/grub/grubenv")).unwrap();
    assert_eq!(env.len(), 1024);
    assert!(
        String::from_utf8_lossy(&env).starts_with("# GRUB Environment Block\nsaved_entry=3\n#")
    );
    assert!(read(root, "boot/grub/grub.cfg").contains(NEW_ROOT));
    assert!(read(root, "boot/efi/EFI/debian/grub.cfg").contains(NEW_ROOT));
    assert_eq!(read(root, "boot/grub/custom.cfg"), "set x=1\n");
    // Binary files, encodings and the machine's identity stay.
    assert!(fs::read(root.join("boot/vmlinuz-6.1")).unwrap().ends_with(OLD_ROOT.as_bytes()));
    assert_eq!(
        fs::read(root.join("etc/notes")).unwrap(),
        [b"caf\xe9 ".as_slice(), NEW_ROOT.as_bytes(), b"\n"].concat()
    );
    assert_eq!(read(root, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
    assert!(
        changes.iter().any(|c| c.path == Path::new("/etc/fstab") && c.line == 2),
        "{changes:?}"
    );
    // Once more: nothing.
    assert_eq!(rewrite(root, &map(), &FstabExtras::default(), &events).unwrap(), []);
}

#[test]
fn links_mean_the_alternates_own_files() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    write(&root, "usr/share/fstab", format!("UUID={OLD_ROOT} / ext4 defaults\n"));
    write(dir.path(), "outside", OLD_ROOT);
    fs::create_dir_all(root.join("etc")).unwrap();
    symlink("/usr/share/fstab", root.join("etc/fstab")).unwrap();
    symlink(dir.path().join("outside"), root.join("etc/leak")).unwrap();
    symlink("../../../../../../../../outside", root.join("etc/crypttab")).unwrap();
    rewrite(&root, &map(), &FstabExtras::default(), &Events::new()).unwrap();
    assert!(read(&root, "usr/share/fstab").contains(NEW_ROOT));
    assert_eq!(fs::read_to_string(dir.path().join("outside")).unwrap(), OLD_ROOT);
    assert!(root.join("etc/fstab").is_symlink());
}

#[test]
fn no_swap_no_resume() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "etc/initramfs-tools/initramfs.conf", "MODULES=most\n");
    rewrite(root, &IdMap::default(), &FstabExtras::default(), &Events::new()).unwrap();
    assert_eq!(read(root, "etc/initramfs-tools/conf.d/resume"), "RESUME=none\n");
    // Who switched it off keeps it off.
    rewrite(root, &map(), &FstabExtras::default(), &Events::new()).unwrap();
    assert_eq!(read(root, "etc/initramfs-tools/conf.d/resume"), "RESUME=none\n");
}

/// An image's root may hold any link; the running system has the very identifiers that are
/// rewritten.
#[test]
fn links_that_lead_out_are_not_followed_out() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (root, host) = (dir.path(), outside.path());
    let text = format!("UUID={OLD_ROOT} / ext4 defaults 0 1\n");
    for path in ["etc/fstab", "units/dev.swap", "debconf/config.dat", "notes"] {
        write(host, path, &text);
    }
    write(root, "etc/fstab", &text);
    for (link, to) in [
        ("efi", ""),
        ("boot", ""),
        ("etc/systemd", "units"),
        ("etc/initramfs-tools", "etc"),
        ("var/cache/debconf", "debconf"),
        ("usr/local/etc", "etc"),
    ] {
        fs::create_dir_all(root.join(link).parent().unwrap()).unwrap();
        symlink(host.join(to), root.join(link)).unwrap();
    }
    let changes = rewrite(root, &map(), &FstabExtras::default(), &Events::new()).unwrap();
    assert_eq!(
        changes.iter().map(|c| c.path.display().to_string()).collect::<Vec<_>>(),
        ["/etc/fstab"],
        "{changes:?}"
    );
    for path in ["etc/fstab", "units/dev.swap", "debconf/config.dat", "notes"] {
        assert_eq!(read(host, path), text, "{path}");
    }
    assert_eq!(fs::read_dir(host.join("etc")).unwrap().count(), 1);
}

#[test]
fn what_else_names_a_disk() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "etc/default/grub_installdevice", "/dev/vda\n/dev/vda7\nactivate\n");
    write(root, "etc/fstab", "/dev/mapper/gone none swap sw 0 0\n");
    write(
        root,
        "etc/crypttab",
        "gone /dev/vda7 /dev/urandom swap\ncrypt /dev/vda5 /dev/urandom swap\n",
    );
    write(root, "etc/initramfs-tools/initramfs.conf", "MODULES=most\n");
    write(root, "etc/blkid.tab", "<device>/dev/vda2</device>\n");
    write(root, "usr/share/initramfs-tools/conf.d/x", "RESUME=/dev/vda5\n");
    let mut map = map();
    map.volumes[1].new.partuuid = Some("99999999-dddd-4ddd-8ddd-999999999999".into());
    let wanted = |spec: &str| fstab::Wanted {
        spec: spec.into(),
        mount_point: "none".into(),
        fstype: "swap".into(),
        options: "sw".into(),
        pass: 0,
    };
    let extras = FstabExtras {
        lines: vec![wanted(&format!("UUID={NEW_SWAP}")), wanted("/swapfile")],
        ..FstabExtras::default()
    };
    let events = Events::new();
    rewrite(root, &map, &extras, &events).unwrap();
    assert_eq!(
        read(root, "etc/default/grub_installdevice"),
        "/dev/disk/by-id/virtio-NEW\n/dev/vda7\nactivate\n"
    );
    let crypttab = read(root, "etc/crypttab");
    assert!(
        crypttab.ends_with("\n#gone /dev/vda7 /dev/urandom swap\ncrypt PARTUUID=99999999-dddd-4ddd-8ddd-999999999999 /dev/urandom swap\n"),
        "{crypttab}"
    );
    let fstab = read(root, "etc/fstab");
    // The swap volume is crypttab's: no line for it, and nothing to resume from.
    assert!(
        fstab.ends_with("\n#/dev/mapper/gone none swap sw 0 0\n/swapfile\tnone\tswap\tsw\t0\t0\n"),
        "{fstab}"
    );
    assert_eq!(read(root, "etc/initramfs-tools/conf.d/resume"), "RESUME=none\n");
    assert!(!root.join("etc/blkid.tab").exists());
    assert_eq!(
        read(root, "usr/share/initramfs-tools/conf.d/x"),
        format!("RESUME=UUID={NEW_SWAP}\n")
    );
    assert_eq!(rewrite(root, &map, &extras, &events).unwrap(), []);
}
