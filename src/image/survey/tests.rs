//! Whole archives, surveyed.

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::image::archive::Archive;
use crate::testing::archive::Memory;
use crate::testing::archive::{archive, member, old_sparse, pax};

fn survey_of(members: &[Vec<u8>]) -> Survey {
    let mut archive = Archive::of_source(Box::new(Memory::new(archive(members)))).unwrap();
    survey(&mut archive, &Events::new()).unwrap()
}

/// The header of a program for x86_64.
fn program() -> Vec<u8> {
    let mut h = vec![0; 100];
    h[..6].copy_from_slice(b"\x7fELF\x02\x01");
    h[18] = 62;
    h
}

#[test]
fn a_debian() {
    for prefix in ["./", "", "/"] {
        let file = |path: &str, text: &[u8]| member(&format!("{prefix}{path}"), b'0', text);
        let found = survey_of(&[
            member(if prefix.is_empty() { "etc/" } else { prefix }, b'5', b""),
            member(&format!("{prefix}etc/os-release"), b'2', b""),
            file(
                "usr/lib/os-release",
                b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
            ),
            file("etc/debian_version", b"12.11\n"),
            file("etc/hostname", b"alpha\n"),
            file("etc/machine-id", b"0123456789abcdef0123456789abcdef\n"),
            file("etc/fstab", b"/dev/sda1 / ext4 defaults 0 1\n"),
            file("usr/bin/script", b"#!/bin/sh\n"),
            file("usr/bin/dash", &program()),
            file("usr/sbin/grub-install", b"x"),
            file("usr/sbin/grub-mkconfig", b"x"),
            file("usr/lib/grub/i386-pc/boot.img", b"x"),
            file("boot/vmlinuz-6.1.0-9-amd64", b"kernel"),
            file("boot/vmlinuz-5.0", b"kernel"),
            file("lib/modules/6.1.0-9-amd64/kernel/a.ko", &[b'x'; 1000]),
            file("usr/lib/modules/6.9.1-arch1/pkgbase", b"linux-lts\n"),
            file("../../etc/fstab", b"evil"),
        ]);
        let s = &found.system;
        assert_eq!(
            (s.host.as_str(), s.machine_id.len(), s.level.as_str(), s.architecture.as_str()),
            ("alpha", 32, "12.11.0", "x86_64")
        );
        assert_eq!(
            (s.distribution.as_str(), s.name.as_str()),
            ("debian", "Debian GNU/Linux 12 (bookworm)")
        );
        assert_eq!(found.fstab.as_deref(), Some("/dev/sda1 / ext4 defaults 0 1\n"));
        assert_eq!(
            (found.below("lib"), found.below("/lib/modules/6.1.0-9-amd64/")),
            ((1000, 1), (1000, 1))
        );
        assert_eq!(
            (found.below("boot"), found.below("lib/modules/6.1.0-9-amd64/kernel")),
            ((12, 2), (0, 0))
        );
        assert_eq!(found.files, 16);
        let dir = tempfile::tempdir().unwrap();
        found.skeleton(dir.path()).unwrap();
        let root = dir.path();
        assert!(
            root.join("usr/sbin/grub-install").is_file()
                && root.join("usr/lib/grub/i386-pc/boot.img").is_file()
        );
        assert!(
            root.join("lib/modules/6.1.0-9-amd64").is_dir() && !root.join("usr/bin/dash").exists()
        );
        assert_eq!(
            std::fs::read(root.join("usr/lib/modules/6.9.1-arch1/pkgbase")).unwrap(),
            b"linux-lts\n"
        );
        assert_eq!(std::fs::metadata(root.join("boot/vmlinuz-5.0")).unwrap().size(), 0);
    }
}

#[test]
fn what_is_odd_is_nothing() {
    let long = vec![b'x'; 70_000];
    let found = survey_of(&[
        member("etc/fstab", b'0', &long),
        member("etc/hostname", b'5', b""),
        member("etc/machine-id", b'0', b"uninitialized\n"),
        // A file and a directory of one name.
        member("usr/lib/modules/1/pkgbase/x", b'0', b""),
        member("usr/lib/modules/1/pkgbase", b'0', b"p"),
        member("boot/efi/EFI/debian", b'5', b""),
        member("boot/vmlinuz-1", b'0', b""),
        old_sparse("etc/os-release", &[], false, 1 << 32, 0),
    ]);
    assert_eq!(found.system, System::default());
    assert_eq!((found.fstab.as_ref(), found.bytes), (None, 70_000 + 14 + 1));
    assert_eq!(
        (found.below("/"), found.below("etc/"), found.below("none")),
        ((found.bytes, 8), (70_014, 4), (0, 0))
    );
    let dir = tempfile::tempdir().unwrap();
    found.skeleton(dir.path()).unwrap();
}

#[test]
fn memory_is_bounded() {
    let many: Vec<Vec<u8>> = (0..6000)
        .flat_map(|n| {
            let path = format!("lib/modules/{n}/x");
            [
                member(&path, b'0', b""),
                pax(&[("path", format!("boot/vmlinuz-{}{n}", "y".repeat(200)).as_bytes())]),
                member("x", b'0', b""),
            ]
        })
        .collect();
    let found = survey_of(&many);
    assert_eq!(
        (found.files, found.skeleton.len() <= MAX_NAMES, found.below.len() <= MAX_NAMES),
        (12_000, true, true)
    );
}

#[test]
fn what_is_no_root_and_what_goes_through_a_link() {
    let file = |path: &str| member(path, b'0', b"x");
    let link = |path: &str| member(path, b'2', b"");
    let no_root = |members: &[Vec<u8>]| survey_of(members).shape.not_a_root().map(|(why, _)| why);
    assert_eq!(no_root(&[file("./etc/passwd"), file("./usr/bin/x")]), None);
    assert_eq!(no_root(&[file("etc/passwd"), file("bin/busybox")]), None);
    assert_eq!(
        no_root(&[file("root.x86_64/etc/passwd"), file("root.x86_64/usr/x")]).unwrap(),
        "everything in it lies below root.x86_64/"
    );
    assert!(
        no_root(&[file("manifest.json"), file("blobs/sha256/abc")])
            .unwrap()
            .contains("docker save")
    );
    assert!(
        no_root(&[file("manifest.json"), file("abc/layer.tar"), file("repositories")])
            .unwrap()
            .contains("docker save")
    );
    assert!(no_root(&[file("oci-layout"), file("index.json")]).unwrap().contains("docker save"));
    assert!(no_root(&[file("home/x"), file("y")]).unwrap().contains("no /etc"));

    let through = |members: &[Vec<u8>]| survey_of(members).shape.refused().map(str::to_owned);
    assert!(
        through(&[link("bin"), file("./bin/tool")])
            .unwrap()
            .starts_with("bin/tool goes through bin")
    );
    assert!(through(&[link("a/b"), member("a/b/", b'5', b""), file("a/b/c/d")]).is_some());
    assert_eq!(through(&[file("bin/tool"), link("bin2"), file("bin2x/y")]), None);
    assert_eq!(through(&[link("x"), file("x"), file("y/x")]), None);
    // Everything else that the restore would refuse.
    let hard = |path: &str| member(path, b'1', b"");
    let set = |key: &str, value: &str, of: Vec<u8>| [pax(&[(key, value.as_bytes())]), of].concat();
    let name = format!("etc/{}", "n".repeat(256));
    for (members, why) in [
        (vec![file("../../etc/fstab")], "`..`"),
        (vec![set("path", &name, file("x"))], "longer than 255"),
        (vec![file("a"), file("a/b")], "a/b lies below a, which is not a directory"),
        (vec![file("a/b"), file("a")], "a is a directory with files in it, and something else"),
        (
            vec![hard("a"), file("target")],
            "a is a hard link to target, which is not in the archive",
        ),
        (vec![file("b"), set("linkpath", "../b", hard("a"))], "`..`"),
    ] {
        let said = through(&members).unwrap_or_default();
        assert!(said.contains(why), "{why}: {said}");
    }
    for members in [
        vec![file("target"), hard("a"), set("linkpath", "./a", hard("c"))],
        vec![file("a"), member("a/", b'5', b""), file("a/b")],
        vec![member("a/", b'5', b""), link("a")],
    ] {
        assert_eq!(through(&members), None);
    }

    let found = survey_of(&[
        file("proc/1/status"),
        file("sys/x"),
        file("run/pid"),
        member("proc/", b'5', b""),
        file("etc/x"),
    ]);
    assert_eq!((found.shape.shown, found.files, found.bytes), (3, 2, 1));
}
